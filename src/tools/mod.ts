/**
 * Programs on top of the stack, as libraries; the command line is in `cli`.
 *
 * @module
 */
export { type DoctorOptions, type DoctorStage, examine, type Finding } from "./doctor/mod.ts";
export {
  byteText,
  downloadDrive,
  DrivesError,
  DriveServer,
  type DriveServerOptions,
  DrivesSession,
  mirrorDrives,
  type MirrorEvent,
  type MirrorOptions,
} from "./drives/mod.ts";
export { RelayNode, type RelayNodeOptions } from "./relay/mod.ts";

/**
 * One-way mirrors between any two drives, with the API of the npm package `mirror-drive`.
 *
 * @module
 */
export {
  type AnyStream,
  type CancelTimer,
  type Clock,
  type EventMap,
  type PipeTarget,
  QuinceError,
  type QuinceErrorOptions,
  Readable,
  type ReadableConstructor,
  type ReadableEvents,
  type ReadableOptions,
  type Stream,
  type StreamCallback,
  type StreamEvents,
  type StreamListener,
  type StreamOptions,
  TypedEventEmitter,
  Writable,
  type WritableConstructor,
  type WritableEvents,
  type WritableOptions,
} from "../base/mod.ts";
export { type FileAttributes } from "./attributes.ts";
export { MirrorDrive, MirrorDrive as default } from "./driver.ts";
export type {
  BlockDownload,
  BlockListener,
  DriveBlobId,
  DriveEntry,
  DriveEntryValue,
  DriveWriteOptions,
  MirrorableBlobs,
  MirrorableCore,
  MirrorableDrive,
} from "./drive.ts";
export { MirrorDriveError, type MirrorDriveErrorCode } from "./errors.ts";
export type { MirrorStats, Monitor, MonitoredMirror, MonitorEvents } from "./monitor.ts";
export type { MirrorCount, MirrorDifference, MirrorDriveOptions, Transformer } from "./options.ts";

/**
 * Folders as drives, with the API of the npm package `localdrive`.
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
  MirrorCount,
  MirrorDifference,
  MirrorDrive,
  MirrorDriveOptions,
  MirrorStats,
  Monitor,
  MonitoredMirror,
  MonitorEvents,
  Transformer,
} from "../mirror_drive/mod.ts";
export { PlatformError, type PlatformErrorCode } from "../platform/mod.ts";
export { LocaldriveError, type LocaldriveErrorCode } from "./errors.ts";
export { Localdrive, Localdrive as default, type LocaldriveEntry } from "./localdrive.ts";
export type {
  EntryOptions,
  ListOptions,
  LocaldriveOptions,
  MetadataHooks,
  ReadStreamOptions,
  WriteOptions,
} from "./options.ts";

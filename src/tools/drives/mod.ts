/**
 * Sharing folders: mirroring, seeding, downloading and serving drives.
 *
 * @module
 */
export {
  downloadDrive,
  type DownloadOptions,
  type DownloadProgress,
  type DriveDownload,
} from "./download.ts";
export { type DriveArgument, parseDrive } from "./drive_argument.ts";
export { DrivesError, type DrivesErrorCode } from "./errors.ts";
export { filterOf, IGNORE_FILE, type IgnoreSource, readIgnoreFile } from "./ignores.ts";
export { mirrorDrives, type MirrorEvent, type MirrorOptions } from "./mirror.ts";
export { openSeeded, type SeededDrive, type SeedPeer, seedPeers } from "./seed.ts";
export { type DriveResponse, DriveServer, type DriveServerOptions } from "./serve/drive_server.ts";
export { byteText } from "./serve/directory_page.ts";
export {
  type ConnectOptions,
  type Drive,
  DrivesSession,
  type DrivesSessionOptions,
  type OpenKeyOptions,
  type StoreUse,
} from "./session.ts";
export { findStore, storeIn } from "./store_location.ts";

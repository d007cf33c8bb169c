/**
 * Drives: files with their whole history, in two cores, with the API and the bytes of the npm package `hyperdrive`.
 *
 * @module
 */
export { type BlockRange, Download, type StartDownloads } from "./download.ts";
export { Monitor, type MonitoredDrive, type MonitorEvents, type MonitorOptions } from "./driver.ts";
export type { HyperdriveEntry } from "./entries.ts";
export { HyperdriveError, type HyperdriveErrorCode } from "./errors.ts";
export {
  type DriveBee,
  type EntryReadable,
  Hyperdrive,
  Hyperdrive as default,
  type HyperdriveDifference,
  type HyperdriveEvents,
} from "./hyperdrive.ts";
export type { Ignore } from "./listing.ts";
export type * from "./options.ts";

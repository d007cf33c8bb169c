/**
 * The only folder that touches the runtime: clocks now, sockets and files as layers need them.
 *
 * @module
 */
export { systemClock } from "./clock.ts";
export {
  bindDatagramSocket,
  type DatagramAddress,
  type DatagramSocket,
  type DatagramSocketHandlers,
  type DatagramSocketOptions,
  type IncomingDatagram,
  type OutgoingDatagram,
} from "./datagram_socket.ts";
export { isWindows } from "./operating_system.ts";
export { PlatformError, type PlatformErrorCode } from "./errors.ts";
export {
  type DirectoryEntry,
  type FileKind,
  type FileStatus,
  fileStatus,
  makeDirectory,
  makeLink,
  type OpenFile,
  openToRead,
  openToWrite,
  readDirectory,
  readLink,
  readWholeFile,
  realPath,
  removeEmptyDirectory,
  removeEmptyTree,
  removeFile,
  renameFile,
} from "./files.ts";
export { type FolderWatcher, type FolderWatcherHandlers, watchFolder } from "./folder_watcher.ts";
export { lookupHost, type LookupResult } from "./lookup.ts";
export { listNetworkInterfaces, type NetworkInterface } from "./network_interfaces.ts";
export { PromptFiles } from "./prompt_files.ts";

/**
 * Changes in a folder and all below it, as the operating system tells of them.
 *
 * @module
 */
import { type FSWatcher, watch } from "node:fs";
import { errorCode, isPermissionRefusal, PlatformError } from "./errors.ts";

/** Watches until closed. */
export interface FolderWatcher {
  /** Stops watching. */
  close(): void;
}

/** Told of changes. */
export interface FolderWatcherHandlers {
  /** Something at `path`, relative to the folder and with slashes, was made, changed or removed, or something below it. */
  onChange(path: string): void;
  /** Watching failed; nothing more will be told. */
  onError(error: Error): void;
}

/**
 * Watches `folder`. Names may be told twice, and of a new folder its name alone: whoever is told looks for himself.
 *
 * @throws {PlatformError} with the system's code, or `ERR_PERMISSION` naming the flag.
 */
export function watchFolder(folder: string, handlers: FolderWatcherHandlers): FolderWatcher {
  let watcher: FSWatcher;
  try {
    watcher = watch(folder, { recursive: true }, (_event, name) => {
      if (name !== null) handlers.onChange(String(name).replaceAll("\\", "/"));
    });
  } catch (cause) {
    if (isPermissionRefusal(cause)) {
      throw new PlatformError(
        "ERR_PERMISSION",
        `Cannot watch ${folder}, the process runs without --allow-read for it`,
        { cause, flag: "--allow-read" },
      );
    }
    throw new PlatformError(errorCode(cause) || "ERR_FILE", `Cannot watch ${folder}`, { cause });
  }
  watcher.on("error", (error: Error) => handlers.onError(error));
  return { close: () => watcher.close() };
}

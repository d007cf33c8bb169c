/**
 * Writing one file: its folders, its place, its bytes, and what is left when it fails.
 *
 * @module
 */
import path from "node:path";
import { type Mutex, utf8Bytes, utf8Text } from "../base/mod.ts";
import {
  fileStatus,
  isWindows,
  makeDirectory,
  makeLink,
  type OpenFile,
  openToWrite,
  PlatformError,
  removeEmptyTree,
  removeFile,
  renameFile,
} from "../platform/mod.ts";
import { LocaldriveError } from "./errors.ts";
import { NAME_BYTES_MAX } from "./limits.ts";
import type { Locator } from "./locator.ts";
import type { MetadataHooks, WriteOptions } from "./options.ts";

/** What the files of a drive share while they are written. */
export interface WriterDrive {
  readonly locator: Locator;
  readonly hooks: MetadataHooks;
  /** Keeps folders from being removed as empty before their first file is in them. */
  readonly folders: Mutex;
  /** Files are written beside their place, and put there when they are whole. */
  readonly isAtomic: boolean;
  /** Temporary files in use. */
  readonly temporaryFiles: Set<string>;
}

/** One file on its way to the disk. */
export class FileWriter {
  readonly #drive: WriterDrive;
  readonly #key: string;
  readonly #options: WriteOptions;
  #file = "";
  /** Where the bytes go until all are there; the file itself where it is written in place. */
  #target = "";
  #open: OpenFile | null = null;
  #isNew = false;

  /** Makes a writer that has not touched anything yet. */
  constructor(drive: WriterDrive, key: string, options: WriteOptions) {
    this.#drive = drive;
    this.#key = key;
    this.#options = options;
  }

  /** Makes the folders and opens the file. */
  async open(): Promise<void> {
    this.#file = await this.#drive.locator.forWriting(this.#key);
    await this.#drive.folders.run(async () => {
      await makeDirectory(path.dirname(this.#file));
      await this.#makeRoom();
      this.#target = this.#drive.isAtomic ? temporaryFile(this.#drive, this.#file) : this.#file;
      this.#open = await openToWrite(this.#target, this.#mode);
    });
    const { mode } = await this.#open!.status();
    const isWanted = this.#options.mode === undefined
      ? isExecutable(mode) === isExecutable(this.#mode)
      : mode === this.#mode;
    if (!isWanted) await this.#open!.setMode(this.#mode);
  }

  /** What is in the place must be a file, or go. */
  async #makeRoom(): Promise<void> {
    const there = await fileStatus(this.#file, false);
    this.#isNew = there === null;
    switch (there?.kind) {
      case "other":
        throw deviceError(this.#key);
      case "directory":
        await removeFolderInTheWay(this.#file);
        this.#isNew = true;
        return;
      case "link": {
        const { locator } = this.#drive;
        if (locator.isFollowing && await locator.leadsInside(this.#key, this.#file)) return;
        if (this.#drive.isAtomic) return; // renaming takes the place of the link
        await removeFile(this.#file);
        this.#isNew = true;
      }
    }
  }

  get #mode(): number {
    return this.#options.mode ?? (this.#options.executable ? 0o755 : 0o644);
  }

  /** Appends bytes. */
  async write(chunks: readonly Uint8Array[]): Promise<void> {
    await this.#open!.write(chunks);
  }

  /** Closes the file, with its time and metadata, and puts it in its place. */
  async finish(): Promise<void> {
    const { mtime, metadata } = this.#options;
    const { hooks } = this.#drive;
    const open = this.#open!;
    if (mtime !== undefined) await open.setTime(mtime);
    if (metadata === null || metadata === undefined) await hooks.del?.(this.#key);
    else await hooks.put?.(this.#key, metadata);
    this.#open = null;
    await open.close();
    if (this.#target !== this.#file) await renameFile(this.#target, this.#file);
    this.#drive.temporaryFiles.delete(this.#target);
    this.#target = "";
  }

  /** Gives up a file that is not finished: what was there before stays where that is possible, or nothing does. */
  async abort(): Promise<void> {
    const open = this.#open;
    const target = this.#target;
    this.#open = null;
    this.#target = "";
    try {
      await open?.close();
    } finally {
      if (target !== "" && (target !== this.#file || this.#isNew)) await removeFile(target);
      this.#drive.temporaryFiles.delete(target);
    }
  }
}

/** Whether its owner may run a file of this mode. */
export function isExecutable(mode: number): boolean {
  return (mode & 0o100) !== 0;
}

/** Makes a link to `target` at `key` in the place of what is there, which stays where that fails. */
export async function writeLink(drive: WriterDrive, key: string, target: string): Promise<void> {
  const file = await drive.locator.forWriting(key);
  await drive.folders.run(async () => {
    const folder = path.dirname(file);
    await makeDirectory(folder);
    const isToFolder = (await fileStatus(path.resolve(folder, target), false))?.kind === "directory";
    const there = await fileStatus(file, false);
    if (there?.kind === "other") throw deviceError(key);
    if (there?.kind === "directory") await removeFolderInTheWay(file);
    if (there === null || there.kind === "directory") return await makeLink(target, file, isToFolder);
    const temporary = temporaryFile(drive, file);
    try {
      await makeLink(target, temporary, isToFolder);
      if (isWindows) await removeFile(file); // a junction cannot be renamed onto a file there
      await renameFile(temporary, file);
    } catch (error) {
      await removeFile(temporary).catch(() => {}); // what failed first is what the caller hears of
      throw error;
    } finally {
      drive.temporaryFiles.delete(temporary);
    }
  });
}

function deviceError(key: string): LocaldriveError {
  return new LocaldriveError("NOT_A_FILE", `Cannot write ${key}, a device, pipe or socket is there`);
}

/** A drive knows no empty folders, so they are not in the way of a file. */
async function removeFolderInTheWay(folder: string): Promise<void> {
  if (await removeEmptyTree(folder)) return;
  throw new PlatformError("EISDIR", `Cannot write ${folder}, it is a directory`);
}

/** Takes the name of a file beside `file` that nobody writes to. */
function temporaryFile({ temporaryFiles }: WriterDrive, file: string): string {
  for (let count = 0;; count++) {
    const temporary = besideFile(file, `.${count}.localdrive.tmp`);
    if (temporaryFiles.has(temporary)) continue;
    temporaryFiles.add(temporary);
    return temporary;
  }
}

/** `file` with `ending`; its name is cut where the file system would not take all of it. */
function besideFile(file: string, ending: string): string {
  const name = utf8Bytes(path.basename(file));
  const byteLengthMax = NAME_BYTES_MAX - ending.length;
  if (name.byteLength <= byteLengthMax) return file + ending;
  // A character that is cut becomes U+FFFD, of up to two bytes more than were left of it.
  return path.join(path.dirname(file), utf8Text(name.subarray(0, byteLengthMax - 2)) + ending);
}

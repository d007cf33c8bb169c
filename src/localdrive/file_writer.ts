/**
 * Writing one file: its folders, its place, its bytes, and what is left when it fails.
 *
 * @module
 */
import path from "node:path";
import type { Mutex } from "../base/mod.ts";
import {
  fileStatus,
  makeDirectory,
  type OpenFile,
  openToWrite,
  PlatformError,
  removeFile,
  renameFile,
} from "../platform/mod.ts";
import { LocaldriveError } from "./errors.ts";
import type { Locator } from "./locator.ts";
import type { MetadataHooks, WriteOptions } from "./options.ts";

/** What the files of a drive share while they are written. */
export interface WriterDrive {
  readonly locator: Locator;
  readonly hooks: MetadataHooks;
  /** Keeps folders from being removed as empty before their first file is in them. */
  readonly folders: Mutex;
  /** Names of temporary files in use, null where files are written in place. */
  readonly temporaryNames: Set<string> | null;
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
      this.#target = this.#allocate();
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
        throw new LocaldriveError(
          "NOT_A_FILE",
          `Cannot write ${this.#key}, a device, pipe or socket is there`,
        );
      case "directory":
        throw new PlatformError("EISDIR", `Cannot write ${this.#file}, it is a directory`);
      case "link": {
        const { locator } = this.#drive;
        if (locator.isFollowing && await locator.leadsInside(this.#key, this.#file)) return;
        await removeFile(this.#file);
        this.#isNew = true;
      }
    }
  }

  #allocate(): string {
    const names = this.#drive.temporaryNames;
    if (names === null) return this.#file;
    let count = 0;
    while (names.has(temporaryName(this.#file, count))) count++;
    const name = temporaryName(this.#file, count);
    names.add(name);
    return name;
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
    this.#drive.temporaryNames?.delete(this.#target);
    this.#target = "";
  }

  /** Gives up a file that is not finished: what was there before stays where that is possible, or nothing does. */
  async abort(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    await open?.close();
    if (this.#target === "") return;
    if (this.#target !== this.#file || this.#isNew) await removeFile(this.#target);
    this.#drive.temporaryNames?.delete(this.#target);
    this.#target = "";
  }
}

/** Whether its owner may run a file of this mode. */
export function isExecutable(mode: number): boolean {
  return (mode & 0o100) !== 0;
}

function temporaryName(file: string, count: number): string {
  return `${file}.${count}.localdrive.tmp`;
}

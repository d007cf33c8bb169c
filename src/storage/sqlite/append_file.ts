/**
 * A file that is appended to, synced and cut: one of the journal, or a segment of values.
 *
 * @module
 */
import fs from "node:fs";
import { LogSync } from "./log_sync.ts";

/** A file that is open for appending. */
export class AppendFile {
  /** Path. */
  readonly path: string;
  readonly #fd: number;
  readonly #logSync: LogSync;
  #byteLength = 0;
  #isTorn = false;

  /** Opens the file, creating it when it is missing. What is found in it is to be cut back to what was understood. */
  constructor(path: string) {
    this.path = path;
    this.#fd = fs.openSync(path, "a");
    this.#logSync = new LogSync(() => syncData(this.#fd), path);
  }

  /** Opens a file all of whose bytes are known and durable. */
  static openDurable(path: string): AppendFile {
    const file = new AppendFile(path);
    file.#byteLength = fs.fstatSync(file.#fd).size;
    file.#logSync.handleSynced();
    return file;
  }

  /** Bytes of what was appended whole. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Reads all of it. */
  read(): Uint8Array {
    return fs.readFileSync(this.path);
  }

  /** Appends `bytes` whole, or nothing that would ever be taken for an entry. */
  append(bytes: Uint8Array): void {
    if (this.#isTorn) this.cut(this.#byteLength);
    try {
      for (let at = 0; at < bytes.byteLength;) {
        at += fs.writeSync(this.#fd, bytes, at, bytes.byteLength - at);
      }
    } catch (error) {
      this.tryCut(this.#byteLength);
      throw error;
    }
    this.#byteLength += bytes.byteLength;
    this.#logSync.handleCommit();
  }

  /** Makes it `byteLength` bytes long. */
  cut(byteLength: number): void {
    // By path, since a file open for appending cannot be cut everywhere.
    fs.truncateSync(this.path, byteLength);
    this.#isTorn = false;
    this.#byteLength = byteLength;
  }

  /** The same at once or, where that fails, before anything else is appended. */
  tryCut(byteLength: number): void {
    this.#isTorn = true;
    this.#byteLength = byteLength;
    try {
      this.cut(byteLength);
    } catch {
      // The next append tries again, and nothing is appended before it succeeds.
    }
  }

  /** Makes what was appended durable; see {@linkcode LogSync.sync}. */
  sync(): Promise<void> {
    return this.#logSync.sync();
  }

  /** The same, blocking. */
  syncNow(): void {
    this.#logSync.syncNow(() => fs.fdatasyncSync(this.#fd));
  }

  /** Whether what was appended is durable. */
  get isSynced(): boolean {
    return this.#logSync.isSynced;
  }

  /** Whether a sync is under way, for which the descriptor must stay open. */
  get isSyncing(): boolean {
    return this.#logSync.isRunning;
  }

  /** Closes the descriptor. */
  close(): void {
    fs.closeSync(this.#fd);
  }
}

function syncData(fd: number): Promise<void> {
  return new Promise((resolve, reject) => fs.fdatasync(fd, (error) => error ? reject(error) : resolve()));
}

/**
 * One file of the journal: appended to, synced, cut.
 *
 * @module
 */
import { closeSync, fdatasync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { LogSync } from "./log_sync.ts";

/** A file that is open for appending. */
export class JournalFile {
  /** Path. */
  readonly path: string;
  readonly #fd: number;
  readonly #logSync: LogSync;
  #byteLength: number;
  #isTorn = false;

  /** Opens the file, creating it when it is missing. */
  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, "a");
    this.#logSync = new LogSync(() => syncData(this.#fd), path);
    // What is found in it is cut back to what was understood.
    this.#byteLength = 0;
  }

  /** Bytes of whole entries in it. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Reads all of it. */
  read(): Uint8Array {
    return readFileSync(this.path);
  }

  /** Appends `bytes` whole, or nothing that would ever be taken for an entry. */
  append(bytes: Uint8Array): void {
    if (this.#isTorn) this.cut(this.#byteLength);
    try {
      for (let at = 0; at < bytes.byteLength;) {
        at += writeSync(this.#fd, bytes, at, bytes.byteLength - at);
      }
    } catch (error) {
      this.#isTorn = true;
      try {
        this.cut(this.#byteLength);
      } catch {
        // The next append tries again, and nothing is appended before it succeeds.
      }
      throw error;
    }
    this.#byteLength += bytes.byteLength;
    this.#logSync.handleCommit();
  }

  /** Makes it `byteLength` bytes long. */
  cut(byteLength: number): void {
    // By path, since a file open for appending cannot be cut everywhere.
    truncateSync(this.path, byteLength);
    this.#isTorn = false;
    this.#byteLength = byteLength;
  }

  /** Makes what was appended durable; see {@linkcode LogSync.sync}. */
  sync(): Promise<void> {
    return this.#logSync.sync();
  }

  /** Closes the descriptor. */
  close(): void {
    closeSync(this.#fd);
  }
}

function syncData(fd: number): Promise<void> {
  return new Promise((resolve, reject) => fdatasync(fd, (error) => error ? reject(error) : resolve()));
}

/**
 * Reads values out of the files they lie in.
 *
 * @module
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { allocBytesUnsafe } from "../../base/mod.ts";
import { StorageError } from "../errors.ts";
import { damagedValue, missingFile } from "./failure.ts";
import { rowSum } from "./keys.ts";
import { SEGMENT_READER_COUNT_MAX } from "./limits.ts";
import { type Place, PLACED_TABLE, type StoredOperation } from "./place.ts";
import type { SqliteRuntime } from "./runtime.ts";

/** Path of a segment. */
export function segmentPath(folder: string, segment: number): string {
  return join(folder, `values-${segment}`);
}

/** The segments of a folder, read by number. */
export class ValueFiles {
  readonly #crc32: SqliteRuntime["crc32"];
  readonly #folder: string;
  /** Descriptors by segment, the one used last at the end. */
  readonly #open = new Map<number, number>();

  /** Opens nothing yet. */
  constructor(runtime: SqliteRuntime, folder: string) {
    this.#crc32 = runtime.crc32;
    this.#folder = folder;
  }

  /**
   * Reads the value of a row; fresh bytes.
   *
   * @throws {StorageError} `STORAGE_CORRUPT`, naming the segment, when the value is not the one that was written.
   */
  read(owner: number, index: number, place: Place): Uint8Array {
    const { segment, offset, byteLength } = place;
    const fd = this.#descriptor(segment, owner, index);
    const value = allocBytesUnsafe(byteLength);
    let length = 0;
    while (length < byteLength) {
      const count = readSync(fd, value, length, byteLength - length, offset + length);
      if (count === 0) break;
      length += count;
    }
    if (length === byteLength && rowSum(this.#crc32, owner, index, value) === place.sum) return value;
    throw damagedValue(segmentPath(this.#folder, segment), rowName(owner, index));
  }

  /** The path of a segment that has not what one of `operations` says is in it; `null` when all is there. */
  findDamaged(operations: readonly StoredOperation[]): string | null {
    for (const operation of operations) {
      if (operation.kind !== "placeRow") continue;
      try {
        this.read(operation.owner, operation.index, operation.place);
      } catch (error) {
        if (!(error instanceof StorageError) || error.code !== "STORAGE_CORRUPT") throw error;
        return error.file!;
      }
    }
    return null;
  }

  /** Closes what is open of `segment`. */
  forget(segment: number): void {
    const fd = this.#open.get(segment);
    if (fd === undefined) return;
    this.#open.delete(segment);
    closeSync(fd);
  }

  /** Closes everything. */
  close(): void {
    for (const segment of this.#open.keys()) this.forget(segment);
  }

  #descriptor(segment: number, owner: number, index: number): number {
    const known = this.#open.get(segment);
    if (known !== undefined) {
      this.#open.delete(segment);
      this.#open.set(segment, known);
      return known;
    }
    const path = segmentPath(this.#folder, segment);
    let fd: number;
    try {
      fd = openSync(path, "r");
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ENOENT") throw error;
      throw missingFile(path, rowName(owner, index), error);
    }
    this.#closeSome();
    this.#open.set(segment, fd);
    return fd;
  }

  /** Makes room for a descriptor, and gives up those of files that the process that writes has removed. */
  #closeSome(): void {
    for (const [segment, fd] of this.#open) {
      if (fstatSync(fd).nlink === 0 || this.#open.size >= SEGMENT_READER_COUNT_MAX) this.forget(segment);
    }
  }
}

function rowName(owner: number, index: number): string {
  return `${PLACED_TABLE} ${owner}/${index}`;
}

/**
 * What the storage needs of the runtime, loaded when a storage is opened: a runtime without SQLite can still
 * import the package and use the storage in memory.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { StorageError } from "../errors.ts";

/** The built-in modules in use. */
export interface SqliteRuntime {
  /** Opens a database. */
  readonly Database: typeof DatabaseSync;
  /** CRC-32 (IEEE 802.3) of `bytes`, continued from `start`: unsigned 32 bits. */
  readonly crc32: (bytes: Uint8Array, start?: number) => number;
}

/**
 * Loads the modules.
 *
 * @throws {StorageError} `STORAGE_UNSUPPORTED` when `importSqlite` finds no `node:sqlite`, or no CRC-32 comes with it.
 */
export async function loadRuntime(
  importSqlite: () => Promise<{ DatabaseSync: typeof DatabaseSync }> = () => import("node:sqlite"),
): Promise<SqliteRuntime> {
  try {
    const [{ DatabaseSync: Database }, { crc32 }] = await Promise.all([importSqlite(), import("node:zlib")]);
    if (typeof crc32 !== "function") throw new TypeError("node:zlib has no crc32");
    return { Database, crc32 };
  } catch (cause) {
    throw new StorageError(
      "STORAGE_UNSUPPORTED",
      "Cannot open a store on disk, this runtime has no node:sqlite; use Deno 2.2 or later, Node 22.13 or later, " +
        "or MemoryStorage",
      { cause },
    );
  }
}

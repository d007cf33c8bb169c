/**
 * A storage on disk: one SQLite database per folder, through `node:sqlite`.
 *
 * @module
 */
export { SqliteStorage, type SqliteStorageOptions } from "./sqlite_storage.ts";
export { SNAPSHOT_COUNT_MAX } from "./limits.ts";

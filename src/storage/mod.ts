/**
 * Storage: an ordered, transactional store of numbered rows and of records by key, as an interface and two
 * implementations.
 *
 * @module
 */
export { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";
export { type RecordDeletion, WriteBatch, type WriteOperation } from "./batch.ts";
export {
  StorageError,
  type StorageErrorCode,
  type StorageErrorOptions,
  type StorageHolder,
} from "./errors.ts";
export {
  KEY_BYTE_LENGTH_MAX,
  ROW_END_MAX,
  ROW_INDEX_MAX,
  ROW_OWNER_MAX,
  VALUE_BYTE_LENGTH_MAX,
} from "./limits.ts";
export { MemoryStorage } from "./memory/mod.ts";
export {
  isStorage,
  RECORD_TABLES,
  type RecordRange,
  type RecordTable,
  type Row,
  ROW_TABLES,
  type RowRange,
  type RowTable,
  type Storage,
  type StorageReader,
  type StorageSnapshot,
  type StoredRecord,
  type WriteOptions,
} from "./storage.ts";
export { SNAPSHOT_COUNT_MAX, SqliteStorage, type SqliteStorageOptions } from "./sqlite/mod.ts";

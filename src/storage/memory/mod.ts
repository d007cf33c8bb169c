/**
 * A storage in memory: the semantics of every storage, nothing on disk, no permission.
 *
 * @module
 */
export { MemoryStorage } from "./memory_storage.ts";

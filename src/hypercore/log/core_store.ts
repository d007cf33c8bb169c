/**
 * How logs lie in one storage: owner numbers, keys, heads, names.
 *
 * @module
 */
import type { Storage } from "../../storage/mod.ts";

/** Many logs in one storage. */
export declare class CoreStore {
  constructor(storage: Storage);
  readonly storage: Storage;
  open(): Promise<void>;
  close(): Promise<void>;
  has(discoveryKey: Uint8Array): Promise<boolean>;
  list(): AsyncIterable<Uint8Array>;
}

/**
 * Values that a log's user keeps beside it; they do not travel to peers.
 *
 * @module
 */
import { utf8Text } from "../../base/mod.ts";
import { WriteBatch } from "../../storage/mod.ts";
import type { LogState } from "./log_state.ts";
import { ownerKey, userKey } from "./records.ts";

/** Which user data, by name. */
export interface UserDataRange {
  /** Smallest name, inclusive. */
  readonly gte?: string;
  /** Smallest name, exclusive. */
  readonly gt?: string;
  /** Largest name, inclusive. */
  readonly lte?: string;
  /** Largest name, exclusive. */
  readonly lt?: string;
  /** Largest name first. */
  readonly reverse?: boolean;
  /** At most so many. */
  readonly limit?: number;
}

/** A value and its name. */
export interface UserDataEntry {
  /** The name. */
  readonly key: string;
  /** Fresh bytes. */
  readonly value: Uint8Array;
}

/** The user data of one log or branch. */
export class UserData {
  readonly #state: LogState;

  /** Lies beside the rows of `state`. */
  constructor(state: LogState) {
    this.#state = state;
  }

  /** The value under `name`; null where there is none. */
  get(name: string): Promise<Uint8Array | null> {
    return this.#state.storage.getRecord("user", userKey(this.#state.owner, name));
  }

  /**
   * Stores a value under `name`; null deletes it.
   *
   * @throws {StorageError} as the storage.
   */
  async set(name: string, value: Uint8Array | null): Promise<void> {
    const batch = new WriteBatch();
    const key = userKey(this.#state.owner, name);
    if (value === null) batch.deleteRecord("user", key);
    else batch.putRecord("user", key, value);
    await this.#state.storage.write(batch);
  }

  /** Values in order of their names. */
  async *entries(range: UserDataRange = {}): AsyncGenerator<UserDataEntry, void, void> {
    const { owner, storage } = this.#state;
    const { gte, gt, lte, lt, reverse, limit } = range;
    const keyOf = (name: string): Uint8Array => userKey(owner, name);
    const bounds = {
      gte: gte === undefined ? ownerKey(owner) : keyOf(gte),
      gt: gt === undefined ? undefined : keyOf(gt),
      lte: lte === undefined ? undefined : keyOf(lte),
      lt: lt === undefined ? ownerKey(owner + 1) : keyOf(lt),
    };
    for await (const { key, value } of storage.records("user", { ...bounds, reverse, limit })) {
      yield { key: utf8Text(key.subarray(4)), value };
    }
  }
}

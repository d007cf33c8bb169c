/**
 * A log's place in a group: logs of one store that are watched together. The store knows for each group which logs
 * changed when. Byte table: `docs/spec/corestore.md`.
 *
 * @module
 */
import { allocBytes, concatBytes, copyBytes } from "../../base/mod.ts";
import type { RecordRange, Storage, WriteBatch } from "../../storage/mod.ts";
import { ownerKey } from "./records.ts";

/** First byte of the keys under which a log's last change is found by its number. */
const BY_OWNER = 0;
/** First byte of the keys under which the logs of a group stand in the order of their last changes. */
const BY_TIME = 1;
const TIME_BYTES = 8;

/** The log of a store that is in a group. */
export class GroupMembership {
  /** 32 bytes. */
  readonly topic: Uint8Array;
  readonly #owner: number;
  readonly #key: Uint8Array;
  /** When the log changed last, as stored; null while it has not since it joined. */
  #changedMs: number | null;

  private constructor(topic: Uint8Array, owner: number, key: Uint8Array, changedMs: number | null) {
    this.topic = topic;
    this.#owner = owner;
    this.#key = key;
    this.#changedMs = changedMs;
  }

  /** Reads what is stored of log number `owner`, which has `key` and is in the group `topic`. */
  static async load(
    storage: Storage,
    { topic, owner, key }: { topic: Uint8Array; owner: number; key: Uint8Array },
  ): Promise<GroupMembership> {
    const record = await storage.getRecord("group", lastChangeKey(owner));
    return new GroupMembership(copyBytes(topic), owner, key, record && timeOf(record));
  }

  /** Adds a change at `nowMs` (wall clock) to `batch`; call the result once the batch is stored. */
  put(batch: WriteBatch, nowMs: number): () => void {
    const changedMs = Math.max(nowMs, this.#changedMs ?? 0);
    this.delete(batch);
    batch.putRecord("group", entryKey(this.topic, changedMs, this.#owner), this.#key);
    batch.putRecord("group", lastChangeKey(this.#owner), timeBytes(changedMs));
    return () => this.#changedMs = changedMs;
  }

  /** Adds the deletion of what is stored of the log to `batch`. */
  delete(batch: WriteBatch): void {
    if (this.#changedMs === null) return;
    batch.deleteRecord("group", entryKey(this.topic, this.#changedMs, this.#owner));
    batch.deleteRecord("group", lastChangeKey(this.#owner));
  }
}

/** Options of {@linkcode groupUpdates}. */
export interface GroupUpdatesOptions {
  /** Only logs that changed at this time (ms since the Unix epoch) or later. Default: all. */
  readonly since?: number;
  /** The last change first. Default true. */
  readonly reverse?: boolean;
}

/** The keys of the logs in a group, each once, in the order of their last changes. */
export async function* groupUpdates(
  storage: Storage,
  topic: Uint8Array,
  { since = 0, reverse = true }: GroupUpdatesOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  const range: RecordRange = {
    gte: entryKey(topic, Math.max(0, since), 0),
    lte: entryKey(topic, Number.MAX_SAFE_INTEGER, 0xffffffff),
    reverse,
  };
  for await (const { value } of storage.records("group", range)) yield value;
}

function lastChangeKey(owner: number): Uint8Array {
  return concatBytes([Uint8Array.of(BY_OWNER), ownerKey(owner)]);
}

function entryKey(topic: Uint8Array, timeMs: number, owner: number): Uint8Array {
  return concatBytes([Uint8Array.of(BY_TIME), topic, timeBytes(timeMs), ownerKey(owner)]);
}

/** Big-endian, so that times are in order. */
function timeBytes(timeMs: number): Uint8Array {
  const bytes = allocBytes(TIME_BYTES);
  new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(0, BigInt(Math.floor(timeMs)));
  return bytes;
}

function timeOf(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset, TIME_BYTES).getBigUint64(0));
}

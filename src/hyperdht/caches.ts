/**
 * What a node keeps for a while: maps of two generations, so that forgetting costs nothing.
 *
 * Time is handed in; nothing here has a timer.
 *
 * @module
 */
import type { Random } from "../base/mod.ts";

/** Options of the caches. */
export interface CacheOptions {
  /** Entries of a generation. */
  readonly maxSize: number;
  /** Age at which entries are forgotten at the latest, give or take a third, ms; 0 for never. */
  readonly maxAgeMs: number;
}

/** When generations change: at an age, or when the young one is full. */
class Generations {
  readonly #tickMs: number;
  #tickStartedMs: number | null = null;
  #wasTurned = false;

  constructor(maxAgeMs: number) {
    // Two thirds, so that entries live 0.66 to 1.33 times the age. Source: xache `index.js`.
    this.#tickMs = maxAgeMs > 0 ? Math.ceil((2 / 3) * maxAgeMs) : Infinity;
  }

  /** How often the generations turn now that it is `nowMs`: 0, 1 or 2 (then nothing is left). */
  advance(nowMs: number): number {
    this.#tickStartedMs ??= nowMs;
    const tickCount = Math.floor((nowMs - this.#tickStartedMs) / this.#tickMs);
    if (!(tickCount > 0)) return 0;
    this.#tickStartedMs += tickCount * this.#tickMs;
    const turns = this.#wasTurned ? tickCount - 1 : tickCount;
    this.#wasTurned = false;
    return Math.min(turns, 2);
  }

  /** The young generation was full. */
  turn(): void {
    this.#wasTurned = true;
  }
}

/** Options of {@linkcode AgeingCache}. */
export interface AgeingCacheOptions<Value> extends CacheOptions {
  /** Bytes of the values of a generation (default: any number). */
  readonly maxBytes?: number;
  /** Bytes of a value (default 0). */
  readonly byteLengthOf?: (value: Value) => number;
}

/** A map that forgets; reading keeps an entry young. Source: xache `index.js`. */
export class AgeingCache<Value> {
  readonly #options: AgeingCacheOptions<Value>;
  readonly #generations: Generations;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();
  #youngBytes = 0;

  /** Creates an empty cache. */
  constructor(options: AgeingCacheOptions<Value>) {
    this.#options = options;
    this.#generations = new Generations(options.maxAgeMs);
  }

  /** Entries, forgotten ones that have not been dropped yet included. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Remembers `value`. */
  set(key: string, value: Value, nowMs: number): void {
    this.#advance(nowMs);
    this.#old.delete(key);
    this.#put(key, value);
  }

  /** The value of `key`, or null. */
  get(key: string, nowMs: number): Value | null {
    this.#advance(nowMs);
    if (this.#young.has(key)) return this.#young.get(key)!;
    if (!this.#old.has(key)) return null;
    const value = this.#old.get(key)!;
    this.#old.delete(key);
    this.#put(key, value);
    return value;
  }

  /** Forgets `key`. */
  delete(key: string): void {
    if (this.#young.has(key)) this.#youngBytes -= this.#byteLengthOf(this.#young.get(key)!);
    this.#young.delete(key);
    this.#old.delete(key);
  }

  /** Forgets everything. */
  clear(): void {
    this.#turn();
    this.#turn();
  }

  #put(key: string, value: Value): void {
    if (this.#young.has(key)) this.#youngBytes -= this.#byteLengthOf(this.#young.get(key)!);
    this.#young.set(key, value);
    this.#youngBytes += this.#byteLengthOf(value);
    const { maxSize, maxBytes = Infinity } = this.#options;
    if (this.#young.size < maxSize && this.#youngBytes < maxBytes) return;
    this.#generations.turn();
    this.#turn();
  }

  #byteLengthOf(value: Value): number {
    return this.#options.byteLengthOf?.(value) ?? 0;
  }

  #advance(nowMs: number): void {
    for (let turns = this.#generations.advance(nowMs); turns > 0; turns--) this.#turn();
  }

  #turn(): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }
}

/** Values by name and id, in an order that allows to pick any of them at once. */
class RecordStore {
  readonly #lists = new Map<string, { ids: string[]; values: Uint8Array[]; indexes: Map<string, number> }>();
  size = 0;

  count(name: string): number {
    return this.#lists.get(name)?.values.length ?? 0;
  }

  at(name: string, index: number): Uint8Array {
    return this.#lists.get(name)!.values[index]!;
  }

  add(name: string, id: string, value: Uint8Array): void {
    let list = this.#lists.get(name);
    if (list === undefined) this.#lists.set(name, list = { ids: [], values: [], indexes: new Map() });
    const index = list.indexes.get(id);
    if (index !== undefined) {
      list.values[index] = value;
      return;
    }
    list.indexes.set(id, list.values.length);
    list.ids.push(id);
    list.values.push(value);
    this.size++;
  }

  remove(name: string, id: string): void {
    const list = this.#lists.get(name);
    const index = list?.indexes.get(id);
    if (list === undefined || index === undefined) return;
    const [lastId, lastValue] = [list.ids.pop()!, list.values.pop()!];
    if (lastId !== id) {
      list.ids[index] = lastId;
      list.values[index] = lastValue;
      list.indexes.set(lastId, index);
    }
    list.indexes.delete(id);
    this.size--;
    if (list.values.length === 0) this.#lists.delete(name);
  }
}

/** Lists of values by name that forget; `get` picks some at random. Source: record-cache `index.js`. */
export class RecordCache {
  readonly #maxSize: number;
  readonly #generations: Generations;
  readonly #random: Random;
  #young = new RecordStore();
  #old = new RecordStore();

  /** Creates an empty cache. */
  constructor(options: CacheOptions, random: Random) {
    this.#maxSize = options.maxSize;
    this.#generations = new Generations(options.maxAgeMs);
    this.#random = random;
  }

  /** Entries, forgotten ones that have not been dropped yet included. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Remembers `value` as the one of `id` in the list `name`. */
  add(name: string, id: string, value: Uint8Array, nowMs: number): void {
    this.#advance(nowMs);
    this.#old.remove(name, id);
    this.#young.add(name, id, value);
    if (this.#young.size <= this.#maxSize) return;
    this.#generations.turn();
    this.#turn();
  }

  /** Forgets `id` of the list `name`. */
  remove(name: string, id: string): void {
    this.#young.remove(name, id);
    this.#old.remove(name, id);
  }

  /** At most `countMax` values of the list `name`, picked at random. */
  get(name: string, countMax: number, nowMs: number): Uint8Array[] {
    this.#advance(nowMs);
    const youngCount = this.#young.count(name);
    const count = youngCount + this.#old.count(name);
    const indexes = pickIndexes(count, countMax, this.#random);
    return indexes.map((index) =>
      index < youngCount ? this.#young.at(name, index) : this.#old.at(name, index - youngCount)
    );
  }

  /** Forgets everything. */
  clear(): void {
    this.#turn();
    this.#turn();
  }

  #advance(nowMs: number): void {
    for (let turns = this.#generations.advance(nowMs); turns > 0; turns--) this.#turn();
  }

  #turn(): void {
    this.#old = this.#young;
    this.#young = new RecordStore();
  }
}

/** Picks min(`countMax`, `count`) different numbers below `count`, all equally likely (Floyd's sampling). */
function pickIndexes(count: number, countMax: number, random: Random): number[] {
  const picked = new Set<number>();
  for (let top = Math.max(0, count - countMax); top < count; top++) {
    const index = Math.floor(random.next() * (top + 1));
    picked.add(picked.has(index) ? top : index);
  }
  return Array.from(picked);
}

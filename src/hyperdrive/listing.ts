/**
 * The files of a drive, or of a folder of it, as streams.
 *
 * @module
 */
import { destroyOnAbort, Readable, type StreamCallback } from "../base/mod.ts";
import type { BeeEntry, KeyRange } from "../hyperbee/mod.ts";
import { entryOf, type HyperdriveEntry } from "./entries.ts";
import { rangeBehind, rangeBelow } from "./paths.ts";

/** An iteration, as bees have them. */
export interface ItemSource<Item> {
  /** Gets ready. */
  open(): Promise<void>;
  /** The next one, null at the end. */
  next(): Promise<Item | null>;
  /** Ends the iteration, and what it waits for. */
  close(): Promise<void>;
}

/** Tells which paths to leave out. */
export type Ignore = ((key: string) => boolean) | null;

/** What `map` makes of the items of an iteration; those that it makes null of are left out. */
export class SourceStream<Item, Mapped> extends Readable<Mapped> {
  readonly #source: ItemSource<Item>;
  readonly #map: (item: Item) => Mapped | null;

  /** Reads `source`, until its end or until `signal` aborts. */
  constructor(source: ItemSource<Item>, map: (item: Item) => Mapped | null, signal?: AbortSignal | null) {
    super();
    destroyOnAbort(this, signal);
    this.#source = source;
    this.#map = map;
  }

  /** For the stream itself. */
  override _open(callback: StreamCallback): void {
    this.#source.open().then(() => callback(null), callback);
  }

  /** For the stream itself. */
  override _read(callback: StreamCallback): void {
    this.#next().then((mapped) => {
      this.push(mapped);
      callback(null);
    }, callback);
  }

  async #next(): Promise<Mapped | null> {
    for (;;) {
      const item = await this.#source.next();
      const mapped = item === null ? null : this.#map(item);
      if (item === null || mapped !== null) return mapped;
    }
  }

  /** For the stream itself: a read that waits for peers would keep it from closing. */
  override _predestroy(): void {
    this.#source.close().catch(() => {}); // what it fails with, the read that it ended has told
  }

  /** For the stream itself. */
  override _destroy(callback: StreamCallback): void {
    this.#source.close().then(() => callback(null), callback);
  }
}

/** A stream as an iteration. */
export function streamSource<Item>(stream: Readable<Item>): ItemSource<Item> {
  const items = stream[Symbol.asyncIterator]();
  return {
    open: () => Promise.resolve(),
    next: async () => {
      const { done, value } = await items.next();
      return done ? null : value;
    },
    close: () => {
      stream.destroy();
      return Promise.resolve();
    },
  };
}

/** Finds the first entry of a range. */
export type Peek = (range: KeyRange<string>) => Promise<BeeEntry<string, unknown> | null>;

/** What is directly in a folder: one item for each name, with the first entry that has it. */
export class FolderStream<Item> extends Readable<Item> {
  readonly #peek: Peek;
  readonly #folder: string;
  readonly #ignore: Ignore;
  readonly #map: (name: string, entry: HyperdriveEntry) => Item;
  #range: KeyRange<string>;
  #previousName = "";

  /** Lists `folder`, a path without a slash at the end. */
  constructor(
    folder: string,
    peek: Peek,
    ignore: Ignore,
    map: (name: string, entry: HyperdriveEntry) => Item,
  ) {
    super();
    this.#folder = folder;
    this.#range = rangeBelow(folder);
    this.#peek = peek;
    this.#ignore = ignore;
    this.#map = map;
  }

  /** For the stream itself. */
  override _read(callback: StreamCallback): void {
    this.#next().then((item) => {
      this.push(item);
      callback(null);
    }, callback);
  }

  async #next(): Promise<Item | null> {
    for (;;) {
      const node = await this.#peek(this.#range);
      if (node === null) return null;
      const below = node.key.slice(this.#folder.length + 1);
      const slash = below.indexOf("/");
      const name = slash === -1 ? below : below.slice(0, slash);
      this.#range = rangeBehind(this.#folder, name, slash !== -1);
      // A file and a folder of one name, which only a careless writer makes, are one name all the same.
      if (name === this.#previousName) continue;
      this.#previousName = name;
      if (!this.#ignore?.(node.key)) return this.#map(name, entryOf(node)!);
    }
  }
}

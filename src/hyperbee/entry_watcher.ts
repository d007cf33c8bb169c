/**
 * Watching one key.
 *
 * @module
 */
import { TypedEventEmitter } from "../base/mod.ts";
import type { BeeEntry } from "./encodings.ts";
import type { Hyperbee } from "./hyperbee.ts";
import type { EncodingOptions } from "./options.ts";

/** Events of {@linkcode EntryWatcher}. */
export interface EntryWatcherEvents {
  /** The entry changed; `node` has the new one. */
  update: [];
  /** The entry could not be read. */
  error: [error: unknown];
  /** The watcher is closed. */
  close: [];
}

/** What a watcher of an entry asks of its bee. */
export interface EntryWatcherHost<Key, Value> {
  readonly bee: Hyperbee<Key, Value>;
  /** The watcher is gone. */
  forget(watcher: { close(): Promise<void> }): void;
}

/** A watcher of one key; made by `getAndWatch()`. */
export class EntryWatcher<Key = Uint8Array, Value = Uint8Array>
  extends TypedEventEmitter<EntryWatcherEvents> {
  /** The key. */
  readonly key: Key | Uint8Array | string;
  /** The entry as it is now; null where there is none. */
  node: BeeEntry<Key, Value> | null = null;
  readonly #host: EntryWatcherHost<Key, Value>;
  readonly #options: EncodingOptions<Key, Value>;
  #running: Promise<void> | null = null;
  #again = false;
  #force = false;
  #closed = false;

  /**
   * Called by `getAndWatch()`.
   *
   * @internal
   */
  constructor(
    host: EntryWatcherHost<Key, Value>,
    key: Key | Uint8Array | string,
    options: EncodingOptions<Key, Value>,
  ) {
    super();
    this.#host = host;
    this.key = key;
    this.#options = options;
  }

  /** The log changed; called by the bee. After a cut an update is told of even where the entry has the same block. */
  handleChange(force: boolean): void {
    if (force) this.#force = true;
    this.update();
  }

  /** Reads the entry; whoever calls while it is being read gets the reading after it. */
  update(): Promise<void> {
    if (this.#running !== null) {
      this.#again = true;
      return this.#running;
    }
    return this.#running = this.#run().finally(() => this.#running = null);
  }

  async #run(): Promise<void> {
    do {
      this.#again = false;
      await this.#read();
    } while (this.#again && !this.#closed);
  }

  async #read(): Promise<void> {
    const force = this.#force;
    this.#force = false;
    const { bee } = this.#host;
    let node: BeeEntry<Key, Value> | null;
    try {
      const { keyEncoding, valueEncoding } = this.#options;
      node = await bee.get(this.key, { keyEncoding, valueEncoding });
    } catch (error) {
      // After a cut this runs again anyway.
      if ((error as { code?: unknown }).code === "SNAPSHOT_NOT_AVAILABLE") this.#force ||= force;
      else if (bee.closing !== null || this.#closed) await this.close();
      else this.emit("error", error);
      return;
    }
    if (this.#closed || (!force && node?.seq === this.node?.seq)) return;
    this.node = node;
    this.emit("update");
  }

  /** Stops watching. */
  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    this.#host.forget(this);
    this.emit("close");
    return Promise.resolve();
  }

  /** The same as `close()`. */
  destroy(): Promise<void> {
    return this.close();
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

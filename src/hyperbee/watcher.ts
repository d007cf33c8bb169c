/**
 * Watching a range: a row of pairs of snapshots between which something changed.
 *
 * @module
 */
import { Mutex, TypedEventEmitter } from "../base/mod.ts";
import type { Hyperbee } from "./hyperbee.ts";
import type { RangeOptions, WatchOptions } from "./options.ts";

/** Events of {@linkcode Watcher}. */
export interface WatcherEvents {
  /** The watcher watches. */
  ready: [];
  /** There is a new pair. A listener makes the watcher flow. */
  update: [];
  /** The watcher is closed. */
  close: [];
}

/** What a watcher asks of its bee. */
export interface WatcherHost<Key, Value> {
  readonly bee: Hyperbee<Key, Value>;
  /** The watcher is gone. */
  forget(watcher: { close(): Promise<void> }): void;
}

interface Closable {
  close(): Promise<unknown>;
}

/**
 * A watcher; made by `watch()`. The snapshots of a pair are closed when the next one is asked for.
 *
 * @example
 * ```ts
 * for await (const [current, previous] of bee.watch({ gte: "a", lt: "b" })) {
 *   console.log(current.version, previous.version);
 * }
 * ```
 */
export class Watcher<Key = Uint8Array, Value = Uint8Array, Mapped = Hyperbee<Key, Value>>
  extends TypedEventEmitter<WatcherEvents>
  implements AsyncIterableIterator<[current: Mapped, previous: Mapped]> {
  /** Range that is watched. */
  readonly range: RangeOptions<Key, Value> | undefined;
  readonly #host: WatcherHost<Key, Value>;
  readonly #options: WatchOptions<Key, Value, Mapped>;
  readonly #turn = new Mutex();
  #current: Hyperbee<Key, Value> | null = null;
  #previous: Hyperbee<Key, Value> | null = null;
  #currentMapped: Mapped | null = null;
  #previousMapped: Mapped | null = null;
  #differences: AsyncIterator<unknown> | null = null;
  #wake: (() => void) | null = null;
  #flowing = false;
  #closing: Promise<void> | null = null;
  readonly #opening: Promise<void>;

  /**
   * Called by `watch()`.
   *
   * @internal
   */
  constructor(
    host: WatcherHost<Key, Value>,
    range: RangeOptions<Key, Value> | undefined,
    options: WatchOptions<Key, Value, Mapped>,
  ) {
    super();
    this.#host = host;
    this.#options = options;
    this.range = range;
    this.on(
      "newListener" as "update",
      ((name: string) => {
        if (name === "update") this.#flow();
      }) as () => void,
    );
    this.#opening = this.#open();
    this.#opening.catch(ignoreUntilAsked);
  }

  async #open(): Promise<void> {
    const { bee } = this.#host;
    await bee.ready();
    const { keyEncoding, valueEncoding, eager, onchange } = this.#options;
    const encodings = { keyEncoding, valueEncoding };
    this.#current = eager ? bee.checkout(1, encodings) : bee.snapshot(encodings);
    await this.#current.ready();
    this.emit("ready");
    if (onchange === undefined) return;
    if (eager) await onchange();
    this.#flow();
  }

  /** Resolves once changes are watched. */
  ready(): Promise<void> {
    return this.#opening;
  }

  /** Whether the watcher is closed or closing. */
  get closing(): boolean {
    return this.#closing !== null;
  }

  /** The version that is watched from: that of the last pair, or of the beginning; null before the watcher is ready. */
  get current(): Hyperbee<Key, Value> | null {
    return this.#current;
  }

  /** The version before that; null before there was a pair. */
  get previous(): Hyperbee<Key, Value> | null {
    return this.#previous;
  }

  /** What `map` made of `current` for the last pair; null before there was one. */
  get currentMapped(): Mapped | null {
    return this.#currentMapped;
  }

  /** What `map` made of `previous` for the last pair; null before there was one. */
  get previousMapped(): Mapped | null {
    return this.#previousMapped;
  }

  /** Runs through the pairs for those who listen. */
  async #flow(): Promise<void> {
    if (this.#flowing) return;
    this.#flowing = true;
    try {
      while (!(await this.next()).done);
    } catch {
      // the watcher is closed then, which is how its owner knows
    }
  }

  /** Watches on; the loop's end closes the watcher. */
  [Symbol.asyncIterator](): this {
    this.#flowing = true;
    return this;
  }

  /** The log changed; called by the bee. */
  handleChange(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  /** The next pair; done once the watcher is closed. An error closes it. */
  async next(): Promise<IteratorResult<[current: Mapped, previous: Mapped], undefined>> {
    const release = await this.#turn.lock();
    try {
      return await this.#next();
    } catch (error) {
      if (this.#closing !== null) return { value: undefined, done: true };
      this.#closeSoon();
      throw error;
    } finally {
      release();
    }
  }

  async #next(): Promise<IteratorResult<[current: Mapped, previous: Mapped], undefined>> {
    await this.#opening;
    const { bee } = this.#host;
    const { keyEncoding, valueEncoding } = this.#options;
    while (this.#closing === null) {
      await this.#waitForChange(bee);
      if (this.#closing !== null) break;
      await this.#closePrevious();
      this.#previous = this.#current!.snapshot();
      await this.#closeCurrent();
      this.#current = bee.snapshot({ keyEncoding, valueEncoding });
      await Promise.all([this.#current.ready(), this.#previous.ready()]);
      if (await this.#differ(this.#current, this.#previous)) return await this.#pair();
    }
    return { value: undefined, done: true };
  }

  async #waitForChange(bee: Hyperbee<Key, Value>): Promise<void> {
    if (this.#current!.version < bee.version) return;
    await new Promise<void>((resolve) => this.#wake = resolve);
  }

  async #differ(current: Hyperbee<Key, Value>, previous: Hyperbee<Key, Value>): Promise<boolean> {
    if (current.core.fork !== previous.core.fork) return true;
    const differ = this.#options.differ ?? differences;
    const iterator = this.#differences = differ(current, previous, this.range)[Symbol.asyncIterator]();
    try {
      return !(await iterator.next()).done;
    } finally {
      this.#differences = null;
      await iterator.return?.();
    }
  }

  async #pair(): Promise<IteratorResult<[current: Mapped, previous: Mapped], undefined>> {
    const map = this.#options.map ?? ((snapshot) => snapshot as Mapped);
    const current = this.#currentMapped = map(this.#current!);
    const previous = this.#previousMapped = map(this.#previous!);
    try {
      await this.#options.onchange?.();
    } catch {
      // as in the npm package: what the callback does is its own business
    }
    this.emit("update");
    return { done: false, value: [current, previous] };
  }

  /** Stops watching; a loop calls it when it is left. */
  async return(): Promise<IteratorResult<[current: Mapped, previous: Mapped], undefined>> {
    await this.close();
    return { value: undefined, done: true };
  }

  /** Stops watching and closes the snapshots. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  #closeSoon(): void {
    this.close().catch(ignoreUntilAsked);
  }

  async #close(): Promise<void> {
    this.#host.forget(this);
    this.#differences?.return?.()?.catch(ignoreUntilAsked);
    this.handleChange();
    await this.#opening.catch(ignoreUntilAsked);
    this.handleChange();
    const release = await this.#turn.lock();
    await this.#closeCurrent().catch(ignoreUntilAsked);
    await this.#closePrevious().catch(ignoreUntilAsked);
    release();
    this.emit("close");
  }

  /** The same as `close()`. */
  destroy(): Promise<void> {
    return this.close();
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #closeCurrent(): Promise<void> {
    await closeBoth(this.#currentMapped, this.#current);
    this.#current = this.#currentMapped = null;
  }

  async #closePrevious(): Promise<void> {
    await closeBoth(this.#previousMapped, this.#previous);
    this.#previous = this.#previousMapped = null;
  }
}

async function closeBoth(mapped: unknown, snapshot: Closable | null): Promise<void> {
  if (isClosable(mapped)) await mapped.close();
  await snapshot?.close();
}

function isClosable(value: unknown): value is Closable {
  return typeof (value as Partial<Closable> | null)?.close === "function";
}

function differences<Key, Value>(
  current: Hyperbee<Key, Value>,
  previous: Hyperbee<Key, Value>,
  range: RangeOptions<Key, Value> | undefined,
): AsyncIterable<unknown> {
  return current.createDiffStream(previous, range);
}

/** The error reaches whoever awaits `ready()` or `next()`; nobody has to. */
function ignoreUntilAsked(): void {}

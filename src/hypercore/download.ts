/**
 * A range of blocks being fetched in the background.
 *
 * @module
 */
import { HypercoreError } from "./errors.ts";
import type { RequestHandle } from "./replication/mod.ts";

/** What a {@linkcode Download} asks of its session. */
export interface DownloadSource {
  /** Resolves once the session is open. */
  ready(): Promise<void>;
  /** Registers the range with the peers. */
  request(): RequestHandle<boolean>;
}

/** A handle of `core.download()`; source: `hypercore/lib/download.js`. */
export class Download {
  readonly #source: DownloadSource;
  readonly #opening: Promise<void>;
  #request: RequestHandle<boolean> | null = null;
  #destroyed = false;

  /** Registers the range as soon as the session is open. */
  constructor(source: DownloadSource, signal?: AbortSignal) {
    this.#source = source;
    this.#opening = this.#open(signal);
    this.#opening.catch(ignoreUntilAsked);
  }

  async #open(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    await this.#source.ready();
    if (this.#destroyed) return;
    this.#register();
    signal?.addEventListener("abort", () => this.destroy(), { once: true });
  }

  /** Registers the range, again where the session has moved to another log. */
  #register(): void {
    const request = this.#request = this.#source.request();
    request.promise.catch((error) => {
      if (hasMoved(error) && !this.#destroyed && this.#request === request) this.#register();
    });
  }

  /** Resolves once the range is registered. */
  ready(): Promise<void> {
    return this.#opening;
  }

  /** Resolves to true once every block of the range is local, to false when the download was destroyed. */
  async done(): Promise<boolean> {
    await this.#opening;
    for (let request = this.#request; request !== null; request = this.#request) {
      try {
        return await request.promise;
      } catch (error) {
        if (!hasMoved(error)) throw error;
      }
    }
    return false;
  }

  /** Deprecated upstream; the same as {@linkcode Download.done}. */
  downloaded(): Promise<boolean> {
    return this.done();
  }

  /** Cancels the download; what was fetched stays. */
  destroy(): void {
    this.#destroyed = true;
    this.#request?.cancel();
  }

  /** Cancels the download. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}

function hasMoved(error: unknown): boolean {
  return error instanceof HypercoreError && error.code === "SESSION_MOVED";
}

/** The error reaches whoever calls `ready()` or `done()`; nobody has to. */
function ignoreUntilAsked(): void {}

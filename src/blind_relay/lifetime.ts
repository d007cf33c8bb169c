/**
 * How a session and a client come to their end: when nothing waits, at once, or by the other side.
 *
 * @module
 */
import type { Channel } from "../protomux/mod.ts";
import { BlindRelayError } from "./errors.ts";

/** The end of one side of a channel. */
export class ChannelLifetime {
  readonly #channel: Channel;
  readonly #isBusy: () => boolean;
  readonly #closedWait: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #isEnding = false;
  #isDestroyed = false;
  #error: Error | null = null;

  /** `isBusy` tells whether requests wait, which `end()` lets finish. */
  constructor(channel: Channel, isBusy: () => boolean) {
    this.#channel = channel;
    this.#isBusy = isBusy;
  }

  /** Whether `destroy()` was called, or the channel is closed and all its handlers have returned. */
  get isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  /** What `destroy()` was called with, or what stands for it; null otherwise. */
  get error(): Error | null {
    return this.#error;
  }

  /** What requests and pairs end with now that the channel is closed. */
  get closeError(): Error {
    return this.#error ?? new BlindRelayError("CHANNEL_CLOSED");
  }

  /** Closes the channel once nothing waits; resolves when it is closed. */
  end(): Promise<void> {
    this.#isEnding = true;
    this.endMaybe();
    return this.#closedWait.promise;
  }

  /** Closes the channel when that is wanted and nothing waits any more. */
  endMaybe(): void {
    if (this.#isEnding && !this.#isBusy()) this.#channel.close();
  }

  /** Closes the channel. */
  destroy(error?: Error | null): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#error = error ?? new BlindRelayError("CHANNEL_DESTROYED");
    this.#channel.close();
  }

  /** Closes the channel and waits until its handlers are done. */
  dispose(): Promise<void> {
    this.destroy();
    return this.#channel.fullyClosed();
  }

  /** The channel is closed. */
  handleClose(): void {
    this.#closedWait.resolve();
  }

  /** The channel is closed, and its handlers are done. */
  handleDestroy(): void {
    this.#isDestroyed = true;
  }
}

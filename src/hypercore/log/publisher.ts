/**
 * Which state of a log peers may be told of: one that survives a power loss.
 *
 * @module
 */
import type { LogState } from "./log_state.ts";
import type { TreeHead } from "./types.ts";

/** What a publisher needs of its log. */
export interface PublisherHost {
  /** What is stored. */
  readonly state: LogState;
  /** Makes everything written so far survive a power loss. */
  sync(): Promise<void>;
  /** Throws once the log is closed. */
  assertOpen(): void;
  /** There is a newer state that peers may be told of. */
  handlePublished(head: TreeHead): void;
}

/** Publishes the states of one log. */
export class Publisher {
  readonly #host: PublisherHost;
  #head: TreeHead;
  /** Version of the state that `head` is up to date with. */
  #version: number;
  #running: Promise<void> | null = null;

  /** What is stored at the start may be told. */
  constructor(host: PublisherHost) {
    this.#host = host;
    this.#head = host.state.head;
    this.#version = host.state.version;
  }

  /** The state that peers may be told of. */
  get head(): TreeHead {
    return this.#head;
  }

  /** The latest state came from peers, who have it already. */
  follow(): void {
    this.#head = this.#host.state.head;
    this.#version = this.#host.state.version;
  }

  /** Makes the latest state survive a power loss, then lets peers know of it. Concurrent calls share the work. */
  async publish(): Promise<TreeHead> {
    const { version } = this.#host.state;
    while (this.#version < version) {
      this.#host.assertOpen();
      this.#running ??= this.#publishOnce().finally(() => this.#running = null);
      await this.#running;
    }
    return this.#head;
  }

  async #publishOnce(): Promise<void> {
    const { head, version } = this.#host.state;
    await this.#host.sync();
    if (version <= this.#version) return;
    const isSame = head === this.#head;
    this.#version = version;
    this.#head = head;
    if (!isSame) this.#host.handlePublished(head);
  }
}

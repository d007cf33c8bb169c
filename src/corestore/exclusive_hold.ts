/**
 * A session's claim to be the only exclusive one of its core.
 *
 * @module
 */
import type { Core } from "../hypercore/mod.ts";

/** Taken once and released once, in whichever order. */
export class ExclusiveHold {
  #core: Core | null = null;
  #isReleased = false;

  /** Waits for its turn; a hold that was released meanwhile passes the turn on. */
  async take(core: Core): Promise<void> {
    await core.lockExclusive();
    if (this.#isReleased) core.unlockExclusive();
    else this.#core = core;
  }

  /** Lets the next one take its turn. */
  release(): void {
    this.#isReleased = true;
    this.#core?.unlockExclusive();
    this.#core = null;
  }
}

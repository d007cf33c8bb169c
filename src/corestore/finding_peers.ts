/**
 * Sessions that wait for peers while somebody looks for some.
 *
 * @module
 */

/** The part of a session that is needed here. */
export interface PeerFinder {
  /** Marks that peers are being looked for, until the returned function is called. */
  findingPeers(): () => void;
}

/** How many look for peers, and for which sessions. */
export class FindingPeers {
  #count = 0;
  #isDestroyed = false;
  readonly #pending: (() => void)[] = [];

  /** A session came while somebody may be looking. */
  add(session: PeerFinder): void {
    if (this.#count > 0) this.#pending.push(session.findingPeers());
  }

  /** Somebody begins to look, for `sessions` and those to come; returns what ends it. */
  begin(sessions: Iterable<PeerFinder>): () => void {
    if (this.#isDestroyed) return () => {};
    if (++this.#count === 1) { for (const session of sessions) this.#pending.push(session.findingPeers()); }
    let isDone = false;
    return () => {
      if (isDone || this.#isDestroyed) return;
      isDone = true;
      if (--this.#count === 0) this.#end();
    };
  }

  /** Ends all looking. */
  destroy(): void {
    this.#isDestroyed = true;
    this.#end();
  }

  #end(): void {
    for (const done of this.#pending.splice(0)) done();
  }
}

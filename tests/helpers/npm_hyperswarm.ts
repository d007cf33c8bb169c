/**
 * The npm package `hyperswarm` in a process of its own, for tests: each call is a command of
 * `tests/interop/peers/hyperswarm/peer.mjs`.
 *
 * @module
 */
import { NodePeer, type PeerMessage } from "./node_peer.ts";

/** A process with npm swarms. */
export class NpmHyperswarms implements AsyncDisposable {
  readonly #peer = NodePeer.start("hyperswarm/peer.mjs", { waitTimeoutMs: 60_000 });
  #lastId = 0;

  /** Runs a command and gives what it answers. */
  async run<Result = unknown>(
    command: string,
    args: Readonly<Record<string, unknown>> = {},
  ): Promise<Result> {
    const id = ++this.#lastId;
    await this.#peer.send({ id, command, ...args });
    while (true) {
      const answer = await this.#peer.next("answer");
      if (answer.id === id) return answer.value as Result;
    }
  }

  /** The next event of that name. */
  next(event: string): Promise<PeerMessage> {
    return this.#peer.next(event);
  }

  /** Ends the process. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#peer.close();
  }
}

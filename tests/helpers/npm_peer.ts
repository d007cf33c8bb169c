/**
 * A Node process that answers commands, one line each: how the tests talk to most reference peers.
 *
 * @module
 */
import { NodePeer, type PeerMessage } from "./node_peer.ts";

/** A reference peer whose script answers `{ id, command, ... }` with `{ event: "answer", id, value }`. */
export class NpmPeer implements AsyncDisposable {
  readonly #peer: NodePeer;
  #lastId = 0;

  /** Starts `script`, given relative to `tests/interop/peers/`. */
  constructor(script: string, args: readonly string[] = []) {
    this.#peer = NodePeer.start(script, { args, waitTimeoutMs: 120_000 });
  }

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

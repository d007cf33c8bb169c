/**
 * The npm package `hyperdht` in a process of its own, for tests: each call is a command of
 * `tests/interop/peers/hyperdht/peer.mjs`.
 *
 * @module
 */
import { NodePeer, type PeerMessage } from "./node_peer.ts";

/** A process with npm nodes. */
export class NpmHyperDHT implements AsyncDisposable {
  readonly #peer: NodePeer;
  #lastId = 0;

  private constructor(peer: NodePeer) {
    this.#peer = peer;
  }

  /** Starts a process without nodes. */
  static async start(): Promise<NpmHyperDHT> {
    const peer = NodePeer.start("hyperdht/peer.mjs", { waitTimeoutMs: 60_000 });
    await peer.next("started");
    return new NpmHyperDHT(peer);
  }

  /** Runs a command. @throws {Error} when it fails there. */
  async run<Result = PeerMessage>(op: string, args: Readonly<Record<string, unknown>> = {}): Promise<Result> {
    const id = ++this.#lastId;
    await this.#peer.send({ id, op, ...args });
    const done = await this.#peer.next(`done ${id}`);
    if (done.error) throw new Error(`${op}: ${done.error}`);
    return done as Result;
  }

  /** Starts a command without waiting for it. */
  async begin(op: string, args: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.#peer.send({ id: ++this.#lastId, op, ...args });
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

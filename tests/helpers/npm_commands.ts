/**
 * Commands a reference peer that is written with `tests/interop/peers/commands.mjs`.
 *
 * @module
 */
import { NodePeer } from "./node_peer.ts";
import { NpmCommandError } from "./npm_hypercore.ts";

/** A Node process that does what it is told; its folder goes with it. */
export class NpmCommands implements AsyncDisposable {
  readonly #peer: NodePeer;
  readonly #folder: string;
  #nextId = 0;

  private constructor(peer: NodePeer, folder: string) {
    this.#peer = peer;
    this.#folder = folder;
  }

  /** Starts `script`, given relative to `tests/interop/peers/`; its first argument is its folder. */
  static async start(script: string): Promise<NpmCommands> {
    const folder = await Deno.makeTempDir({ prefix: "quince-npm-" });
    const peer = NodePeer.start(script, { args: [folder], waitTimeoutMs: 120_000 });
    await peer.next("ready");
    return new NpmCommands(peer, folder);
  }

  /** Runs a command and resolves to its result. */
  async run<Result = unknown>(command: string, args: Record<string, unknown> = {}): Promise<Result> {
    const id = this.#nextId++;
    await this.#peer.send({ id, command, ...args });
    const answer = await this.#peer.next(`answer ${id}`);
    if (typeof answer.error === "string") {
      throw new NpmCommandError(answer.error, answer.code as string | null);
    }
    return answer.result as Result;
  }

  /** Ends the process at once and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer.close();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

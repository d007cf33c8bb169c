/**
 * A Node process that does what it is told, one JSON command per line: how the tests talk to most reference peers. The
 * peer's side is `tests/interop/peers/commands.mjs`.
 *
 * @module
 */
import { NodePeer, type PeerMessage } from "./node_peer.ts";

/** How long a peer may take for one command, ms. */
const WAIT_TIMEOUT_MS = 120_000;

/** An error of the reference, with its code. */
export class NpmCommandError extends Error {
  constructor(message: string, readonly code: string | null) {
    super(message);
  }
}

/** A reference peer that answers commands. */
export class NpmPeer implements AsyncDisposable {
  readonly #peer: NodePeer;
  #requestCount = 0;

  /** Starts `script`, given relative to `tests/interop/peers/`. */
  constructor(script: string, args: readonly string[] = []) {
    this.#peer = NodePeer.start(script, { args, waitTimeoutMs: WAIT_TIMEOUT_MS });
  }

  /** Runs a command and resolves to its result. @throws {NpmCommandError} when it fails there. */
  async run<Result = unknown>(
    command: string,
    args: Readonly<Record<string, unknown>> = {},
  ): Promise<Result> {
    const request = await this.begin(command, args);
    const answer = await this.#peer.next(`answer ${request}`);
    if (typeof answer.error === "string") {
      throw new NpmCommandError(answer.error, answer.code as string | null);
    }
    return answer.result as Result;
  }

  /** Starts a command without waiting for its end; resolves to its number. */
  async begin(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<number> {
    const request = this.#requestCount++;
    await this.#peer.send({ ...args, request, command });
    return request;
  }

  /** The next event of that name. */
  next(event: string): Promise<PeerMessage> {
    return this.#peer.next(event);
  }

  /** Ends the process at once. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#peer.close();
  }
}

/** A reference peer whose files lie in a folder of its own, which is the first argument of its script. */
export class NpmPeerInFolder extends NpmPeer {
  /** Path of the folder. */
  readonly folder: string;
  readonly #isFolderOurs: boolean;

  /** Starts `script`; a folder that is not given is made, and removed with the peer. */
  constructor(script: string, folder?: string) {
    const path = folder ?? Deno.makeTempDirSync({ prefix: "quince-npm-" });
    super(script, [path]);
    this.folder = path;
    this.#isFolderOurs = folder === undefined;
  }

  /** Ends the process at once and leaves its files where they are. */
  kill(): Promise<void> {
    return super[Symbol.asyncDispose]();
  }

  /** Ends the process at once and removes its folder. */
  override async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    if (this.#isFolderOurs) await Deno.remove(this.folder, { recursive: true });
  }
}

/**
 * Commands a npm hypercore that runs as a Node process; see `tests/interop/peers/hypercore/peer.mjs`.
 *
 * @module
 */
import { hexBytes, hexText } from "../../src/base/mod.ts";
import { NodePeer } from "./node_peer.ts";

/** What the reference says of one of its cores; byte strings are hexadecimal. */
export interface NpmCoreDescription {
  readonly key: string;
  readonly discoveryKey: string;
  readonly id: string;
  readonly length: number;
  readonly byteLength: number;
  readonly fork: number;
  readonly contiguousLength: number;
  readonly remoteContiguousLength: number;
  readonly signature: string | null;
  readonly manifest: string | null;
  readonly writable: boolean;
  readonly peers: number;
  /** Codes of the verification errors it has seen. */
  readonly failures: readonly string[];
  /** Blocks it has received from peers. */
  readonly downloads: number;
}

/** An error of the reference, with its code. */
export class NpmCommandError extends Error {
  constructor(message: string, readonly code: string | null) {
    super(message);
  }
}

/** A Node process with npm hypercores in it. */
export class NpmHypercore implements AsyncDisposable {
  readonly #peer: NodePeer;
  readonly #folder: string;
  #nextId = 0;

  private constructor(peer: NodePeer, folder: string) {
    this.#peer = peer;
    this.#folder = folder;
  }

  /** Starts the process; its cores live in a folder that goes with it. */
  static async start(options: { folder?: string } = {}): Promise<NpmHypercore> {
    const folder = options.folder ?? await Deno.makeTempDir({ prefix: "quince-npm-" });
    const peer = NodePeer.start("hypercore/peer.mjs", { args: [folder], waitTimeoutMs: 120_000 });
    await peer.next("ready");
    return new NpmHypercore(peer, folder);
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

  /** Opens or creates a core. */
  open(name: string, options: Record<string, unknown> = {}): Promise<NpmCoreDescription> {
    return this.run("open", { name, ...options });
  }

  /** Describes an open core. */
  describe(name: string): Promise<NpmCoreDescription> {
    return this.run("describe", { name });
  }

  /** Appends blocks. */
  append(name: string, blocks: readonly Uint8Array[]): Promise<number> {
    return this.run("append", { name, blocks: blocks.map(hexText) });
  }

  /** Reads a block, from peers if need be. */
  async get(name: string, index: number, options: Record<string, unknown> = {}): Promise<Uint8Array | null> {
    const hex = await this.run<string | null>("get", { name, index, ...options });
    return hex === null ? null : hexBytes(hex);
  }

  /** Serves the cores `names` over TCP; resolves to the port on 127.0.0.1. */
  listen(...names: string[]): Promise<number> {
    return this.run("listen", { names });
  }

  /** Replicates the cores `names` with whoever listens on `port` of 127.0.0.1. */
  async connect(port: number, ...names: string[]): Promise<void> {
    await this.run("connect", { port, names });
  }

  /** Ends the process at once and removes its cores. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer.close();
    await Deno.remove(this.#folder, { recursive: true });
  }

  /** Ends the process at once and leaves its cores where they are. */
  async kill(): Promise<void> {
    await this.#peer.close();
  }
}

/** The blocks that the reference's `generate` makes: the index, little-endian, then its low byte repeated. */
export function generatedBlocks(start: number, count: number, byteLength: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const block = new Uint8Array(byteLength).fill((start + i) & 255);
    new DataView(block.buffer).setUint32(0, start + i, true);
    return block;
  });
}

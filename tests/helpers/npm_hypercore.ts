/**
 * Commands a npm hypercore that runs as a Node process; see `tests/interop/peers/hypercore/peer.mjs`.
 *
 * @module
 */
import { hexBytes, hexText } from "../../src/base/mod.ts";
import { NpmPeerInFolder } from "./npm_peer.ts";

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

/** A Node process with npm hypercores in it. */
export class NpmHypercore extends NpmPeerInFolder {
  /** Starts the process; its cores live in a folder that goes with it unless it is given. */
  constructor({ folder }: { folder?: string } = {}) {
    super("hypercore/peer.mjs", folder);
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
}

/** The blocks that the reference's `generate` makes: the index, little-endian, then its low byte repeated. */
export function generatedBlocks(start: number, count: number, byteLength: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const block = new Uint8Array(byteLength).fill((start + i) & 255);
    new DataView(block.buffer).setUint32(0, start + i, true);
    return block;
  });
}

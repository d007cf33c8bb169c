/**
 * Commands npm corestores that run in a Node process; see `tests/interop/peers/corestore/peer.mjs`.
 *
 * @module
 */
import { hexBytes, hexText } from "../../src/base/mod.ts";
import { NpmPeerInFolder } from "./npm_peer.ts";

/** What the reference says of one of its cores; byte strings are hexadecimal. */
export interface NpmStoreCore {
  readonly key: string;
  readonly discoveryKey: string;
  readonly length: number;
  readonly fork: number;
  readonly writable: boolean;
  readonly manifest: string | null;
  readonly peers: number;
}

/** Which core of the reference, and under which id it is known from then on. */
export interface NpmGetOptions {
  readonly store?: string;
  readonly id: string;
  readonly name?: string;
  readonly path?: readonly string[];
  readonly key?: Uint8Array;
  readonly discoveryKey?: Uint8Array;
  readonly [option: string]: unknown;
}

/** A Node process with npm corestores in it. */
export class NpmCorestore extends NpmPeerInFolder {
  /** Starts the process with one store called "main"; its folder goes with it. */
  static async start(options: { primaryKey?: Uint8Array } = {}): Promise<NpmCorestore> {
    const npm = new NpmCorestore("corestore/peer.mjs");
    await npm.open("main", options);
    return npm;
  }

  /** Runs a command of the store "main", unless `args` say which. */
  override begin(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<number> {
    return super.begin(command, { store: "main", ...args });
  }

  /** Opens a store. */
  async open(name: string, { primaryKey }: { primaryKey?: Uint8Array } = {}): Promise<Uint8Array> {
    const options = primaryKey === undefined ? {} : { primaryKey: hexText(primaryKey) };
    return hexBytes((await this.run<{ primaryKey: string }>("open", { name, ...options })).primaryKey);
  }

  /** Opens a core. */
  get({ key, discoveryKey, ...options }: NpmGetOptions): Promise<NpmStoreCore> {
    return this.run("get", {
      ...options,
      ...(key && { key: hexText(key) }),
      ...(discoveryKey && { discoveryKey: hexText(discoveryKey) }),
    });
  }

  /** Describes an open core. */
  describe(id: string): Promise<NpmStoreCore> {
    return this.run("describe", { id });
  }

  /** Appends blocks; resolves to the length. */
  append(id: string, ...blocks: readonly Uint8Array[]): Promise<number> {
    return this.run("append", { id, blocks: blocks.map(hexText) });
  }

  /** Reads a block, from peers if need be. */
  async block(id: string, index: number, options: Record<string, unknown> = {}): Promise<Uint8Array | null> {
    const hex = await this.run<string | null>("block", { id, index, ...options });
    return hex === null ? null : hexBytes(hex);
  }

  /** Serves the store over TCP; resolves to the port on 127.0.0.1. */
  listen(store = "main"): Promise<number> {
    return this.run("listen", { store });
  }

  /** Replicates the store with whoever listens on `port` of 127.0.0.1. */
  async connect(port: number, store = "main"): Promise<void> {
    await this.run("connect", { store, port });
  }
}

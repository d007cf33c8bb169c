/**
 * Networks on one machine, for tests and demonstrations.
 *
 * @example
 * ```ts
 * import createTestnet from "@quince/quince/hyperdht/testnet";
 *
 * await using testnet = await createTestnet(3);
 * const node = testnet.createNode();
 * await node.fullyBootstrapped();
 * ```
 *
 * @module
 */
import { HyperDHT, type HyperDHTOptions } from "../mod.ts";
import type { PeerAddress } from "../messages.ts";

export { HyperDHT, type HyperDHTOptions } from "../mod.ts";
export type { PeerAddress } from "../messages.ts";

/** Registers what is to be done at the end of a test, as brittle's `t.teardown` does. */
export type Teardown = (
  callback: () => Promise<void>,
  options?: { readonly order?: number },
) => unknown;

/** Options of {@linkcode createTestnet}. */
export interface TestnetOptions {
  /** Has the network destroyed at the end of a test. */
  readonly teardown?: Teardown;
  /** Address of the nodes (default `127.0.0.1`; another one binds them to all addresses). */
  readonly host?: string;
  /** Port of the first node (default: any). */
  readonly port?: number;
  /** Nodes of a network to extend (default: a network of its own). */
  readonly bootstrap?: readonly (string | PeerAddress)[];
}

const LOOPBACK = "127.0.0.1";

/** A network on this machine. */
export class Testnet implements Iterable<HyperDHT>, AsyncDisposable {
  /** The nodes, those made by {@linkcode createNode} last. */
  readonly nodes: HyperDHT[];
  /** What leads into the network. */
  readonly bootstrap: (string | PeerAddress)[];

  /** Called by {@linkcode createTestnet}. */
  constructor(nodes: HyperDHT[], bootstrap: (string | PeerAddress)[] = []) {
    this.nodes = nodes;
    this.bootstrap = bootstrap;
  }

  /** Adds an ephemeral node. */
  createNode(options: HyperDHTOptions = {}): HyperDHT {
    const node = new HyperDHT({ ephemeral: true, bootstrap: this.bootstrap, host: LOOPBACK, ...options });
    this.nodes.push(node);
    return node;
  }

  /** Closes all servers, then ends all nodes, the newest first. */
  async destroy(): Promise<void> {
    for (const node of this.nodes) {
      for (const server of Array.from(node.listening)) await server.close();
    }
    for (const node of this.nodes.toReversed()) await node.destroy();
  }

  /** The nodes. */
  [Symbol.iterator](): IterableIterator<HyperDHT> {
    return this.nodes[Symbol.iterator]();
  }

  /** Same as {@linkcode destroy}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }
}

/**
 * Makes a network of `size` persistent nodes on this machine, which nothing outside can reach.
 *
 * @throws {PlatformError} `ERR_PERMISSION` (as a rejection) without `--allow-net`.
 */
export async function createTestnet(size = 10, options: TestnetOptions | Teardown = {}): Promise<Testnet> {
  const { teardown, host = LOOPBACK, port = 0, bootstrap: given = [] }: TestnetOptions =
    typeof options === "function" ? { teardown: options } : options;
  const bootstrap = [...given];
  const testnet = new Testnet([], bootstrap);
  if (size === 0) return testnet;

  const shared = { ephemeral: false, firewalled: false, host: host === LOOPBACK ? LOOPBACK : "0.0.0.0" };
  try {
    const first = new HyperDHT({ ...shared, bootstrap, port });
    testnet.nodes.push(first);
    await first.fullyBootstrapped();
    if (bootstrap.length === 0) bootstrap.push({ host, port: first.address()!.port });
    while (testnet.nodes.length < size) {
      const node = new HyperDHT({ ...shared, bootstrap });
      testnet.nodes.push(node);
      await node.fullyBootstrapped();
    }
  } catch (error) {
    await testnet.destroy();
    throw error;
  }
  teardown?.call(options, () => testnet.destroy(), { order: Infinity });
  return testnet;
}

export default createTestnet;

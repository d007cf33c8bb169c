/**
 * Bootstrap nodes as users name them, and how names become addresses.
 *
 * @module
 */
import { type PeerAddress, peerId, type PersistentPeer } from "./peer.ts";

/**
 * A bootstrap node: `host:port`, `ip@host:port` (the address is tried first, the name if it does not answer), a port of
 * this machine, or host and port by themselves.
 */
export type BootstrapNode = string | number | PeerAddress;

/** What it takes to resolve names. */
export interface BootstrapResolver {
  /** The IPv4 address of `host`, which may be one already. */
  lookup(host: string): Promise<string>;
  /** Rejects when there is no answer. */
  ping(address: PeerAddress): Promise<unknown>;
}

/**
 * Reads a bootstrap node. Source: dht-rpc `index.js`.
 *
 * @throws {Error} when there is no port, or one that is none.
 */
export function parseBootstrapNode(node: BootstrapNode): PeerAddress {
  if (typeof node === "object") return node;
  if (typeof node === "number") return { host: "127.0.0.1", port: node };
  const [host, port] = node.split(":");
  const number = Number(port);
  if (!host || !(Number.isInteger(number) && number > 0 && number < 65_536)) {
    throw new Error(`Bootstrap node format is host:port, not ${node}`);
  }
  return { host, port: number };
}

/** Resolves all nodes at the same time, keeping their order; those that cannot be resolved are left out. */
export async function resolveBootstrapNodes(
  nodes: readonly PeerAddress[],
  resolver: BootstrapResolver,
): Promise<PersistentPeer[]> {
  const resolved = await Promise.all(nodes.map((node) => resolve(node, resolver)));
  return resolved.filter((node) => node !== null);
}

async function resolve(
  { host, port }: PeerAddress,
  resolver: BootstrapResolver,
): Promise<PersistentPeer | null> {
  const at = host.indexOf("@");
  if (at >= 0) {
    const suggested = host.slice(0, at);
    try {
      await resolver.ping({ host: suggested, port });
      return { id: peerId(suggested, port), host: suggested, port };
    } catch {
      // The name behind the address is there for this case.
    }
  }
  try {
    const found = await resolver.lookup(host.slice(at + 1));
    return { id: peerId(found, port), host: found, port };
  } catch {
    // Other bootstrap nodes may do; with none the first walk finds nobody.
    return null;
  }
}

/**
 * Addresses of nodes, and the ids that follow from them.
 *
 * @module
 */
import { allocBytesUnsafe, equalBytes } from "../base/mod.ts";
import { decode, encode, ipv4Address } from "../compact_encoding/mod.ts";
import { blake2b } from "../crypto/mod.ts";
import { ADDRESS_BYTES } from "./limits.ts";

/** Where a node is reached. */
export interface PeerAddress {
  /** Textual IPv4 address. */
  readonly host: string;
  /** UDP port. */
  readonly port: number;
}

/** An address, with the node's id where it is known. */
export interface Peer extends PeerAddress {
  /** 32 bytes; null when the node is ephemeral, or not asked for its id yet. */
  readonly id: Uint8Array | null;
}

/** A node that has an id. */
export interface PersistentPeer extends Peer {
  /** 32 bytes. */
  readonly id: Uint8Array;
}

/**
 * The id that belongs to an address: BLAKE2b-256 of its 6 bytes. Source: dht-rpc `lib/peer.js`.
 *
 * @returns 32 fresh bytes.
 * @throws {TypeError} when `host` is no IPv4 address.
 */
export function peerId(host: string, port: number): Uint8Array {
  return blake2b(encodeAddress({ host, port }));
}

/** An address as 6 bytes. @throws {TypeError} when `host` is no IPv4 address. */
export function encodeAddress(address: PeerAddress): Uint8Array {
  return encode(ipv4Address, address);
}

/** The address in the first 6 bytes of `bytes`, null when there are fewer. */
export function decodeAddress(bytes: Uint8Array): PeerAddress | null {
  if (bytes.byteLength < ADDRESS_BYTES) return null;
  const { host, port } = decode(ipv4Address, bytes);
  return { host, port };
}

/** The addresses that lie one behind the other in `bytes`. */
export function decodeAddresses(bytes: Uint8Array): PeerAddress[] {
  const addresses: PeerAddress[] = [];
  for (let start = 0; start + ADDRESS_BYTES <= bytes.byteLength; start += ADDRESS_BYTES) {
    addresses.push(decodeAddress(bytes.subarray(start))!);
  }
  return addresses;
}

/** The 6 bytes of an address at `start` as one number, which is small to keep and quick to compare. */
export function addressNumber(bytes: Uint8Array, start = 0): number {
  const high = bytes[start]! * 2 ** 24 + (bytes[start + 1]! << 16) + (bytes[start + 2]! << 8) +
    bytes[start + 3]!;
  return high * 2 ** 16 + (bytes[start + 5]! << 8) + bytes[start + 4]!;
}

/** Writes an address that {@linkcode addressNumber} read. */
export function writeAddressNumber(address: number, bytes: Uint8Array, start: number): void {
  const high = Math.floor(address / 2 ** 16);
  bytes[start] = high >>> 24;
  bytes[start + 1] = high >>> 16;
  bytes[start + 2] = high >>> 8;
  bytes[start + 3] = high;
  bytes[start + 4] = address;
  bytes[start + 5] = (address % 2 ** 16) >>> 8;
}

/** The address as a key of maps. */
export function addressKey({ host, port }: PeerAddress): string {
  return `${host}:${port}`;
}

/** Tells whether a datagram can be sent to `address`: no port 0, no network, broadcast or multicast address. */
export function isReachable({ host, port }: PeerAddress): boolean {
  if (!(port > 0 && port < 65_536)) return false;
  const first = Number(host.slice(0, host.indexOf(".")));
  return first > 0 && first < 224;
}

/** A port as the 2 bytes of a PING_NAT request. */
export function encodePort(port: number): Uint8Array {
  const bytes = allocBytesUnsafe(2);
  bytes[0] = port;
  bytes[1] = port >>> 8;
  return bytes;
}

/** The address alone, for requests whose failure says nothing of the node with that id. */
export function anonymous({ host, port }: PeerAddress): Peer {
  return { id: null, host, port };
}

/** Tells whether `peer` has the id of `node`. */
export function isSameId(peer: Peer, node: PersistentPeer): boolean {
  return peer.id !== null && equalBytes(peer.id, node.id);
}

/**
 * The bytes that name a server together with nodes that route to it: what the npm package `hyperdht-address` makes.
 *
 * @module
 */
import { isBytes } from "../base/mod.ts";
import {
  array,
  decode as decodeBytes,
  encode as encodeBytes,
  type Encoder,
  fixed32,
  ipv4Address,
  type State,
  uint,
} from "../compact_encoding/mod.ts";
import { idEncoding } from "../hypercore_crypto/mod.ts";
import type { PeerAddress } from "./messages.ts";

/** A server's key, and nodes that route to it. */
export interface DHTAddress {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** Nodes that route to the server; null when the bytes name none. */
  readonly nodes: readonly PeerAddress[] | null;
}

const nodeList = array(ipv4Address);

const dhtAddress: Encoder<DHTAddress> = {
  preencode(state: State, { nodes }: DHTAddress): void {
    state.end += 32 + 1;
    if (nodes) nodeList.preencode(state, nodes);
  },
  encode(state: State, { key, nodes }: DHTAddress): void {
    fixed32.encode(state, key);
    uint.encode(state, nodes ? 1 : 0);
    if (nodes) nodeList.encode(state, nodes);
  },
  decode(state: State): DHTAddress {
    const key = fixed32.decode(state);
    const flags = state.start < state.end ? uint.decode(state) : 0;
    if ((flags & 1) === 0) return { key, nodes: null };
    return { key, nodes: nodeList.decode(state).map(({ host, port }) => ({ host, port })) };
  },
};

/**
 * Writes a server's key and nodes that route to it as bytes. Source: hyperdht-address `index.js`.
 *
 * @example
 * ```ts
 * import DHT, { address } from "@quince/quince/hyperdht";
 * const { publicKey } = DHT.keyPair();
 * const bytes = address.encode(publicKey, [{ host: "127.0.0.1", port: 49737 }]); // dht.connect(bytes)
 * ```
 *
 * @throws {TypeError} when the key has not 32 bytes or an address is none.
 */
export function encode(key: Uint8Array, nodes?: readonly PeerAddress[] | null): Uint8Array {
  if (!isBytes(key) || key.byteLength !== 32) throw new TypeError("Server's key must have 32 bytes");
  return encodeBytes(dhtAddress, { key, nodes: nodes ?? null });
}

/**
 * Reads what {@linkcode encode} wrote; a bare key of 32 bytes is one, too. Source: hyperdht-address `index.js`.
 *
 * @throws {EncodingError} when there are fewer bytes than announced.
 */
export function decode(bytes: Uint8Array): DHTAddress {
  return decodeBytes(dhtAddress, bytes);
}

/**
 * Reads what `connect` takes: a key as bytes, hexadecimal digits or z-base-32, or what {@linkcode encode} wrote.
 *
 * @throws {IdEncodingError} `INVALID_ID`, {EncodingError} when it is none of these.
 */
export function parseTarget(target: Uint8Array | string): DHTAddress {
  return decode(isBytes(target) ? target : idEncoding.decode(target));
}

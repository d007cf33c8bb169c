/**
 * What the tests of HyperDHT share.
 *
 * @module
 */
import { hexBytes } from "../../../src/base/mod.ts";
import type { DecodedNoisePayload, PeerAddress } from "../../../src/hyperdht/messages.ts";
import DHT from "../../../src/hyperdht/mod.ts";
import type { KeyPair } from "../../../src/secret_stream/mod.ts";

/** The pair of a seed of 32 equal bytes. */
export function keyPairOf(byte: number): KeyPair {
  return DHT.keyPair(bytesOf(byte));
}

/** Differs between test files, which run at the same time. */
const [FILE_SALT] = crypto.getRandomValues(new Uint32Array(1));

/**
 * The pair of a number in this file, for servers on real sockets: a test of another file may get the port that one here
 * has just given back, so that their networks meet, and would answer for the same key.
 */
export function ownKeyPair(byte: number): KeyPair {
  const seed = bytesOf(byte);
  new DataView(seed.buffer).setUint32(0, FILE_SALT!);
  return DHT.keyPair(seed);
}

/** `length` equal bytes. */
export function bytesOf(byte: number, length = 32): Uint8Array {
  return new Uint8Array(length).fill(byte);
}

/** An address for each number. */
export function addressOf(i: number): PeerAddress {
  return { host: `198.51.100.${i}`, port: 40_000 + i };
}

/** A server's answer without anything in it. */
export const EMPTY_PAYLOAD: DecodedNoisePayload = {
  version: 1,
  error: 0,
  firewall: 0,
  holepunch: null,
  addresses4: [],
  addresses6: [],
  udx: { version: 1, reusableSocket: false, id: 1, seq: 0 },
  secretStream: { version: 1 },
  relayThrough: null,
  relayAddresses: null,
};

/** Turns all hexadecimal texts in fields that hold bytes into bytes. */
export function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      typeof field === "string" && key !== "host" && key !== "plugin" ? hexBytes(field) : revive(field),
    ]),
  );
}

/**
 * What the tests of the crypto layer share: seeded bytes, the lengths that are tried, and libsodium, ready to use.
 *
 * @module
 */
import sodium from "libsodium-wrappers-sumo";
import assert from "node:assert/strict";
import { hexText, SeededRandom } from "../../../src/base/mod.ts";
import { CryptoError, type CryptoErrorCode } from "../../../src/crypto/mod.ts";

await sodium.ready;

export { sodium };

/** Every length from 0 to 300 bytes. */
export const SHORT_LENGTHS: readonly number[] = Array.from({ length: 301 }, (_, i) => i);

/** Lengths at the edges of blocks, of the pieces of 128 KiB that long inputs pass in, and of the arena of 1 MiB. */
export const LONG_LENGTHS: readonly number[] = [
  511,
  512,
  513,
  1024,
  4095,
  65_536,
  131_055,
  131_056,
  131_071,
  131_072,
  131_073,
  131_104,
  200_001,
  262_144,
  262_161,
  1_048_576,
  1_100_003,
];

/** Both. */
export const LENGTHS: readonly number[] = [...SHORT_LENGTHS, ...LONG_LENGTHS];

/** Seeded bytes: the same seed gives the same bytes everywhere. */
export class Dice {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** An integer from 0 to `end`, exclusive. */
  below(end: number): number {
    return Math.floor(this.#random.next() * end);
  }

  bytes(byteLength: number): Uint8Array {
    const bytes = new Uint8Array(byteLength);
    for (let i = 0; i < byteLength; i++) bytes[i] = this.below(256);
    return bytes;
  }
}

/** A copy with one bit changed. */
export function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.byteLength;
  }
  return joined;
}

export function assertBytes(actual: Uint8Array | null, expected: Uint8Array, what: string): void {
  assert.ok(actual !== null, `${what}: null`);
  if (actual.byteLength === expected.byteLength && actual.every((byte, i) => byte === expected[i])) return;
  const [a, b] = [actual, expected].map((bytes) => hexText(bytes.subarray(0, 64)));
  assert.fail(`${what}: ${actual.byteLength} bytes ${a}, expected ${expected.byteLength} bytes ${b}`);
}

/** Passes when `work` throws a {@linkcode CryptoError} with this code. */
export function assertRefused(code: CryptoErrorCode, work: () => unknown, what?: string): void {
  assert.throws(work, (error: unknown) => error instanceof CryptoError && error.code === code, what);
}

/** What libsodium's wrapper returns, or null when it refuses. */
export function orNull<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

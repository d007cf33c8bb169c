/**
 * The WASM core beside `libsodium-wrappers-sumo`, both in this process: hashes, signatures and encrypted messages.
 *
 * Both sides get the same bytes, and what they return is compared before anything is timed.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import sodium from "libsodium-wrappers-sumo";
import {
  blake2b,
  randomBytes,
  SecretStreamPull,
  SecretStreamPush,
  sign,
  signKeyPair,
  verify,
} from "../../src/crypto/mod.ts";
import type { Comparison, Measure } from "../harness.ts";

const SMALL_BYTES = 64;
const LARGE_BYTES = 65536;
/** More keys than are kept prepared. */
const MANY_KEYS = 100;
/** Time given to one side in one round, milliseconds. */
const MEASURED_MS = 400;
/** Calls before the clock is looked at again take about this long, milliseconds. */
const SLICE_MS = 5;

await sodium.ready;

/** Everything about crypto that is measured, with the bars it has to meet. */
export function cryptoComparisons(): Comparison[] {
  return [
    hashing("BLAKE2b-256 of 64 B", SMALL_BYTES, 2),
    hashing("BLAKE2b-256 of 64 KiB", LARGE_BYTES, 1.2),
    secretstream("secretstream push and pull 64 KiB", LARGE_BYTES, 2.5),
    signing("Ed25519 sign", 1.5),
    verifying("Ed25519 verify, keys in turn", MANY_KEYS, 1.5),
    verifying("Ed25519 verify, one key", 1, 2),
  ];
}

function hashing(name: string, byteLength: number, bar: number): Comparison {
  const input = randomBytes(byteLength);
  const ours = () => blake2b(input);
  const theirs = () => sodium.crypto_generichash(32, input, null);
  assertSame(ours(), theirs());
  return {
    name,
    bar,
    ours: () => megabytes(ours, byteLength),
    theirs: () => megabytes(theirs, byteLength),
  };
}

function secretstream(name: string, byteLength: number, bar: number): Comparison {
  const key = randomBytes(32);
  const input = randomBytes(byteLength);
  const push = new SecretStreamPush(key);
  const pull = new SecretStreamPull(key, push.header);
  const ours = () => pull.pull(push.push(input))!.message;

  const MESSAGE = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
  const { state: pushState, header } = sodium.crypto_secretstream_xchacha20poly1305_init_push(key);
  const pullState = sodium.crypto_secretstream_xchacha20poly1305_init_pull(header, key);
  const theirs = () => {
    const sealed = sodium.crypto_secretstream_xchacha20poly1305_push(pushState, input, null, MESSAGE);
    const opened = sodium.crypto_secretstream_xchacha20poly1305_pull(pullState, sealed, null);
    if (opened === false) throw new Error("libsodium did not open its own message");
    return opened.message;
  };
  assertSame(ours(), input);
  assertSame(theirs(), input);
  return {
    name,
    bar,
    ours: () => megabytes(ours, byteLength),
    theirs: () => megabytes(theirs, byteLength),
  };
}

function signing(name: string, bar: number): Comparison {
  const message = randomBytes(SMALL_BYTES);
  const { secretKey } = signKeyPair();
  const ours = () => sign(message, secretKey);
  const theirs = () => sodium.crypto_sign_detached(message, secretKey);
  assertSame(ours(), theirs());
  return { name, bar, ours: () => calls(ours), theirs: () => calls(theirs) };
}

function verifying(name: string, keyCount: number, bar: number): Comparison {
  const message = randomBytes(SMALL_BYTES);
  const signed = Array.from({ length: keyCount }, () => {
    const { publicKey, secretKey } = signKeyPair();
    return { publicKey, signature: sign(message, secretKey) };
  });
  let at = 0;
  const next = () => signed[at++ % keyCount]!;
  const ours = ({ publicKey, signature } = next()) => verify(message, signature, publicKey);
  const theirs = ({ publicKey, signature } = next()) =>
    sodium.crypto_sign_verify_detached(signature, message, publicKey);
  for (const { publicKey, signature } of signed) {
    const changed = Uint8Array.from(signature);
    changed[0]! ^= 1;
    for (const side of [ours, theirs]) {
      assert.deepEqual([side({ publicKey, signature }), side({ publicKey, signature: changed })], [
        true,
        false,
      ]);
    }
  }
  return { name, bar, ours: () => calls(() => ours()), theirs: () => calls(() => theirs()) };
}

function megabytes(work: () => unknown, byteLength: number): Promise<Measure> {
  const { perSecond, cpuMs } = measured(work);
  return Promise.resolve({ value: perSecond * byteLength / 1e6, unit: "MB/s", cpuMs });
}

function calls(work: () => unknown): Promise<Measure> {
  const { perSecond, cpuMs } = measured(work);
  return Promise.resolve({ value: perSecond, unit: "calls/s", cpuMs });
}

/**
 * Calls `work` until the time is over; the first slice, in which the code gets compiled, does not count. The processor
 * time is that of a thousand calls.
 */
function measured(work: () => unknown): { perSecond: number; cpuMs: number } {
  let sliceCount = 1;
  while (timedMs(work, sliceCount) < SLICE_MS) sliceCount *= 2;
  const before = process.cpuUsage();
  let count = 0;
  let elapsedMs = 0;
  while (elapsedMs < MEASURED_MS) {
    elapsedMs += timedMs(work, sliceCount);
    count += sliceCount;
  }
  const { user, system } = process.cpuUsage(before);
  return { perSecond: count / elapsedMs * 1000, cpuMs: (user + system) / count };
}

function timedMs(work: () => unknown, count: number): number {
  const start = performance.now();
  for (let i = 0; i < count; i++) work();
  return performance.now() - start;
}

function assertSame(a: Uint8Array, b: Uint8Array): void {
  assert.equal(a.byteLength, b.byteLength);
  assert.ok(a.every((byte, i) => byte === b[i]), "the two sides disagree");
}

/**
 * XSalsa20 and XChaCha20 keystreams, without authentication.
 *
 * @module
 */
import { allocBytes, allocBytesUnsafe } from "../base/mod.ts";
import { CHUNK_BYTES, core, DATA, memory, SLOT_A, SLOT_B, wipeSlots } from "./arena.ts";
import { assertByteLength, assertInteger, checkedOut } from "./errors.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 24;

/** Options of {@linkcode xsalsa20Xor} and {@linkcode xchacha20Xor}. */
export interface StreamXorOptions {
  /** Where to write the result; it has the input's length and may be the input itself. */
  readonly out?: Uint8Array;
  /** Number of the first 64-byte keystream block; 0 by default. */
  readonly counter?: number;
}

/**
 * XORs `input` with XSalsa20's keystream (libsodium's `crypto_stream_xor`): encrypts and decrypts.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for wrong sizes.
 */
export function xsalsa20Xor(
  input: Uint8Array,
  nonce: Uint8Array,
  key: Uint8Array,
  options: StreamXorOptions = {},
): Uint8Array {
  start(core.xsalsa20_init, nonce, key, options.counter ?? 0);
  return run(core.xsalsa20_xor, input, options.out);
}

/**
 * XORs `input` with XChaCha20's keystream (libsodium's `crypto_stream_xchacha20_xor_ic`): encrypts and decrypts.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for wrong sizes.
 */
export function xchacha20Xor(
  input: Uint8Array,
  nonce: Uint8Array,
  key: Uint8Array,
  options: StreamXorOptions = {},
): Uint8Array {
  start(core.xchacha20_init, nonce, key, options.counter ?? 0);
  return run(core.xchacha20_xor, input, options.out);
}

/** The first `byteLength` bytes of XSalsa20's keystream (libsodium's `crypto_stream`). */
export function xsalsa20Keystream(byteLength: number, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  const zeros = allocBytes(byteLength);
  return xsalsa20Xor(zeros, nonce, key, { out: zeros });
}

/** The first `byteLength` bytes of XChaCha20's keystream (libsodium's `crypto_stream_xchacha20`). */
export function xchacha20Keystream(byteLength: number, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  const zeros = allocBytes(byteLength);
  return xchacha20Xor(zeros, nonce, key, { out: zeros });
}

function start(
  init: (key: number, nonce: number, counterLow: number, counterHigh: number) => void,
  nonce: Uint8Array,
  key: Uint8Array,
  counter: number,
): void {
  assertByteLength("nonce", nonce, NONCE_BYTES);
  assertByteLength("key", key, KEY_BYTES);
  assertInteger("counter", counter, 0, Number.MAX_SAFE_INTEGER);
  memory.set(key, SLOT_A);
  memory.set(nonce, SLOT_B);
  init(SLOT_A, SLOT_B, counter >>> 0, Math.floor(counter / 0x1_0000_0000));
  wipeSlots();
}

function run(xor: (at: number, len: number) => void, input: Uint8Array, out?: Uint8Array): Uint8Array {
  const byteLength = input.byteLength;
  const result = out === undefined ? allocBytesUnsafe(byteLength) : checkedOut(out, byteLength);
  for (let begin = 0; begin < byteLength; begin += CHUNK_BYTES) {
    const end = Math.min(begin + CHUNK_BYTES, byteLength);
    memory.set(begin === 0 && end === byteLength ? input : input.subarray(begin, end), DATA);
    xor(DATA, end - begin);
    result.set(memory.subarray(DATA, DATA + end - begin), begin);
  }
  return result;
}

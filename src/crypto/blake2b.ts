/**
 * BLAKE2b (RFC 7693), unkeyed and keyed, at once and streaming.
 *
 * @module
 */
import { allocBytes, allocBytesUnsafe } from "../base/mod.ts";
import { CHUNK_BYTES, core, DATA, DATA_BYTES, memory, OUT, SLOT_A, STATE, takeDigest } from "./arena.ts";
import { assertByteLengthBetween, assertInteger, checkedOut, CryptoError } from "./errors.ts";

/** Longest digest and longest key, in bytes. */
const DIGEST_BYTES_MAX = 64;
const STATE_BYTES = core.blake2b_state_bytes();
const STATE_VIEW = memory.subarray(STATE, STATE + STATE_BYTES);

/** Options of {@linkcode blake2b}. */
export interface Blake2bOptions {
  /** Key of 1 to 64 bytes; none by default. */
  readonly key?: Uint8Array;
  /** Length of the digest, 1 to 64 bytes; 32 by default. */
  readonly byteLength?: number;
  /** Where to write the digest; it has the digest's length. */
  readonly out?: Uint8Array;
}

/**
 * Hashes `input`, or the concatenation of its parts, with BLAKE2b (RFC 7693; libsodium's
 * `crypto_generichash`). Without options the digest may share its buffer with other digests.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for a wrong key, digest or `out` length.
 *
 * @example
 * ```ts
 * import { blake2b } from "./mod.ts";
 *
 * const digest = blake2b(new TextEncoder().encode("hello"));
 * console.assert(digest.byteLength === 32);
 * ```
 */
export function blake2b(
  input: Uint8Array | readonly Uint8Array[],
  options?: Blake2bOptions,
): Uint8Array {
  if (options === undefined && input instanceof Uint8Array && input.byteLength <= CHUNK_BYTES) {
    memory.set(input, DATA);
    core.blake2b_hash(DATA, input.byteLength, OUT, 32);
    return takeDigest();
  }
  const byteLength = options?.byteLength ?? 32;
  assertInteger("byteLength", byteLength, 1, DIGEST_BYTES_MAX);
  const out = options?.out === undefined ? allocBytesUnsafe(byteLength) : checkedOut(options.out, byteLength);
  const parts = input instanceof Uint8Array ? [input] : input;
  if (options?.key !== undefined || !gather(parts)) {
    startState(byteLength, options?.key);
    for (const part of parts) absorb(part);
    core.blake2b_finish(STATE, OUT, byteLength);
  } else {
    core.blake2b_hash(DATA, gatheredBytes(parts), OUT, byteLength);
  }
  out.set(memory.subarray(OUT, OUT + byteLength));
  return out;
}

/** A BLAKE2b hash in progress; its state lives in this object, so any number may be in progress. */
export class Blake2b {
  readonly #state: Uint8Array = allocBytes(STATE_BYTES);
  readonly #byteLength: number;
  #isDone = false;

  /**
   * Starts a hash.
   *
   * @throws {CryptoError} `BAD_ARGUMENT` for a wrong key or digest length.
   */
  constructor(options: { readonly key?: Uint8Array; readonly byteLength?: number } = {}) {
    this.#byteLength = options.byteLength ?? 32;
    assertInteger("byteLength", this.#byteLength, 1, DIGEST_BYTES_MAX);
    startState(this.#byteLength, options.key);
    this.#state.set(STATE_VIEW);
  }

  /** Absorbs `input`. */
  update(input: Uint8Array): this {
    this.#assertOpen();
    STATE_VIEW.set(this.#state);
    absorb(input);
    this.#state.set(STATE_VIEW);
    return this;
  }

  /**
   * Ends the hash and returns its digest in `out` or fresh bytes.
   *
   * @throws {CryptoError} `DISPOSED` when called twice, `BAD_ARGUMENT` for a wrong `out` length.
   */
  digest(out?: Uint8Array): Uint8Array {
    this.#assertOpen();
    const digest = out === undefined ? allocBytesUnsafe(this.#byteLength) : checkedOut(out, this.#byteLength);
    STATE_VIEW.set(this.#state);
    core.blake2b_finish(STATE, OUT, this.#byteLength);
    digest.set(memory.subarray(OUT, OUT + this.#byteLength));
    this.dispose();
    return digest;
  }

  /** Wipes the state; the hash cannot be used any more. */
  dispose(): void {
    this.#isDone = true;
    this.#state.fill(0);
  }

  /** Same as {@linkcode dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #assertOpen(): void {
    if (this.#isDone) throw new CryptoError("DISPOSED", "Cannot continue a hash that has ended");
  }
}

/** Copies all parts to the arena when they fit. */
function gather(parts: readonly Uint8Array[]): boolean {
  if (gatheredBytes(parts) > DATA_BYTES) return false;
  let at = DATA;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    memory.set(part, at);
    at += part.byteLength;
  }
  return true;
}

function gatheredBytes(parts: readonly Uint8Array[]): number {
  let byteLength = 0;
  for (let i = 0; i < parts.length; i++) byteLength += parts[i]!.byteLength;
  return byteLength;
}

function startState(byteLength: number, key?: Uint8Array): void {
  if (key !== undefined) {
    assertByteLengthBetween("key", key, 1, DIGEST_BYTES_MAX);
    memory.set(key, SLOT_A);
  }
  core.blake2b_init(STATE, byteLength, SLOT_A, key?.byteLength ?? 0);
  if (key !== undefined) memory.fill(0, SLOT_A, SLOT_A + DIGEST_BYTES_MAX);
}

function absorb(input: Uint8Array): void {
  if (input.byteLength <= CHUNK_BYTES) {
    memory.set(input, DATA);
    core.blake2b_update(STATE, DATA, input.byteLength);
    return;
  }
  for (let start = 0; start < input.byteLength; start += CHUNK_BYTES) {
    const end = Math.min(start + CHUNK_BYTES, input.byteLength);
    memory.set(input.subarray(start, end), DATA);
    core.blake2b_update(STATE, DATA, end - start);
  }
}

/**
 * ChaCha20-Poly1305 (RFC 8439) and XChaCha20-Poly1305: the ciphertext is followed by a 16-byte tag.
 *
 * @module
 */
import { allocBytesUnsafe } from "../base/mod.ts";
import { CHUNK_BYTES, core, DATA, memory, SLOT_A, SLOT_B, wipeSlots } from "./arena.ts";
import { assertByteLength, checkedOut } from "./errors.ts";

/** Bytes of the authentication tag. */
export const AEAD_TAGBYTES = 16;

const KEY_BYTES = 32;
const IETF_NONCE_BYTES = 12;
const EXTENDED_NONCE_BYTES = 24;
const EMPTY = new Uint8Array(0);

/** Options of the AEAD functions. */
export interface AeadOptions {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 12 bytes (24 for XChaCha20), never used twice with one key. */
  readonly nonce: Uint8Array;
  /** Additional data that is authenticated but not encrypted; none by default. */
  readonly ad?: Uint8Array;
  /** Where to write the result, which it has the length of. */
  readonly out?: Uint8Array;
}

/**
 * Encrypts and authenticates `plaintext` (libsodium's `crypto_aead_chacha20poly1305_ietf_encrypt`): 16 bytes
 * longer.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for wrong sizes.
 */
export function aeadChaCha20Poly1305Encrypt(plaintext: Uint8Array, options: AeadOptions): Uint8Array {
  return encrypt(plaintext, options, IETF_NONCE_BYTES);
}

/**
 * Decrypts what {@linkcode aeadChaCha20Poly1305Encrypt} made; null when it is truncated or was changed.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for wrong sizes of key, nonce or `out`.
 */
export function aeadChaCha20Poly1305Decrypt(ciphertext: Uint8Array, options: AeadOptions): Uint8Array | null {
  return decrypt(ciphertext, options, IETF_NONCE_BYTES);
}

/**
 * Encrypts and authenticates `plaintext` (libsodium's `crypto_aead_xchacha20poly1305_ietf_encrypt`): 16 bytes
 * longer.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for wrong sizes.
 */
export function aeadXChaCha20Poly1305Encrypt(plaintext: Uint8Array, options: AeadOptions): Uint8Array {
  return encrypt(plaintext, options, EXTENDED_NONCE_BYTES);
}

/**
 * Decrypts what {@linkcode aeadXChaCha20Poly1305Encrypt} made; null when it is truncated or was changed.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for wrong sizes of key, nonce or `out`.
 */
export function aeadXChaCha20Poly1305Decrypt(
  ciphertext: Uint8Array,
  options: AeadOptions,
): Uint8Array | null {
  return decrypt(ciphertext, options, EXTENDED_NONCE_BYTES);
}

function encrypt(plaintext: Uint8Array, options: AeadOptions, nonceBytes: number): Uint8Array {
  const textBytes = plaintext.byteLength;
  const sealedBytes = textBytes + AEAD_TAGBYTES;
  const out = options.out === undefined
    ? allocBytesUnsafe(sealedBytes)
    : checkedOut(options.out, sealedBytes);
  const ad = options.ad ?? EMPTY;
  loadKey(options, nonceBytes);
  const text = DATA + ad.byteLength;
  if (ad.byteLength + sealedBytes <= CHUNK_BYTES) {
    memory.set(ad, DATA);
    memory.set(plaintext, text);
    core.aead_seal(SLOT_A, SLOT_B, nonceBytes, DATA, ad.byteLength, text, textBytes);
    out.set(memory.subarray(text, text + sealedBytes));
  } else {
    beginLong(ad, nonceBytes);
    runLong(core.aead_encrypt, plaintext, textBytes, out);
    core.aead_finish(DATA);
    out.set(memory.subarray(DATA, DATA + AEAD_TAGBYTES), textBytes);
  }
  wipeSlots();
  return out;
}

function decrypt(ciphertext: Uint8Array, options: AeadOptions, nonceBytes: number): Uint8Array | null {
  const sealedBytes = ciphertext.byteLength;
  const textBytes = sealedBytes - AEAD_TAGBYTES;
  loadKey(options, nonceBytes);
  if (textBytes < 0) return null;
  const out = options.out === undefined ? allocBytesUnsafe(textBytes) : checkedOut(options.out, textBytes);
  const ad = options.ad ?? EMPTY;
  const text = DATA + ad.byteLength;
  let isAuthentic: boolean;
  if (ad.byteLength + sealedBytes <= CHUNK_BYTES) {
    memory.set(ad, DATA);
    memory.set(ciphertext, text);
    isAuthentic = core.aead_open(SLOT_A, SLOT_B, nonceBytes, DATA, ad.byteLength, text, textBytes) !== 0;
    if (isAuthentic) out.set(memory.subarray(text, text + textBytes));
  } else {
    const tag = ciphertext.slice(textBytes);
    beginLong(ad, nonceBytes);
    runLong(core.aead_decrypt, ciphertext, textBytes, out);
    memory.set(tag, DATA);
    isAuthentic = core.aead_verify(DATA) !== 0;
    // The chunks were decrypted before the tag was known to be right.
    if (!isAuthentic) out.fill(0);
  }
  wipeSlots();
  return isAuthentic ? out : null;
}

function loadKey(options: AeadOptions, nonceBytes: number): void {
  assertByteLength("key", options.key, KEY_BYTES);
  assertByteLength("nonce", options.nonce, nonceBytes);
  memory.set(options.key, SLOT_A);
  memory.set(options.nonce, SLOT_B);
}

function beginLong(ad: Uint8Array, nonceBytes: number): void {
  core.aead_begin(SLOT_A, SLOT_B, nonceBytes);
  for (let begin = 0; begin < ad.byteLength; begin += CHUNK_BYTES) {
    const end = Math.min(begin + CHUNK_BYTES, ad.byteLength);
    memory.set(ad.subarray(begin, end), DATA);
    core.aead_absorb_ad(DATA, end - begin);
  }
  core.aead_end_ad();
}

function runLong(
  step: (at: number, len: number) => void,
  input: Uint8Array,
  byteLength: number,
  out: Uint8Array,
): void {
  for (let begin = 0; begin < byteLength; begin += CHUNK_BYTES) {
    const end = Math.min(begin + CHUNK_BYTES, byteLength);
    memory.set(input.subarray(begin, end), DATA);
    step(DATA, end - begin);
    out.set(memory.subarray(DATA, DATA + end - begin), begin);
  }
}

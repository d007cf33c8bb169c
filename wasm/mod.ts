/**
 * The WASM core, instantiated synchronously from the inlined build: no fetch, no file, no permission.
 *
 * Only `src/crypto` imports this. The memory has a fixed size, so views into it stay valid; every call leaves
 * nothing behind that a later call needs.
 *
 * @module
 */
import { SOURCE_HASH, WASM_BASE64, WASM_BYTES } from "./lib/quince_core.ts";

/** A position in the core's memory. */
export type Pointer = number;

/** What the core exports; `wasm/bind` documents each function. Booleans come as 0 and 1. */
export interface Core {
  readonly memory: WebAssembly.Memory;
  arena(): Pointer;
  arena_bytes(): number;

  blake2b_hash(at: Pointer, len: number, out: Pointer, outLen: number): void;
  blake2b_state_bytes(): number;
  blake2b_init(state: Pointer, outLen: number, key: Pointer, keyLen: number): void;
  blake2b_update(state: Pointer, at: Pointer, len: number): void;
  blake2b_finish(state: Pointer, out: Pointer, outLen: number): void;
  hmac_blake2b(key: Pointer, keyLen: number, at: Pointer, len: number, out: Pointer): void;
  hkdf_blake2b(salt: Pointer, saltLen: number, at: Pointer, len: number, out: Pointer, count: number): void;

  sha512_init(): void;
  sha512_update(at: Pointer, len: number): void;
  sha512_finish(out: Pointer): void;

  ed25519_public_key(seed: Pointer, out: Pointer): void;
  ed25519_clamped_scalar(seed: Pointer, out: Pointer): void;
  ed25519_sign(at: Pointer, len: number, secretKey: Pointer, out: Pointer): void;
  ed25519_verify(at: Pointer, len: number, signature: Pointer, publicKey: Pointer): number;
  ed25519_verify_prehashed(hash: Pointer, signature: Pointer, publicKey: Pointer): number;

  curve_is_valid_point(point: Pointer): number;
  curve_scalar_mult(scalar: Pointer, point: Pointer, out: Pointer): number;
  curve_scalar_mult_base(scalar: Pointer, out: Pointer): number;
  noise_mix_dh(scalar: Pointer, point: Pointer, chainingKey: Pointer, out: Pointer): number;
  noise_mix_dh_of_key(secretKey: Pointer, point: Pointer, chainingKey: Pointer, out: Pointer): number;
  curve_add(p: Pointer, q: Pointer, out: Pointer): number;
  curve_sub(p: Pointer, q: Pointer, out: Pointer): number;
  curve_public_key_to_x25519(publicKey: Pointer, out: Pointer): number;
  scalar_add(x: Pointer, y: Pointer, out: Pointer): void;
  scalar_sub(x: Pointer, y: Pointer, out: Pointer): void;
  scalar_mul(x: Pointer, y: Pointer, out: Pointer): void;
  scalar_negate(x: Pointer, out: Pointer): void;
  scalar_complement(x: Pointer, out: Pointer): void;
  scalar_invert(x: Pointer, out: Pointer): number;
  scalar_reduce(wide: Pointer, out: Pointer): void;
  scalar_is_canonical(x: Pointer): number;
  x25519_scalar_mult(scalar: Pointer, point: Pointer, out: Pointer): number;
  x25519_scalar_mult_base(scalar: Pointer, out: Pointer): void;

  xchacha20_init(key: Pointer, nonce: Pointer, counterLow: number, counterHigh: number): void;
  xchacha20_xor(at: Pointer, len: number): void;
  xsalsa20_init(key: Pointer, nonce: Pointer, counterLow: number, counterHigh: number): void;
  xsalsa20_xor(at: Pointer, len: number): void;
  hchacha20_derive(key: Pointer, nonce: Pointer, out: Pointer): void;

  aead_seal(
    key: Pointer,
    nonce: Pointer,
    nonceLen: number,
    ad: Pointer,
    adLen: number,
    at: Pointer,
    len: number,
  ): void;
  aead_open(
    key: Pointer,
    nonce: Pointer,
    nonceLen: number,
    ad: Pointer,
    adLen: number,
    at: Pointer,
    len: number,
  ): number;
  aead_begin(key: Pointer, nonce: Pointer, nonceLen: number): void;
  aead_absorb_ad(at: Pointer, len: number): void;
  aead_end_ad(): void;
  aead_encrypt(at: Pointer, len: number): void;
  aead_decrypt(at: Pointer, len: number): void;
  aead_finish(out: Pointer): void;
  aead_verify(tag: Pointer): number;

  secretstream_init(state: Pointer, key: Pointer, header: Pointer): void;
  secretstream_rekey(state: Pointer): void;
  secretstream_push(
    state: Pointer,
    ad: Pointer,
    adLen: number,
    frame: Pointer,
    frameLen: number,
    tag: number,
  ): void;
  secretstream_pull(state: Pointer, ad: Pointer, adLen: number, frame: Pointer, frameLen: number): number;
  secretstream_push_frames(state: Pointer, run: Pointer, runLen: number, tag: number): number;
  secretstream_pull_frames(state: Pointer, run: Pointer, runLen: number): number;
  message_begin(state: Pointer): void;
  message_absorb_ad(at: Pointer, len: number): void;
  message_seal_tag(tag: number): number;
  message_open_tag(tag: number): number;
  message_encrypt(at: Pointer, len: number): void;
  message_decrypt(at: Pointer, len: number): void;
  message_finish_push(state: Pointer, tag: number, mac: Pointer): void;
  message_finish_pull(state: Pointer, tag: number, mac: Pointer): number;

  secretbox_begin(key: Pointer, nonce: Pointer): void;
  secretbox_encrypt(at: Pointer, len: number): void;
  secretbox_decrypt(at: Pointer, len: number): void;
  secretbox_finish(out: Pointer): void;
  secretbox_verify(tag: Pointer): number;
  box_shared_key(publicKey: Pointer, secretKey: Pointer, out: Pointer): number;
  sealed_box_nonce(ephemeral: Pointer, publicKey: Pointer, out: Pointer): void;

  crc32(seed: number, at: Pointer, len: number): number;

  merkle_leaf(at: Pointer, len: number, out: Pointer): void;
  merkle_leaves(lens: Pointer, count: number, at: Pointer, out: Pointer): void;
  merkle_parent(size: number, left: Pointer, right: Pointer, out: Pointer): void;
  merkle_roots(nodes: Pointer, count: number, out: Pointer): void;
  merkle_append(
    length: number,
    roots: Pointer,
    rootsCount: number,
    lens: Pointer,
    count: number,
    at: Pointer,
    out: Pointer,
    outLen: number,
  ): number;
  merkle_append_leaf(
    length: number,
    roots: Pointer,
    rootsCount: number,
    size: number,
    hash: Pointer,
    out: Pointer,
    outLen: number,
  ): number;
  merkle_climb(node: Pointer, siblings: Pointer, count: number, out: Pointer): number;
}

/** SHA-256 of the sources the build was made from. */
export { SOURCE_HASH };

/** The one instance; between calls it keeps nothing but multiples of public points. */
export const core: Core = instantiate();

function instantiate(): Core {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(decodeModule()), {});
  return instance.exports as unknown as Core;
}

function decodeModule(): Uint8Array<ArrayBuffer> {
  const text = atob(WASM_BASE64.replaceAll("\n", ""));
  const bytes = new Uint8Array(WASM_BYTES);
  for (let i = 0; i < WASM_BYTES; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/**
 * Encryption of blocks with XSalsa20, as hypercore 11 has it by default. Byte table: `docs/spec/hypercore.md`.
 *
 * Source: `hypercore/lib/default-encryption.js`.
 *
 * @module
 */
import { copyBytes } from "../base/mod.ts";
import { blake2b, xsalsa20Xor } from "../crypto/mod.ts";
import type { EncryptionContext, EncryptionProvider } from "./encryption.ts";
import { HypercoreError } from "./errors.ts";
import { namespace } from "./log/mod.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 24;
const PADDING_BYTES = 8;

/** The keys that blocks are encrypted with, 32 bytes each. */
export interface EncryptionKeys {
  /** Hides the fork in front of each block. */
  readonly blinding: Uint8Array;
  /** Encrypts the block. */
  readonly block: Uint8Array;
}

/** Options of {@linkcode DefaultEncryption}. */
export interface DefaultEncryptionOptions {
  /** The key given is the block key itself, not the one that it is derived from. Default false. */
  readonly block?: boolean;
  /** Derives as for a log whose key is its signer's public key. Default false. */
  readonly compat?: boolean;
}

/**
 * Encrypts the blocks of one log.
 *
 * Each block has 8 bytes in front: the fork it was appended at, hidden. Together with the block's index they are the nonce,
 * so that no two blocks of a log share one.
 */
export class DefaultEncryption implements EncryptionProvider {
  /** Bytes in front of each block. */
  static readonly PADDING: number = PADDING_BYTES;

  /** As given, 32 bytes. */
  readonly key: Uint8Array;
  readonly #isBlockKey: boolean;
  #compat: boolean;
  #keys: EncryptionKeys;

  /**
   * Derives the keys.
   *
   * @param encryptionKey 32 bytes
   * @param hypercoreKey key of the log, 32 bytes
   * @throws {HypercoreError} `BAD_ARGUMENT` for another length.
   */
  constructor(encryptionKey: Uint8Array, hypercoreKey: Uint8Array, options: DefaultEncryptionOptions = {}) {
    this.key = encryptionKey;
    this.#isBlockKey = options.block === true;
    this.#compat = options.compat === true;
    this.#keys = DefaultEncryption.deriveKeys(encryptionKey, hypercoreKey, options);
  }

  /** Whether keys are derived as for a log whose key is its signer's public key. */
  get compat(): boolean {
    return this.#compat;
  }

  /** Encrypts the blocks, 32 bytes. */
  get blockKey(): Uint8Array {
    return this.#keys.block;
  }

  /** Hides the fork in front of each block, 32 bytes. */
  get blindingKey(): Uint8Array {
    return this.#keys.blinding;
  }

  /**
   * The keys for one log.
   *
   * @throws {HypercoreError} `BAD_ARGUMENT` for an encryption key that has not 32 bytes.
   */
  static deriveKeys(
    encryptionKey: Uint8Array,
    hypercoreKey: Uint8Array,
    { block = false, compat = false }: DefaultEncryptionOptions = {},
  ): EncryptionKeys {
    checkKey(encryptionKey);
    const blockKey = block
      ? copyBytes(encryptionKey)
      : compat
      ? blake2b(encryptionKey, { key: hypercoreKey })
      : DefaultEncryption.blockEncryptionKey(hypercoreKey, encryptionKey);
    return { block: blockKey, blinding: blake2b(blockKey) };
  }

  /** The block key of a log, derived from its key and an encryption key; 32 bytes. */
  static blockEncryptionKey(hypercoreKey: Uint8Array, encryptionKey: Uint8Array): Uint8Array {
    return blake2b([namespace("defaultEncryption"), hypercoreKey, encryptionKey]);
  }

  /** Encrypts `block`, whose first 8 bytes are free, in place. */
  static encrypt(
    index: number,
    block: Uint8Array,
    fork: number,
    blockKey: Uint8Array,
    blindingKey: Uint8Array,
  ): void {
    const padding = block.subarray(0, PADDING_BYTES);
    const nonce = nonceOf(index);
    writeUint64(padding, fork);
    xsalsa20Xor(padding, nonce, blindingKey, { out: padding });
    nonce.set(padding, PADDING_BYTES);
    const data = block.subarray(PADDING_BYTES);
    xsalsa20Xor(data, nonce, blockKey, { out: data });
  }

  /** Decrypts `block` in place; its first 8 bytes stay as they are. */
  static decrypt(index: number, block: Uint8Array, blockKey: Uint8Array): void {
    const nonce = nonceOf(index);
    nonce.set(block.subarray(0, PADDING_BYTES), PADDING_BYTES);
    const data = block.subarray(PADDING_BYTES);
    xsalsa20Xor(data, nonce, blockKey, { out: data });
  }

  /** Bytes in front of each block: 8. */
  padding(): number {
    return PADDING_BYTES;
  }

  /** Encrypts `block` in place. */
  encrypt(index: number, block: Uint8Array, fork: number, core: EncryptionContext): void {
    this.#followCompat(core);
    DefaultEncryption.encrypt(index, block, fork, this.#keys.block, this.#keys.blinding);
  }

  /**
   * Decrypts `block` in place.
   *
   * @throws {HypercoreError} `DECODING_ERROR` for a block shorter than its padding.
   */
  decrypt(index: number, block: Uint8Array, core: EncryptionContext): void {
    if (block.byteLength < PADDING_BYTES) {
      throw new HypercoreError("DECODING_ERROR", `Block ${index} is too short to be encrypted`);
    }
    this.#followCompat(core);
    DefaultEncryption.decrypt(index, block, this.#keys.block);
  }

  /** Whether a log's key is its signer's may become known only with the manifest. */
  #followCompat(core: EncryptionContext): void {
    if (core.compat === this.#compat || core.key === null) return;
    this.#compat = core.compat;
    const options = { block: this.#isBlockKey, compat: core.compat };
    this.#keys = DefaultEncryption.deriveKeys(this.key, core.key, options);
  }
}

function nonceOf(index: number): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  writeUint64(nonce, index);
  return nonce;
}

function writeUint64(bytes: Uint8Array, value: number): void {
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).setBigUint64(0, BigInt(value), true);
}

function checkKey(key: Uint8Array): void {
  if (key.byteLength === KEY_BYTES) return;
  throw new HypercoreError("BAD_ARGUMENT", `An encryption key has 32 bytes, not ${key.byteLength}`);
}

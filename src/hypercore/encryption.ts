/**
 * What encrypts blocks before they are appended and decrypts them when they are read. Source: `hypercore/index.js`.
 *
 * @module
 */
import { isBytes } from "../base/mod.ts";
import { DefaultEncryption } from "./default_encryption.ts";
import { HypercoreError } from "./errors.ts";
import type { Manifest } from "./log/mod.ts";

/** What an {@linkcode EncryptionProvider} may know of a log; a `Core` is one. */
export interface EncryptionContext {
  /** 32 bytes. */
  readonly key: Uint8Array | null;
  /** Whether the key is the signer's public key. */
  readonly compat: boolean;
  /** Null while it is not known. */
  readonly manifest: Manifest | null;
}

/** Encrypts and decrypts the blocks of a log. */
export interface EncryptionProvider {
  /** Bytes in front of block `index` that are the provider's. */
  padding(core: EncryptionContext, index: number): number;
  /** Encrypts `block`, its padding included, in place; `fork` is that of the log. */
  encrypt(index: number, block: Uint8Array, fork: number, core: EncryptionContext): unknown;
  /** Decrypts `block` in place; the padding stays in front of it. */
  decrypt(index: number, block: Uint8Array, core: EncryptionContext): unknown;
}

/** An encryption as callers may give it: a provider, a key of 32 bytes, or a key that may be the block key itself. */
export type EncryptionInput = EncryptionProvider | Uint8Array | {
  /** 32 bytes. */
  readonly key: Uint8Array | null;
  /** The key is the block key itself. Default false. */
  readonly block?: boolean;
};

/** Options that say how blocks are encrypted. */
export interface EncryptionOptions {
  /** Encrypts blocks; a session takes over its parent's. */
  readonly encryption?: EncryptionInput | null;
  /** The older way of giving a key, 32 bytes. */
  readonly encryptionKey?: Uint8Array | null;
  /** `encryptionKey` is the block key itself. Default false. */
  readonly isBlockKey?: boolean;
}

/** Tells whether `value` can encrypt and decrypt. */
export function isEncryptionProvider(value: unknown): value is EncryptionProvider {
  if (typeof value !== "object" || value === null) return false;
  const methods = value as Record<string, unknown>;
  return ["padding", "encrypt", "decrypt"].every((name) => typeof methods[name] === "function");
}

/** What options ask for; null for nothing. */
export function encryptionInput(options: EncryptionOptions): EncryptionInput | null {
  const { encryptionKey, isBlockKey = false, encryption = null } = options;
  return encryptionKey ? { key: encryptionKey, block: isBlockKey } : encryption;
}

/**
 * The provider that a caller means; null for none.
 *
 * @throws {HypercoreError} `ERR_ASSERTION` for what is neither a provider nor a key, `BAD_ARGUMENT` for a key of another length.
 */
export function encryptionProvider(
  input: EncryptionInput | null,
  core: EncryptionContext,
): EncryptionProvider | null {
  if (input === null || isEncryptionProvider(input)) return input;
  const { key = null, block = false } = isBytes(input)
    ? { key: input }
    : input as { key?: Uint8Array | null; block?: boolean };
  if (!key) return null;
  if (!isBytes(key)) {
    throw new HypercoreError("ERR_ASSERTION", "Provider does not satisfy HypercoreEncryption interface");
  }
  return new DefaultEncryption(key, core.key!, { block, compat: core.compat });
}

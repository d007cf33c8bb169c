/**
 * Keys of named cores: everything follows from one primary key. Byte tables: `docs/spec/corestore.md`.
 *
 * @module
 */
import { allocBytes, isBytes, utf8Bytes } from "../base/mod.ts";
import { blake2b, type KeyPair, wipe } from "../crypto/mod.ts";
import { keyPair, namespace } from "../hypercore_crypto/mod.ts";
import { CorestoreError } from "./errors.ts";

/** Bytes of a primary key, and of a namespace. */
export const PRIMARY_KEY_BYTES = 32;

/** The namespace of a store that was given none: 32 zeros. Source: `corestore/index.js`. */
export function defaultNamespace(): Uint8Array {
  return allocBytes(PRIMARY_KEY_BYTES);
}

/** Separates keys derived here from those derived elsewhere. */
const [DOMAIN] = namespace("corestore", 1) as [Uint8Array];

/**
 * The namespace called `name` within `parent`, 32 bytes. Source: `corestore/index.js`, `generateNamespace`: BLAKE2b-256
 * of the parent's namespace and the name.
 */
export function childNamespace(parent: Uint8Array, name: Uint8Array | string): Uint8Array {
  return blake2b([parent, bytesOf(name)]);
}

/**
 * The Ed25519 key pair of the core called `name` within a namespace. Source: `corestore/index.js`, `deriveSeed`:
 * BLAKE2b-256 of a fixed namespace, the store's namespace and the name, keyed with the primary key, is its seed.
 */
export function namedKeyPair(
  primaryKey: Uint8Array,
  within: Uint8Array,
  name: Uint8Array | string,
): KeyPair {
  const seed = blake2b([DOMAIN, within, bytesOf(name)], { key: primaryKey });
  try {
    return keyPair(seed);
  } finally {
    wipe(seed);
  }
}

/**
 * Checks that `value` has 32 bytes.
 *
 * @throws {CorestoreError} `BAD_ARGUMENT`.
 */
export function checkKeyBytes(what: string, value: Uint8Array | null | undefined): void {
  if (value === null || value === undefined) return;
  if (isBytes(value) && value.byteLength === PRIMARY_KEY_BYTES) return;
  const got = isBytes(value) ? `${(value as Uint8Array).byteLength} bytes` : typeof value;
  throw new CorestoreError("BAD_ARGUMENT", `A ${what} has ${PRIMARY_KEY_BYTES} bytes, got ${got}`);
}

function bytesOf(name: Uint8Array | string): Uint8Array {
  return typeof name === "string" ? utf8Bytes(name) : name;
}

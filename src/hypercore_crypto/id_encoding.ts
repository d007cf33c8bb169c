/**
 * The text form of keys: 52 characters of z-base-32; 64 hexadecimal digits and pear links are read too.
 *
 * The module is what the package `hypercore-id-encoding` exports.
 *
 * @module
 */
import { hexBytes, isBytes } from "../base/mod.ts";
import { IdEncodingError } from "./errors.ts";
import * as z32 from "./z32.ts";

const KEY_BYTES = 32;
const Z32_CHARS = 52;
const HEX_CHARS = 64;
const LINK_PREFIX = "pear://";

/**
 * Writes a key of 32 bytes as 52 characters of z-base-32. Source: hypercore-id-encoding `index.js`.
 *
 * @throws {IdEncodingError} `INVALID_KEY`
 */
export function encode(key: Uint8Array): string {
  if (!isBytes(key)) throw new IdEncodingError("INVALID_KEY", "Key must be a Buffer");
  if (key.byteLength !== KEY_BYTES) throw new IdEncodingError("INVALID_KEY", "Key must be 32-bytes long");
  return z32.encode(key);
}

/**
 * Reads a key of 32 bytes from z-base-32, from hexadecimal digits, or from the first part of a `pear://` link; gives
 * back bytes as they are. Source: hypercore-id-encoding `index.js`.
 *
 * @throws {IdEncodingError} `INVALID_ID` or `INVALID_CHARACTER`
 */
export function decode(id: string | Uint8Array): Uint8Array {
  if (isBytes(id)) {
    if (id.byteLength !== KEY_BYTES) throw new IdEncodingError("INVALID_ID", "ID must be 32-bytes long");
    return id;
  }
  if (typeof id === "string") {
    const text = id.startsWith(LINK_PREFIX) ? id.slice(LINK_PREFIX.length).split("/", 1)[0]! : id;
    if (text.length === Z32_CHARS) return z32.decode(text);
    if (text.length === HEX_CHARS && /^[0-9a-f]*$/i.test(text)) return hexBytes(text);
  }
  throw new IdEncodingError("INVALID_ID", "Invalid Hypercore key");
}

/**
 * Turns any form of a key into 52 characters of z-base-32. Source: hypercore-id-encoding `index.js`.
 *
 * @throws {IdEncodingError} `INVALID_ID` or `INVALID_CHARACTER`
 */
export function normalize(id: string | Uint8Array): string {
  return encode(decode(id));
}

/** Tells whether `id` is any form of a key. Source: hypercore-id-encoding `index.js`. */
export function isValid(id: unknown): id is string | Uint8Array {
  try {
    decode(id as string | Uint8Array);
    return true;
  } catch (error) {
    if (error instanceof IdEncodingError) return false;
    throw error;
  }
}

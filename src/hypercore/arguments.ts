/**
 * What the constructor of a log was given.
 *
 * @module
 */
import { copyBytes, isBytes } from "../base/mod.ts";
import { idEncoding } from "../hypercore_crypto/mod.ts";
import { HypercoreError } from "./errors.ts";
import type { HypercoreOptions, KeyInput, StorageInput } from "./options.ts";

/** Sorts out what stands where: a lone options object may stand in any place. */
export function arrangeArguments<Value>(
  storage: StorageInput | HypercoreOptions<Value> | null | undefined,
  key: KeyInput | HypercoreOptions<Value> | null | undefined,
  options: HypercoreOptions<Value> = {},
): { storage: StorageInput | null; key: KeyInput | null; options: HypercoreOptions<Value> } {
  const given = isOptions<Value>(storage) ? storage : isOptions<Value>(key) ? key : options;
  return {
    storage: (isOptions<Value>(storage) ? null : storage) ?? given.storage ?? null,
    key: (isOptions<Value>(storage) || isOptions<Value>(key) ? null : key) ?? given.key ?? null,
    options: given,
  };
}

/**
 * A key as bytes, fresh.
 *
 * @throws {HypercoreError} `BAD_ARGUMENT` for another length.
 */
export function parseKey(key: KeyInput): Uint8Array {
  const bytes = typeof key === "string" ? idEncoding.decode(key) : key;
  if (bytes.byteLength === 32) return copyBytes(bytes);
  throw new HypercoreError("BAD_ARGUMENT", `A key has 32 bytes, not ${bytes.byteLength}`);
}

function isOptions<Value>(value: unknown): value is HypercoreOptions<Value> {
  if (typeof value !== "object" || value === null || isBytes(value)) return false;
  return Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null;
}

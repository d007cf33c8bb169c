/**
 * What the recorder of the log's vectors made by rule instead of writing it down, and how to read the rest.
 *
 * @module
 */
import { hexBytes } from "../../src/base/mod.ts";
import { signKeyPair } from "../../src/crypto/mod.ts";
import type { LogKeyPair } from "../../src/hypercore/log/mod.ts";

/** Block `index` of every recorded log; some are empty. */
export function vectorBlock(index: number): Uint8Array {
  return Uint8Array.from({ length: (index * 5) % 17 }, (_, i) => (index * 31 + i) & 255);
}

/** Blocks `start` to `end` (exclusive). */
export function vectorBlocks(start: number, end: number): Uint8Array[] {
  return Array.from({ length: end - start }, (_, i) => vectorBlock(start + i));
}

/** Key pair number 0 to 3 of the recorder. */
export function vectorKeyPair(index: number): LogKeyPair {
  return signKeyPair(new Uint8Array(32).fill(index + 1));
}

/** Reads a recorded file. */
export function readVectors<T>(name: string): T {
  const url = new URL(`../vectors/hypercore/${name}.json`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url)) as T;
}

/** Turns `{ hex }` objects within a recorded value into bytes. */
export function withBytes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBytes);
  if (typeof value !== "object" || value === null) return value;
  if ("hex" in value && typeof value.hex === "string") return hexBytes(value.hex);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withBytes(item)]));
}

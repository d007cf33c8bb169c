/**
 * What the tests of bees share.
 *
 * @module
 */
import { type BeeCore, Hyperbee, type HyperbeeOptions } from "../../../src/hyperbee/mod.ts";
import { Hypercore } from "../../../src/hypercore/mod.ts";
import { ArrayCore } from "../../interop/peers/hyperbee/array_core.mjs";

/** A bee of text in memory. */
export function textBee(options: HyperbeeOptions<string, string> = {}): Hyperbee<string, string> {
  return new Hyperbee<string, string>(new Hypercore(), {
    keyEncoding: "utf-8",
    valueEncoding: "utf-8",
    ...options,
  });
}

/** Puts `keys`, each with its own name in upper case as value. */
export async function fill(bee: Hyperbee<string, string>, keys: Iterable<string>): Promise<void> {
  const batch = bee.batch();
  for (const key of keys) await batch.put(key, key.toUpperCase());
  await batch.flush();
}

/** Keys `a000`, `a001`, and so on. */
export function numberedKeys(count: number, prefix = "a"): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${String(i).padStart(3, "0")}`);
}

/** All items of a stream. */
export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** The keys of a stream's entries. */
export async function keysOf<Key>(items: AsyncIterable<{ key: Key }>): Promise<Key[]> {
  return (await all(items)).map(({ key }) => key);
}

/** A log in an array, as the core of a bee. */
export function arrayCore(
  blocks: Uint8Array[] = [],
): BeeCore & { readonly blocks: Uint8Array[]; readonly reads: number } {
  return new ArrayCore(blocks) as unknown as BeeCore & { blocks: Uint8Array[]; reads: number };
}

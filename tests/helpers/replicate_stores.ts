/**
 * Stores of cores replicating in memory.
 *
 * @module
 */
import type { Corestore } from "../../src/corestore/mod.ts";

/** Replicates two stores until disposed. */
export function replicateStores(one: Corestore, other: Corestore): AsyncDisposable {
  const left = one.replicate(true);
  const right = other.replicate(false);
  left.pipe(right).pipe(left);
  const closed = [left, right].map((stream) => new Promise<void>((resolve) => stream.on("close", resolve)));
  for (const stream of [left, right]) stream.on("error", () => {}); // stores that close end it
  return {
    async [Symbol.asyncDispose]() {
      left.destroy();
      right.destroy();
      await Promise.all(closed);
    },
  };
}

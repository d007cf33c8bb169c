/**
 * Gate: fails when the committed build was made from other sources than those beside it.
 *
 * @module
 */
import { SOURCE_HASH } from "./lib/quince_core.ts";
import { sourceHash } from "./source_hash.ts";

const expected = sourceHash(new URL("./", import.meta.url));
if (expected !== SOURCE_HASH) {
  throw new Error(
    `The committed WASM build has source hash ${SOURCE_HASH}, the sources have ${expected}: run deno task wasm`,
  );
}

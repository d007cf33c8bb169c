/**
 * The hash that ties the committed build to its sources.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** The files that decide what the build contains, relative to the `wasm/` folder. */
const FIXED_SOURCES = [
  "Cargo.lock",
  "Cargo.toml",
  "bind/Cargo.toml",
  "build.sh",
  "build_lib.ts",
  "core/Cargo.toml",
];
const SOURCE_FOLDERS = ["bind/src", "core/src"];

/** SHA-256 over path, length and content of every source, in path order, as hexadecimal text. */
export function sourceHash(wasmFolder: URL): string {
  const paths = [...FIXED_SOURCES];
  for (const folder of SOURCE_FOLDERS) {
    for (const entry of Deno.readDirSync(new URL(`${folder}/`, wasmFolder))) {
      if (entry.isFile && entry.name.endsWith(".rs")) paths.push(`${folder}/${entry.name}`);
    }
  }
  const hash = createHash("sha256");
  for (const path of paths.sort()) {
    const bytes = Deno.readFileSync(new URL(path, wasmFolder));
    hash.update(`${path}\n${bytes.byteLength}\n`);
    hash.update(bytes);
  }
  return hash.digest("hex");
}

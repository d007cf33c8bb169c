/**
 * Folders that corestore 6 and hypercore 10 wrote, recorded by `tests/vectors/record/legacy_stores.mjs`, and what is in
 * them.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { hexText, utf8Bytes } from "../../src/base/mod.ts";
import { blake2b } from "../../src/crypto/mod.ts";

/** A core of a recorded folder. */
export interface LegacyCore {
  readonly name: string;
  readonly key: string;
  readonly discoveryKey: string;
  readonly length: number;
  readonly fork: number;
  readonly treeHash: string | null;
  /** Blocks that are there. */
  readonly present: readonly number[];
  readonly writable: boolean;
  readonly userData: Readonly<Record<string, string>>;
  /** Namespaces of its name. */
  readonly path?: readonly string[];
  /** Its name, where that is not what its blocks say. */
  readonly alias?: string;
  /** Blocks below this say `before` in place of its name. */
  readonly changedAt?: number;
  readonly before?: string;
}

/** What was recorded. */
export interface LegacyStores {
  readonly stores: Readonly<Record<string, { primaryKey: string; cores: readonly LegacyCore[] }>>;
  readonly cores: Readonly<Record<string, LegacyCore>>;
}

const ROOT = new URL("../vectors/corestore/legacy/", import.meta.url);

/** What is in the recorded folders. */
export const legacyStores = JSON.parse(
  Deno.readTextFileSync(new URL("expected.json", ROOT)),
) as LegacyStores;

/** Path of a recorded folder. */
export function legacyFolder(name: string): string {
  return fileURLToPath(new URL(name, ROOT));
}

/** Block `index` of a recorded core. */
export function legacyBlock(core: LegacyCore, index: number): Uint8Array {
  const name = index < (core.changedAt ?? 0) ? core.before! : core.name;
  return utf8Bytes(`${name} ${index} `.repeat(1 + index % 5));
}

/** The files below `folder`, by path. */
export function* filesBelow(folder: string, prefix = ""): Generator<string> {
  for (const { name, isDirectory } of Array.from(Deno.readDirSync(`${folder}/${prefix}`)).sort(byName)) {
    if (isDirectory) yield* filesBelow(folder, `${prefix}${name}/`);
    else yield prefix + name;
  }
}

/** A hash over names, content and times of all files below `folder`. */
export function folderDigest(folder: string): string {
  const parts: Uint8Array[] = [];
  for (const path of filesBelow(folder)) {
    const { mtime, size } = Deno.statSync(`${folder}/${path}`);
    parts.push(utf8Bytes(`${path} ${size} ${mtime?.getTime()}\n`), Deno.readFileSync(`${folder}/${path}`));
  }
  return hexText(blake2b(parts));
}

/** Copies a recorded folder to `target`, which is empty. */
export function copyFolder(source: string, target: string): void {
  for (const path of filesBelow(source)) {
    Deno.mkdirSync(`${target}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.copyFileSync(`${source}/${path}`, `${target}/${path}`);
  }
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

/**
 * Folders of many files of every kind that a file system and a drive both have, for tests of sharing them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SeededRandom } from "../../src/base/mod.ts";

/** What the names of files are made of; each gets a number behind it. */
const NAMES = [
  "plain",
  "with space",
  " space in front",
  ".hidden",
  "..two dots",
  "é", // composed
  "e\u0301", // the same to the eye, with a combining accent
  "ﬀ~～", // sorts before the next as bytes, and behind it as UTF-16
  "😀𝒜",
  "日本語",
  "עברית",
  "%20#?&=+",
  "'\"`$(x)",
  "[*]{!}|<>:",
  "tab\tline\nbreak",
  "__proto__",
  "nul.con.aux",
  "x".repeat(240),
];

/** What folders are called. */
const FOLDERS = ["a", "b c", ".d", "ё", "e\u0308", "🗂️", "constructor", "-rf", "y".repeat(60)];

/** Sizes at which files are cut, read or written in another way. */
const EDGE_SIZES = [1, 4095, 4096, 65_535, 65_536, 65_537, 131_072];

const FOLDER_FILES = 40;
const DEPTH_MAX = 30;

/** Makes `count` files and links below `folder`, the same ones each time. */
export function writeLargeFolder(folder: string, count: number): void {
  const random = new SeededRandom(count);
  const integer = (end: number): number => Math.floor(random.next() * end);
  const bytes = noise(6 << 20);
  let below = "";
  for (let index = 0; index < count; index++) {
    if (index % FOLDER_FILES === 0) {
      // One folder in twenty lies deep; paths stay far below what systems allow.
      const depth = integer(20) === 0 ? DEPTH_MAX : 1 + integer(4);
      const names = Array.from({ length: depth }, () => FOLDERS[integer(FOLDERS.length)]!);
      below = join(String(index), ...names);
      mkdirSync(join(folder, below), { recursive: true });
    }
    const name = `${NAMES[index % NAMES.length]} ${index}`;
    const file = join(folder, below, name);
    if (index % 50 === 49) {
      symlinkSync(linkTarget(folder, below, index), file);
      continue;
    }
    const start = integer(1 << 20);
    writeFileSync(file, bytes.subarray(start, start + sizeOf(index, integer)));
    if (index % 17 === 0) chmodSync(file, 0o755);
  }
}

/** Bytes that do not repeat; a full random generator would take seconds for so many. */
function noise(byteLength: number): Uint8Array {
  const words = new Uint32Array(byteLength / 4);
  let word = 1;
  for (let index = 0; index < words.length; index++) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    words[index] = word;
  }
  return new Uint8Array(words.buffer);
}

function linkTarget(folder: string, below: string, index: number): string {
  const targets = [
    `${NAMES[(index - 1) % NAMES.length]} ${index - 1}`, // a file beside it
    "..", // a folder that it lies in
    "gone/nowhere", // nothing
    join(folder, below), // absolute, inside
    join(folder, "0"),
  ];
  return targets[Math.floor(index / 50) % targets.length]!;
}

function sizeOf(index: number, integer: (end: number) => number): number {
  if (index % 1999 === 5) return 1_000_000 + integer(4_000_000);
  if (index % 100 === 3) return EDGE_SIZES[integer(EDGE_SIZES.length)]!;
  return index % 25 === 0 ? 0 : integer(6000);
}

/** Bytes written at a time into large files. */
const WRITE_BYTES = 16 << 20;
const BIG_FILES = 5;

/** Makes a few files of `byteLength` in all below `folder`: noise, and one that is mostly a hole. */
export function writeBigFiles(folder: string, byteLength: number): void {
  mkdirSync(folder, { recursive: true });
  const bytes = noise(WRITE_BYTES);
  const words = new Uint32Array(bytes.buffer);
  const fileBytes = Math.floor(byteLength / BIG_FILES);
  for (let index = 0; index < BIG_FILES; index++) {
    using file = Deno.openSync(join(folder, `big ${index}.bin`), { write: true, create: true });
    file.truncateSync(fileBytes);
    const step = index === 0 ? 8 * WRITE_BYTES : WRITE_BYTES;
    for (let start = 0; start < fileBytes; start += step) {
      words[0] = start / WRITE_BYTES;
      words[1] = index;
      file.seekSync(start, Deno.SeekMode.Start);
      const chunk = bytes.subarray(0, Math.min(WRITE_BYTES, fileBytes - start));
      for (let written = 0; written < chunk.length;) written += file.writeSync(chunk.subarray(written));
    }
  }
}

/** What a folder holds: its name is a path, its value says what is there, digests instead of contents. */
export type FolderDigest = ReadonlyMap<string, string>;

/** Reads everything below `folder`; links that lead to absolute places inside it are told as such. */
export async function digestFolder(folder: string): Promise<FolderDigest> {
  const digest = new Map<string, string>();
  const waiting = [""];
  for (let below = waiting.pop(); below !== undefined; below = waiting.pop()) {
    for await (const { name, isDirectory, isSymlink } of Deno.readDir(join(folder, below))) {
      const path = `${below}/${name}`;
      const file = join(folder, path);
      if (isDirectory) waiting.push(path);
      else if (isSymlink) digest.set(path, `-> ${(await Deno.readLink(file)).replace(folder, "(folder)")}`);
      else digest.set(path, await digestFile(file));
    }
  }
  return digest;
}

async function digestFile(file: string): Promise<string> {
  using open = await Deno.open(file);
  const { mode, size } = await open.stat();
  const hash = createHash("sha256");
  const buffer = new Uint8Array(1 << 18);
  for (let count = await open.read(buffer); count !== null; count = await open.read(buffer)) {
    hash.update(buffer.subarray(0, count));
  }
  return `${mode! & 0o100 ? "executable" : "file"} ${size} ${hash.digest("hex")}`;
}

/** Fails with the first paths that are not the same in both. */
export function assertSameFolders(actual: FolderDigest, expected: FolderDigest): void {
  const differing = Array.from(new Set([...actual.keys(), ...expected.keys()]))
    .filter((path) => actual.get(path) !== expected.get(path))
    .map((path) => ({ path, actual: actual.get(path), expected: expected.get(path) }));
  assert.deepEqual(differing.slice(0, 5), [], `${differing.length} paths differ`);
}

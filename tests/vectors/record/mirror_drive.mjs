// Records where rabin-native cuts bytes of a seeded generator: node tests/vectors/record/mirror_drive.mjs
import { createRequire } from "node:module";
import { writeFileSync } from "node:fs";

const require = createRequire(new URL("../../interop/peers/package.json", import.meta.url));
const { Chunker } = require("rabin-native");
const { version } = require("rabin-native/package");

/** The same generator as in the test: xorshift32, one byte per step. */
function seededBytes(seed, length) {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let index = 0; index < length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state;
  }
  return bytes;
}

function chunks(bytes, options, pieceLength) {
  const chunker = new Chunker(options);
  const lengths = [];
  for (let start = 0; start < bytes.length; start += pieceLength) {
    for (const { length } of chunker.push(bytes.subarray(start, start + pieceLength))) lengths.push(length);
  }
  const last = chunker.end();
  if (last !== null) lengths.push(last.length);
  return lengths;
}

const cases = [
  { seed: 1, byteLength: 12_000_000, pieceLength: 65_536 },
  { seed: 2, byteLength: 30_000_000, pieceLength: 1_000_000 },
  { seed: 3, byteLength: 300_000, pieceLength: 7_919, minSize: 64, maxSize: 4096 },
  { seed: 4, byteLength: 5_000_000, pieceLength: 100_003, minSize: 1, maxSize: 3_000_000 },
  { seed: 0, byteLength: 20_000_000, pieceLength: 65_536 },
].map(({ minSize, maxSize, ...given }) => ({
  ...given,
  ...(minSize && { minSize, maxSize }),
  chunks: chunks(seededBytes(given.seed, given.byteLength), minSize ? { minSize, maxSize } : {}, given.pieceLength),
}));

const file = new URL("../mirror_drive/chunks.json", import.meta.url);
writeFileSync(file, JSON.stringify({ source: `rabin-native ${version}`, cases }, null, 2) + "\n");

import assert from "node:assert/strict";
import { Readable } from "../../../src/base/mod.ts";
import { ChunkStream } from "../../../src/mirror_drive/chunk_stream.ts";
import { RabinChunker } from "../../../src/mirror_drive/rabin_chunker.ts";
import vectors from "../../vectors/mirror_drive/chunks.json" with { type: "json" };

/** The generator of tests/vectors/record/mirror_drive.mjs. */
function seededBytes(seed: number, byteLength: number): Uint8Array {
  const bytes = new Uint8Array(byteLength);
  let state = seed;
  for (let index = 0; index < byteLength; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state;
  }
  return bytes;
}

function chunkLengths(chunker: RabinChunker, bytes: Uint8Array, pieceLength: number): number[] {
  const ends: number[] = [];
  for (let piece = 0; piece < bytes.length; piece += pieceLength) {
    const part = bytes.subarray(piece, piece + pieceLength);
    for (let start = chunker.findEnd(part, 0); start !== -1; start = chunker.findEnd(part, start)) {
      ends.push(piece + start);
    }
  }
  if (ends.at(-1) !== bytes.length) ends.push(bytes.length);
  return ends.map((end, index) => end - (ends[index - 1] ?? 0));
}

for (const { seed, byteLength, pieceLength, chunks, ...limits } of vectors.cases) {
  Deno.test(`MD-012 RabinChunker cuts ${byteLength} bytes of seed ${seed} where rabin-native does`, () => {
    const { minSize, maxSize } = limits as { minSize?: number; maxSize?: number };
    const chunker = new RabinChunker(minSize, maxSize);
    assert.deepEqual(chunkLengths(chunker, seededBytes(seed, byteLength), pieceLength), chunks);
  });
}

Deno.test("MD-012 ChunkStream gives the bytes back in those chunks", async () => {
  const { seed, byteLength, chunks } = vectors.cases[0]!;
  const bytes = seededBytes(seed, byteLength);
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += 50_000) {
    pieces.push(bytes.subarray(start, start + 50_000));
  }
  const received: Uint8Array[] = [];
  for await (const chunk of Readable.from(pieces).pipe(new ChunkStream())) received.push(chunk);
  assert.deepEqual(received.map((chunk) => chunk.byteLength), chunks);
  assert.ok(Buffer.concat(received).equals(bytes));
});

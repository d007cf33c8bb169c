/**
 * Block maps and ids of strangers.
 *
 * @module
 */
import assert from "node:assert/strict";
import { concatBytes, hexText, QuinceError, SeededRandom } from "../../src/base/mod.ts";
import { type BlobCore, type BlobId, Hyperblobs } from "../../src/hyperblobs/mod.ts";
import { Hypercore } from "../../src/hypercore/mod.ts";
import { ArrayCore } from "../interop/peers/hyperbee/array_core.mjs";

const DAMAGED_MAPS = 3000;
const MODEL_STEPS = 1500;

function below(random: SeededRandom, count: number): number {
  return Math.floor(random.next() * count);
}

Deno.test(`${DAMAGED_MAPS} damaged block maps and ids are read, or refused with a code`, async () => {
  const random = new SeededRandom(1);
  let refusedCount = 0;
  for (let round = 0; round < DAMAGED_MAPS; round++) {
    const core = Object.assign(new ArrayCore(), {
      byteLength: 0,
      download: () => ({ destroy() {} }),
      seek: () => Promise.resolve(null),
    });
    const blobs = new Hyperblobs(core as unknown as BlobCore, { blockSize: 4 });
    const bytes = Uint8Array.from({ length: below(random, 60) }, () => below(random, 3));
    const id: Record<string, unknown> = { ...await blobs.put(bytes, { dedup: true }) };
    const map = core.blocks.at(-1);
    if (map !== undefined && random.next() < 0.8) map[below(random, map.byteLength)] = below(random, 256);
    if (random.next() < 0.3) {
      const fields = ["blockOffset", "blockLength", "byteOffset", "byteLength"];
      const values = [0, 1, 63, 64, 65, -1, 1.5, NaN, 2 ** 40, 2 ** 53, undefined, "7"];
      id[fields[below(random, 4)]!] = values[below(random, values.length)];
    }
    const part = { start: below(random, 20), length: below(random, 20) };
    for (const options of [{ wait: false }, { wait: false, ...part }]) {
      try {
        await blobs.get(id as unknown as BlobId, options);
        await blobs.getByteLength(id as unknown as BlobId);
      } catch (error) {
        const isMissingBlock = error instanceof Error && /^There is no block/.test(error.message);
        assert.ok(
          error instanceof QuinceError || isMissingBlock,
          error instanceof Error ? error.stack : String(error),
        );
        refusedCount++;
      }
    }
  }
  assert.ok(refusedCount > DAMAGED_MAPS / 10, `only ${refusedCount} were refused`);
});

Deno.test(`${MODEL_STEPS} random puts, streams, batches and parts give back what was stored`, async () => {
  const random = new SeededRandom(2);
  await using blobs = new Hyperblobs(new Hypercore(), { blockSize: 7 });
  const stored: { id: BlobId; bytes: Uint8Array }[] = [];
  for (let step = 0; step < MODEL_STEPS; step++) {
    const bytes = Uint8Array.from({ length: below(random, 80) }, () => below(random, 4));
    switch (below(random, 5)) {
      case 0:
        stored.push({ bytes, id: await blobs.put(bytes) });
        break;
      case 1:
        stored.push({ bytes, id: await blobs.put(bytes, { dedup: true, blob: stored.at(-1)?.id }) });
        break;
      case 2: {
        const batch = blobs.batch();
        stored.push({ bytes, id: await batch.put(bytes) });
        await batch.flush();
        break;
      }
      default: {
        if (stored.length === 0) break;
        const { id, bytes: expected } = stored[below(random, stored.length)]!;
        const start = below(random, 90);
        const length = below(random, 90);
        const slice = hexText(expected.subarray(start, start + length));
        assert.equal(hexText((await blobs.get(id, { start, length }))!), slice);
        const parts: Uint8Array[] = [];
        for await (const part of blobs.createReadStream(id)) parts.push(part);
        assert.equal(hexText(concatBytes(parts)), hexText(expected));
        assert.equal(await blobs.getByteLength(id), expected.byteLength);
      }
    }
  }
});

// deno-lint-ignore-file no-console -- a program that prints
/**
 * Writes to some stores until it is killed: `deno run -A corestore_worker.ts FOLDER COUNT SEED PORT KEY`.
 *
 * Each store lies in a folder of its own, is replicated with whoever listens on `PORT + its number`, writes a core of its
 * own (appending, cutting, committing batches) and fetches, clears and fetches again the core with `KEY`. After each
 * change of its own core it prints store, length and fork.
 *
 * @module
 */
import { connect } from "node:net";
import { hexBytes, SeededRandom, utf8Bytes } from "../../src/base/mod.ts";
import { Corestore } from "../../src/corestore/mod.ts";
import type { Hypercore } from "../../src/hypercore/mod.ts";

const [folder, count, seed, ports, key] = Deno.args as [string, string, string, string, string];

/** One step of writing, at random. */
async function step(core: Hypercore, random: SeededRandom): Promise<void> {
  const kind = random.next();
  const block = () =>
    utf8Bytes(`${core.length} ${random.next()}`.padEnd(random.next() < 0.1 ? 20_000 : 20, "."));
  if (kind < 0.5) {
    await core.append(block());
  } else if (kind < 0.75) {
    await core.append(Array.from({ length: 10 }, block));
  } else if (kind < 0.85 && core.length > 20) {
    await core.truncate(core.length - 1 - Math.floor(random.next() * 5));
  } else {
    const batch = core.session({ name: "batch", overwrite: true });
    await batch.append([block(), block(), block()]);
    if (random.next() < 0.7) await core.commit(batch);
    await batch.close();
  }
}

async function write(number: number): Promise<never> {
  const random = new SeededRandom(Number(seed) + number);
  const store = new Corestore(`${folder}/${number}`);
  const core = store.get({ name: "own" });
  await core.ready();
  const reading = store.get({ key: hexBytes(key) });
  await reading.ready();
  const socket = connect(Number(ports.split(",")[number]), "127.0.0.1");
  const stream = store.replicate(true);
  stream.on("error", () => {});
  socket.on("error", () => {});
  stream.pipe(socket).pipe(stream);
  reading.download();
  while (true) {
    await step(core, random);
    console.log(`${number} ${core.length} ${core.fork}`);
    if (random.next() < 0.1 && reading.contiguousLength > 10) {
      const start = Math.floor(random.next() * (reading.contiguousLength - 5));
      await reading.clear(start, start + 5);
    }
    await new Promise((resolve) => setTimeout(resolve, random.next() * 3));
  }
}

await Promise.all(Array.from({ length: Number(count) }, (_, number) => write(number)));

// What is measured on bees and blobs, written once: the classes are ours or npm's, and their API is the same.
// Each task prepares, checks what it is about to measure, measures, and returns { value, unit, cpuMs }; more is better.
import process from "node:process";
import { check } from "./task_parts.mjs";

const VALUE = "v".repeat(100);
const MILLION = 1_000_000;
const MIB = 1024 * 1024;

export const tasks = {
  "bee put singly": async (context) => {
    const bee = await context.openBee();
    const count = 3000;
    const measured = await timed(async () => {
      for (let i = 0; i < count; i++) await bee.put(scattered(i, count), VALUE);
    });
    check(await has(bee, scattered(7, count)), "an entry");
    return rate(count, measured, "puts/s");
  },
  "bee put in batches of 1000": async (context) => {
    const bee = await context.openBee();
    const count = 50_000;
    const measured = await timed(() => fill(bee, count, 1000, (i) => scattered(i, count)));
    check(await has(bee, scattered(7, count)), "an entry");
    return rate(count, measured, "puts/s");
  },
  "bee get": async (context) => {
    const count = 20_000;
    const bee = await reopened(context, count);
    check(await has(bee, scattered(7, count)), "an entry");
    let found = 0;
    const measured = await timed(async () => {
      for (let i = 0; i < count; i++) if (await bee.get(scattered(i, count))) found++;
    });
    check(found === count, "the number of entries found");
    return rate(count, measured, "gets/s");
  },
  "bee iterate": async (context) => {
    const count = 50_000;
    const bee = await reopened(context, count);
    let found = 0;
    const measured = await timed(async () => {
      for await (const { value } of bee.createReadStream()) if (value.length === 100) found++;
    });
    check(found === count, "the number of entries found");
    return rate(count, measured, "entries/s");
  },
  "bee bulk load of 1 million sorted keys": async (context) => {
    const bee = await context.openBee();
    const measured = await timed(() => fill(bee, MILLION, 10_000, sorted));
    check(await has(bee, sorted(777_777)), "an entry");
    check(bee.version === MILLION + 1, "the version");
    return rate(MILLION, measured, "puts/s");
  },
  "bee diff, 1 million entries, 100 changes": async (context) => {
    const bee = await context.openBee();
    await fill(bee, MILLION, 10_000, sorted);
    const { version } = bee;
    const batch = bee.batch();
    for (let i = 0; i < 100; i++) await batch.put(sorted(i * 9973), "changed");
    await batch.flush();
    await context.close();
    const again = await context.openBee();
    let found = 0;
    const measured = await timed(async () => {
      for await (const { left } of again.createDiffStream(version)) if (left.value === "changed") found++;
    });
    check(found === 100, "the number of differences");
    return rate(1, measured, "diffs/s");
  },
  "blob 64 MiB in": async (context) => {
    const blobs = await context.openBlobs();
    const source = pattern(64 * MIB);
    await blobs.put(source.subarray(0, MIB));
    let id;
    const measured = await timed(async () => id = await blobs.put(source));
    check(id.byteLength === 64 * MIB && id.blockLength === 1024, "the id");
    return rate(64 * MIB / 1e6, measured, "MB/s");
  },
  "blob 64 MiB out": async (context) => {
    const source = pattern(64 * MIB);
    const id = await (await context.openBlobs()).put(source);
    await context.close();
    const blobs = await context.openBlobs();
    let bytes = 0;
    let last = null;
    const measured = await timed(async () => {
      for await (const part of blobs.createReadStream(id)) {
        bytes += part.byteLength;
        last = part;
      }
    });
    check(bytes === 64 * MIB, "the number of bytes");
    check(Buffer.compare(last, source.subarray(-last.byteLength)) === 0, "the last bytes");
    return rate(64 * MIB / 1e6, measured, "MB/s");
  },
};

async function reopened(context, count) {
  await fill(await context.openBee(), count, 1000, (i) => scattered(i, count));
  await context.close();
  return await context.openBee();
}

async function fill(bee, count, batchSize, keyOf) {
  for (let start = 0; start < count; start += batchSize) {
    const batch = bee.batch();
    for (let i = start; i < Math.min(count, start + batchSize); i++) await batch.put(keyOf(i), VALUE);
    await batch.flush();
  }
}

function sorted(i) {
  return `key-${String(i).padStart(8, "0")}`;
}

/** The same keys, in an order that jumps about. */
function scattered(i, count) {
  return sorted(i * 7919 % count);
}

async function has(bee, key) {
  const entry = await bee.get(key);
  return entry !== null && entry.key === key && entry.value === VALUE;
}

function pattern(byteLength) {
  const bytes = Buffer.allocUnsafe(byteLength);
  for (let i = 0; i < byteLength; i += 4) bytes.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
  return bytes;
}

async function timed(work) {
  const start = performance.now();
  const startCpu = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(startCpu);
  return { seconds: (performance.now() - start) / 1000, cpuMs: (user + system) / 1000 };
}

function rate(count, { seconds, cpuMs }, unit) {
  return { value: count / seconds, unit, cpuMs };
}

// What is measured on a store of cores, written once: the class is ours or npm's, and their API is the same.
// `prepare` runs in a process of its own; `run` checks what it is about to measure, and returns { value, unit }.
import { connect, createServer } from "node:net";
import { block, check, same } from "./task_parts.mjs";

const CORES = 10_000;
const MILLION = 1_000_000;
const TEN_MILLION = 10_000_000;
const SMALL = 100;

export const tasks = {
  "open a store of 10 000 cores and read one block of each": {
    prepare: (context) => fill(context, CORES),
    run: openAll,
  },
  "reopen a store of 10 000 cores": { prepare: (context) => fill(context, CORES), run: reopen },
  "1000 sessions of one core": { prepare: (context) => fill(context, 1), run: sessions },
  "open a core of 1 million blocks": long(openLong),
  "random get in a core of 1 million blocks": long(randomGet),
  "memory of a core of 1 million blocks, open": long(memoryOpen),
  "memory of a core of 1 million blocks, replicated": { serve, run: memoryReplicated },
};

// Run by hand, a side at a time: filling alone takes minutes.
export const tasksByHand = {
  "a core of 10 million blocks": {
    prepare: (context) => fillLong(context, TEN_MILLION),
    run: async (context) => {
      const bare = context.memoryBytes();
      const open = await openLong(context, TEN_MILLION);
      const get = await randomGet(context, TEN_MILLION);
      return { ...open, details: { bare, get, resident: context.memoryBytes() } };
    },
  },
};

function long(run) {
  return {
    prepare: (context) => fillLong(context, MILLION),
    run: (context) => run(context, MILLION),
  };
}

async function fill({ Corestore, folder, report }, count) {
  const store = new Corestore(folder);
  await store.ready();
  const keys = [];
  for (let i = 0; i < count; i++) {
    const core = store.get({ name: `core ${i}` });
    await core.append(block(i, SMALL));
    keys.push(core.key.toString("hex"));
    await core.close();
  }
  await store.close();
  await report(keys);
}

async function openAll({ Corestore, folder, prepared: keys }) {
  let bytes = 0;
  let store = null;
  const seconds = await timed(async () => {
    store = new Corestore(folder);
    await store.ready();
    for (let i = 0; i < keys.length; i += 100) {
      const blocks = await Promise.all(keys.slice(i, i + 100).map((key) => store.get({ key }).get(0)));
      for (const block of blocks) bytes += block.byteLength;
    }
  });
  check(bytes === keys.length * SMALL, "the bytes read");
  await store.close();
  return { value: keys.length / seconds, unit: "cores/s" };
}

async function reopen({ Corestore, folder, prepared: keys }) {
  let seconds = 0;
  const ROUNDS = 5;
  for (let round = 0; round < ROUNDS; round++) {
    let store = null;
    seconds += await timed(async () => {
      store = new Corestore(folder);
      await store.ready();
      const core = store.get({ name: `core ${round * 7}` });
      check(same(await core.get(0), block(round * 7, SMALL)), "the block read");
    });
    check(keys.length === CORES, "the count of cores");
    await store.close();
  }
  return { value: seconds * 1000 / ROUNDS, unit: "ms", lessIsBetter: true };
}

async function sessions({ Corestore, folder, prepared: [key] }) {
  const store = new Corestore(folder);
  const core = store.get({ key });
  check(same(await core.get(0), block(0, SMALL)), "the block read");
  const seconds = await timed(async () => {
    const open = Array.from({ length: 1000 }, () => core.session());
    for (const session of open) check((await session.get(0)).byteLength === SMALL, "a block");
    for (const session of open) await session.close();
  });
  await store.close();
  return { value: 1000 / seconds, unit: "sessions/s" };
}

async function fillLong({ Corestore, folder, report }, count) {
  const store = new Corestore(folder);
  const core = store.get({ name: "long" });
  await core.ready();
  await appendMany(core, count);
  const key = core.key.toString("hex");
  await store.close();
  await report(key);
}

async function openLong({ Corestore, folder, prepared: key }, count) {
  const store = new Corestore(folder);
  await store.ready();
  const ROUNDS = 20;
  let seconds = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const core = store.get({ key });
    seconds += await timed(() => core.ready());
    check(core.length === count, "the length");
    const inner = core.core;
    await core.close();
    await inner.close();
  }
  await store.close();
  return { value: seconds * 1000 / ROUNDS, unit: "ms", lessIsBetter: true };
}

async function randomGet({ Corestore, folder, prepared: key }, count) {
  const store = new Corestore(folder);
  const core = store.get({ key });
  await core.ready();
  const COUNT = 20_000;
  let seed = 1;
  let bytes = 0;
  const seconds = await timed(async () => {
    for (let i = 0; i < COUNT; i++) {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      bytes += (await core.get(seed % count)).byteLength;
    }
  });
  check(bytes === COUNT * SMALL, "the bytes read");
  await store.close();
  return { value: COUNT / seconds, unit: "blocks/s" };
}

async function memoryOpen({ Corestore, folder, prepared: key, memoryBytes }, count) {
  const store = new Corestore(folder);
  const core = store.get({ key });
  await core.ready();
  for (let i = 0; i < count; i += 1000) check((await core.get(i)).byteLength === SMALL, "a block");
  const value = memoryBytes().now / 1e6;
  await store.close();
  return { value, unit: "MB resident", lessIsBetter: true };
}

async function serve({ Corestore, folder, report }) {
  const store = new Corestore(folder);
  const core = store.get({ name: "long" });
  await core.ready();
  await appendMany(core, MILLION);
  const server = createServer((socket) => pipe(store.replicate(false), socket));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  await report({ key: core.key.toString("hex"), port: server.address().port });
}

async function memoryReplicated({ Corestore, folder, prepared: { key, port }, memoryBytes }) {
  const bare = memoryBytes();
  const store = new Corestore(folder);
  const core = store.get({ key });
  await core.ready();
  const socket = connect(port, "127.0.0.1");
  pipe(store.replicate(true), socket);
  await core.download({ start: 0, end: MILLION }).done();
  check(core.contiguousLength === MILLION, "the blocks");
  const memory = memoryBytes();
  socket.destroy();
  await store.close();
  return {
    value: memory.now / 1e6,
    unit: "MB resident",
    lessIsBetter: true,
    details: { bare, peak: memory.peak },
  };
}

async function appendMany(core, count) {
  for (let i = 0; i < count; i += 1000) {
    await core.append(Array.from({ length: 1000 }, (_, k) => block(i + k, SMALL)));
  }
}

function pipe(stream, socket) {
  stream.on("error", () => {});
  socket.on("error", () => stream.destroy());
  stream.pipe(socket).pipe(stream);
}

async function timed(work) {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

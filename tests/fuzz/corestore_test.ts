/**
 * Stores of cores under random use and random damage.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText, SeededRandom, utf8Bytes, utf8Text } from "../../src/base/mod.ts";
import { Corestore, importLegacyStore } from "../../src/corestore/mod.ts";
import { readOplog } from "../../src/corestore/legacy/oplog.ts";
import { IdleMachine } from "../../src/corestore/idle_machine.ts";
import type { Hypercore } from "../../src/hypercore/mod.ts";
import { collect } from "../helpers/collect.ts";
import { FlakyStorage } from "../helpers/flaky_storage.ts";
import { copyFolder, filesBelow, legacyBlock, legacyFolder, legacyStores } from "../helpers/legacy_stores.ts";
import { MemoryReplication } from "../helpers/memory_replication.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const MODEL_PROGRAMS = 200;
const DAMAGED_FOLDERS = 60;
const OPLOG_MUTATIONS = 3000;
const IDLE_PROGRAMS = 300;

const NAMES = ["a", "b", "c", "d"];
const PATHS = [[], ["x"], ["x", "y"]];
const PRIMARY_KEY = new Uint8Array(32).fill(3);

function pick<T>(random: SeededRandom, values: readonly T[]): T {
  return values[Math.floor(random.next() * values.length)]!;
}

/** What a store should hold: texts by namespace and name. */
type Model = Map<string, string[]>;

/** Runs a random program on two stores that replicate, and compares them with a model. */
async function runProgram(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const model: Model = new Map();
  const keys = new Map<string, Uint8Array>();
  const clock = new VirtualClock();
  let storage = new FlakyStorage();
  let store = new Corestore(storage, { primaryKey: PRIMARY_KEY, unsafe: true, clock });
  const reader = new Corestore(null, { clock });
  let replication: MemoryReplication | null = null;
  const open: Hypercore<string>[] = [];
  const within = (path: readonly string[]) =>
    path.reduce<Corestore>((parent, name) => parent.namespace(name), store);
  try {
    for (let step = 0; step < 40; step++) {
      const path = pick(random, PATHS);
      const name = pick(random, NAMES);
      const id = [...path, name].join("/");
      const kind = random.next();
      if (kind < 0.4) {
        const key = keys.get(id);
        const core = key !== undefined && random.next() < 0.5
          ? store.get<string>({ key, valueEncoding: "utf-8" })
          : within(path).get<string>({ name, valueEncoding: "utf-8" });
        open.push(core);
        const text = `${id} ${step}`;
        await core.append(text);
        model.set(id, [...model.get(id) ?? [], text]);
        keys.set(id, core.key!);
      } else if (kind < 0.55) {
        await open.splice(Math.floor(random.next() * open.length), 1)[0]?.close();
      } else if (kind < 0.65) {
        clock.advance(1000 + Math.floor(random.next() * 6000));
      } else if (kind < 0.75) {
        if (replication === null) replication = new MemoryReplication(store, reader);
        else {
          await replication[Symbol.asyncDispose]();
          replication = null;
        }
      } else if (kind < 0.85 && model.size > 0) {
        const [id, texts] = pick(random, Array.from(model));
        const core = reader.get<string>({ key: keys.get(id)!, valueEncoding: "utf-8" });
        await core.ready();
        const index = Math.floor(random.next() * texts.length);
        if (replication !== null && texts.length > 0) {
          assert.equal(await core.get(index), texts[index], `seed ${seed}`);
        }
        if (random.next() < 0.5) await core.close();
      } else if (kind < 0.9) {
        // Everything is closed and opened again from what is stored.
        await replication?.[Symbol.asyncDispose]();
        replication = null;
        await store.close();
        open.length = 0;
        storage = storage.reopened();
        store = new Corestore(storage, { clock });
      } else {
        const core = within(path).get<string>({ name, valueEncoding: "utf-8" });
        await core.ready();
        assert.deepEqual(await collect(core.createReadStream()), model.get(id) ?? [], `seed ${seed}, ${id}`);
        if (core.length === 0) model.set(id, []);
        keys.set(id, core.key!);
        await core.close();
      }
    }
    const listed = await collect(store.list());
    assert.equal(listed.length, model.size, `seed ${seed}`);
    for (const path of PATHS) {
      const handle = within(path);
      const named = (await collect(store.list(handle.ns))).map(hexText).sort();
      const expected = NAMES.map((name) => [...path, name].join("/")).filter((id) => model.has(id));
      assert.equal(named.length, expected.length, `seed ${seed}, ${path}`);
    }
    for await (const { audit } of store.audit()) {
      assert.equal(audit.droppedBlocks + audit.droppedBits + audit.droppedTreeNodes, 0, `seed ${seed}`);
    }
  } finally {
    await replication?.[Symbol.asyncDispose]();
    await store.close();
    await reader.close();
  }
}

Deno.test(`${MODEL_PROGRAMS} random programs on a store agree with a naive one`, async () => {
  for (let seed = 1; seed <= MODEL_PROGRAMS; seed++) await runProgram(seed);
});

/** Changes a file: bytes flipped, a run zeroed or made random, or the end cut off. */
function damageFile(path: string, random: SeededRandom): void {
  const bytes = Deno.readFileSync(path);
  if (bytes.byteLength === 0) return;
  const at = Math.floor(random.next() * bytes.byteLength);
  const kind = random.next();
  if (kind < 0.4) bytes[at]! ^= 1 << Math.floor(random.next() * 8);
  else if (kind < 0.6) bytes.fill(0, at, at + Math.floor(random.next() * 512));
  else if (kind < 0.8) {
    for (let i = at; i < Math.min(bytes.byteLength, at + 64); i++) bytes[i] = Math.floor(random.next() * 256);
  }
  Deno.writeFileSync(path, kind < 0.8 ? bytes : bytes.subarray(0, at));
}

Deno.test(`CS-W04 ${DAMAGED_FOLDERS} damaged old stores give nothing but what was in them, and tell what is lost`, async () => {
  const sources = Object.keys(legacyStores.stores);
  for (let seed = 1; seed <= DAMAGED_FOLDERS; seed++) {
    const random = new SeededRandom(seed);
    const source = pick(random, sources);
    const folder = await Deno.makeTempDir({ prefix: "quince-legacy-" });
    const store = new Corestore();
    try {
      copyFolder(legacyFolder(source), folder);
      const files = Array.from(filesBelow(folder));
      for (let i = 0; i < 1 + random.next() * 4; i++) damageFile(`${folder}/${pick(random, files)}`, random);
      const { cores } = await importLegacyStore(folder, store);
      for (const report of cores) {
        if (report.key === null || report.length === 0) continue;
        const expected = legacyStores.stores[source]!.cores.find(({ key }) => key === hexText(report.key!))!;
        const what = `seed ${seed}, ${expected.name}`;
        const core = store.get({ key: report.key });
        await core.ready();
        let blocks = 0;
        for (let index = 0; index < core.length; index++) {
          const block = await core.get(index, { wait: false });
          if (block === null) continue;
          blocks++;
          assert.equal(utf8Text(block), utf8Text(legacyBlock(expected, index)), what);
        }
        assert.equal(blocks, report.blocks, what);
        const isWhole = core.length === expected.length && core.fork === expected.fork;
        // Who may write has the newest state, or one that nobody was told of.
        const isTorn = report.problems.length === 0;
        if (report.isWritable && expected.length > 0) assert.ok(isWhole || isTorn, what);
        if (isWhole && report.problems.length === 0) assert.equal(blocks, expected.present.length, what);
      }
    } finally {
      await store.close();
      await Deno.remove(folder, { recursive: true });
    }
  }
});

Deno.test(`CS-W04 readOplog() throws for none of ${OPLOG_MUTATIONS} mutations`, () => {
  const path = Array.from(filesBelow(legacyFolder("store6_18"))).find((path) =>
    path.endsWith("oplog") &&
    readOplog(Deno.readFileSync(`${legacyFolder("store6_18")}/${path}`)).entries.length > 0
  )!;
  const original = Deno.readFileSync(`${legacyFolder("store6_18")}/${path}`);
  const random = new SeededRandom(5);
  for (let i = 0; i < OPLOG_MUTATIONS; i++) {
    const bytes = original.slice(
      0,
      random.next() < 0.2 ? Math.floor(random.next() * original.length) : undefined,
    );
    for (let j = 0; j < 4; j++) {
      bytes[Math.floor(random.next() * bytes.length)] = Math.floor(random.next() * 256);
    }
    const { entries, header } = readOplog(bytes);
    assert.ok(entries.length <= 3 && (header === null || "key" in header || "start" in header));
  }
  for (let length = 0; length < 200; length++) {
    readOplog(Uint8Array.from({ length }, () => Math.floor(random.next() * 256)));
  }
  assert.equal(readOplog(utf8Bytes("no oplog at all")).header, null);
});

Deno.test(`CS-039 ${IDLE_PROGRAMS} random programs: a core is closed iff it was idle for three ticks in a row`, () => {
  for (let seed = 1; seed <= IDLE_PROGRAMS; seed++) {
    const random = new SeededRandom(seed);
    const machine = new IdleMachine<number>();
    const strikes = new Map<number, number>();
    let nowMs = 0;
    for (let step = 0; step < 60; step++) {
      const core = Math.floor(random.next() * 5);
      const kind = random.next();
      if (kind < 0.3) {
        machine.handleIdle(core, nowMs);
        strikes.set(core, 1);
      } else if (kind < 0.5) {
        machine.handleUse(core);
        strikes.delete(core);
      } else {
        const dueMs = machine.pollDeadline();
        nowMs = kind < 0.8 && dueMs !== Infinity ? dueMs : nowMs + Math.floor(random.next() * 500);
        const isTick = nowMs >= dueMs;
        machine.handleTime(nowMs);
        const closed = machine.pollClosable();
        const expected: number[] = [];
        for (const [core, count] of isTick ? Array.from(strikes) : []) {
          if (count + 1 < 4) strikes.set(core, count + 1);
          else {
            expected.push(core);
            strikes.delete(core);
          }
        }
        assert.deepEqual(closed.toSorted(), expected.toSorted(), `seed ${seed}`);
      }
      assert.equal(machine.size, strikes.size, `seed ${seed}`);
      assert.equal(machine.pollDeadline() === Infinity, strikes.size === 0, `seed ${seed}`);
    }
  }
});

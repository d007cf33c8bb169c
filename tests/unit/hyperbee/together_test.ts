/**
 * Changes that are asked for at once: appended together, and the same blocks as one after the other.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText, SeededRandom } from "../../../src/base/mod.ts";
import { Hyperbee } from "../../../src/hyperbee/mod.ts";
import { arrayCore, textBee } from "./support.ts";

const PROGRAMS = 300;

type Step = (bee: Hyperbee<string, string>) => Promise<unknown>;

function randomSteps(random: SeededRandom): Step[] {
  const integer = (end: number): number => Math.floor(random.next() * end);
  return Array.from({ length: 5 + integer(120) }, (): Step => {
    const key = `k${integer(60)}`;
    const value = `v${integer(3)}`;
    switch (integer(8)) {
      case 0:
      case 1:
        return (bee) => bee.del(key);
      case 2:
        return (bee) => bee.put(key, value, { cas: (previous, next) => previous.value !== next.value });
      case 3:
        return (bee) =>
          bee.put(key, value, { cas: () => Promise.reject(new Error("Told to fail")) }).catch(() => {});
      default:
        return (bee) => bee.put(key, value);
    }
  });
}

async function blocksOf(steps: readonly Step[], atOnce: number, alwaysDuplicate: boolean): Promise<string[]> {
  const core = arrayCore();
  const bee = new Hyperbee<string, string>(core, {
    keyEncoding: "utf-8",
    valueEncoding: "utf-8",
    alwaysDuplicate,
    extension: false,
  });
  await bee.ready();
  for (let start = 0; start < steps.length; start += atOnce) {
    await Promise.all(steps.slice(start, start + atOnce).map((step) => step(bee)));
  }
  return core.blocks.map(hexText);
}

Deno.test(`HB-017 HB-022 HB-W01 ${PROGRAMS} programs make the same blocks at once as one by one`, async () => {
  for (let seed = 1; seed <= PROGRAMS; seed++) {
    const random = new SeededRandom(seed);
    const steps = randomSteps(random);
    const alwaysDuplicate = random.next() < 0.5;
    const expected = await blocksOf(steps, 1, alwaysDuplicate);
    for (const atOnce of [3, 200]) {
      assert.deepEqual(
        await blocksOf(steps, atOnce, alwaysDuplicate),
        expected,
        `seed ${seed}, ${atOnce} at once`,
      );
    }
  }
});

Deno.test("HB-017 puts that wait for each other are few appends; each resolves with its entry there", async () => {
  await using bee = textBee();
  await bee.put("first", "0");
  let appends = 0;
  bee.core.on("append", () => appends++);
  await Promise.all(Array.from({ length: 64 }, async (_, index) => {
    await bee.put(`${index}`, "x");
    assert.equal((await bee.get(`${index}`))?.value, "x");
  }));
  assert.equal(bee.version, 66);
  assert.ok(appends <= 4, `${appends} appends`);
});

Deno.test("HB-029 a batch that asked for the lock comes before puts that are asked for later", async () => {
  await using bee = textBee();
  await bee.put("a", "1");
  const batch = bee.batch();
  const before = bee.put("b", "2");
  const locked = batch.lock();
  const after = bee.put("d", "4");
  await before;
  await locked;
  await batch.put("c", "3");
  await batch.flush();
  await after;
  const keys: string[] = [];
  for await (const { key } of bee.createHistoryStream()) keys.push(key);
  assert.deepEqual(keys, ["a", "b", "c", "d"]);
});

Deno.test("HB-017 puts of an append that fails are all rejected, and leave nothing", async () => {
  const core = arrayCore();
  const bee = new Hyperbee<string, string>(core, {
    keyEncoding: "utf-8",
    valueEncoding: "utf-8",
    extension: false,
  });
  await bee.put("a", "1");
  const append = core.append.bind(core);
  core.append = () => Promise.reject(new Error("Told to fail"));
  const results = await Promise.allSettled(["b", "c", "d"].map((key) => bee.put(key, "2")));
  assert.deepEqual(results.map(({ status }) => status), ["rejected", "rejected", "rejected"]);
  core.append = append;
  assert.deepEqual([bee.version, await bee.get("b")], [2, null]);
  await Promise.all(["c", "b"].map((key) => bee.put(key, "3")));
  const keys = await Array.fromAsync(bee.createReadStream(), ({ key }) => key);
  assert.deepEqual(keys, ["a", "b", "c"]);
});

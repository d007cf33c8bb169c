import assert from "node:assert/strict";
import { Gathering, Mutex } from "../../../src/base/mod.ts";

/** A gathering of numbers that notes what was done together, and gives each number doubled. */
function doubling(
  countMax: number,
): { mutex: Mutex; rows: number[][]; gathering: Gathering<number, number> } {
  const mutex = new Mutex();
  const rows: number[][] = [];
  const gathering = new Gathering<number, number>(() => mutex.lock(), countMax, (gathered) => {
    rows.push(gathered.map(({ item }) => item));
    for (const { item, resolve, reject } of gathered) {
      if (item < 0) reject(new RangeError(`No ${item}`));
      else resolve(2 * item);
    }
    return Promise.resolve();
  });
  return { mutex, rows, gathering };
}

Deno.test("Gathering does together what waits for the lock, in order and no more than allowed", async () => {
  const { mutex, rows, gathering } = doubling(3);
  const release = await mutex.lock();
  const results = Promise.all([1, 2, 3, 4, 5].map((item) => gathering.add(item)));
  assert.deepEqual(rows, []);
  release();
  assert.deepEqual(await results, [2, 4, 6, 8, 10]);
  assert.deepEqual(rows, [[1, 2, 3], [4, 5]]);
  assert.equal(mutex.isHeld, false);
  assert.equal(await gathering.add(6), 12);
});

Deno.test("Gathering part() keeps what comes later behind whoever asks for the lock in between", async () => {
  const { mutex, rows, gathering } = doubling(10);
  const release = await mutex.lock();
  const before = gathering.add(1);
  gathering.part();
  const between = mutex.run(() => {
    rows.push([]);
    return Promise.resolve();
  });
  const after = Promise.all([gathering.add(2), gathering.add(3)]);
  release();
  await Promise.all([before, between, after]);
  assert.deepEqual(rows, [[1], [], [2, 3]]);
});

Deno.test("Gathering rejects the piece that failed alone, all where the work itself throws, none twice", async () => {
  const { gathering } = doubling(10);
  const results = await Promise.allSettled([1, -1, 2].map((item) => gathering.add(item)));
  assert.deepEqual(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  const mutex = new Mutex();
  const failing = new Gathering<number, number>(() => mutex.lock(), 10, ([first]) => {
    first!.resolve(1);
    return Promise.reject(new TypeError("No"));
  });
  const release = await mutex.lock();
  const settled = Promise.allSettled([failing.add(1), failing.add(2)]);
  release();
  assert.deepEqual((await settled).map(({ status }) => status), ["fulfilled", "rejected"]);
  assert.equal(mutex.isHeld, false);
});

Deno.test("Gathering passes on what the lock rejects with, and forgets the piece", async () => {
  let isBroken = true;
  const mutex = new Mutex();
  const rows: number[][] = [];
  const lock = (): Promise<() => void> => isBroken ? Promise.reject(new Error("Broken")) : mutex.lock();
  const gathering = new Gathering<number, void>(lock, 10, (gathered) => {
    rows.push(gathered.map(({ item }) => item));
    for (const { resolve } of gathered) resolve();
    return Promise.resolve();
  });
  await assert.rejects(gathering.add(1), { message: "Broken" });
  isBroken = false;
  await gathering.add(2);
  assert.deepEqual(rows, [[2]]);
});

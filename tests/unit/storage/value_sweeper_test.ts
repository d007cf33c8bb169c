/** Space given back in the background, piece by piece, on a clock that the test turns. */
import assert from "node:assert/strict";
import { openReader } from "../../../src/storage/sqlite/connection.ts";
import { SWEEP_CURRENT_BYTE_LENGTH_MIN } from "../../../src/storage/sqlite/limits.ts";
import { ValueSweeper } from "../../../src/storage/sqlite/value_sweeper.ts";
import { loadRuntime } from "../../../src/storage/sqlite/runtime.ts";
import { type StoreWriterBench, withStoreWriter } from "./store_writer_bench.ts";

const BYTE_LENGTH = 400_000;
/** Rows that make a segment worth looking at while it is appended to. */
const COUNT = Math.ceil(SWEEP_CURRENT_BYTE_LENGTH_MIN / BYTE_LENGTH);

interface Bench extends Pick<StoreWriterBench, "writer" | "values" | "folder" | "write"> {
  readonly sweeper: ValueSweeper;
  read(index: number): Uint8Array | null;
  /** Runs the sweeper's timers, in order, until none is left or it has run so many. */
  run(countMax?: number): number;
}

async function withSweeper(run: (bench: Bench) => Promise<void>): Promise<void> {
  const options = { syncLog: () => Promise.resolve(), schedule: () => () => {} };
  await withStoreWriter(options, async (bench) => {
    const { writer, write } = bench;
    const timers: (() => void)[] = [];
    const sweeper = new ValueSweeper({
      ...bench,
      schedule: (_, callback) => {
        timers.push(callback);
        return () => timers.splice(timers.indexOf(callback), 1);
      },
    });
    await run({
      ...bench,
      sweeper,
      write: async (fill) => {
        await write(fill);
        sweeper.handleWritten();
      },
      read: (index) => writer.tables.row("block", 1, index),
      run: (countMax = 100) => {
        let count = 0;
        while (timers.length > 0 && count < countMax) {
          timers.shift()!();
          count++;
        }
        return count;
      },
    });
    sweeper.stop();
    await writer.close();
    sweeper.close();
    assert.deepEqual(timers, []);
  });
}

async function putRows({ write, writer }: Bench, start: number, end: number): Promise<void> {
  for (let index = start; index < end; index++) {
    await write((batch) => batch.putRow("block", 1, index, new Uint8Array(BYTE_LENGTH).fill(index)));
  }
  await writer.settle();
}

Deno.test("nothing is looked at as long as nothing was deleted", () =>
  withSweeper(async (bench) => {
    await putRows(bench, 0, COUNT);
    assert.equal(bench.run(), 0);
  }));

Deno.test("a file that is mostly unused is moved out of, a piece at a time, and removed", () =>
  withSweeper(async (bench) => {
    await putRows(bench, 0, COUNT);
    await bench.write((batch) => batch.deleteRows("block", 1, 4));
    // A look, two pieces with two rows each, one that finds no more.
    assert.equal(bench.run(4), 4);
    assert.deepEqual(bench.values.segments.sort(), [0, 1]);
    assert.equal(bench.values.byteLength(1), 4 * BYTE_LENGTH);
    // Until the database has the new places the file is looked at again and left alone.
    bench.run(5);
    assert.deepEqual(bench.values.segments.sort(), [0, 1]);
    await bench.writer.settle();
    bench.run();
    assert.deepEqual(bench.values.segments, [1]);
    for (const index of [0, 1, 2, 3]) assert.equal(bench.read(index)?.[BYTE_LENGTH - 1], index);
    assert.deepEqual(
      Array.from(Deno.readDirSync(bench.folder), ({ name }) => name).filter((name) => /values/.test(name)),
      [
        "values-1",
      ],
    );
  }));

Deno.test("a file that is mostly in use is left alone", () =>
  withSweeper(async (bench) => {
    await putRows(bench, 0, COUNT);
    await bench.write((batch) => batch.deleteRows("block", 1, 0, 4));
    bench.run();
    assert.deepEqual(bench.values.segments, [0]);
  }));

Deno.test("what is deleted or written while its file is moved out of stays so", () =>
  withSweeper(async (bench) => {
    await putRows(bench, 0, COUNT);
    await bench.write((batch) => batch.deleteRows("block", 1, 4));
    bench.run(2);
    await bench.write((batch) => {
      batch.deleteRow("block", 1, 0);
      batch.deleteRow("block", 1, 3);
      batch.putRow("block", 1, 2, new Uint8Array(5));
    });
    bench.run(10);
    await bench.writer.settle();
    bench.run();
    assert.deepEqual(bench.values.segments, [1]);
    assert.deepEqual([0, 1, 2, 3].map((index) => bench.read(index)?.length), [
      undefined,
      BYTE_LENGTH,
      5,
      undefined,
    ]);
  }));

Deno.test("a file that a reader may still see is removed once the reader has gone", () =>
  withSweeper(async (bench) => {
    await putRows(bench, 0, COUNT);
    const runtime = await loadRuntime();
    const reader = openReader(runtime, `${bench.folder}/quince.db`);
    reader.exec("BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1");
    await bench.write((batch) => batch.deleteRows("block", 1, 0));
    assert.equal(bench.run(20), 20);
    assert.deepEqual(bench.values.segments.sort(), [0, 1]);
    reader.exec("COMMIT");
    bench.run();
    assert.deepEqual(bench.values.segments, [1]);
    reader.close();
  }));

Deno.test("a damaged value ends a sweep and nothing else", () =>
  withSweeper(async (bench) => {
    await putRows(bench, 0, COUNT);
    const path = `${bench.folder}/values-0`;
    const bytes = await Deno.readFile(path);
    bytes[0]! ^= 1;
    await Deno.writeFile(path, bytes);
    await bench.write((batch) => batch.deleteRows("block", 1, 2));
    assert.ok(bench.run() < 5);
    assert.throws(() => bench.read(0), { code: "STORAGE_CORRUPT", file: path });
    assert.equal(bench.read(1)?.[0], 1);
  }));

Deno.test("a program that never lets a timer run has files removed as it fills others", () =>
  withSweeper(async (bench) => {
    const large = 8 * 1024 * 1024;
    const value = new Uint8Array(large);
    for (let index = 0; index < 48; index++) {
      await bench.write((batch) => {
        batch.putRow("block", 1, index, value);
        if (index % 8 === 7) batch.deleteRows("block", 1, 0, index);
      });
    }
    assert.ok(bench.values.segments.length < 5, bench.values.segments.join());
    assert.equal(bench.read(47)?.byteLength, large);
    bench.run();
  }));

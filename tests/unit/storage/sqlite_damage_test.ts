/** Damaged files: a typed error or the right bytes, never wrong ones. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { SeededRandom } from "../../../src/base/mod.ts";
import { SqliteStorage, StorageError, WriteBatch } from "../../../src/storage/mod.ts";
import { rejectsWith } from "../../conformance/storage/suite.ts";
import { withFolder } from "../../helpers/store_folder.ts";

const ROW_COUNT = 400;
const OWNER = 3;

/** Row `index`: mostly small, some over several pages. */
function rowValue(index: number): Uint8Array {
  const random = new SeededRandom(index);
  const value = new Uint8Array(index % 40 === 0 ? 30_000 : 20 + index);
  for (let i = 0; i < value.byteLength; i++) value[i] = Math.floor(random.next() * 256);
  return value;
}

function keyOf(index: number): Uint8Array {
  return new Uint8Array([index >> 8, index & 255]);
}

/** Writes a store and gives the bytes of its database. */
async function makeDatabase(folder: string): Promise<Uint8Array<ArrayBuffer>> {
  const storage = new SqliteStorage(folder);
  await storage.open();
  const batch = new WriteBatch();
  for (let index = 0; index < ROW_COUNT; index++) {
    batch.putRow("block", OWNER, index, rowValue(index));
    batch.putRecord("user", keyOf(index), rowValue(index));
  }
  await storage.write(batch);
  await storage.close();
  return await Deno.readFile(`${folder}/quince.db`);
}

/** What became of reading everything. */
interface Findings {
  /** Rows and records that came back, all as written. */
  right: number;
  /** Rows and records that were said not to be there. */
  missing: number;
  /** Reads refused with `STORAGE_CORRUPT`. */
  refused: number;
}

/** Reads everything one by one and in order; fails on a wrong value or another error. */
async function readAll(folder: string): Promise<Findings> {
  const findings: Findings = { right: 0, missing: 0, refused: 0 };
  const storage = new SqliteStorage(folder);
  const attempt = async (read: () => Promise<void>): Promise<void> => {
    try {
      await read();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      assert.equal(error.code, "STORAGE_CORRUPT", error.message);
      assert.ok(error.message.includes(`${folder}/quince.db`), error.message);
      findings.refused++;
    }
  };
  const note = (index: number, value: Uint8Array | null): void => {
    if (value === null) findings.missing++;
    else {
      assert.ok(Buffer.compare(value, rowValue(index)) === 0, `row ${index} came back wrong`);
      findings.right++;
    }
  };
  await attempt(async () => {
    await storage.open();
    for (let index = 0; index < ROW_COUNT; index++) {
      await attempt(async () => note(index, await storage.getRow("block", OWNER, index)));
      await attempt(async () => note(index, await storage.getRecord("user", keyOf(index))));
    }
    await attempt(async () => {
      for await (const { index, value } of storage.rows("block", OWNER)) note(index, value);
    });
    await attempt(async () => {
      for await (const { key, value } of storage.records("user")) note(key[0]! * 256 + key[1]!, value);
    });
  });
  await storage.close();
  return findings;
}

Deno.test("a page overwritten with noise is refused, what lies on other pages is read, and nothing is wrong", () =>
  withFolder(async (folder) => {
    const whole = await makeDatabase(folder);
    assert.deepEqual(await readAll(folder), { right: 4 * ROW_COUNT, missing: 0, refused: 0 });
    const pageCount = whole.byteLength / 8192;
    let refusedPages = 0;
    for (let page = 0; page < pageCount; page++) {
      const random = new SeededRandom(page + 1);
      const damaged = whole.slice();
      for (let i = page * 8192; i < (page + 1) * 8192; i++) damaged[i] = Math.floor(random.next() * 256);
      await Deno.writeFile(`${folder}/quince.db`, damaged);
      const { right, refused } = await readAll(folder);
      if (refused > 0) refusedPages++;
      // Pages that hold none of the rows may be damaged without harm.
      else assert.equal(right, 4 * ROW_COUNT, `page ${page}`);
    }
    assert.ok(refusedPages > pageCount / 2, `${refusedPages} of ${pageCount}`);
  }));

Deno.test("flipped bits and zeroed stretches never give wrong bytes", () =>
  withFolder(async (folder) => {
    const whole = await makeDatabase(folder);
    const random = new SeededRandom(77);
    let refused = 0;
    for (let round = 0; round < 120; round++) {
      const damaged = whole.slice();
      const at = Math.floor(random.next() * whole.byteLength);
      if (round % 3 === 0) damaged.fill(0, at, at + 512);
      else damaged[at] = damaged[at]! ^ (1 << Math.floor(random.next() * 8));
      await Deno.writeFile(`${folder}/quince.db`, damaged);
      refused += Math.min(1, (await readAll(folder)).refused);
    }
    assert.ok(refused > 40, `refused in ${refused} of 120 rounds`);
  }));

Deno.test("a database without its header, or of noise, is refused at open() with what to do", () =>
  withFolder(async (folder) => {
    const whole = await makeDatabase(folder);
    const noise = Uint8Array.from({ length: 50_000 }, (_, i) => (i * 7919) >> 3);
    for (const damaged of [whole.slice().fill(255, 0, 100), noise, new TextEncoder().encode("text")]) {
      await Deno.writeFile(`${folder}/quince.db`, damaged);
      for (const readOnly of [false, true]) {
        const error = await rejectsWith("STORAGE_CORRUPT", new SqliteStorage(folder, { readOnly }).open());
        assert.equal(error.file, `${folder}/quince.db`);
        assert.ok(error.message.includes("restore the folder"), error.message);
      }
    }
    await Deno.writeFile(`${folder}/quince.db`, whole);
    assert.deepEqual(await readAll(folder), { right: 4 * ROW_COUNT, missing: 0, refused: 0 });
  }));

Deno.test("a database cut off anywhere is refused, or gives what it still has", () =>
  withFolder(async (folder) => {
    const whole = await makeDatabase(folder);
    for (const length of [100, 5000, 8192, 30_000, whole.byteLength / 2 | 0, whole.byteLength - 8192]) {
      await Deno.writeFile(`${folder}/quince.db`, whole.subarray(0, length));
      assert.ok((await readAll(folder)).refused > 0, `cut to ${length}`);
    }
  }));

Deno.test("a damaged lock file is refused with STORAGE_CORRUPT and named", () =>
  withFolder(async (folder) => {
    await makeDatabase(folder);
    await Deno.writeFile(`${folder}/lock.db`, new Uint8Array(4096).fill(7));
    const error = await rejectsWith("STORAGE_CORRUPT", new SqliteStorage(folder).open());
    assert.equal(error.file, `${folder}/lock.db`);
    await Deno.remove(`${folder}/lock.db`);
    assert.deepEqual(await readAll(folder), { right: 4 * ROW_COUNT, missing: 0, refused: 0 });
  }));

Deno.test("columns of another type, and values under another key, are refused", () =>
  withFolder(async (folder) => {
    await makeDatabase(folder);
    {
      await using storage = new SqliteStorage(folder);
      await storage.open();
      const batch = new WriteBatch();
      for (let index = 0; index < 7; index++) batch.putRow("mark", OWNER, index, rowValue(index));
      await storage.write(batch);
    }
    const database = new DatabaseSync(`${folder}/quince.db`);
    database.exec(`
      UPDATE "mark" SET value = 'text' WHERE id & 1023 = 1;
      UPDATE "mark" SET value = 12 WHERE id & 1023 = 2;
      UPDATE "mark" SET sum = 1152921504606846976 WHERE id & 1023 = 3;
      UPDATE "mark" SET sum = 'text' WHERE id & 1023 = 4;
      UPDATE "mark" SET id = id + 1000 WHERE id & 1023 = 5;
      UPDATE "user" SET key = x'0909' WHERE key = x'0005';
    `);
    database.close();
    const storage = new SqliteStorage(folder);
    await storage.open();
    for (const index of [1, 2, 3, 4, 1005]) {
      await rejectsWith("STORAGE_CORRUPT", storage.getRow("mark", OWNER, index));
    }
    await rejectsWith("STORAGE_CORRUPT", storage.getRecord("user", new Uint8Array([9, 9])));
    assert.ok(await storage.getRow("mark", OWNER, 6));
    await storage.close();
  }));

Deno.test("packs with columns of another type or under another key refuse all of their rows, and no others", () =>
  withFolder(async (folder) => {
    await makeDatabase(folder);
    const database = new DatabaseSync(`${folder}/quince.db`);
    const firsts = database.prepare('SELECT id & 1023 AS first, span FROM "block_pack" ORDER BY id')
      .all() as {
        first: number;
        span: number;
      }[];
    const change = (pack: number, what: string): void => {
      database.exec(`UPDATE "block_pack" SET ${what} WHERE id & 1023 = ${firsts[pack]!.first}`);
    };
    change(0, "value = 'text'");
    change(1, "sum = sum + 1");
    change(2, "span = span - 1");
    change(3, "value = x'0100'");
    database.close();
    const storage = new SqliteStorage(folder);
    await storage.open();
    for (const [i, { first, span }] of firsts.slice(0, 6).entries()) {
      for (const index of [first, first + span - 1]) {
        const read = storage.getRow("block", OWNER, index);
        if (i < 4) await rejectsWith("STORAGE_CORRUPT", read);
        else assert.deepEqual(new Uint8Array((await read)!), rowValue(index));
      }
    }
    // Damage keeps nobody from writing: what is deleted stays refused, what is put again is there.
    const { first } = firsts[1]!;
    const batch = new WriteBatch();
    batch.deleteRow("block", OWNER, first);
    batch.deleteRow("block", OWNER, first + 1);
    batch.putRow("block", OWNER, first + 1, rowValue(first + 1));
    await storage.write(batch);
    await storage.compact();
    await rejectsWith("STORAGE_CORRUPT", storage.getRow("block", OWNER, first));
    assert.deepEqual(new Uint8Array((await storage.getRow("block", OWNER, first + 1))!), rowValue(first + 1));
    await storage.close();
  }));

/** Row ids and checksums as they stand on disk; docs/spec/storage.md. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { utf8Bytes } from "../../../src/base/mod.ts";
import { SqliteStorage, WriteBatch } from "../../../src/storage/mod.ts";
import { recordSum, rowId, rowSum } from "../../../src/storage/sqlite/keys.ts";
import { PLACED_VALUE_BYTE_LENGTH_MIN } from "../../../src/storage/sqlite/limits.ts";
import { withFolder } from "../../helpers/store_folder.ts";

/** CRC-32 (IEEE 802.3, reflected 0xedb88320) bit by bit, continued from `start`, signed. */
function slowSum(value: Uint8Array, start: number): number {
  let register = ~start;
  for (const byte of value) {
    register ^= byte;
    for (let bit = 0; bit < 8; bit++) register = (register >>> 1) ^ (register & 1 ? 0xedb88320 : 0);
  }
  return ~register;
}

/** The check value of CRC-32: of the ASCII digits 1 to 9, 0xcbf43926. */
const CHECK = -873187034;

Deno.test("rowId() puts the owner above 40 bits of index", () => {
  assert.equal(rowId(0, 0), 0n);
  assert.equal(rowId(0, 1099511627775), 1099511627775n);
  assert.equal(rowId(1, 0), 1099511627776n);
  assert.equal(rowId(8388607, 1099511627775), 9223372036854775807n);
});

Deno.test("rowSum() is the CRC-32 of the value, begun with both halves of the row id", () => {
  assert.equal(rowSum(crc32, 0, 0, utf8Bytes("123456789")), CHECK);
  const value = utf8Bytes("some value");
  assert.equal(rowSum(crc32, 1, 2, value), slowSum(value, 0x102));
  assert.equal(rowSum(crc32, 0, 2 ** 32 + 1, value), slowSum(value, 1 ^ 1));
  assert.equal(rowSum(crc32, 8388607, 1099511627775, value), slowSum(value, 0xffffffff ^ 0x7fffffff));
  assert.equal(rowSum(crc32, 3, 5, new Uint8Array(0)), (3 << 8) ^ 5);
});

Deno.test("recordSum() is the CRC-32 of key and value", () => {
  assert.equal(recordSum(crc32, utf8Bytes("1234"), utf8Bytes("56789")), CHECK);
  assert.equal(recordSum(crc32, utf8Bytes("123456789"), new Uint8Array(0)), CHECK);
  assert.equal(recordSum(crc32, new Uint8Array(0), utf8Bytes("123456789")), CHECK);
});

Deno.test("a store on disk holds what docs/spec/storage.md says", () =>
  withFolder(async (folder) => {
    const storage = new SqliteStorage(folder);
    await storage.open();
    const batch = new WriteBatch();
    batch.putRow("node", 0, 0, utf8Bytes("123456789"));
    batch.putRow("node", 1, 2, new Uint8Array(0));
    batch.putRecord("alias", utf8Bytes("1234"), utf8Bytes("56789"));
    const [first, second] = [
      new Uint8Array(20_000).fill(1),
      new Uint8Array(PLACED_VALUE_BYTE_LENGTH_MIN).fill(2),
    ];
    batch.putRow("block", 1, 0, first);
    batch.putRow("block", 1, 1, second);
    batch.putRow("block", 1, 2, second.subarray(1));
    await storage.write(batch);
    await storage.close();
    assert.deepEqual(await Deno.readFile(`${folder}/values-0`), new Uint8Array([...first, ...second]));

    const database = new DatabaseSync(`${folder}/quince.db`, { readOnly: true });
    const all = (sql: string): unknown[] => database.prepare(sql).all().map((row) => Object.values(row));
    assert.deepEqual(all("PRAGMA application_id"), [[0x514e4345]]);
    assert.deepEqual(all("PRAGMA user_version"), [[4]]);
    assert.deepEqual(all("PRAGMA journal_mode"), [["wal"]]);
    assert.deepEqual(all("PRAGMA page_size"), [[8192]]);
    assert.deepEqual(all("SELECT id, sum, hex(value), typeof(value) FROM node ORDER BY id"), [
      [0, CHECK, "313233343536373839", "blob"],
      [1099511627778, 0x102, "", "blob"],
    ]);
    assert.deepEqual(all("SELECT hex(key), sum, hex(value) FROM alias"), [["31323334", CHECK, "3536373839"]]);
    assert.deepEqual(all("SELECT id, place, size, length(value), sum FROM block ORDER BY id"), [
      [1099511627776, 0, 20_000, 0, crc32(first, 256) | 0],
      [1099511627777, 20_000, second.length, 0, crc32(second, 257) | 0],
      [1099511627778, null, null, second.length - 1, crc32(second.subarray(1), 258) | 0],
    ]);
    database.close();
  }));

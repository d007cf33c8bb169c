/** Unit tests of the database format: creation, migration, refusal. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { StorageError, type StorageErrorCode } from "../../../src/storage/mod.ts";
import {
  APPLICATION_ID,
  FORMAT_STEPS,
  type FormatStep,
  prepareFormat,
} from "../../../src/storage/sqlite/format.ts";

const OPTIONS = { file: "folder/quince.db", readOnly: false };

/** Two versions that never were: a table renamed, then every checksum doubled. */
const LATER_STEPS: readonly FormatStep[] = [
  ...FORMAT_STEPS,
  { version: 5, migrate: (database) => database.exec('ALTER TABLE "mark" RENAME TO "marks"') },
  { version: 6, migrate: (database) => database.exec('UPDATE "marks" SET sum = sum * 2') },
];

function withDatabase(run: (database: DatabaseSync) => void): void {
  const database = new DatabaseSync(":memory:");
  try {
    run(database);
  } finally {
    database.close();
  }
}

function numberOf(database: DatabaseSync, sql: string): number {
  return Object.values(database.prepare(sql).get() as Record<string, number>)[0]!;
}

function throwsCode(code: StorageErrorCode, run: () => void, ...parts: string[]): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof StorageError);
    assert.equal(error.code, code);
    for (const part of ["folder/quince.db", ...parts]) assert.ok(error.message.includes(part), error.message);
    return true;
  });
}

Deno.test("prepareFormat() lays out an empty database once", () =>
  withDatabase((database) => {
    prepareFormat(database, OPTIONS);
    assert.equal(numberOf(database, "PRAGMA application_id"), APPLICATION_ID);
    assert.equal(APPLICATION_ID, 0x514e4345);
    assert.equal(numberOf(database, "PRAGMA user_version"), 4);
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
      .all();
    assert.deepEqual(
      tables.map((row) => row["name"]),
      [
        "alias",
        "bitfield",
        "block",
        "block_pack",
        "core",
        "group",
        "head",
        "journal",
        "mark",
        "meta",
        "node",
        "node_pack",
        "session",
        "user",
      ],
    );
    database.exec("INSERT INTO \"block\" (id, sum, value) VALUES (1, 2, x'03')");
    prepareFormat(database, OPTIONS);
    assert.equal(numberOf(database, 'SELECT count(*) FROM "block"'), 1);
  }));

Deno.test("prepareFormat() brings an older version up to date, all steps in one transaction", () =>
  withDatabase((database) => {
    prepareFormat(database, OPTIONS);
    database.exec("INSERT INTO \"mark\" VALUES (1, 21, x'00')");
    prepareFormat(database, { ...OPTIONS, steps: LATER_STEPS });
    assert.equal(numberOf(database, "PRAGMA user_version"), 6);
    assert.equal(numberOf(database, 'SELECT sum FROM "marks"'), 42);
  }));

Deno.test("prepareFormat() gives a database of version 1 the table that says how far the journal is applied", () =>
  withDatabase((database) => {
    prepareFormat(database, { ...OPTIONS, steps: FORMAT_STEPS.slice(0, 1) });
    database.exec("INSERT INTO \"block\" (id, sum, value) VALUES (1, 2, x'03')");
    prepareFormat(database, OPTIONS);
    assert.equal(numberOf(database, "PRAGMA user_version"), 4);
    assert.equal(numberOf(database, 'SELECT applied FROM "journal"'), 0);
    assert.equal(numberOf(database, 'SELECT count(*) FROM "block"'), 1);
  }));

Deno.test("prepareFormat() gives blocks of version 2 places and leaves what is stored", () =>
  withDatabase((database) => {
    prepareFormat(database, { ...OPTIONS, steps: FORMAT_STEPS.slice(0, 2) });
    database.exec("INSERT INTO \"block\" VALUES (1, 2, x'03')");
    prepareFormat(database, OPTIONS);
    assert.equal(numberOf(database, "PRAGMA user_version"), 4);
    const row = database.prepare('SELECT id, sum, place, size FROM "block"').get();
    assert.deepEqual({ ...row }, { id: 1, sum: 2, place: null, size: null });
  }));

Deno.test("prepareFormat() starts in the middle of the steps", () =>
  withDatabase((database) => {
    prepareFormat(database, { ...OPTIONS, steps: LATER_STEPS.slice(0, 5) });
    assert.equal(numberOf(database, "PRAGMA user_version"), 5);
    prepareFormat(database, { ...OPTIONS, steps: LATER_STEPS });
    assert.equal(numberOf(database, "PRAGMA user_version"), 6);
  }));

Deno.test("prepareFormat() leaves an older database as it was when a step fails", () =>
  withDatabase((database) => {
    prepareFormat(database, OPTIONS);
    database.exec("INSERT INTO \"mark\" VALUES (1, 21, x'00')");
    const failing: readonly FormatStep[] = [
      ...LATER_STEPS.slice(0, 5),
      {
        version: 6,
        migrate(): void {
          throw new Error("step fails");
        },
      },
    ];
    assert.throws(() => prepareFormat(database, { ...OPTIONS, steps: failing }), /step fails/);
    assert.equal(numberOf(database, "PRAGMA user_version"), 4);
    assert.equal(numberOf(database, 'SELECT sum FROM "mark"'), 21);
    prepareFormat(database, { ...OPTIONS, steps: LATER_STEPS });
    assert.equal(numberOf(database, "PRAGMA user_version"), 6);
  }));

Deno.test("prepareFormat() refuses a newer version, naming file, version found and version supported", () =>
  withDatabase((database) => {
    prepareFormat(database, { ...OPTIONS, steps: LATER_STEPS });
    throwsCode("STORAGE_VERSION", () => prepareFormat(database, OPTIONS), "is 6", "up to 4", "newer version");
    assert.equal(numberOf(database, "PRAGMA user_version"), 6);
  }));

Deno.test("prepareFormat() refuses to migrate read-only, and says how to", () =>
  withDatabase((database) => {
    prepareFormat(database, OPTIONS);
    const options = { ...OPTIONS, readOnly: true, steps: LATER_STEPS };
    throwsCode("STORAGE_VERSION", () => prepareFormat(database, options), "is 4", "to 6", "for writing");
    prepareFormat(database, { ...OPTIONS, readOnly: true });
  }));

Deno.test("prepareFormat() refuses a database of another program and leaves it alone", () => {
  for (const sql of ["CREATE TABLE notes (text)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"]) {
    withDatabase((database) => {
      database.exec(sql);
      throwsCode("STORAGE_CORRUPT", () => prepareFormat(database, OPTIONS), "another program");
      assert.equal(numberOf(database, "SELECT count(*) FROM sqlite_schema WHERE name = 'block'"), 0);
    });
  }
});

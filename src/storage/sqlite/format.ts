/**
 * The format of the database file: how a new one is laid out, and how an older one is brought up to date.
 * `docs/spec/storage.md` has the tables.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { StorageError } from "../errors.ts";
import { RECORD_TABLES, ROW_TABLES } from "../storage.ts";
import { PACKED_TABLES, packTable } from "./pack.ts";
import { rollBack } from "./statements.ts";

/** Marks the file as ours: "QNCE". */
export const APPLICATION_ID = 0x514e4345;

/** What takes a database from the version before it to `version`. */
export interface FormatStep {
  /** The version reached; steps are listed without gaps from 1 on. */
  readonly version: number;
  /** Changes tables and rows, inside the transaction that all steps share. */
  migrate(database: DatabaseSync): void;
}

/** Every step there has been; the first one lays out an empty file. */
export const FORMAT_STEPS: readonly FormatStep[] = [
  {
    version: 1,
    migrate(database): void {
      for (const table of ROW_TABLES) {
        database.exec(
          `CREATE TABLE "${table}" (id INTEGER PRIMARY KEY, sum INTEGER NOT NULL, value BLOB NOT NULL)`,
        );
      }
      for (const table of RECORD_TABLES) {
        database.exec(
          `CREATE TABLE "${table}" (key BLOB PRIMARY KEY, sum INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID`,
        );
      }
    },
  },
  {
    version: 2,
    migrate(database): void {
      database.exec(
        `CREATE TABLE "journal" (id INTEGER PRIMARY KEY, applied INTEGER NOT NULL, salt INTEGER NOT NULL); ` +
          `INSERT INTO "journal" VALUES (0, 0, random() & 4294967295)`,
      );
    },
  },
  {
    version: 3,
    migrate(database): void {
      // What is stored stays as it is: a row without a place has its value in the database.
      database.exec(
        `ALTER TABLE "block" ADD COLUMN place INTEGER; ALTER TABLE "block" ADD COLUMN size INTEGER; ` +
          `CREATE INDEX "placed" ON "block" (place, size) WHERE place IS NOT NULL`,
      );
    },
  },
  {
    version: 4,
    migrate(database): void {
      for (const table of PACKED_TABLES) {
        database.exec(
          `CREATE TABLE "${packTable(table)}" (id INTEGER PRIMARY KEY, span INTEGER NOT NULL, ` +
            `sum INTEGER NOT NULL, value BLOB NOT NULL)`,
        );
      }
    },
  },
];

/** Options of {@linkcode prepareFormat}. */
export interface FormatOptions {
  /** Path of the database, for messages. */
  readonly file: string;
  /** Whether the database may be changed. */
  readonly readOnly: boolean;
  /** Steps to bring it up to; {@linkcode FORMAT_STEPS} when left out. */
  readonly steps?: readonly FormatStep[];
}

/**
 * Brings `database` to the newest version, in one transaction.
 *
 * @throws {StorageError} `STORAGE_VERSION` when the file is newer, or older and may not be changed;
 *   `STORAGE_CORRUPT` when it belongs to another program.
 */
export function prepareFormat(database: DatabaseSync, options: FormatOptions): void {
  const { file, readOnly, steps = FORMAT_STEPS } = options;
  const supported = steps.at(-1)?.version ?? 0;
  const found = foundVersion(database, file);
  if (found > supported) {
    throw new StorageError(
      "STORAGE_VERSION",
      `Cannot open ${file}: its format version is ${found}, this library supports up to ${supported}; ` +
        `use a newer version of the library`,
      { file },
    );
  }
  if (found === supported) return;
  if (readOnly) {
    throw new StorageError(
      "STORAGE_VERSION",
      `Cannot open ${file} read-only: its format version is ${found} and must be migrated to ${supported}; ` +
        `open it once for writing`,
      { file },
    );
  }
  database.exec("BEGIN IMMEDIATE");
  try {
    for (const step of steps) if (step.version > found) step.migrate(database);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${supported}; COMMIT`);
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

/** The file's version, 0 when it is empty. */
function foundVersion(database: DatabaseSync, file: string): number {
  const applicationId = pragmaNumber(database, "application_id");
  const version = pragmaNumber(database, "user_version");
  if (applicationId === APPLICATION_ID) return version;
  const tables = database.prepare("SELECT count(*) AS count FROM sqlite_schema").get() as { count: number };
  if (applicationId === 0 && version === 0 && tables.count === 0) return 0;
  throw new StorageError(
    "STORAGE_CORRUPT",
    `Cannot open ${file}: it is a database of another program; give the store a folder of its own`,
    { file },
  );
}

function pragmaNumber(database: DatabaseSync, name: string): number {
  const row = database.prepare(`PRAGMA ${name}`).get() as Record<string, number>;
  return row[name] ?? 0;
}

/** Unit tests of how errors of SQLite, the file system and the runtime are told apart. */
import assert from "node:assert/strict";
import { StorageError, type StorageErrorCode } from "../../../src/storage/mod.ts";
import { storageFailure } from "../../../src/storage/sqlite/failure.ts";
import { loadRuntime } from "../../../src/storage/sqlite/runtime.ts";

interface Case {
  readonly name: string;
  readonly message: string;
  readonly fields?: Record<string, unknown>;
  readonly code: StorageErrorCode;
  readonly says: string;
}

const CASES: readonly Case[] = [
  { name: "busy, text alone", message: "database is locked", code: "STORAGE_BUSY", says: "try again" },
  {
    name: "busy, with result code",
    message: "x",
    fields: { errcode: 261 },
    code: "STORAGE_BUSY",
    says: "try again",
  },
  { name: "full", message: "database or disk is full", code: "STORAGE_FULL", says: "make room" },
  {
    name: "full, with result code",
    message: "x",
    fields: { errcode: 13 },
    code: "STORAGE_FULL",
    says: "make room",
  },
  {
    name: "full, file system",
    message: "x",
    fields: { code: "ENOSPC" },
    code: "STORAGE_FULL",
    says: "make room",
  },
  {
    name: "malformed",
    message: "database disk image is malformed",
    code: "STORAGE_CORRUPT",
    says: "restore",
  },
  {
    name: "malformed schema",
    message: "malformed database schema (block) - orphan index",
    code: "STORAGE_CORRUPT",
    says: "restore",
  },
  { name: "no database", message: "file is not a database", code: "STORAGE_CORRUPT", says: "restore" },
  { name: "corrupt page", message: "x", fields: { errcode: 267 }, code: "STORAGE_CORRUPT", says: "restore" },
  {
    name: "read-only file",
    message: "attempt to write a readonly database",
    code: "STORAGE_PERMISSION",
    says: "readable and writable",
  },
  {
    name: "not openable",
    message: "unable to open database file: a/b",
    code: "STORAGE_PERMISSION",
    says: "readable and writable",
  },
  {
    name: "denied by the system",
    message: "x",
    fields: { code: "EACCES" },
    code: "STORAGE_PERMISSION",
    says: "operating system",
  },
  {
    name: "denied by the runtime",
    message: 'Requires write access to "folder"',
    fields: { name: "NotCapable", code: "ERR_SQLITE_ERROR" },
    code: "STORAGE_PERMISSION",
    says: "--allow-read=folder --allow-write=folder",
  },
  {
    name: "a file in the way",
    message: "x",
    fields: { code: "ENOTDIR" },
    code: "STORAGE_PATH",
    says: "must be",
  },
  { name: "device error", message: "disk I/O error", code: "STORAGE_IO", says: "check" },
  { name: "anything else", message: "no idea", code: "STORAGE_IO", says: "no idea" },
];

for (const { name, message, fields, code, says } of CASES) {
  Deno.test(`storageFailure() of "${name}" is ${code}`, () => {
    const cause = Object.assign(new Error(message), fields);
    const error = storageFailure(cause, "write", "folder/quince.db", "folder");
    assert.equal(error.code, code);
    assert.equal(error.cause, cause);
    assert.equal(error.file, "folder/quince.db");
    assert.ok(error.message.startsWith(`${code}: Cannot write folder/quince.db: `), error.message);
    assert.ok(error.message.includes(says), error.message);
    assert.ok(error instanceof StorageError && error.name === "StorageError");
  });
}

Deno.test("storageFailure() gives a StorageError back as it is", () => {
  const error = new StorageError("STORAGE_FULL", "Cannot");
  assert.equal(storageFailure(error, "write", "a", "b"), error);
});

Deno.test("loadRuntime() without node:sqlite rejects with STORAGE_UNSUPPORTED and says what has it", async () => {
  const cause = new Error("No such built-in module: node:sqlite");
  await assert.rejects(loadRuntime(() => Promise.reject(cause)), (error) => {
    assert.ok(error instanceof StorageError);
    assert.equal(error.code, "STORAGE_UNSUPPORTED");
    assert.equal(error.cause, cause);
    assert.ok(error.message.includes("MemoryStorage"), error.message);
    return true;
  });
});

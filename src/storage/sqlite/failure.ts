/**
 * Turns what SQLite, the file system and the runtime throw into {@linkcode StorageError}.
 *
 * @module
 */
import { StorageError, type StorageErrorCode } from "../errors.ts";

/** Primary result codes of SQLite: https://www.sqlite.org/rescode.html */
const CODE_OF_RESULT: ReadonlyMap<number, StorageErrorCode> = new Map([
  [5, "STORAGE_BUSY"],
  [6, "STORAGE_BUSY"],
  [8, "STORAGE_PERMISSION"],
  [11, "STORAGE_CORRUPT"],
  [13, "STORAGE_FULL"],
  [14, "STORAGE_PERMISSION"],
  [15, "STORAGE_BUSY"],
  [26, "STORAGE_CORRUPT"],
]);

/** What `sqlite3_errstr` says of them; Deno's errors carry the text alone. */
const CODE_OF_TEXT: readonly (readonly [string, StorageErrorCode])[] = [
  ["database is locked", "STORAGE_BUSY"],
  ["database table is locked", "STORAGE_BUSY"],
  ["locking protocol", "STORAGE_BUSY"],
  ["attempt to write a readonly database", "STORAGE_PERMISSION"],
  ["unable to open database file", "STORAGE_PERMISSION"],
  ["database disk image is malformed", "STORAGE_CORRUPT"],
  ["file is not a database", "STORAGE_CORRUPT"],
  ["malformed database schema", "STORAGE_CORRUPT"],
  ["database or disk is full", "STORAGE_FULL"],
];

/** Codes of the file system's and the runtime's errors. */
const CODE_OF_ERRNO: Readonly<Record<string, StorageErrorCode>> = {
  EACCES: "STORAGE_PERMISSION",
  EPERM: "STORAGE_PERMISSION",
  EROFS: "STORAGE_PERMISSION",
  ENOSPC: "STORAGE_FULL",
  EDQUOT: "STORAGE_FULL",
  EEXIST: "STORAGE_PATH",
  ENOTDIR: "STORAGE_PATH",
  EISDIR: "STORAGE_PATH",
  ENAMETOOLONG: "STORAGE_PATH",
  ENOENT: "STORAGE_PATH",
  // A checksum column with a number that no checksum is.
  ERR_OUT_OF_RANGE: "STORAGE_CORRUPT",
};

/** What to do, by code. */
const REMEDY: Readonly<Partial<Record<StorageErrorCode, string>>> = {
  STORAGE_BUSY: "another process keeps it locked; try again",
  STORAGE_CORRUPT:
    "the file is damaged; restore the folder from a copy, or delete it and fetch the data from peers",
  STORAGE_FULL: "no space left on the device; make room and try again, what was stored before is unharmed",
  STORAGE_PATH: "the folder must be a folder, or creatable as one",
  STORAGE_IO: "the device failed or has no space left; check it before writing again",
};

/**
 * Explains `error`, which came from `action` on `file` in `folder`.
 *
 * @returns a {@linkcode StorageError} whose message names the action, the file and what to do.
 */
export function storageFailure(error: unknown, action: string, file: string, folder: string): StorageError {
  if (error instanceof StorageError) return error;
  const code = failureCode(error);
  const remedy = code === "STORAGE_PERMISSION" ? permissionRemedy(error, folder) : REMEDY[code];
  const text = error instanceof Error ? error.message : String(error);
  return new StorageError(code, `Cannot ${action} ${file}: ${remedy} (${text})`, { cause: error, file });
}

/** Makes the error for a value that is not the one that was written. */
export function damagedValue(file: string, what: string): StorageError {
  return new StorageError(
    "STORAGE_CORRUPT",
    `Cannot read ${what} from ${file}: its checksum does not match; ${REMEDY.STORAGE_CORRUPT}`,
    { file },
  );
}

/** Makes the error for a value whose file is not there. */
export function missingFile(file: string, what: string, cause: unknown): StorageError {
  return new StorageError(
    "STORAGE_CORRUPT",
    `Cannot read ${what} from ${file}: the file is missing; ${REMEDY.STORAGE_CORRUPT}`,
    { cause, file },
  );
}

function failureCode(error: unknown): StorageErrorCode {
  if (!(error instanceof Error)) return "STORAGE_IO";
  if (isRefusal(error)) return "STORAGE_PERMISSION";
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  // Node has SQLite's extended result code, whose low byte is the primary one.
  const byResult = typeof errcode === "number" ? CODE_OF_RESULT.get(errcode & 0xff) : undefined;
  if (byResult !== undefined) return byResult;
  const byErrno = typeof code === "string" ? CODE_OF_ERRNO[code] : undefined;
  if (byErrno !== undefined) return byErrno;
  return CODE_OF_TEXT.find(([text]) => error.message.startsWith(text))?.[1] ?? "STORAGE_IO";
}

/** Whether the runtime's permission system refused, as opposed to the operating system. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && (error.name === "NotCapable" || error.name === "PermissionDenied");
}

function permissionRemedy(error: unknown, folder: string): string {
  return isRefusal(error)
    ? `the runtime denies access; run with --allow-read=${folder} --allow-write=${folder}`
    : `the operating system denies access; the folder ${folder} and its files must be readable and writable`;
}

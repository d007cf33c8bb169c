/**
 * The file system as drives on it need it, on `node:fs/promises`, which Deno, Node and Bun have.
 *
 * @module
 */
import { constants } from "node:fs";
import fs from "node:fs/promises";
import { join } from "node:path";
import { errorCode, isPermissionRefusal, PlatformError } from "./errors.ts";

/** What a name stands for. */
export type FileKind = "file" | "directory" | "link" | "other";

/** What is known of a file without reading it. */
export interface FileStatus {
  /** What it is. */
  readonly kind: FileKind;
  /** Size, bytes. */
  readonly byteLength: number;
  /** Disk blocks of 512 bytes that it takes; estimated where the system does not tell. */
  readonly blockLength: number;
  /** Permission bits, `0o777` at most. */
  readonly mode: number;
  /** Time of the last change, ms since the Unix epoch. */
  readonly mtimeMs: number;
}

/** A name in a directory. */
export interface DirectoryEntry {
  /** The name alone. */
  readonly name: string;
  /** What it is; links are not followed. */
  readonly kind: FileKind;
}

/** An open file. */
export interface OpenFile {
  /** Fills `target` from byte `position` on as far as the file goes, and resolves how many bytes that were. */
  read(target: Uint8Array, position: number): Promise<number>;
  /** Appends all of `chunks`, in order. */
  write(chunks: readonly Uint8Array[]): Promise<void>;
  /** What is known of the file now. */
  status(): Promise<FileStatus>;
  /** Sets the permission bits. */
  setMode(mode: number): Promise<void>;
  /** Sets the time of the last change, ms since the Unix epoch. */
  setTime(mtimeMs: number): Promise<void>;
  /** Closes the file. */
  close(): Promise<void>;
}

/** The status of `path` itself, or of what it leads to with `followLinks`; null where there is nothing. */
export async function fileStatus(path: string, followLinks: boolean): Promise<FileStatus | null> {
  return await absentAsNull(
    "look at",
    path,
    async () => statusOf(await (followLinks ? fs.stat(path) : fs.lstat(path))),
  );
}

/** Where the link `path` leads, as written in it; null where there is no such link. */
export async function readLink(path: string): Promise<string | null> {
  return await absentAsNull("read the link", path, () => fs.readlink(path));
}

/** `path` without any link in it; null where there is nothing. */
export async function realPath(path: string): Promise<string | null> {
  return await absentAsNull("resolve", path, () => fs.realpath(path));
}

/** What is in the directory `path`, in no order; null where there is no such directory. */
export async function readDirectory(path: string): Promise<DirectoryEntry[] | null> {
  return await absentAsNull("list", path, async () => {
    const entries = await fs.readdir(path, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
  });
}

/** Makes the directory `path` and those above it; does nothing where it is there. */
export async function makeDirectory(path: string): Promise<void> {
  await named("make the directory", path, () => fs.mkdir(path, { recursive: true }));
}

/** All bytes of the file `path`; null where there is nothing. */
export async function readWholeFile(path: string): Promise<Uint8Array | null> {
  return await absentAsNull("read", path, () => fs.readFile(path));
}

/** Opens a file to read it. */
export async function openToRead(path: string): Promise<OpenFile> {
  return new NodeFile(path, await named("open", path, () => fs.open(path, constants.O_RDONLY)));
}

/** Opens a file to write it from its beginning, empty; makes it with `mode` where it is not there. */
export async function openToWrite(path: string, mode: number): Promise<OpenFile> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;
  return new NodeFile(path, await named("open", path, () => fs.open(path, flags, mode)));
}

/** Makes `path` a link to `target`; on Windows a junction where that is a directory. */
export async function makeLink(target: string, path: string, isDirectory: boolean): Promise<void> {
  try {
    await named("make the link", path, () => fs.symlink(target, path, isDirectory ? "junction" : null));
  } catch (error) {
    // Deno lets links be made only by who may read and write everywhere, as they can lead anywhere.
    if (!(error instanceof PlatformError) || error.flag === null) throw error;
    throw new PlatformError(
      "ERR_PERMISSION",
      `Cannot make the link ${path}, links need --allow-read and --allow-write without a path`,
      { cause: error.cause, flag: "--allow-write" },
    );
  }
}

/** Removes a file or link; tells whether it was there. */
export async function removeFile(path: string): Promise<boolean> {
  return await absentAsNull("remove", path, async () => {
    await fs.unlink(path);
    return true;
  }) ?? false;
}

/** Removes the directory `path` if it is empty; tells whether it did. */
export async function removeEmptyDirectory(path: string): Promise<boolean> {
  try {
    await fs.rmdir(path);
    return true;
  } catch {
    return false; // not empty, not there or not ours: it stays, which is what callers ask about
  }
}

/** Removes the directory `path` with those below it, unless there is anything else in them; tells whether it did. */
export async function removeEmptyTree(path: string): Promise<boolean> {
  for (const { name, kind } of await readDirectory(path) ?? []) {
    if (kind !== "directory" || !await removeEmptyTree(join(path, name))) return false;
  }
  return await removeEmptyDirectory(path);
}

/** Gives the file `from` the name `to`, in one step and in place of what is there. */
export async function renameFile(from: string, to: string): Promise<void> {
  await named("rename to", to, () => fs.rename(from, to));
}

class NodeFile implements OpenFile {
  readonly #path: string;
  readonly #handle: fs.FileHandle;

  constructor(path: string, handle: fs.FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    return await named("read", this.#path, async () => {
      let filled = 0;
      while (filled < target.byteLength) {
        const { bytesRead } = await this.#handle.read(
          target,
          filled,
          target.byteLength - filled,
          position + filled,
        );
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled;
    });
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    await named("write", this.#path, async () => {
      for (const chunk of chunks) {
        let written = 0;
        while (written < chunk.byteLength) {
          written += (await this.#handle.write(chunk, written, chunk.byteLength - written)).bytesWritten;
        }
      }
    });
  }

  async status(): Promise<FileStatus> {
    return await named("look at", this.#path, async () => statusOf(await this.#handle.stat()));
  }

  async setMode(mode: number): Promise<void> {
    await named("set the mode of", this.#path, () => this.#handle.chmod(mode));
  }

  async setTime(mtimeMs: number): Promise<void> {
    // A microsecond more, or the fraction that has no exact binary form would come out as the millisecond before.
    const seconds = (mtimeMs + 0.001) / 1000;
    await named("set the time of", this.#path, () => this.#handle.utimes(seconds, seconds));
  }

  async close(): Promise<void> {
    await named("close", this.#path, () => this.#handle.close());
  }
}

/** The status that the runtime's own says. */
export function statusOf(stats: Awaited<ReturnType<typeof fs.lstat>>): FileStatus {
  const byteLength = Number(stats.size);
  return {
    kind: kindOf(stats),
    byteLength,
    blockLength: Number(stats.blocks) || Math.ceil(byteLength / (Number(stats.blksize) || 4096)) * 8,
    mode: Number(stats.mode) & 0o777,
    mtimeMs: Number(stats.mtimeMs),
  };
}

function kindOf(of: { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean }): FileKind {
  if (of.isSymbolicLink()) return "link";
  if (of.isDirectory()) return "directory";
  return of.isFile() ? "file" : "other";
}

/** What the system says where a path leads to nothing; a link that leads to itself does so too. */
const NOTHING_THERE: readonly string[] = ["ENOENT", "ENOTDIR", "ELOOP"];

/** What `work` gives, null where the system says that there is nothing at `path`; other errors say what was tried. */
export async function absentAsNull<Result>(
  action: string,
  path: string,
  work: () => Promise<Result> | Result,
): Promise<Result | null> {
  try {
    return await work();
  } catch (cause) {
    const code = errorCode(cause);
    if (NOTHING_THERE.includes(code)) return null;
    throw fileError(action, path, cause);
  }
}

async function named<Result>(action: string, path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    throw fileError(action, path, cause);
  }
}

/** What to do, by the system's code. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "no space left on the device",
  EDQUOT: "the disk quota is used up",
  EACCES: "the operating system denies access",
  EPERM: "the operating system does not permit it",
  EROFS: "the file system is read-only",
  ENAMETOOLONG: "a name in it is too long for the file system",
  EISDIR: "it is a directory",
  ENOTDIR: "a part of it is a file, not a directory",
  EEXIST: "it exists already",
  ELOOP: "too many links lead to each other",
  EMFILE: "too many files are open",
  ENOENT: "it does not exist",
};

/** An error with the system's code that says what was tried on which file. */
function fileError(action: string, path: string, cause: unknown): PlatformError {
  const code = errorCode(cause);
  // The system's own refusals have a code, those of the runtime's permissions a name.
  if (isPermissionRefusal(cause) && code !== "EACCES") {
    const flag = (cause as Error).message.includes("write access") ? "--allow-write" : "--allow-read";
    return new PlatformError(
      "ERR_PERMISSION",
      `Cannot ${action} ${path}, the process runs without ${flag} for it`,
      { cause, flag },
    );
  }
  const reason = REMEDIES[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new PlatformError(code || "ERR_FILE", `Cannot ${action} ${path}, ${reason}`, { cause });
}

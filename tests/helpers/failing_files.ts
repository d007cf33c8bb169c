/**
 * A file system whose calls fail when told to: the functions of `node:fs` that drives use are replaced for a while.
 *
 * @module
 */
import fs from "node:fs";
import fsPromises from "node:fs/promises";

/** A call that is about to be made: its name, without `Sync`, the path that it is about, and whether this thread makes it. */
export type CallListener = (call: string, path: string, isHere: boolean) => void;

/** Those whose first argument is a path. */
const BY_PATH = [
  "open",
  "lstat",
  "stat",
  "readlink",
  "realpath",
  "readdir",
  "mkdir",
  "readFile",
  "unlink",
  "rmdir",
];
const BY_SECOND_PATH = ["symlink", "rename"];
const OF_HANDLE = ["read", "write", "writev", "stat", "chmod", "utimes"];
/** The same with a descriptor, and what they are called as methods of a file. */
const BY_DESCRIPTOR: Readonly<Record<string, string>> = {
  readSync: "read",
  writeSync: "write",
  fstatSync: "stat",
  fchmodSync: "chmod",
  futimesSync: "utimes",
};

// deno-lint-ignore no-explicit-any -- functions of every kind
type Functions = Record<string, (...args: any[]) => any>;

/** An error as the system gives it. */
export function systemError(code: string, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: told to fail, ${call} '${path}'`), { code, syscall: call, path });
}

/**
 * Runs `run` while `listener` hears of each call before it is made; what it throws is what the call fails with. A write
 * that fails has written half of its bytes.
 */
export async function withFileCalls(listener: CallListener, run: () => Promise<void>): Promise<void> {
  const undo: (() => void)[] = [];
  const replace = (
    target: Functions,
    name: string,
    make: (original: Functions[string]) => Functions[string],
  ): void => {
    const original = target[name]!;
    target[name] = make(original);
    undo.push(() => target[name] = original);
  };
  const descriptors = new Map<number, string>();
  const promises = fsPromises as unknown as Functions;
  const sync = fs as unknown as Functions;

  for (const [names, position] of [[BY_PATH, 0], [BY_SECOND_PATH, 1]] as const) {
    for (const name of names) {
      replace(promises, name, (original) => async (...args) => {
        listener(name, args[position], false);
        const result = await original.apply(fsPromises, args);
        if (name === "open") listenToHandle(result, args[0], listener);
        return result;
      });
      replace(sync, `${name}Sync`, (original) => (...args) => {
        listener(name, args[position], true);
        const result = original.apply(fs, args);
        if (name === "open") descriptors.set(result, args[0]);
        return result;
      });
    }
  }
  for (const [name, call] of Object.entries(BY_DESCRIPTOR)) {
    replace(sync, name, (original) => (...args) => {
      try {
        listener(call, descriptors.get(args[0]) ?? "", true);
      } catch (error) {
        if (call === "write") original.call(fs, args[0], args[1], args[2], Math.floor(args[3] / 2));
        throw error;
      }
      return original.apply(fs, args);
    });
  }
  try {
    await run();
  } finally {
    for (const restore of undo) restore();
  }
}

function listenToHandle(handle: Functions, path: string, listener: CallListener): void {
  for (const name of OF_HANDLE) {
    const original = handle[name]!;
    handle[name] = async (...args) => {
      try {
        listener(name, path, false);
      } catch (error) {
        if (name === "write") await original.call(handle, args[0], args[1], Math.floor(args[2] / 2));
        throw error;
      }
      return await original.apply(handle, args);
    };
  }
}

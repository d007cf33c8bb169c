/**
 * What a program has open: handles, timers, memory; for soaks, which compare it with what it was.
 *
 * @module
 */
import process from "node:process";

const { setTimeout: setUncounted } = globalThis;

/** What the process has open: files by their paths, sockets; on Linux, nothing elsewhere. */
export async function listHandles(): Promise<string[]> {
  if (Deno.build.os !== "linux") return [];
  // The runtime makes a pair of UNIX sockets when it first needs one; ours are all of UDP.
  const unixSockets = await Deno.readTextFile("/proc/net/unix");
  const handles: string[] = [];
  for await (const { name } of Deno.readDir("/proc/self/fd")) {
    // The folder itself is open while it is read, and is gone when its turn comes.
    const target = await Deno.readLink(`/proc/self/fd/${name}`).catch(() => null);
    const inode = target?.match(/^socket:\[(\d+)\]$/)?.[1];
    if (target === null || inode !== undefined && unixSockets.includes(` ${inode}`)) continue;
    handles.push(target.replace(/:\[.*/, ""));
  }
  return handles.sort();
}

/** Those of the process's handles that are none of `before`. */
export async function newHandles(before: readonly string[]): Promise<string[]> {
  const left = [...before];
  return (await listHandles()).filter((handle) => {
    const index = left.indexOf(handle);
    if (index !== -1) left.splice(index, 1);
    return index === -1;
  });
}

/** Timers that are set from now on and have not run, with their lengths; our own of {@linkcode delay} excepted. */
export function countTimers(): Map<number, string> {
  const set = new Map<number, string>();
  const { setTimeout: setReal, clearTimeout: clearReal } = globalThis;
  globalThis.setTimeout = ((callback: () => void, delayMs?: number) => {
    const id = setReal(() => {
      set.delete(Number(id));
      callback();
    }, delayMs);
    set.set(Number(id), `timer of ${delayMs} ms`);
    return id;
  }) as typeof setTimeout;
  globalThis.clearTimeout = (id) => {
    set.delete(Number(id));
    clearReal(id);
  };
  return set;
}

/** What is in memory, in MB, once what nobody holds is collected (with `--v8-flags=--expose-gc`). */
export function measureMemory(): { readonly heapMegabytes: number; readonly residentMegabytes: number } {
  (globalThis as { gc?(): void }).gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return { heapMegabytes: heapUsed / 1e6, residentMegabytes: rss / 1e6 };
}

/** Waits so long. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setUncounted(resolve, ms));
}

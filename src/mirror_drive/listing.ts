/**
 * The files that a mirror looks at, in both drives.
 *
 * @module
 */
import { resolveDrivePath } from "../base/mod.ts";
import type { DriveEntry, MirrorableDrive } from "./drive.ts";
import { namingFile } from "./errors.ts";

/** What to list. */
export interface ListingOptions {
  readonly prefixes: readonly string[];
  readonly entries: readonly (DriveEntry | string)[] | null;
  readonly ignore: ((key: string) => boolean) | null;
}

/** The paths of `drive` that `filter` lets through, each with its entry. */
export async function* listEntries(
  drive: MirrorableDrive,
  options: ListingOptions,
  filter: ((key: string) => boolean) | null,
): AsyncGenerator<{ readonly key: string; readonly entry: DriveEntry | null }> {
  if (options.entries !== null) {
    for (const given of options.entries) {
      const key = typeof given === "string" ? given : given.key;
      if (filter === null || filter(key)) yield { key, entry: await entryOf(drive, key, given) };
    }
    return;
  }
  for (const prefix of options.prefixes) {
    for await (const entry of namingFolder(prefix, drive.list(prefix, { ignore: options.ignore }))) {
      if (filter === null || filter(entry.key)) yield { key: entry.key, entry };
    }
    // A prefix may name a file instead of a folder, which no listing of it shows.
    if (prefix !== "/" && (filter === null || filter(prefix))) {
      yield { key: prefix, entry: await entryOf(drive, prefix) };
    }
  }
}

/** What `drive` knows of the file `key`. */
export async function entryOf(
  drive: MirrorableDrive,
  key: string,
  given: DriveEntry | string = key,
): Promise<DriveEntry | null> {
  return await namingFile("look at", key, () => drive.entry(given));
}

/** Whether `drive` has the file `key`, by that path alone. */
export async function isThere(drive: MirrorableDrive, key: string): Promise<boolean> {
  if (await entryOf(drive, key) === null) return false;
  return await namingFile("look at", key, async () => await drive.isListed?.(key) ?? true);
}

async function* namingFolder<Item>(folder: string, items: AsyncIterable<Item>): AsyncGenerator<Item> {
  const iterator = items[Symbol.asyncIterator]();
  let isOver = false;
  try {
    for (;;) {
      const { done, value } = await namingFile("list", folder, () => iterator.next());
      isOver = done === true;
      if (isOver) return;
      yield value;
    }
  } finally {
    if (!isOver) await iterator.return?.();
  }
}

/** A function that tells what to leave alone, from the paths that the caller gave. */
export function ignoreFunction(
  ignore: string | readonly string[] | ((key: string) => boolean) | null | undefined,
): ((key: string) => boolean) | null {
  if (ignore === null || ignore === undefined) return null;
  if (typeof ignore === "function") return ignore;
  const paths = [ignore].flat().map((path) => resolveDrivePath("/", path));
  return (key) => paths.some((path) => path === key || key.startsWith(`${path}/`));
}

/**
 * The files that a mirror looks at, in both drives.
 *
 * @module
 */
import { resolveDrivePath } from "../base/mod.ts";
import type { DriveEntry, MirrorableDrive } from "./drive.ts";

/** A path and what one drive, `entry`, and the other, `other`, have there. */
export interface Pair {
  readonly key: string;
  readonly entry: DriveEntry | null;
  readonly other: DriveEntry | null;
}

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
      if (filter === null || filter(key)) yield { key, entry: await drive.entry(given) };
    }
    return;
  }
  for (const prefix of options.prefixes) {
    for await (const entry of drive.list(prefix, { ignore: options.ignore })) {
      if (filter === null || filter(entry.key)) yield { key: entry.key, entry };
    }
    // A prefix may name a file instead of a folder, which no listing of it shows.
    if (prefix !== "/" && (filter === null || filter(prefix))) {
      yield { key: prefix, entry: await drive.entry(prefix) };
    }
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

/**
 * Mirroring one drive to another, once or for as long as it changes. Source of the options: `drives` 2.9.1
 * (bin/mirror.js).
 *
 * @module
 */
import { Hyperdrive } from "../../hyperdrive/mod.ts";
import type { Localdrive } from "../../localdrive/mod.ts";
import {
  type MirrorableDrive,
  type MirrorCount,
  type MirrorDifference,
  MirrorDrive,
  type Monitor,
} from "../../mirror_drive/mod.ts";
import { watchFolder } from "../../platform/mod.ts";
import { filterOf, readIgnoreFile } from "./ignores.ts";
import type { Drive } from "./session.ts";

/** Options of {@linkcode mirrorDrives}. */
export interface MirrorOptions {
  /** Folder of both drives to mirror (default `/`). */
  readonly prefix?: string;
  /** Patterns of files to leave out; those of the source's `.drivesignore` are added. */
  readonly filter?: readonly string[];
  /** Tell and do nothing (default false). */
  readonly dryRun?: boolean;
  /** Keep files of the destination that the source does not have (default false). */
  readonly keep?: boolean;
  /** Go on with what changes in the source, until `signal` aborts (default false). */
  readonly live?: boolean;
  /** Keep permission bits and times (default false). */
  readonly attributes?: boolean;
  /** Ends it: at once before it runs, else after the file that is under way. */
  readonly signal?: AbortSignal;
  /** Given the monitor of the first run. */
  readonly onmonitor?: (monitor: Monitor) => void;
}

/** What a mirror tells. */
export type MirrorEvent =
  /** A difference that is dealt with next. */
  | ({ readonly event: "difference" } & MirrorDifference)
  /** Both drives are alike: as many files, so much done. */
  | { readonly event: "mirrored"; readonly count: MirrorCount; readonly version: number | null };

/** Changes that come within this time are mirrored together, ms. */
const CHANGES_MS = 200;

/** Mirrors `source` to `destination` and tells each difference; with `live`, goes on with what changes. */
export async function* mirrorDrives(
  source: Drive,
  destination: Drive,
  options: MirrorOptions = {},
): AsyncGenerator<MirrorEvent> {
  const { prefix = "/", signal } = options;
  const filter = filterOf([...options.filter ?? [], ...await readIgnoreFile(source)]);
  const changes = options.live ? changesOf(source, prefix, signal) : null;
  await changes?.ready;
  yield* mirrorOnce(source, destination, { ...options, filter, prefix: [prefix], isFirst: true });
  if (changes === null) return;
  for await (const paths of changes) {
    const kept = paths.filter(filter);
    if (kept.length === 0) continue;
    yield* mirrorOnce(source, destination, { ...options, filter, prefix: kept, isFirst: false });
  }
}

interface RunOptions extends Omit<MirrorOptions, "filter" | "prefix"> {
  readonly filter: (key: string) => boolean;
  readonly prefix: readonly string[];
  readonly isFirst: boolean;
}

async function* mirrorOnce(
  source: Drive,
  destination: MirrorableDrive & { readonly version?: number },
  options: RunOptions,
): AsyncGenerator<MirrorEvent> {
  const { filter, prefix, isFirst, dryRun, attributes, signal } = options;
  if (signal?.aborted) return;
  const mirror = new MirrorDrive(source, destination, {
    prefix,
    filter,
    dryRun,
    attributes,
    // What the filter leaves out stays where it is, at the destination too.
    prune: !options.keep,
    ignore: (key) => !filter(key),
  });
  if (isFirst) options.onmonitor?.(mirror.monitor());
  for await (const difference of mirror) {
    yield { event: "difference", ...difference };
    if (signal?.aborted) return;
  }
  if (isFirst || mirror.count.add + mirror.count.change + mirror.count.remove > 0) {
    yield { event: "mirrored", count: { ...mirror.count }, version: destination.version ?? null };
  }
}

/** Paths that have changed, a list at a time; watches once `ready` has resolved. */
interface Changes extends AsyncIterable<string[]> {
  readonly ready: Promise<void>;
}

function changesOf(source: Drive, prefix: string, signal?: AbortSignal): Changes {
  return source instanceof Hyperdrive
    ? changesOfHyperdrive(source, prefix, signal)
    : changesOfFolder(source, prefix, signal);
}

function changesOfHyperdrive(source: Hyperdrive, prefix: string, signal?: AbortSignal): Changes {
  const watcher = source.watch(prefix);
  const stop = (): void => void watcher.destroy();
  signal?.addEventListener("abort", stop, { once: true });
  return {
    ready: watcher.ready(),
    async *[Symbol.asyncIterator]() {
      for await (const [current, previous] of watcher) {
        const paths: string[] = [];
        for await (const { left, right } of current.diff(previous.version, prefix)) {
          paths.push((left ?? right)!.key);
        }
        yield paths;
      }
    },
  };
}

function changesOfFolder(source: Localdrive, prefix: string, signal?: AbortSignal): Changes {
  const changed = new Set<string>();
  let wake = (): void => {};
  let failure: Error | null = null;
  const watcher = watchFolder(source.toPath(prefix), {
    onChange(path) {
      changed.add(prefix === "/" ? `/${path}` : `${prefix}/${path}`);
      wake();
    },
    onError(error) {
      failure = error;
      wake();
    },
  });
  signal?.addEventListener("abort", () => wake(), { once: true });
  return {
    ready: Promise.resolve(),
    async *[Symbol.asyncIterator]() {
      try {
        while (!signal?.aborted) {
          if (failure !== null) throw failure;
          if (changed.size === 0) await new Promise<void>((resolve) => wake = resolve);
          // More changes come right behind the first one, of the same file above all.
          await new Promise((resolve) => setTimeout(resolve, CHANGES_MS));
          const paths = Array.from(changed);
          changed.clear();
          if (paths.length > 0 && !signal?.aborted) yield withoutNested(paths);
        }
      } finally {
        watcher.close();
      }
    },
  };
}

/** Paths that do not lie below others of the list. */
function withoutNested(paths: readonly string[]): string[] {
  return paths.filter((path) => !paths.some((other) => path.startsWith(`${other}/`)));
}

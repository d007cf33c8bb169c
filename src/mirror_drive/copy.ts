/**
 * Bringing one file from one drive to another.
 *
 * @module
 */
import { type Duplex, isStream, pipeline } from "../base/mod.ts";
import { withAttributes } from "./attributes.ts";
import { ChunkStream } from "./chunk_stream.ts";
import { isSmall } from "./comparison.ts";
import type { DriveEntry, DriveWriteOptions, MirrorableDrive } from "./drive.ts";
import { MirrorDriveError } from "./errors.ts";
import { COPY_TRIES_MAX } from "./limits.ts";
import type { Transformer } from "./options.ts";

/** From where to where, and through what. */
export interface CopyOptions {
  readonly src: MirrorableDrive;
  readonly dst: MirrorableDrive;
  readonly attributes: boolean;
  readonly dedup: boolean;
  readonly transformers: readonly Transformer[];
}

/** Whether a file goes over whole; its bytes may then be read before its turn. */
export function isCopiedWhole(options: CopyOptions, entry: DriveEntry): boolean {
  return options.transformers.length === 0 && !options.dedup && isSmall(entry);
}

/**
 * Copies a file or link; `bytes` are those of a small file that has been read already. One that vanishes meanwhile is left
 * out, one that changes is copied anew.
 *
 * @throws {MirrorDriveError} `SOURCE_CHANGED` when the file changed during each of some tries.
 */
export async function copyFile(
  options: CopyOptions,
  source: DriveEntry,
  bytes: Uint8Array | null,
): Promise<void> {
  const { src } = options;
  let entry = source;
  let known = bytes;
  for (let tries = 1;; tries++) {
    const failure = await failureOf(copyOnce(options, entry, known));
    if (failure === null && !src.supportsAttributes) return;
    const after = src.supportsAttributes ? await src.entry(source.key) : entry;
    if (after === null) return;
    if (isUnchanged(entry, after)) {
      if (failure === null) return;
      throw failure.reason;
    }
    if (tries === COPY_TRIES_MAX) throw failure?.reason ?? changedError(source.key);
    entry = after;
    known = null;
  }
}

async function failureOf(work: Promise<void>): Promise<{ readonly reason: unknown } | null> {
  try {
    await work;
    return null;
  } catch (reason) {
    return { reason };
  }
}

/** Gives the file's entry at the destination the attributes of the source's, without copying bytes. */
export async function copyMetadata(
  options: CopyOptions,
  source: DriveEntry,
  destination: DriveEntry,
): Promise<void> {
  await options.dst.putEntry!(source.key, {
    executable: source.value.executable,
    linkname: source.value.linkname,
    blob: destination.value.blob,
    metadata: writeOptions(options, source).metadata ?? null,
  });
}

async function copyOnce(
  options: CopyOptions,
  entry: DriveEntry,
  known: Uint8Array | null,
): Promise<void> {
  const { src, dst } = options;
  if (entry.value.linkname !== null) {
    await dst.symlink(entry.key, entry.value.linkname);
    return;
  }
  const write = writeOptions(options, entry);
  if (isCopiedWhole(options, entry)) {
    const bytes = known ?? await src.get(entry);
    if (bytes === null) throw changedError(entry.key);
    await dst.put(entry.key, bytes, write);
    return;
  }
  const between: Duplex[] = transformersOf(options, entry.key);
  if (options.dedup) between.push(new ChunkStream());
  const target = dst.createWriteStream(entry.key, { ...write, dedup: options.dedup });
  await pipeline(src.createReadStream(entry), ...between, target);
}

function transformersOf({ transformers }: CopyOptions, key: string): Duplex[] {
  const streams: Duplex[] = [];
  for (const transformer of transformers) {
    if (typeof transformer !== "function") {
      throw new MirrorDriveError(
        "BAD_TRANSFORMER",
        `A transformer must be a function, not ${typeof transformer}`,
      );
    }
    const stream = transformer(key);
    if (stream === null) continue;
    if (!isStream(stream)) {
      throw new MirrorDriveError(
        "BAD_TRANSFORMER",
        `A transformer must return a stream or null, for ${key}`,
        {
          key,
        },
      );
    }
    streams.push(stream as Duplex);
  }
  return streams;
}

function writeOptions({ src, dst, attributes }: CopyOptions, entry: DriveEntry): DriveWriteOptions {
  const { executable, metadata } = entry.value;
  return attributes ? { executable, ...withAttributes(src, entry, dst) } : { executable, metadata };
}

/** Whether two entries of one path are of the same state of a file, as far as a file system tells. */
export function isUnchanged(before: DriveEntry, after: DriveEntry): boolean {
  return before.mtime === after.mtime && before.value.linkname === after.value.linkname &&
    before.value.blob?.byteLength === after.value.blob?.byteLength;
}

function changedError(key: string): MirrorDriveError {
  return new MirrorDriveError(
    "SOURCE_CHANGED",
    `Cannot copy ${key}, it changes while it is read; try again when it is written`,
    {
      key,
    },
  );
}

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
 * Copies a file or link; `bytes` are those of a small file that has been read already.
 *
 * @throws {MirrorDriveError} `SOURCE_CHANGED` when the file changed during each of some tries.
 */
export async function copyFile(
  options: CopyOptions,
  source: DriveEntry,
  bytes: Uint8Array | null,
): Promise<void> {
  const { src, dst } = options;
  if (source.value.linkname !== null) {
    await dst.symlink(source.key, source.value.linkname);
    return;
  }
  let entry = source;
  let known = bytes;
  for (let tries = 1;; tries++) {
    await copyOnce(options, entry, known);
    if (!src.supportsAttributes) return;
    const after = await src.entry(source.key);
    if (after === null || isUnchanged(entry, after)) return;
    if (tries === COPY_TRIES_MAX) throw changedError(source.key);
    entry = after;
    known = null;
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

function isUnchanged(before: DriveEntry, after: DriveEntry): boolean {
  return before.mtime === after.mtime && before.value.blob?.byteLength === after.value.blob?.byteLength;
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

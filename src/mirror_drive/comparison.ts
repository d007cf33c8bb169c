/**
 * Whether a file is the same in both drives. Source: `mirror-drive` 1.14.2 (index.js).
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { equalBytes } from "../base/mod.ts";
import { attributesOf, equalAttributes, plainMetadata } from "./attributes.ts";
import type { DriveEntry, MirrorableDrive } from "./drive.ts";
import { SMALL_FILE_BYTES } from "./limits.ts";
import { equalStreams } from "./stream_equality.ts";

/** How two entries of one path differ. */
export type Difference = "same" | "content" | "metadata";

/** The drives, and what of their files counts. */
export interface ComparisonOptions {
  readonly src: MirrorableDrive;
  readonly dst: MirrorableDrive;
  /** Permission bits and times count. */
  readonly attributes: boolean;
  /** Tells whether metadata is the same, null to compare by value. */
  readonly metadataEquals: ((source: unknown, destination: unknown) => boolean) | null;
}

/**
 * Compares link targets, then sizes, then bytes, then what else is known of the files.
 *
 * Where attributes count, two files of equal size, mode and time are taken to be equal without reading them.
 */
export async function compareEntries(
  options: ComparisonOptions,
  source: DriveEntry,
  destination: DriveEntry,
): Promise<Difference> {
  if (source.value.linkname !== null || destination.value.linkname !== null) {
    return source.value.linkname === destination.value.linkname ? "same" : "content";
  }
  if (!mayBeEqual(source, destination)) return "content";
  const isUntouched = options.attributes && haveEqualAttributes(options, source, destination);
  if (!isUntouched && !await haveEqualBytes(options, source, destination)) return "content";
  const isSame = source.value.executable === destination.value.executable &&
    haveEqualMetadata(options, source, destination) &&
    (!options.attributes || isUntouched || attributesOf(options.src, source) === null);
  return isSame ? "same" : "metadata";
}

function mayBeEqual(source: DriveEntry, destination: DriveEntry): boolean {
  const one = source.value.blob;
  const other = destination.value.blob;
  if (one === null || other === null) return one === other;
  // The size of a blob that is stored as a map is known only by reading the map.
  return one.blockMap === true || other.blockMap === true || one.byteLength === other.byteLength;
}

function haveEqualAttributes(
  options: ComparisonOptions,
  source: DriveEntry,
  destination: DriveEntry,
): boolean {
  const attributes = attributesOf(options.src, source);
  return attributes !== null && equalAttributes(attributes, attributesOf(options.dst, destination));
}

async function haveEqualBytes(
  { src, dst }: ComparisonOptions,
  source: DriveEntry,
  destination: DriveEntry,
): Promise<boolean> {
  if (!isSmall(source) || !isSmall(destination)) {
    return await equalStreams(src.createReadStream(source), dst.createReadStream(destination));
  }
  const [one, other] = await Promise.all([src.get(source), dst.get(destination)]);
  return one !== null && other !== null ? equalBytes(one, other) : one === other;
}

/** Whether a file is read and written whole rather than through streams. */
export function isSmall(entry: DriveEntry): boolean {
  const { blob } = entry.value;
  return blob !== null && blob.blockMap !== true && blob.byteLength <= SMALL_FILE_BYTES;
}

function haveEqualMetadata(options: ComparisonOptions, source: DriveEntry, destination: DriveEntry): boolean {
  if (!options.src.supportsMetadata || !options.dst.supportsMetadata) return true;
  const [one, other] = options.attributes
    ? [plainMetadata(source), plainMetadata(destination)]
    : [source.value.metadata, destination.value.metadata];
  if (options.metadataEquals !== null) return options.metadataEquals(one, other);
  return (!one && !other) || isDeepStrictEqual(one, other);
}

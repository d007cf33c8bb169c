/**
 * Permission bits and times of files across a mirror: fields of the entry in a drive on the file system, part of the
 * metadata in any other.
 *
 * @module
 */
import type { DriveEntry, DriveWriteOptions, MirrorableDrive } from "./drive.ts";

/** What a file system keeps of a file besides its bytes. */
export interface FileAttributes {
  /** Permission bits, `0o777` at most. */
  readonly mode: number;
  /** Time of the last change, whole ms since the Unix epoch. */
  readonly mtime: number;
}

/** The attributes of an entry, null where it has none. What lies in metadata came from anyone and is checked. */
export function attributesOf(drive: MirrorableDrive, entry: DriveEntry): FileAttributes | null {
  const kept = drive.supportsAttributes ? entry : asRecord(asRecord(entry.value.metadata).attributes);
  const { mode, mtime } = kept as { mode?: unknown; mtime?: unknown };
  if (typeof mode !== "number" || !Number.isInteger(mode) || mode < 0 || mode > 0o777) return null;
  if (typeof mtime !== "number" || !Number.isFinite(mtime) || Math.abs(mtime) > 8.64e15) return null;
  return { mode, mtime: Math.floor(mtime) };
}

/** The metadata of an entry without its attributes; null where nothing is left. */
export function plainMetadata(entry: DriveEntry): unknown {
  const { metadata } = entry.value;
  if (!("attributes" in asRecord(metadata))) return metadata;
  const { attributes: _, ...rest } = asRecord(metadata);
  return Object.keys(rest).length === 0 ? null : rest;
}

/** How `entry` is written to `destination` so that its attributes stay. */
export function withAttributes(
  source: MirrorableDrive,
  entry: DriveEntry,
  destination: MirrorableDrive,
): DriveWriteOptions {
  const attributes = attributesOf(source, entry);
  const metadata = plainMetadata(entry);
  if (attributes === null) return { metadata };
  if (destination.supportsAttributes) return { metadata, ...attributes };
  return { metadata: { ...asRecord(metadata), attributes } };
}

/** Whether both are the same, absent ones included. */
export function equalAttributes(a: FileAttributes | null, b: FileAttributes | null): boolean {
  return a?.mode === b?.mode && a?.mtime === b?.mtime;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Record<string, unknown>
    : {};
}

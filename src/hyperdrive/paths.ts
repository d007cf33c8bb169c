/**
 * Paths of a drive, and the ranges of keys below a folder. Source: `hyperdrive` 13.3.3 (index.js).
 *
 * @module
 */
import { resolveDrivePath } from "../base/mod.ts";
import { HyperdriveError } from "./errors.ts";

/** The character behind `/`: keys of a folder's files come before the folder's name with it. */
const BEHIND_SLASH = "0";

/**
 * The absolute path of a file.
 *
 * @throws {QuinceError} `BAD_ARGUMENT` for the root, and for paths above it.
 */
export function filePath(path: string): string {
  const resolved = resolveDrivePath("/", path);
  if (resolved === "/") {
    throw new HyperdriveError("BAD_ARGUMENT", `"${path}" is the root of a drive, not a file`);
  }
  return resolved;
}

/** The absolute path of a folder without a slash at the end: the root is the empty path. */
export function folderPath(path: string | null | undefined): string {
  const resolved = resolveDrivePath("/", path ?? "/");
  return resolved === "/" ? "" : resolved;
}

/** The keys of all files below a folder. */
export function rangeBelow(folder: string): { readonly gt: string; readonly lt: string } {
  return { gt: `${folder}/`, lt: folder + BEHIND_SLASH };
}

/** Those keys of files below a folder that come behind a name directly in it, and behind all below that name. */
export function rangeBehind(
  folder: string,
  name: string,
  isFolder: boolean,
): { readonly gt?: string; readonly gte?: string; readonly lt: string } {
  const lt = folder + BEHIND_SLASH;
  // A file may have the very name that all files of the folder come before: "a0" beside a folder "a".
  return isFolder ? { gte: `${folder}/${name}${BEHIND_SLASH}`, lt } : { gt: `${folder}/${name}`, lt };
}

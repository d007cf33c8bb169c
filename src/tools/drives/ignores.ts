/**
 * Files that are no part of a drive. Source: `drives` 2.9.1 (lib/generate-filter.js), 3.1.0 (lib/mirror.js).
 *
 * @module
 */
import picomatch from "picomatch";

/** What nobody wants to share: the tool's own store, that of version control, lock files, what a desktop leaves. */
const ALWAYS =
  /\/(\.drives|\.git|\.github|\.DS_Store|package-lock\.json|node_modules\/\.package-lock\.json)(\/|$)/i;

/** Patterns in a drive's root, one per line, `#` before a remark. */
export const IGNORE_FILE = "/.drivesignore";

/** Something whose files can be read. */
export interface IgnoreSource {
  /** The bytes of a file, null where there is none. */
  get(path: string): Promise<Uint8Array | null>;
}

/** The patterns of a drive's {@linkcode IGNORE_FILE}, none where it has no such file. */
export async function readIgnoreFile(drive: IgnoreSource): Promise<string[]> {
  const bytes = await drive.get(IGNORE_FILE);
  if (bytes === null) return [];
  return new TextDecoder().decode(bytes).split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** A function that tells which paths to keep: all but those that match one of `patterns`, wherever they lie. */
export function filterOf(patterns: readonly string[]): (key: string) => boolean {
  const globs = patterns.flatMap((pattern) => {
    const rooted = pattern.startsWith("/") ? pattern.slice(1) : `**/${pattern}`;
    const bare = rooted.replace(/\/+$/, "");
    // A folder that is ignored is ignored with all that is in it.
    return [bare, `${bare}/**`];
  });
  const isIgnored = globs.length === 0 ? () => false : picomatch(globs, { nocase: true, dot: true });
  return (key) => !ALWAYS.test(key) && !isIgnored(key.slice(1));
}

/**
 * Paths inside a drive: absolute, separated by `/`, without `.` and `..`. Source: `unix-path-resolve` 1.0.2.
 *
 * @module
 */
import { QuinceError } from "./errors.ts";

/**
 * Resolves `path` against the absolute path `base`: `/a/b` and `../c` give `/a/c`. Backslashes separate too, and a
 * Windows drive or a URL's scheme and host in front make a path absolute and are dropped.
 *
 * @throws {QuinceError} `BAD_ARGUMENT` when neither path is absolute, or `..` leads above the root.
 */
export function resolveDrivePath(base: string, path = ""): string {
  const given = parsePath(path);
  const names: string[] = [];
  if (!given.isAbsolute) {
    const from = parsePath(base);
    if (!from.isAbsolute) {
      throw new QuinceError("BAD_ARGUMENT", `Neither path is absolute: "${base}", "${path}"`);
    }
    walk(names, from.names, base);
  }
  walk(names, given.names, path);
  return `/${names.join("/")}`;
}

interface ParsedPath {
  readonly isAbsolute: boolean;
  readonly names: readonly string[];
}

function parsePath(path: string): ParsedPath {
  const names = path.split(/[/\\]/);
  const first = names[0]!;
  if (names.length > 1 && first.endsWith(":")) {
    const isDriveOrFile = first.length === 2 || first === "file:";
    return { isAbsolute: true, names: names.slice(isDriveOrFile ? 1 : 3) };
  }
  return { isAbsolute: path.startsWith("/") || path.startsWith("\\"), names };
}

function walk(names: string[], steps: readonly string[], path: string): void {
  for (const step of steps) {
    if (step === "" || step === ".") continue;
    if (step !== "..") names.push(step);
    else if (names.pop() === undefined) {
      throw new QuinceError("BAD_ARGUMENT", `The path "${path}" leads above the root`);
    }
  }
}

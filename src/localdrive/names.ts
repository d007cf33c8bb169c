/**
 * Names that an operating system cannot hold.
 *
 * @module
 */
import { LocaldriveError } from "./errors.ts";

/** Names that Windows keeps for devices, with any extension. */
const WINDOWS_DEVICES = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)/i;
// deno-lint-ignore no-control-regex -- they are what is looked for
const WINDOWS_FORBIDDEN = /[<>:"|?*\u0000-\u001f]|[. ]$/;

/**
 * Checks that each name of an absolute path of a drive can be a file's name here.
 *
 * @throws {LocaldriveError} `BAD_NAME`.
 */
export function checkNames(key: string, onWindows: boolean): void {
  if (key.includes("\0")) {
    throw new LocaldriveError("BAD_NAME", `The path ${JSON.stringify(key)} has a zero character in it`);
  }
  if (!onWindows) return;
  const bad = key.split("/").find((name) => WINDOWS_DEVICES.test(name) || WINDOWS_FORBIDDEN.test(name));
  if (bad === undefined) return;
  throw new LocaldriveError(
    "BAD_NAME",
    `Windows has no files with the name ${JSON.stringify(bad)}, of ${key}`,
  );
}

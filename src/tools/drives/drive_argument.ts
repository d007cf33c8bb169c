/**
 * What an argument names: a drive of the network by its key, or a folder. Source: `drives` 2.9.1 (lib/drive-id.js).
 *
 * @module
 */
import { idEncoding } from "../../hypercore_crypto/mod.ts";
import { fileStatus } from "../../platform/mod.ts";
import { DrivesError } from "./errors.ts";

/** A drive of the network, or a folder. */
export type DriveArgument =
  | { readonly kind: "key"; readonly key: Uint8Array }
  | { readonly kind: "folder"; readonly path: string };

const KEY_CHARS: readonly number[] = [52, 64];

/**
 * Reads an argument: 52 or 64 characters without slash or dot are a key, anything else is a folder.
 *
 * @throws {DrivesError} `BAD_DRIVE` for what looks like a key and is none.
 */
export function parseDrive(text: string): DriveArgument {
  if (text === "") throw new DrivesError("BAD_DRIVE", "A drive is named by its key or by a folder");
  if (/[/\\.]/.test(text) || !KEY_CHARS.includes(text.length)) return { kind: "folder", path: text };
  try {
    return { kind: "key", key: idEncoding.decode(text) };
  } catch (cause) {
    const advice = `${text} has the length of a key and is none; a folder of that name is ./${text}`;
    throw new DrivesError("BAD_DRIVE", advice, { cause });
  }
}

/**
 * Makes sure that a folder is there: one that is misspelt must not pass for an empty one.
 *
 * @throws {DrivesError} `NO_FOLDER` where it is not.
 */
export async function checkFolder(path: string): Promise<void> {
  const status = await fileStatus(path, true);
  if (status === null) throw new DrivesError("NO_FOLDER", `There is no folder ${path}`);
  if (status.kind !== "directory") throw new DrivesError("NO_FOLDER", `${path} is no folder`);
}

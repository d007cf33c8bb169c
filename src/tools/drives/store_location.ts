/**
 * Where the tool keeps drives. Source: `drives` 2.9.1 (lib/find-corestore.js).
 *
 * @module
 */
import path from "node:path";
import process from "node:process";
import { fileStatus } from "../../platform/mod.ts";
import { DrivesError } from "./errors.ts";

const FOLDER = ".drives";
const STORE = "corestore";

/**
 * The folder of the store: below `storage` if that is given, else `.drives/corestore` here or in the nearest folder above
 * that has one, else in the user's home.
 *
 * @param from Where to begin to look (default: the working directory).
 * @throws {DrivesError} `NO_STORAGE`, `FOREIGN_STORAGE`.
 */
export async function findStore(storage?: string, from: string = path.resolve(".")): Promise<string> {
  const folder = storage === undefined ? await nearestStore(from) : path.resolve(storage, STORE);
  // The npm package keeps RocksDB's files in the same place.
  if (await exists(path.join(folder, "CORESTORE"))) {
    throw new DrivesError(
      "FOREIGN_STORAGE",
      `${folder} holds a store of the npm package drives; name another place with --storage, and fetch the drives by key`,
    );
  }
  return folder;
}

/** Where `init` makes a store: in the folder itself. */
export function storeIn(folder: string): string {
  return path.resolve(folder, FOLDER, STORE);
}

async function nearestStore(from: string): Promise<string> {
  for (let folder = from;; folder = path.dirname(folder)) {
    if (await exists(storeIn(folder))) return storeIn(folder);
    if (folder === path.dirname(folder)) return storeIn(home());
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    return await fileStatus(file, true) !== null;
  } catch {
    return false; // what may not be looked at is not ours
  }
}

function home(): string {
  const name = process.platform === "win32" ? "USERPROFILE" : "HOME";
  let folder: string | undefined;
  let cause: unknown;
  try {
    folder = process.env[name]; // os.homedir() would need --allow-sys besides
  } catch (error) {
    cause = error;
  }
  if (folder) return folder;
  throw new DrivesError(
    "NO_STORAGE",
    `The home folder is not known, ${name} is not set or --allow-env=${name} is missing; ` +
      "name a place with --storage",
    { cause },
  );
}

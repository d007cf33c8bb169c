/**
 * Imports a folder of corestore 6 or hypercore 10, as programs call it.
 *
 * @module
 */
import { Hypercore } from "../../hypercore/mod.ts";
import { Corestore, rootOf } from "../corestore.ts";
import { CorestoreError } from "../errors.ts";
import type { CorestoreStorageInput } from "../options.ts";
import { inspectFolder } from "./driver.ts";
import { importFolder, type LegacyImportOptions, type LegacyImportReport } from "./import_folder.ts";

/**
 * Imports a folder of corestore 6 or hypercore 10 into a store: primary key, names, key pairs, user data, and of each core
 * what can be verified. The folder is only read. An import that is cut off can be started again.
 *
 * Stop the old program first and never start it again: two writers of one core fork it.
 *
 * @param folder the old store: `primary-key` and `cores`, or the files of one core
 * @param store where to: an open store, or what `new Corestore` takes; the old folder itself will do
 * @throws {CorestoreError} `BAD_ARGUMENT` where no such store lies in the folder.
 * @throws {StorageError} as the store's storage.
 *
 * @example
 * ```ts
 * import Corestore, { importLegacyStore } from "@quince/quince/corestore";
 *
 * const { cores } = await importLegacyStore("./old-store", "./new-store");
 * for (const { folder, problems } of cores.filter(({ problems }) => problems.length > 0)) {
 *   console.warn(folder, problems);
 * }
 * await using store = new Corestore("./new-store");
 * ```
 */
export async function importLegacyStore(
  folder: string,
  store: Corestore | CorestoreStorageInput,
  options: LegacyImportOptions = {},
): Promise<LegacyImportReport> {
  const found = await inspectFolder(folder);
  if (found.kind === "rocksdb") {
    const message = `${folder} holds a corestore 7 or hypercore 11; replicate it from a Node process instead`;
    throw new CorestoreError("BAD_ARGUMENT", message);
  }
  if (found.kind === "none") {
    throw new CorestoreError("BAD_ARGUMENT", `There is no corestore 6 and no hypercore 10 in ${folder}`);
  }
  if (store instanceof Corestore) {
    await store.ready();
    const report = await importFolder(store.storage, folder, found, options);
    await rootOf(store).reloadPrimaryKey();
    return report;
  }
  const target = Hypercore.defaultStorage(store);
  try {
    await target.open();
    return await importFolder(target, folder, found, options);
  } finally {
    if (target !== store) await target.close();
  }
}

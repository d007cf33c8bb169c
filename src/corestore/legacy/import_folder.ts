/**
 * Imports what corestore 6 and hypercore 10 left in a folder into a store of cores.
 *
 * @module
 */
import { copyBytes, equalBytes, hexText, utf8Text } from "../../base/mod.ts";
import {
  type BitfieldRange,
  type CoreAlias,
  type CoreStore,
  type HeadClaim,
  HypercoreError,
  type ImportedLog,
  importLog,
  type ImportLogOptions,
  type LogKeyPair,
} from "../../hypercore/mod.ts";
import { discoveryKey as discoveryKeyOf } from "../../hypercore_crypto/mod.ts";
import { namedKeyPair } from "../keys.ts";
import { discoveryKeyOfFolder, LegacyCoreFiles, type LegacyFolder } from "./driver.ts";
import { decodeHeader, isExternal, type LegacyHeader } from "./messages.ts";
import { type Oplog, readOplog } from "./oplog.ts";

const USER_DATA_NAME = "corestore/name";
const USER_DATA_NAMESPACE = "corestore/namespace";

/** A run of blocks. */
export interface BlockRange {
  /** First block. */
  readonly start: number;
  /** End, exclusive. */
  readonly end: number;
}

/** What became of one core. */
export interface LegacyCoreReport {
  /** Where it lies. */
  readonly folder: string;
  /** 32 bytes; null where it could not be read. */
  readonly key: Uint8Array | null;
  /** 32 bytes; null where neither the folder's name nor the key tells. */
  readonly discoveryKey: Uint8Array | null;
  /** Name and namespace; null where it has none. */
  readonly alias: CoreAlias | null;
  /**
   * - `imported`: the newest head that could be verified, and all blocks below it that could.
   * - `empty`: the core has no blocks; it is known now.
   * - `kept`: the store has blocks of this core already, which were left as they are.
   * - `unverifiable`: no signed state of the core could be put together; it is known now, without blocks.
   * - `unreadable`: not even its key could be read.
   */
  readonly outcome: ImportedLog["kind"] | "unreadable";
  /** Blocks of the head. */
  readonly length: number;
  /** Blocks stored. */
  readonly blocks: number;
  /** Blocks that the old store says it has and that could not be verified: fetch them from peers. */
  readonly lost: readonly BlockRange[];
  /**
   * Whether the secret key came along. It is left out where the newest state may be lost: whoever writes on from an older
   * one signs a second block where peers have seen another.
   */
  readonly isWritable: boolean;
  /** What was found wrong, in words. */
  readonly problems: readonly string[];
}

/** What became of a folder. */
export interface LegacyImportReport {
  /** What lay in the folder. */
  readonly source: "corestore" | "hypercore";
  /**
   * - `imported`: it is the store's now.
   * - `same`: the store had the same one.
   * - `kept`: the store has another one, and cores named by it; new names go on with that.
   * - `missing`: the folder has none.
   */
  readonly primaryKey: "imported" | "same" | "kept" | "missing";
  /** One report for each core, in the order of their folders. */
  readonly cores: readonly LegacyCoreReport[];
}

/** Options of `importLegacyStore`. */
export interface LegacyImportOptions {
  /** Gives up between two cores, with its reason. */
  readonly signal?: AbortSignal;
  /** Told of each core once it is done. */
  readonly onprogress?: (report: LegacyCoreReport) => void;
}

/** Imports what was found in `folder`; the primary key first. The store is open. */
export async function importFolder(
  target: CoreStore,
  folder: string,
  found: Extract<LegacyFolder, { kind: "corestore" | "hypercore" }>,
  options: LegacyImportOptions,
): Promise<LegacyImportReport> {
  const isStore = found.kind === "corestore";
  const legacyKey = isStore ? found.primaryKey : null;
  const primaryKey = await importPrimaryKey(target, legacyKey);
  const cores: LegacyCoreReport[] = [];
  for (const path of isStore ? found.cores : [folder]) {
    options.signal?.throwIfAborted();
    const report = await importCore(target, { folder: path, isNamedByKey: isStore, primaryKey: legacyKey });
    cores.push(report);
    options.onprogress?.(report);
  }
  if (primaryKey === "imported") await target.setSeed(legacyKey!);
  await target.storage.sync();
  return { source: found.kind, primaryKey, cores };
}

async function importPrimaryKey(
  target: CoreStore,
  primaryKey: Uint8Array | null,
): Promise<LegacyImportReport["primaryKey"]> {
  if (primaryKey === null) return "missing";
  const stored = await target.getSeed();
  if (stored !== null && equalBytes(stored, primaryKey)) return "same";
  if (stored !== null) {
    for await (const _named of target.aliases()) return "kept";
  }
  // A store without a key gets it when all is done: until then whoever opens it starts the import over.
  if (stored !== null) await target.setSeed(primaryKey);
  return "imported";
}

async function importCore(
  target: CoreStore,
  { folder, isNamedByKey, primaryKey }: {
    folder: string;
    isNamedByKey: boolean;
    primaryKey: Uint8Array | null;
  },
): Promise<LegacyCoreReport> {
  const problems: string[] = [];
  const folderKey = isNamedByKey ? discoveryKeyOfFolder(folder) : null;
  await using files = new LegacyCoreFiles(folder);
  const oplog = await readCoreOplog(files, problems);
  const header = oplog && await headerOf(oplog, files, problems);
  if (!oplog || !header) return unreadable(folder, folderKey, problems);
  const { key, manifest } = header;
  const discoveryKey = discoveryKeyOf(key);
  if (isNamedByKey && (folderKey === null || !equalBytes(folderKey, discoveryKey))) {
    problems.push(`The folder is not named by the discovery key ${hexText(discoveryKey)} of the core in it`);
  }
  const { alias: ownAlias, userData } = userDataOf(header, oplog);
  const keyPair = keyPairOf(header, ownAlias, primaryKey);
  const namesake = ownAlias && await target.findAlias(ownAlias);
  const isTaken = namesake !== null && !equalBytes(namesake, discoveryKey);
  if (isTaken) {
    problems.push(
      `The store has another core called ${JSON.stringify(ownAlias!.name)}; open this one by key`,
    );
  }
  const alias = isTaken ? null : ownAlias;
  const hasSecret = keyPair?.secretKey instanceof Uint8Array;
  const identity = { folder, key, discoveryKey, alias };
  await files.openTree(oplog.entries.flatMap(({ nodes }) => nodes));
  const imported = await importVerified(target, problems, {
    init: {
      discoveryKey,
      key,
      manifest,
      keyPair: keyPair && oplog.isDamaged ? { ...keyPair, secretKey: null } : keyPair,
      alias,
      userData,
    },
    claims: headClaims(header, oplog),
    blocks: claimedBlocks(await files.blocks(), oplog),
    source: files,
  });
  for (const failure of files.failures()) {
    problems.push(`A file could not be read whole: ${messageOf(failure)}`);
  }
  problems.push(...problemsOf(imported, hasSecret));
  const { kind: outcome, length, blocks, lost, isWritable } = imported;
  return { ...identity, outcome, length, blocks, lost, isWritable, problems };
}

/** A manifest that does not belong to the key makes a core unverifiable, and keeps no other from being imported. */
async function importVerified(
  target: CoreStore,
  problems: string[],
  options: ImportLogOptions,
): Promise<ImportedLog> {
  try {
    return await importLog(target, options);
  } catch (error) {
    if (!(error instanceof HypercoreError) || error.code !== "INVALID_CHECKSUM") throw error;
    problems.push(messageOf(error));
    return { kind: "unverifiable", length: 0, claim: -1, blocks: 0, isWritable: false, lost: [] };
  }
}

function problemsOf({ kind, claim, lost, isWritable }: ImportedLog, hasSecret: boolean): string[] {
  const problems: string[] = [];
  if (kind === "unverifiable") problems.push("No signed state of the core could be verified");
  if (claim > 0) problems.push("The newest state could not be verified; an older one was imported");
  if (lost.length > 0) {
    const ranges = lost.slice(0, 10).map(({ start, end }) => `${start} to ${end - 1}`).join(", ");
    problems.push(`Blocks that could not be verified: ${ranges}${lost.length > 10 ? ", and more" : ""}`);
  }
  if (hasSecret && !isWritable && kind !== "kept") {
    problems.push(
      "The newest state may be lost: the secret key was left out, so that the core is not forked",
    );
  }
  return problems;
}

async function readCoreOplog(files: LegacyCoreFiles, problems: string[]): Promise<Oplog | null> {
  try {
    const bytes = await files.oplog();
    const oplog = bytes && readOplog(bytes);
    if (oplog === null) problems.push("There is no oplog");
    else if (oplog.header === null) problems.push("No header of the oplog can be read");
    else if (oplog.isDamaged) problems.push("The oplog is damaged");
    return oplog;
  } catch (error) {
    problems.push(`The oplog cannot be read: ${messageOf(error)}`);
    return null;
  }
}

async function headerOf(
  { header }: Oplog,
  files: LegacyCoreFiles,
  problems: string[],
): Promise<LegacyHeader | null> {
  if (header === null || !isExternal(header)) return header;
  try {
    const bytes = await files.header(header.start, header.byteLength);
    const decoded = bytes && decodeHeader(bytes);
    if (decoded !== null && !isExternal(decoded)) return decoded;
    problems.push("The header file is cut off");
  } catch (error) {
    problems.push(`The header file cannot be read: ${messageOf(error)}`);
  }
  return null;
}

function unreadable(
  folder: string,
  discoveryKey: Uint8Array | null,
  problems: readonly string[],
): LegacyCoreReport {
  const nothing = { key: null, alias: null, length: 0, blocks: 0, lost: [], isWritable: false };
  return { ...nothing, folder, discoveryKey, outcome: "unreadable", problems };
}

/** User data as it is after all entries, without what corestore kept there. */
function userDataOf(
  header: LegacyHeader,
  { entries }: Oplog,
): { alias: CoreAlias | null; userData: Record<string, Uint8Array> } {
  const values = new Map(header.userData);
  for (const { userData } of entries) {
    if (userData === null) continue;
    if (userData.value === null) values.delete(userData.name);
    else values.set(userData.name, userData.value);
  }
  const name = values.get(USER_DATA_NAME);
  const namespace = values.get(USER_DATA_NAMESPACE);
  const alias = name && namespace?.byteLength === 32
    ? { name: utf8Text(name), namespace: copyBytes(namespace) }
    : null;
  if (alias !== null) {
    values.delete(USER_DATA_NAME);
    values.delete(USER_DATA_NAMESPACE);
  }
  return { alias, userData: Object.fromEntries(values) };
}

/** The key pair; the secret key of a named core is not stored but follows from the primary key. */
function keyPairOf(
  { keyPair }: LegacyHeader,
  alias: CoreAlias | null,
  primaryKey: Uint8Array | null,
): LogKeyPair | null {
  if (keyPair === null || keyPair.secretKey !== null || alias === null || primaryKey === null) return keyPair;
  const derived = namedKeyPair(primaryKey, alias.namespace, alias.name);
  return equalBytes(derived.publicKey, keyPair.publicKey) ? derived : keyPair;
}

/** The states that the core claims to have been in, the newest first. */
function headClaims({ tree }: LegacyHeader, { entries }: Oplog): HeadClaim[] {
  const upgrades = entries.map(({ upgrade }) => upgrade).filter((upgrade) => upgrade !== null);
  return [...upgrades.reverse(), tree];
}

function* claimedBlocks(stored: Iterable<BitfieldRange>, { entries }: Oplog): Generator<BitfieldRange> {
  yield* stored;
  for (const { blocks } of entries) {
    if (blocks === null) continue;
    const end = blocks.start + blocks.length;
    if (Number.isSafeInteger(end)) yield { start: blocks.start, end, value: !blocks.isDropped };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

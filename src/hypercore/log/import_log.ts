/**
 * Imports a log from a foreign store: its signed head, and of its tree and blocks what can be verified against that.
 *
 * @module
 */
import { copyBytes } from "../../base/mod.ts";
import { WriteBatch } from "../../storage/mod.ts";
import { HypercoreError } from "../errors.ts";
import { Bitfield, type BitfieldRange } from "./bitfield.ts";
import { type CoreInit, type CoreStore, putCoreInfo } from "./core_store.ts";
import { type ImportSink, ImportTree, type LogSource } from "./import_tree.ts";
import { COPY_BATCH_BYTES, LOG_LENGTH_MAX } from "./limits.ts";
import { LogState } from "./log_state.ts";
import { defaultSignerManifest, isCompat, isValidManifest } from "./manifest.ts";
import { copyOfNode, nodeRow, totalSize, treeHashOf } from "./node.ts";
import { ownerKey } from "./records.ts";
import type { TreeHead, TreeNode } from "./types.ts";
import { Verifier } from "./verifier.ts";

/** A state of the foreign log that it claims to have been in. */
export interface HeadClaim {
  /** Blocks. */
  readonly length: number;
  /** How often the log was truncated. */
  readonly fork: number;
  /** Null for a log that needs none. */
  readonly signature: Uint8Array | null;
}

/** What became of a log. */
export interface ImportedLog {
  /**
   * - `imported`: the head and what could be verified below it.
   * - `empty`: it has no blocks.
   * - `kept`: blocks are stored under this key already; they stay as they are.
   * - `unverifiable`: none of the claimed heads could be verified; nothing was imported.
   */
  readonly kind: "imported" | "empty" | "kept" | "unverifiable";
  /** Blocks of the verified head, 0 unless imported; of a log that was kept, of what is stored. */
  readonly length: number;
  /** Which of the claims was verified, -1 for none. */
  readonly claim: number;
  /** Blocks that were verified and stored. */
  readonly blocks: number;
  /** Whether a secret key is stored. */
  readonly isWritable: boolean;
  /** Ranges of blocks (end exclusive) that are said to be there and could not be verified. */
  readonly lost: readonly { readonly start: number; readonly end: number }[];
}

/** A foreign log. */
export interface ImportLogOptions {
  /**
   * What the log is; its manifest may be null where the key is the signer's public key. A secret key is stored only with
   * the newest claim: whoever writes on from an older state forks the log.
   */
  readonly init: CoreInit;
  /** States to try, the newest first. */
  readonly claims: readonly HeadClaim[];
  /** Which blocks it is said to have; a later range goes before an earlier one. */
  readonly blocks: Iterable<BitfieldRange>;
  /** Where it is read from. */
  readonly source: LogSource;
}

/**
 * Imports a log that is not open. Everything is written before the head, so that an import that is cut off leaves an empty
 * log, which can be imported again.
 *
 * @throws {HypercoreError} `INVALID_CHECKSUM` for a manifest that does not belong to the key, `STORAGE_CONFLICT` for a log
 *   that is open.
 * @throws {StorageError} as the storage.
 */
export async function importLog(
  store: CoreStore,
  { init, claims, blocks, source }: ImportLogOptions,
): Promise<ImportedLog> {
  const { key, discoveryKey } = init;
  const manifest = init.manifest ?? defaultSignerManifest(key);
  const isCompatKey = isCompat(key, manifest);
  if (init.manifest !== null && !isCompatKey && !isValidManifest(key, manifest)) {
    throw new HypercoreError("INVALID_CHECKSUM", "Manifest does not hash to the key", { discoveryKey });
  }
  const { keyPair } = init;
  const info = await store.create({
    ...init,
    manifest: isCompatKey ? manifest : init.manifest,
    keyPair: keyPair && { publicKey: keyPair.publicKey, secretKey: null },
  });
  store.acquire(info);
  try {
    const { storage } = store;
    const state = await LogState.load(storage, info.owner);
    const batch = new WriteBatch();
    const hasNewest = (claim: number) => claim === 0 && keyPair?.secretKey instanceof Uint8Array;
    if (await storage.getRecord("head", ownerKey(info.owner)) !== null) {
      const { length } = state.head;
      const isWritable = info.keyPair?.secretKey instanceof Uint8Array;
      return { ...NOTHING, kind: "kept", length, blocks: state.bitfield.countSet(0, length), isWritable };
    }
    if (claims.every(({ length }) => length === 0)) {
      if (!hasNewest(0)) return { ...NOTHING, kind: "empty" };
      putCoreInfo(batch, { ...info, keyPair });
      await storage.write(batch);
      return { ...NOTHING, kind: "empty", isWritable: true };
    }
    const claimed = new Bitfield({ pagesMax: Infinity });
    for (const { start, end, value } of blocks) claimed.setRange(start, end, value);
    const rows = new RowSink(store, info.owner);
    const tree = new ImportTree(source, claimed, rows);
    const found = await findHead(tree, new Verifier(key, manifest), claims);
    if (found === null) return { ...NOTHING, kind: "unverifiable" };
    const { head, rootHash, claim } = found;
    let offset = 0;
    for (const root of head.roots) {
      await rows.putNode(root);
      await tree.walk(root, offset);
      offset += root.size;
    }
    await rows.flush();
    const { ranges, lost, blockCount } = rows;
    const isWritable = hasNewest(claim);
    if (isWritable) putCoreInfo(batch, { ...info, keyPair });
    await state.commit({ batch, head, rootHash, ranges });
    return { kind: "imported", length: head.length, claim, blocks: blockCount, isWritable, lost };
  } finally {
    store.release(info);
  }
}

const NOTHING = { length: 0, claim: -1, blocks: 0, isWritable: false, lost: [] };

/** The newest claim whose roots are signed. */
async function findHead(
  tree: ImportTree,
  verifier: Verifier,
  claims: readonly HeadClaim[],
): Promise<{ head: TreeHead; rootHash: Uint8Array; claim: number } | null> {
  for (const [claim, { length, fork, signature }] of claims.entries()) {
    if (!(Number.isSafeInteger(length) && length > 0 && length <= LOG_LENGTH_MAX)) continue;
    for await (const roots of tree.roots(length)) {
      const byteLength = totalSize(roots);
      if (!Number.isSafeInteger(byteLength)) continue;
      const rootHash = treeHashOf(roots);
      if (!verifier.verify({ length, fork, roots, hash: () => rootHash }, signature)) continue;
      const own = roots.map(copyOfNode);
      const head = { length, byteLength, fork, roots: own, signature: signature && copyBytes(signature) };
      return { head, rootHash, claim };
    }
  }
  return null;
}

/** Stores rows in batches, and remembers which blocks there are. */
class RowSink implements ImportSink {
  /** Blocks stored, in order. */
  readonly ranges: { start: number; end: number; value: true }[] = [];
  /** Blocks lost, in order. */
  readonly lost: { start: number; end: number }[] = [];
  blockCount = 0;
  readonly #store: CoreStore;
  readonly #owner: number;
  #batch = new WriteBatch();
  #byteLength = 0;

  constructor(store: CoreStore, owner: number) {
    this.#store = store;
    this.#owner = owner;
  }

  async putNode(node: TreeNode): Promise<void> {
    const row = nodeRow(node);
    this.#batch.putRow("node", this.#owner, node.index, row);
    await this.#added(row.byteLength);
  }

  async putBlock(index: number, value: Uint8Array): Promise<void> {
    this.#batch.putRow("block", this.#owner, index, value);
    this.blockCount++;
    extend(this.ranges, index, index + 1, (start, end) => ({ start, end, value: true }));
    await this.#added(value.byteLength);
  }

  lose(start: number, end: number): void {
    extend(this.lost, start, end, (start, end) => ({ start, end }));
  }

  async flush(): Promise<void> {
    if (this.#byteLength === 0) return;
    await this.#store.storage.write(this.#batch);
    this.#batch = new WriteBatch();
    this.#byteLength = 0;
  }

  async #added(byteLength: number): Promise<void> {
    this.#byteLength += byteLength + ROW_OVERHEAD_BYTES;
    if (this.#byteLength >= COPY_BATCH_BYTES) await this.flush();
  }
}

/** What a row weighs in a batch besides its value, bytes; roughly. */
const ROW_OVERHEAD_BYTES = 64;

/** Adds a range to a list in order, joined with the last one where they touch. */
function extend<Range extends { start: number; end: number }>(
  ranges: Range[],
  start: number,
  end: number,
  make: (start: number, end: number) => Range,
): void {
  const last = ranges.at(-1);
  if (last !== undefined && last.end === start) last.end = end;
  else ranges.push(make(start, end));
}

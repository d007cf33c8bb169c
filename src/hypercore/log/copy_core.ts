/**
 * Static copies: a new log in the same store whose manifest commits to what another one holds now.
 *
 * @module
 */
import { discoveryKey as discoveryKeyOf } from "../../hypercore_crypto/mod.ts";
import { type RowTable, type StorageReader, WriteBatch } from "../../storage/mod.ts";
import { HypercoreError } from "../errors.ts";
import type { CoreStore } from "./core_store.ts";
import { COPY_BATCH_BYTES } from "./limits.ts";
import { createManifest, manifestHash } from "./manifest.ts";
import { type CoreInfo, decodeHead, encodeHead, ownerKey } from "./records.ts";

/** What a row weighs in a batch besides its value, bytes; roughly. */
const ROW_OVERHEAD_BYTES = 64;

/**
 * Makes a log without signers whose manifest's prologue is the present state of the log with `discoveryKey`, and copies
 * what is stored of that: rows first, then the head, so that a copy that is cut off leaves an empty log.
 *
 * @returns what the store knows of the new log, or of the one that was there
 * @throws {HypercoreError} `STORAGE_EMPTY` where that log is not stored or has no blocks, `STORAGE_CONFLICT` where the new
 *   one is open and empty.
 * @throws {StorageError} as the storage.
 */
export async function createStaticCopy(store: CoreStore, discoveryKey: Uint8Array): Promise<CoreInfo> {
  const source = await store.info(discoveryKey);
  await using snapshot = await store.storage.snapshot();
  const record = source && await snapshot.getRecord("head", ownerKey(source.owner));
  const head = record && decodeHead(record);
  if (!source || !head || head.length === 0) {
    throw new HypercoreError("STORAGE_EMPTY", "Core must have data", { discoveryKey });
  }
  const prologue = { length: head.length, hash: head.rootHash! };
  const manifest = createManifest({ version: 1, quorum: 0, signers: [], prologue });
  const key = manifestHash(manifest);
  const init = { discoveryKey: discoveryKeyOf(key), key, manifest, keyPair: null };
  const target = await store.create(init);
  if (await store.storage.getRecord("head", ownerKey(target.owner)) !== null) return target;
  store.acquire(target);
  try {
    for (const table of ["node", "bitfield", "block"] as const) {
      await copyRows(store, snapshot, { table, from: source.owner, to: target.owner });
    }
    const batch = new WriteBatch();
    const copied = { ...head, fork: 0, signature: null, remoteContiguousLength: 0 };
    batch.putRecord("head", ownerKey(target.owner), encodeHead(copied));
    await store.storage.write(batch);
  } finally {
    store.release(target);
  }
  return target;
}

async function copyRows(
  store: CoreStore,
  source: StorageReader,
  { table, from, to }: { table: RowTable; from: number; to: number },
): Promise<void> {
  let batch = new WriteBatch();
  let byteLength = 0;
  for await (const { index, value } of source.rows(table, from)) {
    batch.putRow(table, to, index, value);
    byteLength += value.byteLength + ROW_OVERHEAD_BYTES;
    if (byteLength < COPY_BATCH_BYTES) continue;
    await store.storage.write(batch);
    batch = new WriteBatch();
    byteLength = 0;
  }
  if (byteLength > 0) await store.storage.write(batch);
}

/**
 * The branches of one log as they are stored, and what has to be copied before the log they share blocks with is cut.
 *
 * @module
 */
import { Mutex, utf8Text } from "../../base/mod.ts";
import { WriteBatch } from "../../storage/mod.ts";
import { copyRows } from "./copy_rows.ts";
import { type CoreStore, deleteContent } from "./core_store.ts";
import { straddling } from "./flat_tree.ts";
import { type Layer, putLayer } from "./layer.ts";
import { LogState } from "./log_state.ts";
import { branchKey, decodeBranch, encodeBranch, encodeHead, keptOwnerOf, ownerKey } from "./records.ts";

/** Bytes of a branch's key in front of its name. */
const NAME_OFFSET = 5;

/** All branches of one log. */
export class Branches {
  /** Held while it changes what a branch shares; innermost. */
  readonly #mutex = new Mutex();
  readonly #store: CoreStore;
  readonly #root: Layer;
  #layers: Promise<Map<string, Layer>> | null = null;

  /** `owner` is the number of the log. */
  constructor(store: CoreStore, owner: number) {
    this.#store = store;
    this.#root = { owner, key: null, parent: null, sharedLength: 0 };
  }

  /** Where the log itself lies. */
  get root(): Layer {
    return this.#root;
  }

  /**
   * The branch `name`, made from `from` where there is none, or where it is to be discarded.
   *
   * @throws {StorageError} as the storage.
   */
  async load(name: string, from: LogState, overwrite: boolean): Promise<LogState> {
    const { storage } = this.#store;
    let layer = (await this.#load()).get(name) ?? null;
    if (layer !== null && overwrite) {
      await this.delete(name, await LogState.load(storage, layer.owner, layer));
      layer = null;
    }
    layer ??= await this.create(name, from.layer ?? this.#root, from);
    return await LogState.load(storage, layer.owner, layer);
  }

  /**
   * Stores a branch that shares everything with `state`, whose layer is `parent`.
   *
   * @throws {StorageError} as the storage.
   */
  async create(name: string, parent: Layer, state: LogState): Promise<Layer> {
    return await this.#mutex.run(async () => {
      const layers = await this.#load();
      const { length, byteLength, fork, signature } = state.head;
      const key = branchKey(this.#root.owner, name);
      const owner = await this.#store.createOwner((batch, owner) => {
        const head = { length, byteLength, fork, signature, rootHash: state.rootHash };
        const hints = { contiguousLength: length, remoteContiguousLength: 0, recovering: 0 };
        batch.putRecord("head", ownerKey(owner), encodeHead({ ...head, ...hints }));
        batch.putRecord(
          "session",
          key,
          encodeBranch({ owner, parentOwner: parent.owner, sharedLength: length }),
        );
      });
      const layer: Layer = { owner, key, parent, sharedLength: length };
      layers.set(name, layer);
      return layer;
    });
  }

  /**
   * Deletes a branch; others that share blocks with it get their own. `state` is that of the branch.
   *
   * @throws {StorageError} as the storage.
   */
  async delete(name: string, state: LogState): Promise<void> {
    const layers = await this.#load();
    const layer = layers.get(name);
    if (layer === undefined) return;
    await this.beforeCut(layer.owner, state, 0);
    await this.#mutex.run(async () => {
      const batch = new WriteBatch();
      deleteContent(batch, layer.owner);
      batch.deleteRecord("session", layer.key!);
      await this.#store.storage.write(batch);
      layers.delete(name);
    });
  }

  /**
   * Gives those branches that share blocks of `owner` behind `length` copies of them: they are about to go.
   *
   * @throws {StorageError} as the storage.
   */
  async beforeCut(owner: number, state: LogState, length: number): Promise<void> {
    await this.#mutex.run(async () => {
      for (const layer of (await this.#load()).values()) {
        if (layer.parent?.owner !== owner || layer.sharedLength <= length) continue;
        const { sharedLength } = layer;
        await copyRows(state, { table: "block", start: length, end: sharedLength, owner: layer.owner });
        for (const index of straddling(length)) {
          await copyRows(state, {
            table: "node",
            start: index,
            end: index + 1,
            owner: layer.owner,
            sharedLength,
          });
        }
        const nodes = { start: 2 * length, end: 2 * sharedLength };
        await copyRows(state, { table: "node", ...nodes, owner: layer.owner, sharedLength });
        const batch = new WriteBatch();
        putLayer(batch, { ...layer, sharedLength: length });
        await this.#store.storage.write(batch);
        layer.sharedLength = length;
      }
    });
  }

  #load(): Promise<Map<string, Layer>> {
    return this.#layers ??= this.#read().catch((error) => {
      this.#layers = null;
      throw error;
    });
  }

  async #read(): Promise<Map<string, Layer>> {
    const { owner } = this.#root;
    const layers = new Map<string, Layer>();
    const byOwner = new Map<number, Layer>([[owner, this.#root]]);
    const parents: [Layer, number][] = [];
    const range = { gte: ownerKey(owner), lt: ownerKey(owner + 1) };
    for await (const { key, value } of this.#store.storage.records("session", range)) {
      if (keptOwnerOf(key) !== null) continue;
      const record = decodeBranch(value);
      const layer: Layer = { owner: record.owner, key, parent: null, sharedLength: record.sharedLength };
      layers.set(utf8Text(key.subarray(NAME_OFFSET)), layer);
      byOwner.set(layer.owner, layer);
      parents.push([layer, record.parentOwner]);
    }
    for (const [layer, parentOwner] of parents) layer.parent = byOwner.get(parentOwner) ?? null;
    return layers;
  }
}

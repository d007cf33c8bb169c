/**
 * Branches of a log in storage: each keeps only what it does not share with the log (or branch) it was made from.
 *
 * @module
 */
import type {
  RecordRange,
  RecordTable,
  Row,
  RowRange,
  RowTable,
  StoredRecord,
  WriteBatch,
} from "../../storage/mod.ts";
import { rightSpan } from "./flat_tree.ts";
import type { LogStorage } from "./log_storage.ts";
import { encodeBranch } from "./records.ts";

/** Where the rows of a log or branch lie. */
export interface Layer {
  /** Number of the rows' owner. */
  readonly owner: number;
  /** Key of its record in the table of sessions; null for the log itself. */
  readonly key: Uint8Array | null;
  /** What it was made from; null for the log itself. */
  parent: Layer | null;
  /** Blocks from 0 on that are the parent's unless own rows say otherwise. */
  sharedLength: number;
}

/** Reads what a branch does not have itself from what it was made from. */
export class LayerView implements LogStorage {
  readonly #physical: LogStorage;
  readonly #layer: Layer;

  /** Reads and writes `physical` as `layer` says; a later change of the layer counts. */
  constructor(physical: LogStorage, layer: Layer) {
    this.#physical = physical;
    this.#layer = layer;
  }

  /** One row, the branch's own or a shared one. */
  async getRow(table: RowTable, owner: number, index: number): Promise<Uint8Array | null> {
    for (let layer = this.#start(table, owner); layer !== null; layer = nextLayer(layer, table, index)) {
      const row = await this.#physical.getRow(table, layer.owner, index);
      if (row !== null) return row;
    }
    return null;
  }

  /** Several rows, in the order of `indexes`. */
  async getRows(table: RowTable, owner: number, indexes: readonly number[]): Promise<(Uint8Array | null)[]> {
    const results = new Array<Uint8Array | null>(indexes.length).fill(null);
    let places = indexes.map((_, place) => place);
    for (let layer = this.#start(table, owner); layer !== null && places.length > 0; layer = layer.parent) {
      const rows = await this.#physical.getRows(table, layer.owner, places.map((place) => indexes[place]!));
      places.forEach((place, i) => results[place] = rows[i]!);
      const current = layer;
      places = places.filter((place) =>
        results[place] === null && nextLayer(current, table, indexes[place]!) !== null
      );
    }
    return results;
  }

  /** The branch's own rows. */
  rows(table: RowTable, owner: number, range?: RowRange): AsyncIterable<Row> {
    return this.#physical.rows(table, owner, range);
  }

  /** A record; records are not shared. */
  getRecord(table: RecordTable, key: Uint8Array): Promise<Uint8Array | null> {
    return this.#physical.getRecord(table, key);
  }

  /** Records; they are not shared. */
  records(table: RecordTable, range?: RecordRange): AsyncIterable<StoredRecord> {
    return this.#physical.records(table, range);
  }

  /** Writes; the branch's own rows only are ever written. */
  write(batch: WriteBatch): Promise<void> {
    return this.#physical.write(batch);
  }

  #start(table: RowTable, owner: number): Layer | null {
    const isShared = owner === this.#layer.owner && (table === "block" || table === "node");
    return isShared ? this.#layer : { owner, key: null, parent: null, sharedLength: 0 };
  }
}

function nextLayer(layer: Layer, table: RowTable, index: number): Layer | null {
  const end = table === "block" ? index + 1 : rightSpan(index) / 2 + 1;
  return end <= layer.sharedLength ? layer.parent : null;
}

/** Adds the record of a branch to `batch`. */
export function putLayer(batch: WriteBatch, { owner, key, parent, sharedLength }: Layer): void {
  batch.putRecord("session", key!, encodeBranch({ owner, parentOwner: parent?.owner ?? 0, sharedLength }));
}

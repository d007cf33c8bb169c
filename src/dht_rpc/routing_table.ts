/**
 * A Kademlia routing table: nodes in rows by how many leading bits their id shares with ours, at most `k` in each.
 *
 * Source: kademlia-routing-table `index.js`.
 *
 * @module
 */
import { equalBytes } from "../base/mod.ts";
import { ID_BYTES, K } from "./limits.ts";

/** What the table holds: anything with an id of 32 bytes. */
export interface TableEntry {
  /** 32 bytes. */
  readonly id: Uint8Array;
}

/** One row, sorted by id. */
export interface TableRow<Entry extends TableEntry> {
  /** Leading bits that its ids share with the table's. */
  readonly index: number;
  /** At most `k` entries. */
  readonly nodes: readonly Entry[];
}

/** What {@linkcode RoutingTable.add} did. */
export type AddResult<Entry extends TableEntry> =
  /** The entry is in the table, perhaps in the place of one with the same id. */
  | { readonly kind: "added" }
  /** Its row is full. */
  | { readonly kind: "full"; readonly row: TableRow<Entry> };

/** Nodes by distance. */
export class RoutingTable<Entry extends TableEntry> {
  /** What distances are measured from, 32 bytes. */
  readonly id: Uint8Array;
  /** Entries in a row at most. */
  readonly k: number;
  readonly #rows: (Entry[] | undefined)[] = new Array(ID_BYTES * 8);
  #size = 0;
  #version = 0;

  /** Creates an empty table around `id`, which is borrowed. */
  constructor(id: Uint8Array, k: number = K) {
    this.id = id;
    this.k = k;
  }

  /** Entries in all rows. */
  get size(): number {
    return this.#size;
  }

  /** Changes with every change of the table. */
  get version(): number {
    return this.#version;
  }

  /** Adds `entry`, or takes it instead of the one with its id. */
  add(entry: Entry): AddResult<Entry> {
    const index = this.rowOf(entry.id);
    const row = this.#rows[index] ??= [];
    const position = search(row, entry.id);
    const existing = row[position];
    if (existing && equalBytes(existing.id, entry.id)) {
      row[position] = entry;
      this.#version++;
      return { kind: "added" };
    }
    if (row.length >= this.k) return { kind: "full", row: { index, nodes: row } };
    row.splice(position, 0, entry);
    this.#size++;
    this.#version++;
    return { kind: "added" };
  }

  /** Removes the entry with this id; tells whether there was one. */
  remove(id: Uint8Array): boolean {
    const row = this.#rows[this.rowOf(id)];
    if (!row) return false;
    const position = search(row, id);
    const existing = row[position];
    if (!existing || !equalBytes(existing.id, id)) return false;
    row.splice(position, 1);
    this.#size--;
    this.#version++;
    return true;
  }

  /** The entry with this id. */
  get(id: Uint8Array): Entry | null {
    const row = this.#rows[this.rowOf(id)];
    if (!row) return null;
    const entry = row[search(row, id)];
    return entry && equalBytes(entry.id, id) ? entry : null;
  }

  /** Tells whether there is an entry with this id. */
  has(id: Uint8Array): boolean {
    return this.get(id) !== null;
  }

  /** The entry that `part`, from 0 to below 1, of the table lies before; null when it is empty. */
  at(part: number): Entry | null {
    let position = Math.floor(part * this.#size);
    for (const row of this.#rows) {
      if (!row) continue;
      if (position < row.length) return row[position]!;
      position -= row.length;
    }
    return null;
  }

  /**
   * Up to `count` entries near `id`: those of its own row, then of rows nearer to our id, then of the others.
   *
   * Compat: as in kademlia-routing-table `index.js` the entries of one row are in the order of their ids, so that all
   * ids of one row have the same answer.
   */
  closest(id: Uint8Array, count: number = this.k): Entry[] {
    const found: Entry[] = [];
    const own = this.rowOf(id);
    const wanted = Math.min(count, this.#size);
    for (let i = own; i >= 0 && found.length < wanted; i--) take(this.#rows[i], wanted, found);
    for (let i = own + 1; found.length < wanted; i++) take(this.#rows[i], wanted, found);
    return found;
  }

  /** All entries, those nearest to our id first. */
  toArray(): Entry[] {
    return this.closest(this.id, Infinity);
  }

  /** The row that `id` belongs to: the leading bits that it shares with ours. */
  rowOf(id: Uint8Array): number {
    for (let i = 0; i < ID_BYTES; i++) {
      const difference = id[i]! ^ this.id[i]!;
      if (difference !== 0) return i * 8 + Math.clz32(difference) - 24;
    }
    return ID_BYTES * 8 - 1;
  }
}

/**
 * Orders two ids by their distance to `target`: negative when `a` is closer.
 */
export function compareDistance(target: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_BYTES; i++) {
    if (a[i] === b[i]) continue;
    const t = target[i]!;
    return (t ^ a[i]!) - (t ^ b[i]!);
  }
  return 0;
}

function take<Entry>(row: Entry[] | undefined, count: number, found: Entry[]): void {
  if (!row) return;
  const missing = Math.min(count - found.length, row.length);
  for (let i = 0; i < missing; i++) found.push(row[i]!);
}

/** Position of `id` in a sorted row, or where it would be. */
function search(row: readonly TableEntry[], id: Uint8Array): number {
  let low = 0;
  let high = row.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareIds(row[middle]!.id, id) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compareIds(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_BYTES; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

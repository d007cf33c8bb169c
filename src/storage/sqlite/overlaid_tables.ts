/**
 * Reads of the database with the journal laid over it.
 *
 * @module
 */
import { compareBytes, copyBytes } from "../../base/mod.ts";
import { keyAfter, type RecordSpan, type RowSpan } from "../checks.ts";
import type { RecordTable, Row, RowTable, StoredRecord } from "../storage.ts";
import type { Held, Overlay } from "./overlay.ts";
import type { TableReader } from "./table_reader.ts";

/** Synchronous reads of all tables; pages as in {@linkcode TableReader}. */
export type Tables = Pick<TableReader, "row" | "record" | "rowPage" | "recordPage">;

/** What `overlay` holds, and where it holds nothing what `tables` have. */
export class OverlaidTables implements Tables {
  readonly #tables: Tables;
  readonly #overlay: Overlay;

  constructor(tables: Tables, overlay: Overlay) {
    this.#tables = tables;
    this.#overlay = overlay;
  }

  row(table: RowTable, owner: number, index: number): Uint8Array | null {
    const held = this.#overlay.row(table, owner, index);
    return held === undefined ? this.#tables.row(table, owner, index) : held && copyBytes(held);
  }

  record(table: RecordTable, key: Uint8Array): Uint8Array | null {
    const held = this.#overlay.record(table, key);
    return held === undefined ? this.#tables.record(table, key) : held && copyBytes(held);
  }

  rowPage(table: RowTable, owner: number, span: RowSpan): Row[] {
    if (this.#overlay.size === 0) return this.#tables.rowPage(table, owner, span);
    for (let { start, end } = span;;) {
      const stored = this.#tables.rowPage(table, owner, { ...span, start, end });
      const last = stored.at(-1)?.index;
      const covered = last === undefined
        ? { ...span, start, end }
        : span.reverse
        ? { ...span, start: last, end }
        : { ...span, start, end: last + 1 };
      const held = this.#overlay.rowsIn(table, owner, covered);
      const merged = merge(stored, held, (a, b) => span.reverse ? b.index - a.index : a.index - b.index);
      // A page whose rows are all deleted is not the end.
      if (merged.length > 0 || last === undefined) {
        return merged.slice(0, span.limit).map(({ index, value }) => ({ index, value }));
      }
      if (span.reverse) end = last;
      else start = last + 1;
    }
  }

  recordPage(table: RecordTable, span: RecordSpan): StoredRecord[] {
    if (this.#overlay.size === 0) return this.#tables.recordPage(table, span);
    for (let { gte, lt } = span;;) {
      const stored = this.#tables.recordPage(table, { ...span, gte, lt });
      const last = stored.at(-1)?.key;
      const covered = last === undefined
        ? { ...span, gte, lt }
        : span.reverse
        ? { ...span, gte: last, lt }
        : { ...span, gte, lt: keyAfter(last) };
      const held = this.#overlay.recordsIn(table, covered);
      const merged = merge(
        stored,
        held,
        (a, b) => span.reverse ? compareBytes(b.key, a.key) : compareBytes(a.key, b.key),
      );
      if (merged.length > 0 || last === undefined) {
        return merged.slice(0, span.limit).map(({ key, value }) => ({ key: copyBytes(key), value }));
      }
      if (span.reverse) lt = last;
      else gte = keyAfter(last);
    }
  }
}

/** Merges two lists in the same order; of equal ones `held` wins, and what is deleted there is left out. */
function merge<Entry extends { readonly value: Held }>(
  stored: readonly (Entry & { readonly value: Uint8Array })[],
  held: readonly Entry[],
  compare: (a: Entry, b: Entry) => number,
): (Entry & { readonly value: Uint8Array })[] {
  const merged: (Entry & { readonly value: Uint8Array })[] = [];
  let at = 0;
  for (const entry of held) {
    while (at < stored.length && compare(stored[at]!, entry) < 0) merged.push(stored[at++]!);
    if (at < stored.length && compare(stored[at]!, entry) === 0) at++;
    if (entry.value !== null) merged.push({ ...entry, value: copyBytes(entry.value) });
  }
  merged.push(...stored.slice(at));
  return merged;
}

/**
 * Reads of the database with the journal laid over it.
 *
 * @module
 */
import { compareBytes, copyBytes, isBytes } from "../../base/mod.ts";
import { keyAfter, type RecordSpan, type RowSpan } from "../checks.ts";
import type { RecordTable, Row, RowTable, StoredRecord } from "../storage.ts";
import { ITERATION_BYTE_LENGTH_MAX, ITERATION_ROW_COUNT_MAX } from "./limits.ts";
import type { HeldRow, Overlay } from "./overlay.ts";
import type { TableReader } from "./table_reader.ts";
import type { ValueFiles } from "./value_files.ts";

/** Synchronous reads of all tables; pages as in {@linkcode TableReader}. */
export type Tables = Pick<TableReader, "row" | "record" | "rowPage" | "recordPage">;

/** What `overlay` holds, and where it holds nothing what `tables` have. */
export class OverlaidTables implements Tables {
  readonly #tables: Tables;
  readonly #overlay: Overlay;
  readonly #values: ValueFiles;

  constructor(tables: Tables, overlay: Overlay, values: ValueFiles) {
    this.#tables = tables;
    this.#overlay = overlay;
    this.#values = values;
  }

  row(table: RowTable, owner: number, index: number): Uint8Array | null {
    const held = this.#overlay.row(table, owner, index);
    return held === undefined ? this.#tables.row(table, owner, index) : this.#valueOf(owner, index, held);
  }

  record(table: RecordTable, key: Uint8Array): Uint8Array | null {
    const held = this.#overlay.record(table, key);
    return held === undefined ? this.#tables.record(table, key) : held && copyBytes(held);
  }

  rowPage(table: RowTable, owner: number, span: RowSpan): Row[] {
    if (this.#overlay.size === 0 || span.limit === 0) return this.#tables.rowPage(table, owner, span);
    for (let { start, end } = span;;) {
      let stored = this.#tables.rowPage(table, owner, { ...span, start, end });
      let last = stored.at(-1)?.index;
      const covered = last === undefined
        ? { ...span, start, end }
        : span.reverse
        ? { ...span, start: last, end }
        : { ...span, start, end: last + 1 };
      const held = this.#overlay.rowsIn(table, owner, covered);
      const count = pageCount(held, span.limit);
      if (count < held.length) {
        last = held[count - 1]!.index;
        const bound = last;
        stored = stored.filter(({ index }) => span.reverse ? index >= bound : index <= bound);
      }
      const fresh = held.slice(0, count).map(({ index, value }) => ({
        index,
        value: this.#valueOf(owner, index, value),
      }));
      const merged = merge(stored, fresh, (a, b) => span.reverse ? b.index - a.index : a.index - b.index);
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
      const held = this.#overlay.recordsIn(table, covered).map(({ key, value }) => ({
        key,
        value: value && copyBytes(value),
      }));
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

  /** What is held, as fresh bytes. */
  #valueOf(owner: number, index: number, held: HeldRow): Uint8Array | null {
    if (held === null) return null;
    return isBytes(held) ? copyBytes(held) : this.#values.read(owner, index, held);
  }
}

/** How many of `rows` make a page. */
function pageCount(rows: readonly { readonly value: HeldRow }[], limit: number): number {
  const countMax = Math.min(rows.length, limit, ITERATION_ROW_COUNT_MAX);
  let [count, byteLength] = [0, 0];
  while (count < countMax && byteLength < ITERATION_BYTE_LENGTH_MAX) {
    byteLength += rows[count++]!.value?.byteLength ?? 0;
  }
  return count;
}

/** Merges two lists in the same order; of equal ones `held` wins, and what is deleted there is left out. */
function merge<Entry extends { readonly value: Uint8Array | null }>(
  stored: readonly (Entry & { readonly value: Uint8Array })[],
  held: readonly Entry[],
  compare: (a: Entry, b: Entry) => number,
): (Entry & { readonly value: Uint8Array })[] {
  const merged: (Entry & { readonly value: Uint8Array })[] = [];
  let at = 0;
  for (const entry of held) {
    while (at < stored.length && compare(stored[at]!, entry) < 0) merged.push(stored[at++]!);
    if (at < stored.length && compare(stored[at]!, entry) === 0) at++;
    if (entry.value !== null) merged.push({ ...entry, value: entry.value });
  }
  merged.push(...stored.slice(at));
  return merged;
}

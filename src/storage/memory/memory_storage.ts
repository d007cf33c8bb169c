/**
 * The storage in memory. It must not know what its rows mean, nor touch the runtime.
 *
 * @module
 */
import { compareBytes, copyBytes } from "../../base/mod.ts";
import type { WriteBatch, WriteOperation } from "../batch.ts";
import {
  assertIndex,
  assertKey,
  assertOwner,
  assertRecordTable,
  keyAfter,
  type RecordSpan,
  recordSpan,
  type RowSpan,
  rowSpan,
} from "../checks.ts";
import { badType, StorageError } from "../errors.ts";
import { settled } from "../settled.ts";
import type {
  RecordRange,
  RecordTable,
  Row,
  RowRange,
  RowTable,
  Storage,
  StorageReader,
  StorageSnapshot,
  StoredRecord,
  WriteOptions,
} from "../storage.ts";
import { OrderedTree } from "./ordered_tree.ts";

type RowTree = OrderedTree<number, Uint8Array>;
type OwnerTree = OrderedTree<number, RowTree>;
type RecordTree = OrderedTree<Uint8Array, Uint8Array>;

/** One version of everything stored; never changed once it is the current one. */
interface Contents {
  readonly rows: ReadonlyMap<RowTable, OwnerTree>;
  readonly records: ReadonlyMap<RecordTable, RecordTree>;
}

const EMPTY: Contents = { rows: new Map(), records: new Map() };

/** Reads of the version that `contents` gives at each step; storage and snapshot differ in which one. */
class MemoryReader implements StorageReader {
  readonly #contents: () => Contents;

  constructor(contents: () => Contents) {
    this.#contents = contents;
  }

  getRow(table: RowTable, owner: number, index: number): Promise<Uint8Array | null> {
    assertOwner(table, owner);
    assertIndex(index);
    return settled(() => copyOrNull(this.#tree(table, owner)?.get(index)));
  }

  getRows(table: RowTable, owner: number, indexes: readonly number[]): Promise<(Uint8Array | null)[]> {
    assertOwner(table, owner);
    for (const index of indexes) assertIndex(index);
    return settled(() => {
      const tree = this.#tree(table, owner);
      return indexes.map((index) => copyOrNull(tree?.get(index)));
    });
  }

  rows(table: RowTable, owner: number, range: RowRange = {}): AsyncIterable<Row> {
    assertOwner(table, owner);
    return this.#rows(table, owner, rowSpan(range));
  }

  getRecord(table: RecordTable, key: Uint8Array): Promise<Uint8Array | null> {
    assertRecordTable(table);
    assertKey(key);
    return settled(() => copyOrNull(this.#contents().records.get(table)?.get(key)));
  }

  records(table: RecordTable, range: RecordRange = {}): AsyncIterable<StoredRecord> {
    assertRecordTable(table);
    return this.#records(table, recordSpan(range));
  }

  async *#rows(table: RowTable, owner: number, span: RowSpan): AsyncGenerator<Row> {
    let left = span.limit;
    const entries = this.#tree(table, owner)?.entries(span.start, span.end, span.reverse) ?? [];
    for (const [index, value] of entries) {
      if (left-- === 0) return;
      yield { index, value: copyBytes(value) };
      this.#contents();
    }
  }

  async *#records(table: RecordTable, span: RecordSpan): AsyncGenerator<StoredRecord> {
    let left = span.limit;
    const entries = this.#contents().records.get(table)?.entries(span.gte, span.lt, span.reverse) ?? [];
    for (const [key, value] of entries) {
      if (left-- === 0) return;
      yield { key: copyBytes(key), value: copyBytes(value) };
      this.#contents();
    }
  }

  #tree(table: RowTable, owner: number): RowTree | undefined {
    return this.#contents().rows.get(table)?.get(owner);
  }
}

/**
 * A storage that lives and dies with the process: same semantics as every storage, nothing on disk, no permission.
 *
 * Values are copied when written and when read. A snapshot costs the same however much is stored, and keeps alive
 * only what later writes replaced.
 *
 * @example
 * ```ts
 * import { MemoryStorage } from "./mod.ts";
 *
 * await using storage = new MemoryStorage();
 * await storage.open();
 * ```
 */
export class MemoryStorage implements Storage {
  readonly #reader = new MemoryReader(() => this.#current());
  readonly #snapshots = new Set<MemorySnapshot>();
  #life: "new" | "open" | "closed" = "new";
  #contents: Contents = EMPTY;

  /** Always `false`. */
  get readOnly(): boolean {
    return false;
  }

  /** Opens the storage; idempotent. */
  open(): Promise<void> {
    return settled(() => {
      if (this.#life === "closed") {
        throw closedError("Cannot open a storage that was closed; create a new one");
      }
      this.#life = "open";
    });
  }

  /** Forgets everything and closes open snapshots; idempotent. */
  close(): Promise<void> {
    return settled(() => {
      this.#life = "closed";
      this.#contents = EMPTY;
      for (const snapshot of this.#snapshots) snapshot.release();
      this.#snapshots.clear();
    });
  }

  /** Stores all operations of `batch`, or none; `durable` asks for nothing here. */
  write(batch: WriteBatch, _options: WriteOptions = {}): Promise<void> {
    return settled(() => {
      const next = new NextContents(this.#current());
      for (const operation of batch.operations) next.apply(operation);
      this.#contents = { rows: next.rows, records: next.records };
    });
  }

  /** Resolves at once: nothing here survives a power loss. */
  sync(): Promise<void> {
    return settled(() => void this.#current());
  }

  /** Takes a snapshot of the state at the call. */
  snapshot(): Promise<StorageSnapshot> {
    return settled(() => {
      const snapshot = new MemorySnapshot(this.#current(), () => this.#snapshots.delete(snapshot));
      this.#snapshots.add(snapshot);
      return snapshot;
    });
  }

  /** Reads one row; `null` when there is none. */
  getRow(table: RowTable, owner: number, index: number): Promise<Uint8Array | null> {
    return this.#reader.getRow(table, owner, index);
  }

  /** Reads several rows of one owner, in the order of `indexes`. */
  getRows(table: RowTable, owner: number, indexes: readonly number[]): Promise<(Uint8Array | null)[]> {
    return this.#reader.getRows(table, owner, indexes);
  }

  /** Iterates rows of one owner in order of index, as they are when the iteration starts. */
  rows(table: RowTable, owner: number, range?: RowRange): AsyncIterable<Row> {
    return this.#reader.rows(table, owner, range);
  }

  /** Reads one record; `null` when there is none. */
  getRecord(table: RecordTable, key: Uint8Array): Promise<Uint8Array | null> {
    return this.#reader.getRecord(table, key);
  }

  /** Iterates records in order of key, as they are when the iteration starts. */
  records(table: RecordTable, range?: RecordRange): AsyncIterable<StoredRecord> {
    return this.#reader.records(table, range);
  }

  /** Same as {@linkcode MemoryStorage.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #current(): Contents {
    if (this.#life === "open") return this.#contents;
    throw closedError(
      this.#life === "new" ? "Storage is not open yet; await open() first" : "Storage is closed",
    );
  }
}

class MemorySnapshot extends MemoryReader implements StorageSnapshot {
  readonly #released: () => void;
  #held: Contents | null;

  constructor(contents: Contents, released: () => void) {
    super(() => {
      if (this.#held === null) throw closedError("Snapshot is closed");
      return this.#held;
    });
    this.#held = contents;
    this.#released = released;
  }

  /** Lets go of the contents at once. */
  release(): void {
    this.#held = null;
  }

  close(): Promise<void> {
    this.release();
    this.#released();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The version that a batch makes: shares with the one before all that the batch does not touch. */
class NextContents implements Contents {
  readonly rows: Map<RowTable, OwnerTree>;
  readonly records: Map<RecordTable, RecordTree>;
  readonly #forkedOwners = new Map<RowTable, OwnerTree>();
  readonly #forkedRows = new Map<RowTable, Map<number, RowTree>>();
  readonly #forkedRecords = new Map<RecordTable, RecordTree>();

  constructor(current: Contents) {
    this.rows = new Map(current.rows);
    this.records = new Map(current.records);
  }

  apply(operation: WriteOperation): void {
    switch (operation.kind) {
      case "putRow":
        return this.#rowTree(operation.table, operation.owner).put(
          operation.index,
          copyBytes(operation.value),
        );
      case "deleteRow":
        return this.#deleteRows(operation.table, operation.owner, operation.index, operation.index + 1);
      case "deleteRows":
        return this.#deleteRows(operation.table, operation.owner, operation.start, operation.end);
      case "putRecord":
        return this.#recordTree(operation.table).put(copyBytes(operation.key), copyBytes(operation.value));
      case "deleteRecord":
        return this.#recordTree(operation.table).deleteRange(operation.key, keyAfter(operation.key));
      case "deleteRecords":
        return this.#recordTree(operation.table).deleteRange(operation.gte, operation.lt);
      default:
        throw badType(`Unknown kind of write ${String((operation as { kind: unknown }).kind)}`);
    }
  }

  /** Deletes rows and forgets an owner that has none left. */
  #deleteRows(table: RowTable, owner: number, start: number, end: number): void {
    if (this.rows.get(table)?.get(owner) === undefined) return;
    const tree = this.#rowTree(table, owner);
    tree.deleteRange(start, end);
    if (!tree.isEmpty) return;
    this.#ownerTree(table).deleteRange(owner, owner + 1);
    this.#forkedRows.get(table)?.delete(owner);
  }

  #rowTree(table: RowTable, owner: number): RowTree {
    let forked = this.#forkedRows.get(table);
    if (forked === undefined) this.#forkedRows.set(table, forked = new Map());
    let tree = forked.get(owner);
    if (tree === undefined) {
      const owners = this.#ownerTree(table);
      tree = owners.get(owner)?.fork() ?? new OrderedTree(compareNumbers);
      owners.put(owner, tree);
      forked.set(owner, tree);
    }
    return tree;
  }

  #ownerTree(table: RowTable): OwnerTree {
    return forkOnce(this.rows, this.#forkedOwners, table, compareNumbers);
  }

  #recordTree(table: RecordTable): RecordTree {
    return forkOnce(this.records, this.#forkedRecords, table, compareBytes);
  }
}

/** Returns this batch's own version of a table's tree, forking it at the first touch. */
function forkOnce<T, K, V>(
  all: Map<T, OrderedTree<K, V>>,
  forked: Map<T, OrderedTree<K, V>>,
  table: T,
  compare: (a: K, b: K) => number,
): OrderedTree<K, V> {
  let tree = forked.get(table);
  if (tree === undefined) {
    tree = all.get(table)?.fork() ?? new OrderedTree<K, V>(compare);
    all.set(table, tree);
    forked.set(table, tree);
  }
  return tree;
}

function compareNumbers(a: number, b: number): number {
  return a - b;
}

function copyOrNull(value: Uint8Array | undefined): Uint8Array | null {
  return value === undefined ? null : copyBytes(value);
}

function closedError(message: string): StorageError {
  return new StorageError("STORAGE_CLOSED", message);
}

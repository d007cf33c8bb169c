/**
 * The files of hypercore 10 and corestore 6, opened for reading only.
 *
 * @module
 */
import { hexBytes } from "../../base/mod.ts";
import type { BitfieldRange, LogSource, TreeNode } from "../../hypercore/mod.ts";
import { fileStatus, type OpenFile, openToRead, readDirectory, readWholeFile } from "../../platform/mod.ts";
import { VALUE_BYTE_LENGTH_MAX } from "../../storage/mod.ts";
import { setBitRanges } from "./bits.ts";
import { LEGACY_BITFIELD_BYTES_MAX, LEGACY_OPLOG_BYTES_MAX } from "./limits.ts";
import { WindowedReader } from "./windowed_reader.ts";

/** A node in the file `tree`: size, then hash, at its index times this. */
const NODE_BYTES = 40;
const PRIMARY_KEY_BYTES = 32;

const TREE_WINDOWS = { windowBytes: 64 << 10, windowCount: 64 };
const DATA_WINDOWS = { windowBytes: 1 << 20, windowCount: 4 };

/** What lies in a folder. */
export type LegacyFolder =
  /** A corestore 6. */
  | { readonly kind: "corestore"; readonly primaryKey: Uint8Array | null; readonly cores: readonly string[] }
  /** A single hypercore 10. */
  | { readonly kind: "hypercore" }
  /** A corestore 7 or hypercore 11, on RocksDB. */
  | { readonly kind: "rocksdb" }
  | { readonly kind: "none" };

/** Looks what lies in `folder`. */
export async function inspectFolder(folder: string): Promise<LegacyFolder> {
  const names = new Set((await readDirectory(folder))?.map(({ name }) => name));
  if (names.has("primary-key") || names.has("cores")) {
    const primaryKey = names.has("primary-key") ? await readWholeFile(`${folder}/primary-key`) : null;
    return {
      kind: "corestore",
      primaryKey: primaryKey?.byteLength === PRIMARY_KEY_BYTES ? primaryKey : null,
      cores: names.has("cores") ? await coreFolders(`${folder}/cores`) : [],
    };
  }
  if (names.has("oplog")) return { kind: "hypercore" };
  return { kind: names.has("CORESTORE") && names.has("db") ? "rocksdb" : "none" };
}

/** Folders of cores two levels down, in order. */
async function coreFolders(folder: string): Promise<string[]> {
  let level = [folder];
  for (let depth = 0; depth < 3; depth++) {
    const below: string[] = [];
    for (const path of level) {
      for (const { name, kind } of await readDirectory(path) ?? []) {
        if (kind === "directory") below.push(`${path}/${name}`);
      }
    }
    level = below;
  }
  return level.sort();
}

/** The discovery key that the folder of a core is named by; null for another name. */
export function discoveryKeyOfFolder(folder: string): Uint8Array | null {
  const name = folder.slice(folder.lastIndexOf("/") + 1);
  return /^[0-9a-f]{64}$/.test(name) ? hexBytes(name) : null;
}

/** The files of one core. */
export class LegacyCoreFiles implements LogSource, AsyncDisposable {
  readonly #folder: string;
  readonly #open: OpenFile[] = [];
  /** Nodes that are not in the file yet. */
  readonly #nodes = new Map<number, TreeNode>();
  #tree: WindowedReader | null = null;
  #data: WindowedReader | null = null;

  /** Opens nothing yet. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The bytes of the oplog; null where there is none.
   *
   * @throws {PlatformError} where it cannot be read.
   */
  oplog(): Promise<Uint8Array | null> {
    return this.#small("oplog", LEGACY_OPLOG_BYTES_MAX);
  }

  /** A part of the file `header`, where a header lies that was too long for the oplog; null where it is not whole. */
  async header(start: number, byteLength: number): Promise<Uint8Array | null> {
    const bytes = await this.#small("header", LEGACY_OPLOG_BYTES_MAX);
    const header = bytes?.subarray(start, start + byteLength);
    return header?.byteLength === byteLength ? header : null;
  }

  /** Runs of blocks that the file `bitfield` says are there. */
  async blocks(): Promise<Iterable<BitfieldRange>> {
    return setBitRanges(await this.#small("bitfield", LEGACY_BITFIELD_BYTES_MAX) ?? new Uint8Array(0));
  }

  /** Opens `tree` and `data`; `nodes` go before what is in the former. */
  async openTree(nodes: Iterable<TreeNode>): Promise<void> {
    for (const node of nodes) this.#nodes.set(node.index, node);
    this.#tree = await this.#reader("tree", TREE_WINDOWS);
    this.#data = await this.#reader("data", DATA_WINDOWS);
  }

  /** What went wrong while reading; empty where nothing did. */
  failures(): unknown[] {
    return [this.#tree?.failure, this.#data?.failure].filter((failure) => failure);
  }

  /** The node at a tree index; null where none is stored. */
  async node(index: number): Promise<TreeNode | null> {
    const held = this.#nodes.get(index);
    if (held !== undefined) return held;
    const bytes = await this.#tree?.bytes(index * NODE_BYTES, NODE_BYTES) ?? null;
    if (bytes === null || bytes.every((byte) => byte === 0)) return null;
    const view = new DataView(bytes.buffer);
    const size = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
    return { index, size, hash: bytes.subarray(8) };
  }

  /** Bytes of all blocks. */
  async bytes(offset: number, size: number): Promise<Uint8Array | null> {
    if (size === 0) return new Uint8Array(0);
    return size > VALUE_BYTE_LENGTH_MAX ? null : await this.#data?.bytes(offset, size) ?? null;
  }

  /** Closes what was opened. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#open) await file.close();
  }

  async #small(name: string, bytesMax: number): Promise<Uint8Array | null> {
    const path = `${this.#folder}/${name}`;
    const status = await fileStatus(path, true);
    if (status?.kind !== "file" || status.byteLength > bytesMax) return null;
    return await readWholeFile(path);
  }

  async #reader(
    name: string,
    windows: { windowBytes: number; windowCount: number },
  ): Promise<WindowedReader | null> {
    const path = `${this.#folder}/${name}`;
    const status = await fileStatus(path, true);
    if (status?.kind !== "file") return null;
    const file = await openToRead(path);
    this.#open.push(file);
    return new WindowedReader((target, position) => file.read(target, position), status.byteLength, windows);
  }
}

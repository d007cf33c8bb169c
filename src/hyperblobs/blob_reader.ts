/**
 * Reading one blob, or a part of it, block by block.
 *
 * @module
 */
import type { Download } from "../hypercore/mod.ts";
import { checkMapSize, decodeBlockMap, locate, mappedByteLength } from "./block_map.ts";
import { HyperblobsError } from "./errors.ts";
import type { BlobCore, BlobGetOptions, BlobId, BlobReadOptions, BlockMapEntry } from "./options.ts";

/** Which blocks to read, and which of their bytes. */
interface Plan {
  /** Blocks. */
  readonly count: number;
  /** The block at a place among them. */
  indexAt(place: number): number;
  /** Bytes of the first block to leave out. */
  readonly skip: number;
  /** Bytes wanted; infinite for all of the blocks. */
  readonly byteLength: number;
}

/** Options of {@linkcode BlobReader}. */
export interface BlobReaderOptions extends BlobReadOptions {
  /** Blocks read ahead. */
  readonly aheadCount: number;
}

/** One blob being read. */
export class BlobReader {
  readonly #core: BlobCore;
  readonly #id: BlobId;
  readonly #options: BlobReaderOptions;
  readonly #prefetch: boolean;
  readonly #closing = new AbortController();
  readonly #waitOptions: MapReadOptions & { readonly valueEncoding: string };
  /** Blocks being read, in order. */
  readonly #ahead: Promise<Uint8Array | null>[] = [];
  #plan: Plan = { count: 0, indexAt: () => 0, skip: 0, byteLength: 0 };
  #download: Download | null = null;
  /** Place of the next block to ask for. */
  #place = 0;
  #skip = 0;
  #bytesLeft = 0;

  constructor(core: BlobCore, id: BlobId, options: BlobReaderOptions) {
    this.#core = core;
    this.#id = checkId(id);
    this.#options = options;
    this.#prefetch = options.wait !== false && options.prefetch !== false;
    const { wait, timeout, signal } = options;
    const { signal: closing } = this.#closing;
    const either = signal === undefined ? closing : AbortSignal.any([signal, closing]);
    this.#waitOptions = { wait, timeout, signal: either, valueEncoding: "binary" };
  }

  /** Finds the first byte. */
  async open(): Promise<void> {
    this.#plan = this.#id.blockMap ? await this.#planMapped() : await this.#planPlain();
    this.#skip = this.#plan.skip;
    this.#bytesLeft = this.#plan.byteLength;
    if (this.#prefetch && this.#plan.count > 1) this.#fetchAll();
  }

  async #planPlain(): Promise<Plan> {
    const { blockOffset, blockLength, byteOffset, byteLength } = this.#id;
    const { start, end } = sliceOf(this.#options, byteLength);
    const isWhole = start === 0 && end === byteLength;
    let first = blockOffset;
    let skip = 0;
    if (start > 0 && start < end) {
      const found = await this.#core.seek(byteOffset + start, this.#waitOptions);
      if (found === null) throw blockNotAvailable(`byte ${start} of a blob`);
      [first, skip] = found;
    }
    const count = start < end || isWhole ? Math.max(0, blockOffset + blockLength - first) : 0;
    return { count, skip, indexAt: (place) => first + place, byteLength: isWhole ? Infinity : end - start };
  }

  async #planMapped(): Promise<Plan> {
    const entries = await readBlockMap(this.#core, this.#id, this.#waitOptions);
    if (entries === null) throw blockNotAvailable("a block map");
    const { start, end } = sliceOf(this.#options, mappedByteLength(entries));
    const range = start < end ? locate(entries, start, end) : { first: 0, end: 0, skipStart: 0 };
    return {
      count: range.end - range.first,
      skip: range.skipStart,
      indexAt: (place) => entries[range.first + place]!.index,
      byteLength: end - start,
    };
  }

  /** Fetches all blocks in order, whether or not they are being read yet. */
  #fetchAll(): void {
    const { count, indexAt } = this.#plan;
    const start = indexAt(0);
    if (!this.#id.blockMap) {
      this.#download = this.#core.download({ start, end: start + count, linear: true });
      return;
    }
    const blocks = Array.from({ length: count }, (_, place) => indexAt(place));
    this.#download = this.#core.download({ blocks });
  }

  /** The next bytes, a block or a part of one; null at the end. */
  async next(): Promise<Uint8Array | null> {
    this.#readAhead();
    while (this.#ahead.length > 0 && this.#bytesLeft > 0) {
      const place = this.#place - this.#ahead.length;
      const block = await this.#ahead.shift()!;
      if (block === null) throw blockNotAvailable(`block ${this.#plan.indexAt(place)}`);
      const part = block.subarray(this.#skip, Math.min(block.byteLength, this.#skip + this.#bytesLeft));
      this.#skip = 0;
      this.#bytesLeft -= part.byteLength;
      if (part.byteLength > 0) return part;
      this.#readAhead();
    }
    return null;
  }

  #readAhead(): void {
    const aheadCount = this.#prefetch || this.#options.wait === false ? this.#options.aheadCount : 1;
    while (this.#ahead.length < aheadCount && this.#place < this.#plan.count) {
      const block = this.#core.get(this.#plan.indexAt(this.#place++), this.#waitOptions);
      block.catch(ignoreUntilRead);
      this.#ahead.push(block);
    }
  }

  /** Gives up what is being waited for. */
  close(): void {
    this.#download?.destroy();
    this.#download = null;
    this.#ahead.length = 0;
    this.#closing.abort(new HyperblobsError("REQUEST_CANCELLED", "Reading a blob was given up"));
  }
}

/**
 * Which bytes of a blob are asked for, end exclusive. A part ends with its blob.
 *
 * @throws {HyperblobsError} `BAD_ARGUMENT`
 */
function sliceOf(options: BlobGetOptions, byteLength: number): { start: number; end: number } {
  const { start = 0, end, length } = options;
  for (const [name, value] of Object.entries({ start, end, length })) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= (name === "end" ? -1 : 0))) continue;
    throw new HyperblobsError(
      "BAD_ARGUMENT",
      `The "${name}" of a part must be a whole number from 0, not ${value}`,
    );
  }
  const wanted = length !== undefined ? start + length : end !== undefined ? end + 1 : byteLength;
  return { start: Math.min(start, byteLength), end: Math.min(wanted, byteLength) };
}

/**
 * Checks where a blob is said to be.
 *
 * @throws {HyperblobsError} `BAD_ARGUMENT`
 */
export function checkId(id: BlobId): BlobId {
  for (const name of ["blockOffset", "blockLength", "byteOffset", "byteLength"] as const) {
    if (Number.isSafeInteger(id[name]) && id[name] >= 0) continue;
    throw new HyperblobsError(
      "BAD_ARGUMENT",
      `The ${name} of a blob must be a whole number from 0, not ${id[name]}`,
    );
  }
  return id;
}

/** How to wait for the blocks of a map. */
export interface MapReadOptions {
  readonly wait?: boolean;
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/**
 * The blocks that a map names; null where a block of the map is not local and may not be waited for.
 *
 * @throws {HyperblobsError} `DECODING_ERROR`
 */
export async function readBlockMap(
  core: BlobCore,
  id: BlobId,
  options: MapReadOptions = {},
): Promise<BlockMapEntry[] | null> {
  checkMapSize(checkId(id));
  const blocks = await Promise.all(
    Array.from(
      { length: id.blockLength },
      (_, i) => core.get<Uint8Array>(id.blockOffset + i, { ...options, valueEncoding: "binary" }),
    ),
  );
  const entries: BlockMapEntry[] = [];
  for (const block of blocks) {
    if (block === null) return null;
    for (const entry of decodeBlockMap(block)) entries.push(entry);
  }
  return entries;
}

/** All blocks of a blob with where each is. */
export async function* blobBlocks(
  core: BlobCore,
  id: BlobId,
): AsyncGenerator<{ entry: BlockMapEntry; block: Uint8Array }> {
  const entries = id.blockMap ? await readBlockMap(core, id) : null;
  const count = entries === null ? id.blockLength : entries.length;
  const indexAt = (place: number): number =>
    entries === null ? id.blockOffset + place : entries[place]!.index;
  const download = core.writable || count === 0
    ? null
    : core.download({ blocks: Array.from({ length: count }, (_, place) => indexAt(place)) });
  try {
    for (let place = 0; place < count; place++) {
      const index = indexAt(place);
      const block: Uint8Array | null = await core.get<Uint8Array>(index, { valueEncoding: "binary" });
      if (block === null) throw blockNotAvailable(`block ${index}`);
      yield { entry: { index, byteLength: block.byteLength }, block };
    }
  } finally {
    download?.destroy();
  }
}

function blockNotAvailable(what: string): HyperblobsError {
  return new HyperblobsError("BLOCK_NOT_AVAILABLE", `Cannot read ${what}: not available locally`);
}

/** The error counts when the block is read. */
function ignoreUntilRead(): void {}

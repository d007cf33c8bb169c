/**
 * Block maps: which blocks make up a blob, where they do not follow each other. Source: `hyperblobs/lib/block-map.js`.
 *
 * @module
 */
import { array, decode, encode, type Encoder, uint } from "../compact_encoding/mod.ts";
import { HyperblobsError } from "./errors.ts";
import { MAP_BLOCK_BYTES_MAX, MAP_BLOCK_ENTRIES, MAP_BLOCKS_MAX } from "./limits.ts";
import type { BlobId, BlockMapEntry } from "./options.ts";

const VERSION = 0;

const entryCodec: Encoder<BlockMapEntry> = {
  preencode(state, entry) {
    uint.preencode(state, entry.index);
    uint.preencode(state, entry.byteLength);
  },
  encode(state, entry) {
    uint.encode(state, entry.index);
    uint.encode(state, entry.byteLength);
  },
  decode: (state) => ({ index: uint.decode(state), byteLength: uint.decode(state) }),
};

const entriesCodec: Encoder<BlockMapEntry[]> = array(entryCodec);

const mapCodec: Encoder<BlockMapEntry[]> = {
  preencode(state, entries) {
    uint.preencode(state, VERSION);
    entriesCodec.preencode(state, entries);
  },
  encode(state, entries) {
    uint.encode(state, VERSION);
    entriesCodec.encode(state, entries);
  },
  decode(state) {
    const version = uint.decode(state);
    if (version === VERSION) return entriesCodec.decode(state);
    throw new HyperblobsError(
      "DECODING_ERROR",
      `Cannot decode a block map of version ${version}, only of version 0`,
    );
  },
};

/** The blocks of a map. */
export function encodeBlockMap(entries: readonly BlockMapEntry[]): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  for (let start = 0; start < entries.length; start += MAP_BLOCK_ENTRIES) {
    blocks.push(encode(mapCodec, entries.slice(start, start + MAP_BLOCK_ENTRIES)));
  }
  return blocks;
}

/**
 * The entries in a block of a map.
 *
 * @throws {HyperblobsError} `DECODING_ERROR`
 */
export function decodeBlockMap(block: Uint8Array): BlockMapEntry[] {
  if (block.byteLength > MAP_BLOCK_BYTES_MAX) {
    throw new HyperblobsError(
      "DECODING_ERROR",
      `Cannot decode a block of ${block.byteLength} bytes as a block map`,
    );
  }
  try {
    return decode(mapCodec, block);
  } catch (cause) {
    if (cause instanceof HyperblobsError) throw cause;
    throw new HyperblobsError("DECODING_ERROR", "Cannot decode a block map", { cause });
  }
}

/**
 * Checks that the map of a blob is one that may be read.
 *
 * @throws {HyperblobsError} `DECODING_ERROR`
 */
export function checkMapSize(id: BlobId): void {
  if (id.blockLength <= MAP_BLOCKS_MAX) return;
  throw new HyperblobsError("DECODING_ERROR", `Block map of ${id.blockLength} blocks is too large`);
}

/** The part of a blob that is asked for: blocks of a map, and which bytes of the first and last to leave out. */
export interface MapRange {
  /** First entry. */
  readonly first: number;
  /** End, exclusive. */
  readonly end: number;
  /** Bytes to leave out at the beginning of the first. */
  readonly skipStart: number;
  /** Bytes to leave out at the end of the last. */
  readonly skipEnd: number;
}

/** Which entries of a map hold the bytes from `start` to `end`, exclusive, of the blob. */
export function locate(entries: readonly BlockMapEntry[], start: number, end: number): MapRange {
  let offset = 0;
  let first = -1;
  let skipStart = 0;
  for (let i = 0; i < entries.length; i++) {
    const next = offset + entries[i]!.byteLength;
    if (first === -1 && start < next) {
      first = i;
      skipStart = start - offset;
    }
    if (first !== -1 && end <= next) return { first, end: i + 1, skipStart, skipEnd: next - end };
    offset = next;
  }
  if (first === -1) return { first: entries.length, end: entries.length, skipStart: 0, skipEnd: 0 };
  return { first, end: entries.length, skipStart, skipEnd: 0 };
}

/** Bytes of a blob with these blocks. */
export function mappedByteLength(entries: readonly BlockMapEntry[]): number {
  return entries.reduce((byteLength, entry) => byteLength + entry.byteLength, 0);
}

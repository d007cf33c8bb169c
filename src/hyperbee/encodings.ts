/**
 * How keys and values become bytes, and ranges of keys ranges of bytes.
 *
 * @module
 */
import { allocBytesPooled, concatBytes, copyBytes, isBytes, utf8Bytes, viewBytes } from "../base/mod.ts";
import { type CodecLike, decode, encode, type Encoder, from } from "../compact_encoding/mod.ts";
import { HyperbeeError } from "./errors.ts";
import type { EncodedEntry } from "./node_view.ts";
import type { EncodedRange } from "./range_machine.ts";

/** Bounds of a range of keys. */
export interface KeyRange<Key = unknown> {
  /** Exclusive lower bound; goes before `gte`. */
  readonly gt?: Key | Uint8Array | string | null;
  /** Inclusive lower bound. */
  readonly gte?: Key | Uint8Array | string | null;
  /** Exclusive upper bound; goes before `lte`. */
  readonly lt?: Key | Uint8Array | string | null;
  /** Inclusive upper bound. */
  readonly lte?: Key | Uint8Array | string | null;
}

/** An encoding in the way of the `codecs` package; one for keys may also say how a range becomes bytes. */
export interface RangeCodec<Value> extends CodecLike<Value> {
  /** Returns the range with its bounds encoded; may add bounds. */
  encodeRange?(range: KeyRange<Value>): EncodedRange;
}

/**
 * A codec, or the name of one: `"binary"`, `"utf-8"`, `"ascii"`, `"hex"`, `"base64"`, `"ucs2"`, `"utf16le"`, `"json"`,
 * `"ndjson"`. Keys are ordered by their encoded bytes.
 */
export type BeeEncoding<Value> = string | RangeCodec<Value> | Encoder<Value>;

/** Key and value encodings in force; null leaves bytes as they are. */
export interface EntryEncoding {
  readonly key: RangeCodec<unknown> | null;
  readonly value: RangeCodec<unknown> | null;
}

/** What a bee gives for a key. */
export interface BeeEntry<Key = Uint8Array, Value = Uint8Array> {
  /** Block of the core that holds it. */
  readonly seq: number;
  /** The key. */
  readonly key: Key;
  /** The value; null where none was put. */
  readonly value: Value | null;
}

const ZERO = new Uint8Array(1);

/** Text as UTF-8, bytes as they are. */
const binaryCodec: RangeCodec<unknown> = {
  encode(value: unknown): Uint8Array {
    if (isBytes(value)) return value;
    if (typeof value === "string") return utf8Bytes(value);
    throw new HyperbeeError(
      "BAD_ARGUMENT",
      `Without an encoding keys and values are bytes or text, not ${typeof value}`,
    );
  },
  decode: freshBytes,
};

const TEXT_ENCODINGS = new Set([
  "ascii",
  "utf8",
  "utf-8",
  "hex",
  "base64",
  "ucs2",
  "ucs-2",
  "utf16le",
  "utf16-le",
]);

/** The codec that `encoding` stands for; an unknown name stands for `"binary"`. */
export function codecOf(encoding: BeeEncoding<unknown>): RangeCodec<unknown>;
/** The codec that `encoding` stands for; null for none. */
export function codecOf(encoding: BeeEncoding<unknown> | null | undefined): RangeCodec<unknown> | null;
export function codecOf(encoding: BeeEncoding<unknown> | null | undefined): RangeCodec<unknown> | null {
  if (!encoding) return null;
  if (encoding instanceof GivenCodec) return encoding;
  if (typeof encoding === "object") {
    return "preencode" in encoding ? fromEncoder(encoding) : new GivenCodec(encoding);
  }
  if (encoding === "json" || encoding === "ndjson") return fromEncoder(from(encoding));
  if (!TEXT_ENCODINGS.has(encoding)) return binaryCodec;
  const text = from(encoding) as Encoder<unknown>;
  const codec = fromEncoder(text);
  return { encode: (value) => codec.encode(String(value)), decode: codec.decode };
}

/** A codec of the caller's, which gets the runtime's own byte type. */
class GivenCodec implements RangeCodec<unknown> {
  readonly #codec: RangeCodec<unknown>;
  readonly encodeRange?: (range: KeyRange) => EncodedRange;

  constructor(codec: RangeCodec<unknown>) {
    this.#codec = codec;
    if (codec.encodeRange !== undefined) this.encodeRange = (range) => codec.encodeRange!(range);
  }

  encode(value: unknown): Uint8Array {
    return this.#codec.encode(value);
  }

  decode(bytes: Uint8Array): unknown {
    return this.#codec.decode(viewBytes(bytes));
  }
}

function fromEncoder(encoder: Encoder<unknown>): RangeCodec<unknown> {
  return { encode: (value) => encode(encoder, value), decode: (bytes) => decode(encoder, bytes) };
}

/** A codec of keys that stand behind `prefix`. Bytes are taken as encoded already. */
export function prefixCodec(prefix: Uint8Array, codec: RangeCodec<unknown> | null): RangeCodec<unknown> {
  return {
    encode(key: unknown): Uint8Array {
      return concatBytes([prefix, isBytes(key) ? key : (codec ?? binaryCodec).encode(key)]);
    },
    decode(bytes: Uint8Array): unknown {
      return (codec ?? binaryCodec).decode(bytes.subarray(prefix.byteLength));
    },
  };
}

/**
 * A key as bytes.
 *
 * @throws {HyperbeeError} `BAD_ARGUMENT` for no key.
 */
export function encodeKey(encoding: EntryEncoding, key: unknown): Uint8Array {
  if (key === undefined || key === null) {
    throw new HyperbeeError("BAD_ARGUMENT", `A key is needed, not ${key}`);
  }
  return (encoding.key ?? binaryCodec).encode(key);
}

/** A value as bytes; null for none. */
export function encodeValue(encoding: EntryEncoding, value: unknown): Uint8Array | null {
  return value === undefined || value === null ? null : (encoding.value ?? binaryCodec).encode(value);
}

/** Bytes that belong to nobody else, where `encoded` may be what the caller gave. */
export function ownBytes(encoded: Uint8Array, given: unknown): Uint8Array {
  return encoded === given ? copyBytes(encoded) : encoded;
}

/** An entry as it is given to the user. */
export function decodeEntry<Key, Value>(encoding: EntryEncoding, entry: EncodedEntry): BeeEntry<Key, Value> {
  const { key, value } = encoding;
  return {
    seq: entry.seq,
    key: (key ?? binaryCodec).decode(entry.key) as Key,
    value: entry.value === null ? null : (value ?? binaryCodec).decode(entry.value) as Value,
  };
}

/**
 * The bounds of a range as bytes. Within a sub the missing ones are those of the sub.
 *
 * Compat: a range of a sub without a lower bound begins after the key of one zero byte, so that an empty key is not part
 * of it (`hyperbee/index.js`, `encRange`).
 */
export function encodeRange(
  codec: RangeCodec<unknown> | null,
  range: KeyRange,
  isSub: boolean,
): EncodedRange {
  const { gt, gte, lt, lte } = range;
  if (codec?.encodeRange !== undefined) return codec.encodeRange({ gt, gte, lt, lte });
  const bound = (key: unknown): Uint8Array | null =>
    key === undefined || key === null ? null : (codec ?? binaryCodec).encode(key);
  const encoded = { gt: bound(gt), gte: bound(gte), lt: bound(lt), lte: bound(lte) };
  if (!isSub || codec === null) return encoded;
  if (encoded.gt === null && encoded.gte === null) encoded.gt = codec.encode(ZERO);
  if (encoded.lt === null && encoded.lte === null) encoded.lt = bumped(codec.encode(new Uint8Array(0)));
  return encoded;
}

function bumped(key: Uint8Array): Uint8Array {
  key[key.byteLength - 1]!++;
  return key;
}

function freshBytes(bytes: Uint8Array): Uint8Array {
  const fresh = allocBytesPooled(bytes.byteLength);
  fresh.set(bytes);
  return fresh;
}

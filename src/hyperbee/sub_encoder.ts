/**
 * Key encodings that put a prefix before every key, as the package `sub-encoder`: several kinds of keys in one bee.
 *
 * @module
 */
import { concatBytes, utf8Bytes } from "../base/mod.ts";
import { type BeeEncoding, codecOf, type KeyRange, type RangeCodec } from "./encodings.ts";
import type { EncodedRange } from "./range_machine.ts";

const SEPARATOR = Uint8Array.of(0);

/**
 * A key encoding with a prefix. Source: `sub-encoder/index.js`.
 *
 * @example
 * ```ts
 * import { Hyperbee, SubEncoder } from "@quince/quince/hyperbee";
 *
 * const users = new SubEncoder<string>("users", "utf-8");
 * await bee.put("ann", "1", { keyEncoding: users });
 * for await (const { key } of bee.createReadStream({}, { keyEncoding: users })) console.log(key);
 * ```
 */
export class SubEncoder<Key = Uint8Array> implements RangeCodec<Key> {
  /** Encoding of the keys behind the prefix. */
  readonly userEncoding: RangeCodec<Key>;
  /** What stands before every key, separators included; null for nothing. */
  readonly prefix: Uint8Array | null;
  /** First key behind all keys with the prefix; null without one. */
  readonly lt: Uint8Array | null;

  /**
   * Makes an encoding of keys below `prefix`, which is below `parent`.
   *
   * @param parent Prefix of another encoding, separator included.
   */
  constructor(
    prefix?: Uint8Array | string | null,
    encoding?: BeeEncoding<Key> | null,
    parent: Uint8Array | null = null,
  ) {
    this.userEncoding = codecOf((encoding ?? "binary") as BeeEncoding<unknown>) as RangeCodec<Key>;
    this.prefix = prefix === undefined || prefix === null ? null : joinPrefix(prefix, parent);
    this.lt = this.prefix === null ? null : afterPrefix(this.prefix);
  }

  /** A key as bytes. */
  encode(key: Key): Uint8Array {
    return this.#behindPrefix(this.userEncoding.encode(key));
  }

  /** A key out of bytes. */
  decode(bytes: Uint8Array): Key {
    return this.userEncoding.decode(bytes.subarray(this.prefix?.byteLength ?? 0));
  }

  /** A range as bytes, within the prefix. */
  encodeRange(range: KeyRange<Key>): EncodedRange {
    const { gt, gte, lt, lte } = this.#encodeUserRange(range);
    const encoded: { -readonly [K in keyof EncodedRange]: EncodedRange[K] } = {};
    if (gt) encoded.gt = this.#behindPrefix(gt);
    else if (gte) encoded.gte = this.#behindPrefix(gte);
    else if (this.prefix !== null) encoded.gte = this.prefix;
    if (lt) encoded.lt = this.#behindPrefix(lt);
    else if (lte) encoded.lte = this.#behindPrefix(lte);
    else if (this.lt !== null) encoded.lt = this.lt;
    return encoded;
  }

  /** An encoding of keys below a further prefix. */
  sub<SubKey = Uint8Array>(
    prefix?: Uint8Array | string | null,
    encoding?: BeeEncoding<SubKey> | { readonly keyEncoding: BeeEncoding<SubKey> } | null,
  ): SubEncoder<SubKey> {
    const given = typeof encoding === "object" && encoding !== null && "keyEncoding" in encoding
      ? encoding.keyEncoding
      : encoding;
    return new SubEncoder<SubKey>(prefix || new Uint8Array(0), given, this.prefix);
  }

  #encodeUserRange(range: KeyRange<Key>): EncodedRange {
    if (this.userEncoding.encodeRange !== undefined) return this.userEncoding.encodeRange(range);
    const bound = (key: unknown): Uint8Array | null =>
      key === undefined || key === null ? null : this.userEncoding.encode(key as Key);
    return { gt: bound(range.gt), gte: bound(range.gte), lt: bound(range.lt), lte: bound(range.lte) };
  }

  #behindPrefix(key: Uint8Array): Uint8Array {
    return this.prefix === null ? key : concatBytes([this.prefix, key]);
  }
}

function joinPrefix(prefix: Uint8Array | string, parent: Uint8Array | null): Uint8Array {
  const bytes = typeof prefix === "string" ? utf8Bytes(prefix) : prefix;
  return concatBytes([parent ?? new Uint8Array(0), bytes, SEPARATOR]);
}

function afterPrefix(prefix: Uint8Array): Uint8Array {
  const after = concatBytes([prefix]);
  after[after.byteLength - 1] = 1;
  return after;
}

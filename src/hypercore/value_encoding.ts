/**
 * How values of a log become bytes.
 *
 * @module
 */
import { type AbstractEncodingLike, type CodecLike, type Encoder, from } from "../compact_encoding/mod.ts";

/** An encoder, an encoder of the older kinds, or a name such as `"json"`, `"utf-8"` or `"binary"`. */
export type ValueEncoding<Value> = Encoder<Value> | CodecLike<Value> | AbstractEncodingLike<Value> | string;

/** The encoder that `encoding` stands for. */
export function encoderOf<Value>(encoding: ValueEncoding<Value>): Encoder<Value> {
  return from(encoding as Encoder<Value>);
}

/**
 * Values as the bytes of blocks, and back.
 *
 * @module
 */
import { isBytes, utf8Bytes } from "../base/mod.ts";
import { decode, encode, type Encoder } from "../compact_encoding/mod.ts";
import { HypercoreError } from "./errors.ts";

/**
 * The bytes of a value: by `codec`, or as they are.
 *
 * @throws {HypercoreError} `BAD_ARGUMENT` for what is neither bytes nor text where there is no codec.
 */
export function encodeBlock<Value>(codec: Encoder<Value> | null, value: Value): Uint8Array {
  if (isBytes(value)) return value;
  if (codec !== null) return encode(codec, value);
  if (typeof value === "string") return utf8Bytes(value);
  throw new HypercoreError(
    "BAD_ARGUMENT",
    `Without a value encoding a block must be bytes or text, not ${typeof value}`,
  );
}

/**
 * The value of a block: by `codec`, or its bytes.
 *
 * @throws {HypercoreError} `DECODING_ERROR`.
 */
export function decodeBlock<Value>(
  codec: Encoder<Value> | null,
  block: Uint8Array,
  discoveryKey: Uint8Array | null,
): Value {
  if (codec === null) return block as Value;
  try {
    return decode(codec, block);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new HypercoreError("DECODING_ERROR", `Cannot decode block: ${message}`, { cause, discoveryKey });
  }
}

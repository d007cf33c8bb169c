/**
 * Codecs made from what other libraries call an encoding.
 *
 * @module
 */
import { raw } from "./raw.ts";
import type { Encoder, State } from "./state.ts";

/** The names that stand for a text encoding. */
export type TextEncodingName =
  | "ascii"
  | "utf8"
  | "utf-8"
  | "hex"
  | "base64"
  | "utf16le"
  | "utf16-le"
  | "ucs2"
  | "ucs-2";

/** An encoding that turns a value into bytes of its own and back. */
export interface CodecLike<Input, Output = Input> {
  /** Returns the bytes of `value`. */
  encode(value: Input): Uint8Array;
  /** Returns the value of `buffer`, which holds nothing else. */
  decode(buffer: Uint8Array): Output;
}

/** An encoding that knows the size of a value beforehand and writes into a given buffer. */
export interface AbstractEncodingLike<Input, Output = Input> {
  /** Returns the size of `value` in bytes. */
  encodingLength(value: Input): number;
  /** Writes `value` at `offset` and leaves the number of bytes written in its property `bytes`. */
  encode: ((value: Input, buffer: Uint8Array, offset: number) => unknown) & { bytes?: number };
  /** Reads a value between `start` and `end` and leaves the number of bytes read in its property `bytes`. */
  decode: ((buffer: Uint8Array, start: number, end: number) => Output) & { bytes?: number };
}

/**
 * Returns the codec for a name or for an encoding of another library: one with `preencode` is returned as it is, one
 * with `encodingLength` follows abstract-encoding, any other the codecs package.
 *
 * Names, of which unknown ones mean `binary`, stand for values up to the end, without a length. Source:
 * compact-encoding `index.js`.
 *
 * @example
 * ```ts
 * import { decode, encode, from } from "@quince/quince/compact-encoding";
 * decode(from("json"), encode(from("json"), { hello: "world" })); // { hello: "world" }
 * ```
 */
export function from(name: TextEncodingName): Encoder<string>;
/** Returns the codec of JSON text up to the end. */
export function from(name: "json" | "ndjson"): Encoder<unknown>;
/** Returns the codec of bytes up to the end, unless the name stands for another one. */
export function from(name: "binary"): Encoder<Uint8Array | string, Uint8Array>;
/** Returns the codec for a name that is known only at run time. */
export function from(name: string): Encoder<unknown>;
/** Returns the codec itself. */
export function from<Input, Output = Input>(encoding: Encoder<Input, Output>): Encoder<Input, Output>;
/** Returns a codec for an encoding in the way of abstract-encoding. */
export function from<Input, Output = Input>(
  encoding: AbstractEncodingLike<Input, Output>,
): Encoder<Input, Output>;
/** Returns a codec for an encoding in the way of the codecs package. */
export function from<Input, Output = Input>(encoding: CodecLike<Input, Output>): Encoder<Input, Output>;
/** Returns the codec for an encoding whose kind is known only at run time. */
export function from<Input, Output = Input>(
  encoding:
    | string
    | Encoder<Input, Output>
    | AbstractEncodingLike<Input, Output>
    | CodecLike<Input, Output>,
): Encoder<Input, Output>;
export function from(
  encoding: string | Encoder<unknown> | AbstractEncodingLike<unknown> | CodecLike<unknown>,
): Encoder<unknown> {
  if (typeof encoding === "string") return fromName(encoding);
  if ("preencode" in encoding) return encoding;
  if ("encodingLength" in encoding) return fromAbstractEncoding(encoding);
  return fromCodec(encoding);
}

function fromName(name: string): Encoder<unknown> {
  switch (name) {
    case "ascii":
      return raw.ascii as Encoder<unknown>;
    case "utf-8":
    case "utf8":
      return raw.utf8 as Encoder<unknown>;
    case "hex":
      return raw.hex as Encoder<unknown>;
    case "base64":
      return raw.base64 as Encoder<unknown>;
    case "utf16-le":
    case "utf16le":
    case "ucs-2":
    case "ucs2":
      return raw.ucs2 as Encoder<unknown>;
    case "ndjson":
      return raw.ndjson;
    case "json":
      return raw.json;
    default:
      return raw.binary as Encoder<unknown>;
  }
}

function fromCodec(encoding: CodecLike<unknown>): Encoder<unknown> {
  // What preencode had to make is kept for the encode that follows, so that a value is encoded once.
  let sized: { readonly value: unknown; readonly bytes: Uint8Array } | null = null;
  return {
    preencode(state: State, value: unknown): void {
      sized = { value, bytes: encoding.encode(value) };
      state.end += sized.bytes.byteLength;
    },
    encode(state: State, value: unknown): void {
      raw.encode(state, sized !== null && sized.value === value ? sized.bytes : encoding.encode(value));
      sized = null;
    },
    decode(state: State): unknown {
      return encoding.decode(raw.decode(state));
    },
  };
}

function fromAbstractEncoding(encoding: AbstractEncodingLike<unknown>): Encoder<unknown> {
  return {
    preencode(state: State, value: unknown): void {
      state.end += encoding.encodingLength(value);
    },
    encode(state: State, value: unknown): void {
      encoding.encode(value, state.buffer!, state.start);
      state.start += encoding.encode.bytes ?? 0;
    },
    decode(state: State): unknown {
      const value = encoding.decode(state.buffer!, state.start, state.end);
      state.start += encoding.decode.bytes ?? 0;
      return value;
    },
  };
}

/**
 * Text: with its length in bytes in front, in a fixed number of bytes, or filling the rest of the bytes.
 *
 * @module
 */
import { outOfBounds } from "./errors.ts";
import { uint } from "./integers.ts";
import type { Encoder, State } from "./state.ts";
import {
  asciiEncoding,
  base64Encoding,
  hexEncoding,
  type TextEncoding,
  utf16leEncoding,
  utf8Encoding,
} from "./text.ts";

/** A codec of length-prefixed text that also gives codecs of fixed size. */
export interface StringEncoder extends Encoder<string> {
  /**
   * Returns a codec of text in exactly `byteLength` bytes: longer text is cut off behind the last whole character,
   * shorter text is followed by zero bytes, which decoding keeps.
   */
  fixed(byteLength: number): Encoder<string>;
}

/** UTF-8 text behind its length in bytes. Source: compact-encoding `index.js`. */
export const utf8: StringEncoder = prefixed(utf8Encoding);

/** The same codec as {@linkcode utf8}. Source: compact-encoding `index.js`. */
export const string: StringEncoder = utf8;

/** Text of one byte a character behind its length. Source: compact-encoding `index.js`. */
export const ascii: StringEncoder = prefixed(asciiEncoding);

/** Hexadecimal text as the bytes it stands for, behind their number. Source: compact-encoding `index.js`. */
export const hex: StringEncoder = prefixed(hexEncoding);

/** Base64 text as the bytes it stands for, behind their number. Source: compact-encoding `index.js`. */
export const base64: StringEncoder = prefixed(base64Encoding);

/** UTF-16 text, little-endian, behind its length in bytes. Source: compact-encoding `index.js`. */
export const utf16le: StringEncoder = prefixed(utf16leEncoding);

/** The same codec as {@linkcode utf16le}. Source: compact-encoding `index.js`. */
export const ucs2: StringEncoder = utf16le;

/** UTF-8 text up to the end. */
export const rawUtf8: Encoder<string> = unprefixed(utf8Encoding);

/** Text of one byte a character up to the end. */
export const rawAscii: Encoder<string> = unprefixed(asciiEncoding);

/** Hexadecimal text as the bytes it stands for up to the end. */
export const rawHex: Encoder<string> = unprefixed(hexEncoding);

/** Base64 text as the bytes it stands for up to the end. */
export const rawBase64: Encoder<string> = unprefixed(base64Encoding);

/** UTF-16 text, little-endian, up to the end. */
export const rawUtf16le: Encoder<string> = unprefixed(utf16leEncoding);

function prefixed(encoding: TextEncoding): StringEncoder {
  return {
    preencode(state: State, text: string): void {
      const byteLength = encoding.byteLength(text);
      uint.preencode(state, byteLength);
      state.end += byteLength;
    },
    encode(state: State, text: string): void {
      const byteLength = encoding.byteLength(text);
      uint.encode(state, byteLength);
      encoding.write(state.buffer!, text, state.start, byteLength);
      state.start += byteLength;
    },
    decode(state: State): string {
      const byteLength = uint.decode(state);
      const start = state.start;
      if (state.end - start < byteLength) throw outOfBounds();
      state.start = start + byteLength;
      return encoding.read(state.buffer!, start, state.start);
    },
    fixed(byteLength: number): Encoder<string> {
      return fixedText(encoding, byteLength);
    },
  };
}

function fixedText(encoding: TextEncoding, byteLength: number): Encoder<string> {
  return {
    preencode(state: State): void {
      state.end += byteLength;
    },
    encode(state: State, text: string): void {
      encoding.write(state.buffer!, text, state.start, byteLength);
      state.start += byteLength;
    },
    decode(state: State): string {
      const start = state.start;
      if (state.end - start < byteLength) throw outOfBounds();
      state.start = start + byteLength;
      return encoding.read(state.buffer!, start, state.start);
    },
  };
}

function unprefixed(encoding: TextEncoding): Encoder<string> {
  return {
    preencode(state: State, text: string): void {
      state.end += encoding.byteLength(text);
    },
    encode(state: State, text: string): void {
      const byteLength = encoding.byteLength(text);
      encoding.write(state.buffer!, text, state.start, byteLength);
      state.start += byteLength;
    },
    decode(state: State): string {
      const start = state.start;
      state.start = state.end;
      return encoding.read(state.buffer!, start, state.end);
    },
  };
}

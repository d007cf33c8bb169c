/**
 * The text encodings: how long a text is in bytes, writing it and reading it.
 *
 * They give the results of `Buffer` without needing one. Text that is not what its encoding takes (a letter `z` in
 * hexadecimal text) is refused.
 *
 * @module
 */
import { utf8ByteLength, utf8Text } from "../base/mod.ts";

/** One way to write text as bytes. */
export interface TextEncoding {
  /** Bytes that `text` takes. */
  byteLength(text: string): number;
  /** Writes as much of `text` as fits in `byteLength` bytes at `offset` and zeros behind it. */
  write(buffer: Uint8Array, text: string, offset: number, byteLength: number): void;
  /** Reads the bytes from `start` to `end`, exclusive. */
  read(buffer: Uint8Array, start: number, end: number): string;
}

// Below these sizes a loop is faster than a call into the runtime.
const SHORT_TEXT_CHARS = 32;
const SHORT_TEXT_BYTES = 24;

/** Characters turned into text at a time: arguments of one call, so they must fit on the stack. */
const CHUNK_CHARS = 4096;

const textEncoder = new TextEncoder();

const BASE64_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_CODES = Uint8Array.from(BASE64_DIGITS, (digit) => digit.charCodeAt(0));
const HEX_CODES = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));
const PADDING_CODE = 0x3d;
const NOT_A_DIGIT = 255;
const HEX_VALUES = digitValues("0123456789abcdef", "0123456789ABCDEF");
const BASE64_VALUES = digitValues(BASE64_DIGITS, BASE64_DIGITS.slice(0, 62) + "-_");

/** UTF-8; lone surrogates are written as U+FFFD, malformed bytes are read as U+FFFD. */
export const utf8Encoding: TextEncoding = {
  byteLength(text: string): number {
    if (text.length > SHORT_TEXT_CHARS) return utf8ByteLength(text);
    for (let i = 0; i < text.length; i++) {
      if (text.charCodeAt(i) >= 0x80) return utf8ByteLength(text);
    }
    return text.length;
  },
  write(buffer: Uint8Array, text: string, offset: number, byteLength: number): void {
    const written = text.length <= SHORT_TEXT_CHARS ? writeAscii(buffer, text, offset, byteLength) : -1;
    if (written >= 0) {
      if (written < byteLength) buffer.fill(0, offset + written, offset + byteLength);
      return;
    }
    const target = buffer.subarray(offset, offset + byteLength);
    target.fill(0, textEncoder.encodeInto(text, target).written);
  },
  read(buffer: Uint8Array, start: number, end: number): string {
    if (end - start <= SHORT_TEXT_BYTES) {
      let text = "";
      let i = start;
      for (; i < end; i++) {
        const code = buffer[i]!;
        if (code >= 0x80) break;
        text += String.fromCharCode(code);
      }
      if (i === end) return text;
    }
    return utf8Text(buffer.subarray(start, end));
  },
};

/** One byte a character: the low 8 bits are written, the low 7 bits are read. */
export const asciiEncoding: TextEncoding = {
  byteLength: (text: string): number => text.length,
  write(buffer: Uint8Array, text: string, offset: number, byteLength: number): void {
    const count = Math.min(text.length, byteLength);
    for (let i = 0; i < count; i++) buffer[offset + i] = text.charCodeAt(i);
    buffer.fill(0, offset + count, offset + byteLength);
  },
  read: (buffer: Uint8Array, start: number, end: number): string =>
    textOfCodes(end - start, (i) => buffer[start + i]! & 0x7f),
};

/** Two hexadecimal digits a byte, of either case, read as lower case; an odd digit at the end is dropped. */
export const hexEncoding: TextEncoding = {
  byteLength: (text: string): number => text.length >>> 1,
  write(buffer: Uint8Array, text: string, offset: number, byteLength: number): void {
    const count = Math.min(text.length >>> 1, byteLength);
    for (let i = 0; i < count; i++) {
      buffer[offset + i] = (digitAt(HEX_VALUES, text, 2 * i) << 4) | digitAt(HEX_VALUES, text, 2 * i + 1);
    }
    buffer.fill(0, offset + count, offset + byteLength);
  },
  read: (buffer: Uint8Array, start: number, end: number): string =>
    textOfCodes(2 * (end - start), (i) => {
      const byte = buffer[start + (i >>> 1)]!;
      return HEX_CODES[(i & 1) === 0 ? byte >> 4 : byte & 15]!;
    }),
};

/** Base64 of either alphabet, padded or not, read as the standard alphabet with padding. */
export const base64Encoding: TextEncoding = {
  byteLength: (text: string): number => (base64DigitCount(text) * 3) >>> 2,
  write(buffer: Uint8Array, text: string, offset: number, byteLength: number): void {
    const count = Math.min((base64DigitCount(text) * 3) >>> 2, byteLength);
    let bits = 0;
    let bitCount = 0;
    let digit = 0;
    for (let i = 0; i < count; i++) {
      while (bitCount < 8) {
        bits = (bits << 6) | digitAt(BASE64_VALUES, text, digit++);
        bitCount += 6;
      }
      bitCount -= 8;
      buffer[offset + i] = bits >>> bitCount;
      bits &= (1 << bitCount) - 1;
    }
    buffer.fill(0, offset + count, offset + byteLength);
  },
  read(buffer: Uint8Array, start: number, end: number): string {
    const digitCount = Math.ceil((end - start) * 8 / 6);
    return textOfCodes(4 * Math.ceil((end - start) / 3), (i) => {
      if (i >= digitCount) return PADDING_CODE;
      const bit = 6 * i;
      const at = start + Math.floor(bit / 8);
      const pair = (buffer[at]! << 8) | (at + 1 < end ? buffer[at + 1]! : 0);
      return BASE64_CODES[(pair >>> (10 - bit % 8)) & 63]!;
    });
  },
};

/** Two bytes a UTF-16 unit, little-endian, lone surrogates included; an odd byte at the end is dropped. */
export const utf16leEncoding: TextEncoding = {
  byteLength: (text: string): number => 2 * text.length,
  write(buffer: Uint8Array, text: string, offset: number, byteLength: number): void {
    const count = Math.min(text.length, byteLength >>> 1);
    for (let i = 0; i < count; i++) {
      const code = text.charCodeAt(i);
      buffer[offset + 2 * i] = code;
      buffer[offset + 2 * i + 1] = code >>> 8;
    }
    buffer.fill(0, offset + 2 * count, offset + byteLength);
  },
  read: (buffer: Uint8Array, start: number, end: number): string =>
    textOfCodes((end - start) >>> 1, (i) => buffer[start + 2 * i]! | (buffer[start + 2 * i + 1]! << 8)),
};

/** Returns the bytes written, or -1 when a character is not ASCII. */
function writeAscii(buffer: Uint8Array, text: string, offset: number, byteLength: number): number {
  const count = Math.min(text.length, byteLength);
  for (let i = 0; i < count; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return -1;
    buffer[offset + i] = code;
  }
  return count;
}

function textOfCodes(count: number, codeAt: (index: number) => number): string {
  let text = "";
  for (let start = 0; start < count; start += CHUNK_CHARS) {
    const codes: number[] = [];
    const end = Math.min(start + CHUNK_CHARS, count);
    for (let i = start; i < end; i++) codes.push(codeAt(i));
    text += String.fromCharCode(...codes);
  }
  return text;
}

function base64DigitCount(text: string): number {
  let count = text.length;
  if (text.endsWith("=")) count--;
  if (text.endsWith("==")) count--;
  return count;
}

function digitAt(values: Uint8Array, text: string, index: number): number {
  const value = values[text.charCodeAt(index)] ?? NOT_A_DIGIT;
  if (value === NOT_A_DIGIT) {
    throw new TypeError(`Cannot encode text with an unexpected character at ${index}`);
  }
  return value;
}

function digitValues(...alphabets: readonly string[]): Uint8Array {
  const values = new Uint8Array(128).fill(NOT_A_DIGIT);
  for (const alphabet of alphabets) {
    for (let i = 0; i < alphabet.length; i++) values[alphabet.charCodeAt(i)] = i;
  }
  return values;
}

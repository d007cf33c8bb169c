/**
 * The text encodings: how long a text is in bytes, writing it and reading it.
 *
 * They give the results of `Buffer` without needing one. Text that is not what its encoding takes (a letter `z` in
 * hexadecimal text) is refused.
 *
 * @module
 */

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
const SHORT_WRITE_CHARS = 48;
const SHORT_READ_BYTES = 24;

/** Characters turned into text at a time: arguments of one call, so they must fit on the stack. */
const CHUNK_CHARS = 4096;

const textEncoder = new TextEncoder();
// A byte order mark is data here, not a signature to be dropped.
const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

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
    let byteLength = text.length;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < 0x80) continue;
      if (code < 0x800) byteLength++;
      else {
        byteLength += 2;
        // A pair of surrogates takes 4 bytes, 2 more than its 2 units.
        if ((code & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) i++;
      }
    }
    return byteLength;
  },
  write(buffer: Uint8Array, text: string, offset: number, byteLength: number): void {
    const written = text.length <= SHORT_WRITE_CHARS ? writeAscii(buffer, text, offset, byteLength) : -1;
    if (written >= 0) {
      if (written < byteLength) buffer.fill(0, offset + written, offset + byteLength);
      return;
    }
    const target = buffer.subarray(offset, offset + byteLength);
    target.fill(0, textEncoder.encodeInto(text, target).written);
  },
  read(buffer: Uint8Array, start: number, end: number): string {
    if (end - start <= SHORT_READ_BYTES) {
      let text = "";
      let i = start;
      for (; i < end; i++) {
        const code = buffer[i]!;
        if (code >= 0x80) break;
        text += String.fromCharCode(code);
      }
      if (i === end) return text;
    }
    return textDecoder.decode(buffer.subarray(start, end));
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
  read(buffer: Uint8Array, start: number, end: number): string {
    const codes = new Uint8Array(end - start);
    for (let i = 0; i < codes.length; i++) codes[i] = buffer[start + i]! & 0x7f;
    return textOfCodes(codes);
  },
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
  read(buffer: Uint8Array, start: number, end: number): string {
    const codes = new Uint8Array(2 * (end - start));
    for (let i = 0; i < codes.length; i += 2) {
      const byte = buffer[start + i / 2]!;
      codes[i] = HEX_CODES[byte >> 4]!;
      codes[i + 1] = HEX_CODES[byte & 15]!;
    }
    return textOfCodes(codes);
  },
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
    const codes = new Uint8Array(4 * Math.ceil((end - start) / 3)).fill(PADDING_CODE);
    let c = 0;
    for (let i = start; i < end; i += 3) {
      const group = (buffer[i]! << 16) | (i + 1 < end ? buffer[i + 1]! << 8 : 0) |
        (i + 2 < end ? buffer[i + 2]! : 0);
      const digitCount = Math.min(end - i, 3) + 1;
      for (let d = 0; d < digitCount; d++) codes[c++] = BASE64_CODES[(group >>> (18 - 6 * d)) & 63]!;
    }
    return textOfCodes(codes);
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
  read(buffer: Uint8Array, start: number, end: number): string {
    const codes = new Uint16Array((end - start) >>> 1);
    for (let i = 0; i < codes.length; i++) {
      codes[i] = buffer[start + 2 * i]! | (buffer[start + 2 * i + 1]! << 8);
    }
    return textOfCodes(codes);
  },
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

function textOfCodes(codes: Uint8Array | Uint16Array): string {
  let text = "";
  for (let start = 0; start < codes.length; start += CHUNK_CHARS) {
    text += Reflect.apply(String.fromCharCode, null, codes.subarray(start, start + CHUNK_CHARS));
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

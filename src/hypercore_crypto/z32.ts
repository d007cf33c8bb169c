/**
 * z-base-32: five bits a character, from an alphabet that people read and say without mistakes.
 *
 * The module is what the package `z32` exports.
 *
 * @module
 */
import { allocBytesUnsafe, isBytes, utf8Bytes } from "../base/mod.ts";
import { IdEncodingError } from "./errors.ts";

/** The digits for 0 to 31, in order. Source: z32 `index.js`. */
export const ALPHABET = "ybndrfg8ejkmcpqxot1uwisza345h769";

const DIGIT_BITS = 5;

/** Digits by character code, -1 for all other characters. */
const DIGITS = Int8Array.from({ length: 128 }, (_, code) => ALPHABET.indexOf(String.fromCharCode(code)));

/** Writes bytes, or text as UTF-8, as z-base-32; the last digit is filled up with zero bits. Source: z32 `index.js`. */
export function encode(value: Uint8Array | string): string {
  const bytes = isBytes(value) ? value : utf8Bytes(value);
  let text = "";
  let bits = 0;
  let bitCount = 0;
  for (let i = 0; i < bytes.byteLength; i++) {
    bits = (bits << 8) | bytes[i]!;
    bitCount += 8;
    while (bitCount >= DIGIT_BITS) {
      bitCount -= DIGIT_BITS;
      text += ALPHABET[(bits >>> bitCount) & 31];
    }
    bits &= (1 << bitCount) - 1;
  }
  return bitCount === 0 ? text : text + ALPHABET[bits << (DIGIT_BITS - bitCount)];
}

/**
 * Reads z-base-32 into `out`, or into fresh bytes, and returns the bytes read, a view of `out`.
 *
 * Up to 4 bits behind the last whole byte are ignored, whatever they are; more of them give another byte.
 * Source: z32 `index.js`.
 *
 * @throws {IdEncodingError} `INVALID_CHARACTER`
 * @throws {RangeError} when `out` is too small.
 */
export function decode(text: string, out?: Uint8Array): Uint8Array {
  // Compat: z32/index.js makes a byte of 5, 6 or 7 bits that are left over and drops fewer.
  const byteLength = Math.floor((text.length * DIGIT_BITS + 3) / 8);
  if (out !== undefined && out.byteLength < byteLength) {
    throw new RangeError(`Cannot decode ${byteLength} bytes into ${out.byteLength}`);
  }
  const bytes = out === undefined ? allocBytesUnsafe(byteLength) : out.subarray(0, byteLength);
  let bits = 0;
  let bitCount = 0;
  let position = 0;
  for (let i = 0; i < text.length; i++) {
    bits = (bits << DIGIT_BITS) | digitAt(text, i);
    bitCount += DIGIT_BITS;
    if (bitCount >= 8) {
      bitCount -= 8;
      bytes[position++] = bits >>> bitCount;
      bits &= (1 << bitCount) - 1;
    }
  }
  if (position < byteLength) bytes[position] = bits << (8 - bitCount);
  return bytes;
}

function digitAt(text: string, index: number): number {
  const digit = DIGITS[text.charCodeAt(index)] ?? -1;
  if (digit === -1) {
    throw new IdEncodingError(
      "INVALID_CHARACTER",
      `Invalid character in base32 input: "${text[index]}" at position ${index}`,
    );
  }
  return digit;
}

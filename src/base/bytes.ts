/**
 * Bytes: one allocator and the handful of operations every layer needs.
 *
 * Where the runtime has `Buffer` the allocator returns one (it is a `Uint8Array`), so that programs written
 * for the originals may call `block.toString()`. Nothing in `src/` relies on methods only `Buffer` has.
 *
 * @module
 */

/** The part of `Buffer` that is used where there is one: it only saves time. */
interface BufferAllocator {
  alloc(byteLength: number): Uint8Array;
  allocUnsafe(byteLength: number): Uint8Array;
  allocUnsafeSlow(byteLength: number): Uint8Array;
  byteLength(text: string): number;
  from(buffer: ArrayBufferLike, byteOffset: number, byteLength: number): Uint8Array;
}

const runtimeBuffer = (globalThis as { Buffer?: BufferAllocator }).Buffer;
const textEncoder = new TextEncoder();
// A byte order mark is part of the text: what was encoded comes back.
const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

const HEX_DIGITS = "0123456789abcdef";
const HEX_OF_BYTE: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => HEX_DIGITS[byte >> 4]! + HEX_DIGITS[byte & 15]!,
);

/** Allocates `byteLength` zeroed bytes with a buffer of their own. */
export function allocBytes(byteLength: number): Uint8Array {
  return runtimeBuffer ? runtimeBuffer.alloc(byteLength) : new Uint8Array(byteLength);
}

/**
 * Allocates `byteLength` bytes with a buffer of their own and undefined content; the caller overwrites all of
 * them before anyone else sees them.
 */
export function allocBytesUnsafe(byteLength: number): Uint8Array {
  return runtimeBuffer ? runtimeBuffer.allocUnsafeSlow(byteLength) : new Uint8Array(byteLength);
}

/**
 * Allocates like {@linkcode allocBytesUnsafe}, from the runtime's pool where it has one: many times faster for small
 * sizes, but the result may share its buffer with other bytes, which stay in memory as long as it does. For
 * bytes that are soon sent or copied, and never for secrets.
 */
export function allocBytesPooled(byteLength: number): Uint8Array {
  return runtimeBuffer ? runtimeBuffer.allocUnsafe(byteLength) : new Uint8Array(byteLength);
}

/** Gives `bytes` the runtime's own byte type (`Buffer` where there is one) without copying: a view. */
export function viewBytes(bytes: Uint8Array): Uint8Array {
  return runtimeBuffer ? runtimeBuffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : bytes;
}

/** Returns a fresh copy of `bytes`. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  const copy = allocBytesUnsafe(bytes.byteLength);
  copy.set(bytes);
  return copy;
}

/** Tells whether `value` is a `Uint8Array`, `Buffer` included. */
export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

/** Joins `parts` into fresh bytes. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let byteLength = 0;
  for (const part of parts) byteLength += part.byteLength;
  const joined = allocBytesUnsafe(byteLength);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.byteLength;
  }
  return joined;
}

/** Compares content; not constant in time, so not for secrets (see `crypto`). */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.byteLength !== b.byteLength) return false;
  for (let i = 0; i < a.byteLength; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}

/** Orders bytes as unsigned lexicographic strings: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.byteLength, b.byteLength);
  for (let i = 0; i < shared; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.byteLength - b.byteLength;
}

/** Encodes `text` as UTF-8 into fresh bytes. */
export function utf8Bytes(text: string): Uint8Array {
  return viewBytes(textEncoder.encode(text));
}

/** Returns how many bytes `text` takes as UTF-8. */
export function utf8ByteLength(text: string): number {
  return runtimeBuffer ? runtimeBuffer.byteLength(text) : textEncoder.encode(text).byteLength;
}

/** Decodes UTF-8; malformed sequences become U+FFFD. */
export function utf8Text(bytes: Uint8Array): string {
  return textDecoder.decode(bytes);
}

/** Encodes `bytes` as lower-case hexadecimal digits. */
export function hexText(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.byteLength; i++) text += HEX_OF_BYTE[bytes[i]!];
  return text;
}

/**
 * Decodes hexadecimal digits of either case.
 *
 * @throws {TypeError} when `text` has an odd length or another character.
 */
export function hexBytes(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) {
    throw new TypeError(`Cannot decode hexadecimal text of length ${text.length}`);
  }
  const bytes = allocBytesUnsafe(text.length / 2);
  for (let i = 0; i < bytes.byteLength; i++) bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

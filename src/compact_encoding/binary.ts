/**
 * Bytes: behind their length, in a fixed number, or up to the end.
 *
 * @module
 */
import { outOfBounds } from "./errors.ts";
import { uint } from "./integers.ts";
import type { Encoder, State } from "./state.ts";
import { rawUtf8, utf8 } from "./strings.ts";

/**
 * Bytes behind their length; decodes to a view of the state's buffer.
 *
 * Empty bytes decode to empty bytes. Source: compact-encoding `index.js`.
 */
export const buffer: Encoder<Uint8Array> = {
  preencode(state: State, value: Uint8Array): void {
    const byteLength = value.byteLength;
    uint.preencode(state, byteLength);
    state.end += byteLength;
  },
  encode(state: State, value: Uint8Array): void {
    uint.encode(state, value.byteLength);
    state.buffer!.set(value, state.start);
    state.start += value.byteLength;
  },
  decode(state: State): Uint8Array {
    return readView(state, uint.decode(state));
  },
};

/**
 * Bytes behind their length, or null, which is written as length 0; decodes to a view of the state's buffer, or
 * null where the length is 0. Source: compact-encoding `index.js`.
 */
export const optionalBuffer: Encoder<Uint8Array | null | undefined, Uint8Array | null> = {
  preencode(state: State, value: Uint8Array | null | undefined): void {
    if (value) buffer.preencode(state, value);
    else state.end++;
  },
  encode(state: State, value: Uint8Array | null | undefined): void {
    if (value) buffer.encode(state, value);
    else state.buffer![state.start++] = 0;
  },
  decode(state: State): Uint8Array | null {
    const byteLength = uint.decode(state);
    return byteLength === 0 ? null : readView(state, byteLength);
  },
};

/**
 * Bytes, or text as UTF-8, behind their length; decodes to a view of the state's buffer. Source: compact-encoding
 * `index.js`.
 */
export const binary: Encoder<Uint8Array | string, Uint8Array> = {
  preencode(state: State, value: Uint8Array | string): void {
    if (typeof value === "string") utf8.preencode(state, value);
    else buffer.preencode(state, value);
  },
  encode(state: State, value: Uint8Array | string): void {
    if (typeof value === "string") utf8.encode(state, value);
    else buffer.encode(state, value);
  },
  decode: buffer.decode,
};

/** An `ArrayBuffer` behind its length; decodes to a copy. Source: compact-encoding `index.js`. */
export const arraybuffer: Encoder<ArrayBuffer> = {
  preencode(state: State, value: ArrayBuffer): void {
    uint.preencode(state, value.byteLength);
    state.end += value.byteLength;
  },
  encode(state: State, value: ArrayBuffer): void {
    uint.encode(state, value.byteLength);
    rawArraybuffer.encode(state, value);
  },
  decode(state: State): ArrayBuffer {
    return copyOf(readView(state, uint.decode(state)));
  },
};

/**
 * Returns a codec of exactly `byteLength` bytes without a length; decodes to a view of the state's buffer.
 *
 * `preencode` throws a `RangeError` for a value of another size. Source: compact-encoding `index.js`.
 */
export function fixed(byteLength: number): Encoder<Uint8Array> {
  return {
    preencode(state: State, value: Uint8Array): void {
      if (value.byteLength !== byteLength) throw new RangeError("Incorrect buffer size");
      state.end += byteLength;
    },
    encode(state: State, value: Uint8Array): void {
      state.buffer!.set(value, state.start);
      state.start += byteLength;
    },
    decode(state: State): Uint8Array {
      return readView(state, byteLength);
    },
  };
}

/** 32 bytes without a length: keys and hashes. Source: compact-encoding `index.js`. */
export const fixed32: Encoder<Uint8Array> = fixed(32);

/** 64 bytes without a length: signatures. Source: compact-encoding `index.js`. */
export const fixed64: Encoder<Uint8Array> = fixed(64);

/** Bytes up to the end; decodes to a view of the state's buffer. */
export const rawBuffer: Encoder<Uint8Array> = {
  preencode(state: State, value: Uint8Array): void {
    state.end += value.byteLength;
  },
  encode(state: State, value: Uint8Array): void {
    state.buffer!.set(value, state.start);
    state.start += value.byteLength;
  },
  decode(state: State): Uint8Array {
    const start = state.start;
    state.start = state.end;
    return state.buffer!.subarray(start, state.end);
  },
};

/** Bytes, or text as UTF-8, up to the end; decodes to a view of the state's buffer. */
export const rawBinary: Encoder<Uint8Array | string, Uint8Array> = {
  preencode(state: State, value: Uint8Array | string): void {
    if (typeof value === "string") rawUtf8.preencode(state, value);
    else rawBuffer.preencode(state, value);
  },
  encode(state: State, value: Uint8Array | string): void {
    if (typeof value === "string") rawUtf8.encode(state, value);
    else rawBuffer.encode(state, value);
  },
  decode: rawBuffer.decode,
};

/** An `ArrayBuffer` up to the end; decodes to a copy. */
export const rawArraybuffer: Encoder<ArrayBuffer> = {
  preencode(state: State, value: ArrayBuffer): void {
    state.end += value.byteLength;
  },
  encode(state: State, value: ArrayBuffer): void {
    state.buffer!.set(new Uint8Array(value), state.start);
    state.start += value.byteLength;
  },
  decode(state: State): ArrayBuffer {
    return copyOf(rawBuffer.decode(state));
  },
};

function readView(state: State, byteLength: number): Uint8Array {
  const start = state.start;
  if (state.end - start < byteLength) throw outOfBounds();
  state.start = start + byteLength;
  return state.buffer!.subarray(start, start + byteLength);
}

function copyOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}

/**
 * Codecs made of others, and the small ones: lists, records, frames, JSON, dates, booleans and nothing.
 *
 * @module
 */
import { EncodingError, outOfBounds } from "./errors.ts";
import { int, uint } from "./integers.ts";
import { ARRAY_ITEM_COUNT_MAX, BIT_COUNT_MAX } from "./limits.ts";
import type { Encoder, State } from "./state.ts";
import { rawUtf8, utf8 } from "./strings.ts";

/** One byte, 1 for true; any other decodes to false. Source: compact-encoding `index.js`. */
export const bool: Encoder<boolean> = {
  preencode(state: State): void {
    state.end++;
  },
  encode(state: State, value: boolean): void {
    state.buffer![state.start++] = value ? 1 : 0;
  },
  decode(state: State): boolean {
    if (state.start >= state.end) throw outOfBounds();
    return state.buffer![state.start++] === 1;
  },
};

/** No bytes at all; decodes to null. Source: compact-encoding `index.js`. */
export const none: Encoder<unknown, null> = {
  preencode(): void {},
  encode(): void {},
  decode(): null {
    return null;
  },
};

/** A date as {@linkcode int} of milliseconds since 1970. Source: compact-encoding `index.js`. */
export const date: Encoder<Date> = {
  preencode(state: State, value: Date): void {
    int.preencode(state, value.getTime());
  },
  encode(state: State, value: Date): void {
    int.encode(state, value.getTime());
  },
  decode(state: State): Date {
    return new Date(int.decode(state));
  },
};

/**
 * Booleans packed into bits behind their number, the first one in the lowest bit.
 *
 * Decodes at most 2^24 bits. Source: compact-encoding `index.js`.
 */
export const bitarray: Encoder<ArrayLike<boolean | 0 | 1>, boolean[]> = {
  preencode(state: State, bits: ArrayLike<boolean | 0 | 1>): void {
    uint.preencode(state, bits.length);
    state.end += Math.ceil(bits.length / 8);
  },
  encode(state: State, bits: ArrayLike<boolean | 0 | 1>): void {
    uint.encode(state, bits.length);
    const buffer = state.buffer!;
    const byteLength = Math.ceil(bits.length / 8);
    buffer.fill(0, state.start, state.start + byteLength);
    for (let i = 0; i < bits.length; i++) {
      if (bits[i]) buffer[state.start + (i >>> 3)]! |= 1 << (i & 7);
    }
    state.start += byteLength;
  },
  decode(state: State): boolean[] {
    const count = uint.decode(state);
    const byteLength = Math.ceil(count / 8);
    if (state.end - state.start < byteLength) throw outOfBounds();
    if (count > BIT_COUNT_MAX) throw new EncodingError("TOO_BIG", `Bit array of ${count} bits is too big`);
    const buffer = state.buffer!;
    const bits = new Array<boolean>(count);
    for (let i = 0; i < count; i++) bits[i] = (buffer[state.start + (i >>> 3)]! & (1 << (i & 7))) !== 0;
    state.start += byteLength;
    return bits;
  },
};

/**
 * Returns a codec of lists: the number of items, then the items.
 *
 * Decodes at most 2^20 items. Source: compact-encoding `index.js`.
 */
export function array<Input, Output = Input>(
  encoder: Encoder<Input, Output>,
): Encoder<readonly Input[], Output[]> {
  return {
    preencode(state: State, list: readonly Input[]): void {
      uint.preencode(state, list.length);
      for (let i = 0; i < list.length; i++) encoder.preencode(state, list[i]!);
    },
    encode(state: State, list: readonly Input[]): void {
      uint.encode(state, list.length);
      for (let i = 0; i < list.length; i++) encoder.encode(state, list[i]!);
    },
    decode(state: State): Output[] {
      const count = uint.decode(state);
      if (count > ARRAY_ITEM_COUNT_MAX) throw new EncodingError("TOO_BIG", "Array is too big");
      // The list grows with what was read: an item may take no bytes, so the count says nothing about the bytes left.
      const list: Output[] = [];
      for (let i = 0; i < count; i++) list.push(encoder.decode(state));
      return list;
    },
  };
}

/** Returns a codec of lists that go on up to the end. */
export function rawArray<Input, Output = Input>(
  encoder: Encoder<Input, Output>,
): Encoder<Iterable<Input>, Output[]> {
  return {
    preencode(state: State, list: Iterable<Input>): void {
      for (const item of list) encoder.preencode(state, item);
    },
    encode(state: State, list: Iterable<Input>): void {
      for (const item of list) encoder.encode(state, item);
    },
    decode(state: State): Output[] {
      const list: Output[] = [];
      while (state.start < state.end) {
        const start = state.start;
        list.push(encoder.decode(state));
        if (state.start <= start) {
          throw new EncodingError("EMPTY_ITEM", "Item of an unbounded array takes no bytes");
        }
      }
      return list;
    },
  };
}

/**
 * Returns a codec of plain objects: the number of entries, then each key and value in the object's order.
 *
 * Decodes to an object without prototype. Source: compact-encoding `index.js`.
 */
export function record<Input, Output = Input>(
  keyEncoder: Encoder<string>,
  valueEncoder: Encoder<Input, Output>,
): Encoder<Readonly<Record<string, Input>>, Record<string, Output>> {
  return {
    preencode(state: State, value: Readonly<Record<string, Input>>): void {
      const keys = Object.keys(value);
      uint.preencode(state, keys.length);
      for (const key of keys) {
        keyEncoder.preencode(state, key);
        valueEncoder.preencode(state, value[key]!);
      }
    },
    encode(state: State, value: Readonly<Record<string, Input>>): void {
      const keys = Object.keys(value);
      uint.encode(state, keys.length);
      for (const key of keys) {
        keyEncoder.encode(state, key);
        valueEncoder.encode(state, value[key]!);
      }
    },
    decode(state: State): Record<string, Output> {
      const count = uint.decode(state);
      // An entry takes at least a byte: keys without any would all be the same.
      if (count > state.end - state.start) throw outOfBounds();
      const value: Record<string, Output> = Object.create(null);
      for (let i = 0; i < count; i++) {
        const key = keyEncoder.decode(state);
        value[key] = valueEncoder.decode(state);
      }
      return value;
    },
  };
}

/** A {@linkcode record} of UTF-8 text by UTF-8 text. Source: compact-encoding `index.js`. */
export const stringRecord: Encoder<Readonly<Record<string, string>>, Record<string, string>> = record(
  utf8,
  utf8,
);

/**
 * Returns a codec that puts the size in bytes in front of what `encoder` writes. Bytes of the frame that `encoder`
 * does not read are skipped, so that newer versions can add to it. Source: compact-encoding `index.js`.
 */
export function frame<Input, Output = Input>(encoder: Encoder<Input, Output>): Encoder<Input, Output> {
  return {
    preencode(state: State, value: Input): void {
      const end = state.end;
      encoder.preencode(state, value);
      uint.preencode(state, state.end - end);
    },
    encode(state: State, value: Input): void {
      const sized: State = { start: 0, end: 0, buffer: null };
      encoder.preencode(sized, value);
      uint.encode(state, sized.end);
      encoder.encode(state, value);
    },
    decode(state: State): Output {
      const byteLength = uint.decode(state);
      const end = state.end;
      if (end - state.start < byteLength) throw outOfBounds();
      const frameEnd = state.end = state.start + byteLength;
      const value = encoder.decode(state);
      state.start = frameEnd;
      state.end = end;
      return value;
    },
  };
}

/** A value as JSON text behind its length in bytes. Source: compact-encoding `index.js`. */
export const json: Encoder<unknown> = jsonText(utf8, "");

/** A value as JSON text and a line feed behind their length in bytes. Source: compact-encoding `index.js`. */
export const ndjson: Encoder<unknown> = jsonText(utf8, "\n");

/** A value as JSON text up to the end. */
export const rawJson: Encoder<unknown> = jsonText(rawUtf8, "");

/** A value as JSON text and a line feed up to the end. */
export const rawNdjson: Encoder<unknown> = jsonText(rawUtf8, "\n");

function jsonText(text: Encoder<string>, suffix: string): Encoder<unknown> {
  return {
    preencode(state: State, value: unknown): void {
      text.preencode(state, stringify(value) + suffix);
    },
    encode(state: State, value: unknown): void {
      text.encode(state, stringify(value) + suffix);
    },
    decode(state: State): unknown {
      const source = text.decode(state);
      try {
        return JSON.parse(source);
      } catch (cause) {
        throw new EncodingError("INVALID_JSON", (cause as SyntaxError).message, { cause });
      }
    },
  };
}

function stringify(value: unknown): string {
  const source: string | undefined = JSON.stringify(value);
  if (source === undefined) throw new TypeError(`Cannot encode a value of type ${typeof value} as JSON`);
  return source;
}

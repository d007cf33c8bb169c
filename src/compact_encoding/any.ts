/**
 * Values that carry their own type.
 *
 * @module
 */
import { isBytes } from "../base/mod.ts";
import { buffer } from "./binary.ts";
import { EncodingError, outOfBounds } from "./errors.ts";
import { float64 } from "./floats.ts";
import { int, uint } from "./integers.ts";
import { ANY_DEPTH_MAX } from "./limits.ts";
import type { Encoder, State } from "./state.ts";
import { utf8 } from "./strings.ts";
import { bool, date } from "./structures.ts";

// Source: compact-encoding/index.js, the order of its list of types.
const TYPE_NONE = 0;
const TYPE_BOOL = 1;
const TYPE_STRING = 2;
const TYPE_BUFFER = 3;
const TYPE_UINT = 4;
const TYPE_INT = 5;
const TYPE_FLOAT64 = 6;
const TYPE_ARRAY = 7;
const TYPE_OBJECT = 8;
const TYPE_DATE = 9;

/**
 * A value behind a {@linkcode uint} with its type: 0 null or undefined, 1 boolean, 2 text, 3 bytes, 4 whole number
 * from 0, 5 negative whole number, 6 other number, 7 array, 8 object, 9 date.
 *
 * Objects decode to plain ones, undefined to null, bytes to a view of the state's buffer. Arrays and objects nest at
 * most 512 deep. Source: compact-encoding `index.js`.
 */
export const any: Encoder<unknown> = {
  preencode(state: State, value: unknown): void {
    preencodeAny(state, value, 0);
  },
  encode(state: State, value: unknown): void {
    encodeAny(state, value, 0);
  },
  decode(state: State): unknown {
    return decodeAny(state, 0);
  },
};

function preencodeAny(state: State, value: unknown, depth: number): void {
  const type = typeOf(value);
  uint.preencode(state, type);
  switch (type) {
    case TYPE_NONE:
      return;
    case TYPE_ARRAY: {
      const items = value as unknown[];
      checkDepth(depth);
      uint.preencode(state, items.length);
      for (let i = 0; i < items.length; i++) preencodeAny(state, items[i], depth + 1);
      return;
    }
    case TYPE_OBJECT: {
      const fields = value as Record<string, unknown>;
      const keys = Object.keys(fields);
      checkDepth(depth);
      uint.preencode(state, keys.length);
      for (const key of keys) {
        utf8.preencode(state, key);
        preencodeAny(state, fields[key], depth + 1);
      }
      return;
    }
    default:
      scalarEncoder(type).preencode(state, value);
  }
}

function encodeAny(state: State, value: unknown, depth: number): void {
  const type = typeOf(value);
  uint.encode(state, type);
  switch (type) {
    case TYPE_NONE:
      return;
    case TYPE_ARRAY: {
      const items = value as unknown[];
      checkDepth(depth);
      uint.encode(state, items.length);
      for (let i = 0; i < items.length; i++) encodeAny(state, items[i], depth + 1);
      return;
    }
    case TYPE_OBJECT: {
      const fields = value as Record<string, unknown>;
      const keys = Object.keys(fields);
      checkDepth(depth);
      uint.encode(state, keys.length);
      for (const key of keys) {
        utf8.encode(state, key);
        encodeAny(state, fields[key], depth + 1);
      }
      return;
    }
    default:
      scalarEncoder(type).encode(state, value);
  }
}

function decodeAny(state: State, depth: number): unknown {
  const type = uint.decode(state);
  switch (type) {
    case TYPE_NONE:
      return null;
    case TYPE_ARRAY: {
      const count = decodeCount(state, depth);
      const items: unknown[] = [];
      for (let i = 0; i < count; i++) items.push(decodeAny(state, depth + 1));
      return items;
    }
    case TYPE_OBJECT: {
      const count = decodeCount(state, depth);
      const fields: Record<string, unknown> = {};
      for (let i = 0; i < count; i++) {
        const key = utf8.decode(state);
        setField(fields, key, decodeAny(state, depth + 1));
      }
      return fields;
    }
    default:
      if (type > TYPE_DATE) throw new EncodingError("UNKNOWN_TYPE", `Unknown type: ${type}`);
      return scalarEncoder(type).decode(state);
  }
}

function decodeCount(state: State, depth: number): number {
  if (depth >= ANY_DEPTH_MAX) throw new EncodingError("TOO_DEEP", `Nesting exceeds ${ANY_DEPTH_MAX} levels`);
  const count = uint.decode(state);
  // Every item takes a byte at least, for its type.
  if (count > state.end - state.start) throw outOfBounds();
  return count;
}

function checkDepth(depth: number): void {
  if (depth >= ANY_DEPTH_MAX) {
    throw new RangeError(`Cannot encode a value nested deeper than ${ANY_DEPTH_MAX} levels`);
  }
}

/** Assigning to `__proto__` would change the object instead of adding a field. */
function setField(fields: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(fields, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    fields[key] = value;
  }
}

function scalarEncoder(type: number): Encoder<unknown> {
  switch (type) {
    case TYPE_BOOL:
      return bool as Encoder<unknown>;
    case TYPE_STRING:
      return utf8 as Encoder<unknown>;
    case TYPE_BUFFER:
      return buffer as Encoder<unknown>;
    case TYPE_UINT:
      return uint as Encoder<unknown>;
    case TYPE_INT:
      return int as Encoder<unknown>;
    case TYPE_FLOAT64:
      return float64 as Encoder<unknown>;
    default:
      return date as Encoder<unknown>;
  }
}

function typeOf(value: unknown): number {
  if (value === null || value === undefined) return TYPE_NONE;
  switch (typeof value) {
    case "boolean":
      return TYPE_BOOL;
    case "string":
      return TYPE_STRING;
    case "number":
      return Number.isInteger(value) ? (value >= 0 ? TYPE_UINT : TYPE_INT) : TYPE_FLOAT64;
    case "object":
      if (isBytes(value)) return TYPE_BUFFER;
      if (Array.isArray(value)) return TYPE_ARRAY;
      return value instanceof Date ? TYPE_DATE : TYPE_OBJECT;
    default:
      throw new TypeError(`Unsupported type for ${String(value)}`);
  }
}

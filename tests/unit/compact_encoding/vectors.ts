/**
 * Reads the vectors that `tests/vectors/record/compact_encoding.mjs` recorded from the npm packages.
 *
 * @module
 */
import c, { bitfield, type Encoder, net } from "../../../src/compact_encoding/mod.ts";

/** A value and its bytes. */
export interface ValueVector {
  readonly row: string;
  readonly codec: string;
  readonly name: string;
  readonly hex: string;
  readonly value: unknown;
  /** What decoding gives, where that is not the value. */
  readonly decoded?: unknown;
}

/** Bytes that no encoder writes and what they decode to. */
export interface ReadingVector extends Omit<ValueVector, "value"> {
  readonly decoded: unknown;
}

/** Bytes that are refused. */
export interface RefusalVector extends Omit<ValueVector, "value" | "decoded"> {
  readonly message: string;
}

/** A value that is refused. */
export interface UnencodableVector extends Omit<ValueVector, "hex" | "decoded"> {
  readonly message: string;
}

/** The whole file. */
export interface Vectors {
  readonly origin: readonly string[];
  readonly exports: { readonly package: string[]; readonly raw: string[]; readonly net: string[] };
  readonly values: readonly ValueVector[];
  readonly readings: readonly ReadingVector[];
  readonly refusals: readonly RefusalVector[];
  readonly unencodable: readonly UnencodableVector[];
}

const FILE = new URL("../../vectors/compact_encoding/vectors.json", import.meta.url);

/** Reads the file. */
export function readVectors(): Vectors {
  return JSON.parse(Deno.readTextFileSync(FILE)) as Vectors;
}

/**
 * Evaluates the expression that names a codec: `name`, `name.name` or `name(argument,…)`, where an argument is a
 * number, a name in quotes or a codec.
 */
export function codecOf(expression: string, roots: object = { ...c, net, bitfield }): Encoder<unknown> {
  let rest = expression;
  const result = read();
  if (rest !== "") throw new Error(`Cannot read ${expression}`);
  return result as Encoder<unknown>;

  function read(): unknown {
    const literal = /^(\d+|'[^']*')/.exec(rest)?.[0];
    if (literal !== undefined) {
      rest = rest.slice(literal.length);
      return literal.startsWith("'") ? literal.slice(1, -1) : Number(literal);
    }
    const path = /^[\w.]+/.exec(rest)![0];
    rest = rest.slice(path.length);
    const value = path.split(".").reduce<unknown>(
      (object, name) => Reflect.get(object as object, name),
      roots,
    );
    if (!rest.startsWith("(")) return value;
    const args: unknown[] = [];
    while (!rest.startsWith(")")) {
      rest = rest.slice(1);
      args.push(read());
    }
    rest = rest.slice(1);
    return Reflect.apply(value as () => unknown, undefined, args);
  }
}

/** Makes a value JSON as the recorder does: what JSON does not know becomes an object whose key begins with `$`. */
export function tagged(value: unknown): unknown {
  if (value === undefined) return { $undefined: true };
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (typeof value === "number") {
    if (Object.is(value, -0)) return { $number: "-0" };
    return Number.isFinite(value) ? value : { $number: String(value) };
  }
  if (value === null || typeof value !== "object") return value;
  if (value instanceof ArrayBuffer) return { $arraybuffer: hexOf(new Uint8Array(value)) };
  if (ArrayBuffer.isView(value)) {
    if (isBuffer(value)) return { $bytes: hexOf(value) };
    return { [`$${value.constructor.name}`]: Array.from(value as Uint8Array, tagged) };
  }
  if (value instanceof Date) return { $date: tagged(value.getTime()) };
  if (Array.isArray(value)) return value.map(tagged);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, tagged(field)]));
}

/** Makes the value that {@linkcode tagged} was made from. */
export function untagged(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(untagged);
  const [tag, content] = Object.entries(value)[0] ?? [""];
  switch (tag) {
    case "$undefined":
      return undefined;
    case "$bigint":
      return BigInt(content);
    case "$number":
      return Number(content);
    case "$bytes":
      return bytesOf(content);
    case "$arraybuffer":
      return bytesOf(content).buffer;
    case "$date":
      return new Date(untagged(content) as number);
  }
  if (tag.startsWith("$")) {
    const Elements = Reflect.get(globalThis, tag.slice(1)) as { from(list: unknown[]): unknown };
    return Elements.from((content as unknown[]).map(untagged));
  }
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, untagged(field)]));
}

/** Makes bytes of hexadecimal text. */
export function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (digits) => parseInt(digits, 16));
}

/** Makes hexadecimal text of bytes. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isBuffer(value: ArrayBufferView): value is Uint8Array {
  return value instanceof Uint8Array && value.constructor !== Uint8Array;
}

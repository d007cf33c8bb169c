/**
 * Which bytes of a file a request wants, and whether it has them already. Source: RFC 9110, sections 13 and 14.
 *
 * @module
 */
import parseRange from "range-parser";

/** What to answer with. */
export type Wanted =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly start: number; readonly end: number }
  | { readonly kind: "unsatisfiable" }
  | { readonly kind: "not-modified" };

/** The headers that say it. */
export interface ConditionalHeaders {
  readonly range?: string;
  readonly "if-range"?: string;
  readonly "if-none-match"?: string | string[];
}

/** Judges a request for a file of `byteLength` bytes whose state is named by `etag`. */
export function wantedBytes(headers: ConditionalHeaders, byteLength: number, etag: string): Wanted {
  const known = [headers["if-none-match"] ?? []].flat().join(",").split(",").map((tag) => tag.trim());
  if (known.includes("*") || known.some((tag) => weak(tag) === weak(etag))) return { kind: "not-modified" };
  const { range } = headers;
  const isSameState = headers["if-range"] === undefined || headers["if-range"] === etag;
  if (range === undefined || !isSameState) return { kind: "whole" };
  const ranges = parseRange(byteLength, range, { combine: true });
  if (ranges === -1) return { kind: "unsatisfiable" };
  // What is malformed, of another unit or more than one part is answered whole, as the standard allows.
  if (ranges === -2 || ranges.type !== "bytes" || ranges.length !== 1) return { kind: "whole" };
  const { start, end } = ranges[0]!;
  return { kind: "part", start, end };
}

function weak(tag: string): string {
  return tag.replace(/^W\//, "");
}

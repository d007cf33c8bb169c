/**
 * Arithmetic of 32-bit sequence numbers that wrap around.
 *
 * @module
 */

/** Signed distance from `b` to `a`: positive when `a` is later. */
export function seqDiff(a: number, b: number): number {
  return (a - b) | 0;
}

/** `seq` moved on by `count`. */
export function seqAdd(seq: number, count: number): number {
  return (seq + count) >>> 0;
}

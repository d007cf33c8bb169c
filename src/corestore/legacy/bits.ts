/**
 * The `bitfield` file of hypercore 10: block `i` is bit `i & 7` of byte `i >> 3`.
 *
 * @module
 */
import type { BitfieldRange } from "../../hypercore/mod.ts";

/** Runs of blocks whose bits are set, in order. */
export function* setBitRanges(bytes: Uint8Array): Generator<BitfieldRange, void, void> {
  let start = -1;
  for (let at = 0; at < bytes.byteLength; at++) {
    const byte = bytes[at]!;
    if (byte === (start === -1 ? 0 : 255)) continue;
    for (let bit = 0; bit < 8; bit++) {
      const index = 8 * at + bit;
      const isSet = (byte >> bit & 1) === 1;
      if (isSet && start === -1) start = index;
      if (isSet || start === -1) continue;
      yield { start, end: index, value: true };
      start = -1;
    }
  }
  if (start !== -1) yield { start, end: 8 * bytes.byteLength, value: true };
}

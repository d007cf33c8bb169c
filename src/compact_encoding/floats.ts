/**
 * IEEE 754 numbers.
 *
 * @module
 */
import { outOfBounds } from "./errors.ts";
import type { Encoder, State } from "./state.ts";

/** Number of 4 bytes, IEEE 754 single precision, little-endian. Source: compact-encoding `index.js`. */
export const float32: Encoder<number> = float(
  4,
  (view, value) => view.setFloat32(0, value, true),
  (view) => view.getFloat32(0, true),
);

/** Number of 8 bytes, IEEE 754 double precision, little-endian. Source: compact-encoding `index.js`. */
export const float64: Encoder<number> = float(
  8,
  (view, value) => view.setFloat64(0, value, true),
  (view) => view.getFloat64(0, true),
);

function float(
  byteLength: number,
  set: (view: DataView, value: number) => void,
  get: (view: DataView) => number,
): Encoder<number> {
  // Scratch space that no call leaves anything in; a view of the state's own buffer would be an object per value.
  const bytes = new Uint8Array(byteLength);
  const view = new DataView(bytes.buffer);
  return {
    preencode(state: State): void {
      state.end += byteLength;
    },
    encode(state: State, value: number): void {
      const buffer = state.buffer!;
      set(view, value);
      for (let i = 0; i < byteLength; i++) buffer[state.start++] = bytes[i]!;
    },
    decode(state: State): number {
      const buffer = state.buffer!;
      if (state.end - state.start < byteLength) throw outOfBounds();
      for (let i = 0; i < byteLength; i++) bytes[i] = buffer[state.start++]!;
      return get(view);
    },
  };
}

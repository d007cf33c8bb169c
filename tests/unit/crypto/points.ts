/**
 * Encodings of curve points that a careless implementation accepts, and arithmetic to make more of them.
 *
 * @module
 */
import { hexBytes, hexText } from "../../../src/base/mod.ts";
import { ed25519Add, signKeyPair } from "../../../src/crypto/mod.ts";

/** Order of the prime-order subgroup: 2^252 + 27742317777372353535851937790883648493. */
export const GROUP_ORDER = (1n << 252n) + 27742317777372353535851937790883648493n;

/** The field's prime: 2^255 - 19. */
export const FIELD_PRIME = (1n << 255n) - 19n;

/** Little-endian bytes of a number below 2^256. */
export function scalarBytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  for (let i = 0; i < 32; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 255n);
  return bytes;
}

/** The number that bytes say, little-endian. */
export function scalarNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${hexText(Uint8Array.from(bytes).reverse())}`);
}

interface NamedPoint {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const ORDER_8_Y = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
const ORDER_8_OTHER_Y = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";

/** The eight points whose order divides 8, the neutral element first. */
export const SMALL_ORDER_POINTS: readonly NamedPoint[] = [
  { name: "of order 1", bytes: scalarBytes(1n) },
  { name: "of order 2", bytes: scalarBytes(FIELD_PRIME - 1n) },
  { name: "of order 4", bytes: scalarBytes(0n) },
  { name: "of order 4, negative", bytes: withSign(scalarBytes(0n)) },
  { name: "of order 8", bytes: hexBytes(ORDER_8_Y) },
  { name: "of order 8, negative", bytes: withSign(hexBytes(ORDER_8_Y)) },
  { name: "of order 8, other y", bytes: hexBytes(ORDER_8_OTHER_Y) },
  { name: "of order 8, other y, negative", bytes: withSign(hexBytes(ORDER_8_OTHER_Y)) },
];

/** Encodings that are not canonical, no points of the curve, or points with a part of small order. */
export const ODD_POINTS: readonly NamedPoint[] = [
  { name: "1 with a sign", bytes: withSign(scalarBytes(1n)) },
  { name: "-1 with a sign", bytes: withSign(scalarBytes(FIELD_PRIME - 1n)) },
  ...[0n, 1n, 2n, 3n, 4n, 5n, 9n, 18n].flatMap((y) => [
    { name: `p + ${y}`, bytes: scalarBytes(FIELD_PRIME + y) },
    { name: `p + ${y} with a sign`, bytes: withSign(scalarBytes(FIELD_PRIME + y)) },
  ]),
  { name: "y = 2, off the curve", bytes: scalarBytes(2n) },
  { name: "y = 7, off the curve", bytes: scalarBytes(7n) },
  { name: "all ones", bytes: new Uint8Array(32).fill(0xff) },
  ...SMALL_ORDER_POINTS.slice(1).map(({ name, bytes }) => ({
    name: `a key plus the point ${name}`,
    bytes: ed25519Add(signKeyPair(new Uint8Array(32).fill(9)).publicKey, bytes),
  })),
];

function withSign(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[31]! |= 0x80;
  return copy;
}

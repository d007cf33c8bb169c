/**
 * Codecs with the names and the bytes of the npm package `compact-encoding`, and those of its companions
 * `compact-encoding-net` ({@linkcode net}) and `compact-encoding-bitfield` ({@linkcode bitfield}).
 *
 * @example
 * ```ts
 * import c from "@quince/quince/compact-encoding";
 * const bytes = c.encode(c.array(c.uint), [1, 300]); // 02 01 fd 2c 01
 * const values = c.decode(c.array(c.uint), bytes); // [1, 300]
 * ```
 *
 * @module
 */
export * from "./package.ts";
export * as default from "./package.ts";
export { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";
export { bitfield } from "./bitfield.ts";
export { EncodingError, type EncodingErrorCode } from "./errors.ts";
export type { AbstractEncodingLike, CodecLike, TextEncodingName } from "./from.ts";
export { ANY_DEPTH_MAX, ARRAY_ITEM_COUNT_MAX, BIGUINT_WORD_COUNT_MAX, BIT_COUNT_MAX } from "./limits.ts";
export { type CompactEncodingNet, net, type PartialAddress } from "./net.ts";
export type { Address, AddressInput } from "./network.ts";
export type { Raw } from "./raw.ts";
export type { Encoder, State } from "./state.ts";
export type { StringEncoder } from "./strings.ts";

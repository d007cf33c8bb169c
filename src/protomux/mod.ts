/**
 * Many protocols over one stream, with the names and the wire of the npm package `protomux`.
 *
 * @module
 */
export { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";
export type { Encoder, State } from "../compact_encoding/mod.ts";
export { Protomux, Protomux as default } from "./driver.ts";
export { Channel, Message } from "./channel.ts";
export { ProtomuxError, type ProtomuxErrorCode } from "./errors.ts";
export { BATCH_BYTES_MAX, DEFAULT_LIMITS, HELD_OVERHEAD_BYTES, type ProtomuxLimits } from "./limits.ts";
export type {
  ChannelOptions,
  FramedStream,
  MessageOptions,
  PairCallback,
  ProtomuxOptions,
  WaitOptions,
} from "./options.ts";
export type { ChannelKey } from "./pairing.ts";

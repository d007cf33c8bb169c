/**
 * Relays for peers that find no direct path: two UDX streams are joined by a third machine, which forwards their
 * packets and cannot read them. With the names and the wire of the npm package `blind-relay`.
 *
 * @module
 */
export * from "./package.ts";
export * as default from "./package.ts";
export {
  type CancelTimer,
  type Clock,
  QuinceError,
  type QuinceErrorOptions,
  type Readable,
  type ReadableConstructor,
  type StreamCallback,
  TypedEventEmitter,
} from "../base/mod.ts";
export type { Encoder } from "../compact_encoding/mod.ts";
export type { FramedStream, Protomux } from "../protomux/mod.ts";
export type { UDXFirewall, UDXStream } from "../udx/mod.ts";
export {
  BlindRelayClient,
  type BlindRelayClientEvents,
  BlindRelayRequest,
  type PairOptions,
  type RelayedStream,
} from "./client.ts";
export type { ChannelSettings } from "./channel.ts";
export { BlindRelayServer, type BlindRelayServerOptions, type BlindRelayStats } from "./driver.ts";
export { BlindRelayError, type BlindRelayErrorCode } from "./errors.ts";
export { DEFAULT_LIMITS, PUBLIC_LIMITS, type RelayLimits } from "./limits.ts";
export type { PairMessage, UnpairMessage } from "./messages.ts";
export type { PairingStats, TrafficStats } from "./relay_machine.ts";
export { BlindRelaySession, type BlindRelaySessionEvents } from "./session.ts";

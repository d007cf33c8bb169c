/**
 * UDX: reliable, multiplexed, congestion-controlled streams over UDP; what `udx-native` exports, without an addon.
 *
 * @example
 * ```ts
 * import UDX from "@quince/quince/udx";
 *
 * const udx = new UDX();
 * const socket = udx.createSocket();
 * socket.on("message", (message, from) => console.log(message, from));
 * socket.bind(0, "127.0.0.1");
 * await socket.close();
 * ```
 *
 * @module
 */
export type {
  CancelTimer,
  Clock,
  Duplex,
  DuplexConstructor,
  DuplexEvents,
  DuplexOptions,
  PipeTarget,
  Random,
  Readable,
  ReadableConstructor,
  ReadableEvents,
  ReadableOptions,
  Stream,
  StreamCallback,
  StreamEvents,
  StreamListener,
  StreamOptions,
  Writable,
  WritableConstructor,
  WritableEvents,
  WritableOptions,
} from "../base/mod.ts";
export { TypedEventEmitter } from "../base/mod.ts";
export type { LookupResult, NetworkInterface } from "../platform/mod.ts";
export { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";
export { UDXError, type UDXErrorCode } from "./errors.ts";
export { NetworkInterfaces, type NetworkInterfacesEvents } from "./interface_watcher.ts";
export {
  type UDXAddress,
  UDXSocket,
  type UDXSocketEvents,
  type UDXSocketJSON,
  type UDXSocketOptions,
} from "./socket.ts";
export {
  type UDXConnectOptions,
  type UDXFirewall,
  type UDXRelayOptions,
  UDXStream,
  type UDXStreamEvents,
  type UDXStreamJSON,
  type UDXStreamOptions,
} from "./stream.ts";
export { UDX, UDX as default, type UDXLookupOptions, type UDXOptions } from "./udx.ts";

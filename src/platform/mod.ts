/**
 * The only folder that touches the runtime: clocks now, sockets and files as layers need them.
 *
 * @module
 */
export { systemClock } from "./clock.ts";
export {
  bindDatagramSocket,
  type DatagramAddress,
  type DatagramSocket,
  type DatagramSocketHandlers,
  type DatagramSocketOptions,
  type IncomingDatagram,
  type OutgoingDatagram,
} from "./datagram_socket.ts";
export { PlatformError, type PlatformErrorCode } from "./errors.ts";
export { lookupHost, type LookupResult } from "./lookup.ts";
export { listNetworkInterfaces, type NetworkInterface } from "./network_interfaces.ts";

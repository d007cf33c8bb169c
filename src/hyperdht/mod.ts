/**
 * Servers and connections by public key, announcements and records, over a distributed hash table: what `hyperdht`
 * exports.
 *
 * @example
 * ```ts
 * import DHT from "@quince/quince/hyperdht";
 *
 * const dht = new DHT();
 * const server = dht.createServer((socket) => socket.end("hello"));
 * await server.listen();
 *
 * const socket = new DHT().connect(server.publicKey!);
 * socket.on("data", (data) => console.log(data));
 * ```
 *
 * @module
 */
export * as address from "./dht_address.ts";
export { ConnectionPool, type ConnectionPoolEvents, ConnectionRef } from "./connection_pool.ts";
export { BOOTSTRAP_NODES, COMMANDS, ERROR, FIREWALL } from "./constants.ts";
export { type ConnectAttempt, type ConnectReport, type ConnectStage } from "./connect_report.ts";
export { DHTError, type DHTErrorCode, type DHTErrorOptions } from "./errors.ts";
export type { HolepunchVeto, PunchEvent, PunchStats } from "./holepunch_port.ts";
export { HyperDHT, HyperDHT as default } from "./hyperdht.ts";
export { Plugin } from "./plugin.ts";
export { Server } from "./server.ts";

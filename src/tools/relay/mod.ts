/**
 * Running a blind relay.
 *
 * @module
 */
export type * from "../../hyperdht/mod.ts";
export type { BlindRelayStats, PairingStats, RelayLimits, TrafficStats } from "../../blind_relay/mod.ts";
export { RelayNode, type RelayNodeOptions } from "./relay_node.ts";

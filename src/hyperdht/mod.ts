/**
 * Servers and connections by public key, over a distributed hash table.
 *
 * @module
 */
export { BOOTSTRAP_NODES, COMMANDS, ERROR, FIREWALL } from "./constants.ts";
export { DHTError, type DHTErrorCode, type DHTErrorOptions } from "./errors.ts";

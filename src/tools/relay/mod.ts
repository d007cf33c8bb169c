/**
 * Running a blind relay.
 *
 * @module
 */
export { RelayNode, type RelayNodeOptions } from "./relay_node.ts";

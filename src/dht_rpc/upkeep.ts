/**
 * Walks that a node makes for itself.
 *
 * @module
 */
import { FIND_NODE } from "./commands.ts";
import { QUERY_RETRIES } from "./limits.ts";
import type { WalkInit } from "./node_types.ts";
import { RequestGroup } from "./request_machine.ts";

/** A walk to the nodes closest to `target`, with `concurrency` requests at the same time, that nobody waits for. */
export function upkeepWalk(target: Uint8Array, concurrency: number): WalkInit<never> {
  return {
    target,
    internal: true,
    command: FIND_NODE,
    value: null,
    concurrency,
    retries: QUERY_RETRIES,
    force: false,
    nodes: null,
    onlyClosestNodes: false,
    group: new RequestGroup(),
    handle: null,
  };
}

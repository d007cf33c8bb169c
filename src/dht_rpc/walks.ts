/**
 * How walks begin.
 *
 * @module
 */
import { FIND_NODE } from "./commands.ts";
import { QUERY_RETRIES } from "./limits.ts";
import type { Walk, WalkInit } from "./node_types.ts";
import type { Peer } from "./peer.ts";
import { QueryMachine } from "./query_machine.ts";
import { RequestGroup } from "./request_machine.ts";
import type { RoutingTable } from "./routing_table.ts";

/** A walk that has not begun. */
export function makeWalk<Handle>(
  init: WalkInit<Handle>,
  table: Pick<RoutingTable<never>, "k" | "id">,
  filterNode: ((node: Peer) => boolean) | null | undefined,
): Walk<Handle> {
  const { target, concurrency, nodes, onlyClosestNodes } = init;
  const { k, id: ownId } = table;
  const query = new QueryMachine({ target, k, concurrency, nodes, onlyClosestNodes, ownId, filterNode });
  return { ...init, query, isActive: true, refusal: null };
}

/** What a node asks for itself: the nodes closest to `target`, `concurrency` requests at a time, nobody waits for it. */
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

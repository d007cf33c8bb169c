/**
 * A request of ours on its way, and the tree nodes that the answers under way will bring.
 *
 * @module
 */
import { treeParent, treeSibling } from "../log/mod.ts";
import type { DataMessage, RequestMessage } from "./messages.ts";
import type { PeerState } from "./peer_state.ts";
import type { ReorgDemand } from "./reorgs.ts";

/**
 * Where a request is:
 * - `counting`: waits for the number of nodes to ask for; not sent yet
 * - `sent`: waits for its answer
 * - `held`: answered, but the proof builds on the answer to another request that is still `sent`
 * - `verifying`: handed to the log
 * - `applied`: stored
 * - `failed`: taken back, refused, stale or wrong; what was asked for is asked again
 */
export type OutgoingState = "counting" | "sent" | "held" | "verifying" | "applied" | "failed";

/** A request of ours. */
export interface Outgoing {
  /** What is sent; a block's number of nodes is not final while `counting`. */
  message: RequestMessage;
  readonly peer: PeerState;
  /** Block asked for, -1 if none. */
  readonly block: number;
  /** Estimate of the answer's size that the window was charged. */
  readonly bytes: number;
  /** When it was made, ms. */
  readonly openedMs: number;
  /** Value of the context's epoch when it was made. */
  readonly epoch: number;
  /** The newer fork it asks about; null for what concerns ours. */
  readonly reorg: ReorgDemand | null;
  state: OutgoingState;
  /** The request whose answer brings the node that this one's proof ends at; null when the log has it. */
  builtOn: Outgoing | null;
  /** Answers held until this one's arrives. */
  holds: Outgoing[] | null;
  answer: DataMessage | null;
}

/** Tells whether an answer to `request` may still come or be stored. */
export function isPending(request: Outgoing): boolean {
  return request.state !== "applied" && request.state !== "failed";
}

/**
 * The tree nodes that one peer's answers under way will bring, each with the request that brings it.
 *
 * A proof must reach a node that is stored. Blocks asked for in a row share most of their paths; asking for the
 * shared part with the first of them only makes the others' proofs short.
 */
export class ExpectedNodes {
  readonly #requests = new Map<number, Outgoing>();

  /** The lowest ancestor (or self) of `leaf` that is expected and less than `levelsMax` above it; null if none is. */
  find(leaf: number, levelsMax: number): { readonly level: number; readonly request: Outgoing } | null {
    if (this.#requests.size === 0) return null;
    for (let level = 0, index = leaf; level < levelsMax; level++, index = treeParent(index)) {
      const request = this.#requests.get(index);
      if (request !== undefined) return { level, request };
    }
    return null;
  }

  /** Notes the nodes on the first `levels` levels from `leaf` up, siblings included. */
  add(leaf: number, levels: number, request: Outgoing): void {
    for (let level = 0, index = leaf; level < levels; level++, index = treeParent(index)) {
      this.#requests.set(index, request);
      this.#requests.set(treeSibling(index), request);
    }
  }

  /** Takes back what {@linkcode add} noted. */
  remove(leaf: number, levels: number, request: Outgoing): void {
    for (let level = 0, index = leaf; level < levels; level++, index = treeParent(index)) {
      const sibling = treeSibling(index);
      if (this.#requests.get(index) === request) this.#requests.delete(index);
      if (this.#requests.get(sibling) === request) this.#requests.delete(sibling);
    }
  }
}

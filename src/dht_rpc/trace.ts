/**
 * What a node does, step by step, for whoever looks for a fault.
 *
 * @module
 */
import type { PeerAddress } from "./peer.ts";

/** One step. Times are those of the node's clock. */
export type TraceEvent =
  /** A request left, for the `attempt`-th time. */
  | {
    readonly kind: "request-sent";
    readonly to: PeerAddress;
    readonly tid: number;
    readonly command: number;
    readonly internal: boolean;
    readonly attempt: number;
  }
  /** An answer came. */
  | {
    readonly kind: "reply";
    readonly from: PeerAddress;
    readonly tid: number;
    readonly error: number;
    readonly rttMs: number;
  }
  /** An answer came to nothing that was asked. */
  | { readonly kind: "stray-reply"; readonly from: PeerAddress; readonly tid: number }
  /** A request ended without an answer. */
  | { readonly kind: "request-failed"; readonly to: PeerAddress; readonly tid: number; readonly code: string }
  /** Another node asks. */
  | {
    readonly kind: "request";
    readonly from: PeerAddress;
    readonly tid: number;
    readonly command: number;
    readonly internal: boolean;
  }
  /** A datagram was dropped: it cannot be read, has a bad token, or there are too many. */
  | {
    readonly kind: "dropped";
    readonly from: PeerAddress;
    readonly reason: "malformed" | "bad-token" | "too-many";
  }
  /** A query began. */
  | { readonly kind: "query-start"; readonly command: number; readonly internal: boolean }
  /** A query is over. */
  | {
    readonly kind: "query-end";
    readonly command: number;
    readonly internal: boolean;
    readonly visits: number;
    readonly successes: number;
    readonly errors: number;
  }
  /** A test of the firewall began or ended. */
  | { readonly kind: "firewall-test"; readonly asked: number }
  | { readonly kind: "firewall-result"; readonly firewalled: boolean; readonly persistent: boolean };

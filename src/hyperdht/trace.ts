/**
 * What a node tells of its work when it is asked to.
 *
 * @module
 */
import type { ConnectStage } from "./connect_report.ts";
import type { PeerAddress } from "./messages.ts";
import type { PunchEvent } from "./holepunch_port.ts";

/** Something that happened, in the order in which it happened. */
export type HyperDHTTraceEvent =
  /** A connect took a step. */
  | {
    readonly kind: "connect";
    readonly publicKey: Uint8Array;
    readonly step: "handshake" | "find" | "end-find" | "relay" | "ping" | "punch" | "open" | "fail";
    readonly stage: ConnectStage | null;
    readonly address: PeerAddress | null;
    readonly code: string | null;
  }
  /** A server answered, refused or lost a handshake. */
  | {
    readonly kind: "server-handshake";
    readonly publicKey: Uint8Array;
    readonly id: number;
    readonly outcome: "answered" | "refused" | "invalid" | "full" | "timeout" | "connected" | "relayed";
    readonly clientAddress: PeerAddress | null;
  }
  /** An announcer took a step. */
  | {
    readonly kind: "announce";
    readonly publicKey: Uint8Array;
    readonly step: string;
    readonly count: number;
  }
  /** A punch took a step. */
  | { readonly kind: "punch"; readonly publicKey: Uint8Array; readonly event: PunchEvent };

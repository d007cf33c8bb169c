/**
 * How a connect went: what was tried, when, and what was known of both NATs.
 *
 * @module
 */
import type { PeerAddress } from "./messages.ts";

/** The stages of a connect, in the order in which they may come. */
export type ConnectStage =
  /** The address of an earlier connection is tried first (`reusableSocket`). */
  | "reuse"
  /** Nodes that know the server are looked for. */
  | "find"
  /** The Noise handshake is sent through nodes that know the server. */
  | "handshake"
  /** A blind relay is being met at. */
  | "relay"
  /** The server's own address is used. */
  | "direct"
  /** The server is asked to come to us. */
  | "passive"
  /** An address in the same local network is tried. */
  | "lan"
  /** Holes are punched. */
  | "holepunch";

/** One thing that a connect tried. */
export interface ConnectAttempt {
  /** To which stage it belongs. */
  readonly stage: ConnectStage;
  /** Whom it was tried with; null where there is none. */
  readonly address: PeerAddress | null;
  /** When it began, ms after the connect began. */
  readonly startedMs: number;
  /** How long it took, ms; null while it is under way. */
  readonly durationMs: number | null;
  /** How it ended: `"ok"`, a code or a message; null while it is under way. */
  readonly outcome: string | null;
}

/** How a connect went. */
export interface ConnectReport {
  /** The last stage that was reached. */
  readonly stage: ConnectStage;
  /** Everything that was tried, in order; the first {@linkcode CONNECT_ATTEMPTS_MAX}. */
  readonly attempts: readonly ConnectAttempt[];
  /** What is known of our NAT: one of `FIREWALL`. */
  readonly localFirewall: number;
  /** What the server said of its NAT: one of `FIREWALL`. */
  readonly remoteFirewall: number;
  /** When the connect began, ms since 1970. */
  readonly startedAt: number;
  /** How long it took, ms. */
  readonly durationMs: number;
}

/** Attempts that a report holds. */
export const CONNECT_ATTEMPTS_MAX = 64;

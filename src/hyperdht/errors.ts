/**
 * Errors of HyperDHT, and the report that a failed connect carries.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";
import type { ConnectReport } from "./connect_report.ts";

const MESSAGES: Readonly<Record<DHTErrorCode, string>> = {
  BAD_HANDSHAKE_REPLY: "Bad handshake reply",
  BAD_HOLEPUNCH_REPLY: "Bad holepunch reply",
  HOLEPUNCH_ABORTED: "Holepunch aborted",
  HOLEPUNCH_INVALID: "Invalid holepunch payload",
  HOLEPUNCH_PROBE_TIMEOUT: "Holepunching probe did not finish in time",
  HOLEPUNCH_DOUBLE_RANDOMIZED_NATS: "Both remote and local NATs are randomized",
  CANNOT_HOLEPUNCH: "Cannot holepunch to remote",
  REMOTE_NOT_HOLEPUNCHING: "Remote is not holepunching",
  REMOTE_NOT_HOLEPUNCHABLE: "Remote is not holepunchable",
  REMOTE_ABORTED: "Remote aborted",
  HANDSHAKE_UNFINISHED: "Handshake did not finish",
  HANDSHAKE_INVALID: "Received invalid handshake",
  ALREADY_LISTENING: "Already listening",
  KEYPAIR_ALREADY_USED: "Keypair already used",
  NODE_DESTROYED: "Node destroyed",
  PEER_CONNECTION_FAILED: "Could not connect to peer",
  PEER_NOT_FOUND: "Peer not found",
  STREAM_NOT_CONNECTED: "Stream is not connected",
  SERVER_INCOMPATIBLE: "Server is using an incompatible version",
  SERVER_ERROR: "Server returned an error",
  DUPLICATE_CONNECTION: "Duplicate connection",
  RELAY_ABORTED: "Relay aborted",
  SUSPENDED: "Suspended",
};

/** Codes of {@linkcode DHTError}. Source: hyperdht `lib/errors.js`. */
export type DHTErrorCode =
  | "BAD_HANDSHAKE_REPLY"
  | "BAD_HOLEPUNCH_REPLY"
  | "HOLEPUNCH_ABORTED"
  | "HOLEPUNCH_INVALID"
  | "HOLEPUNCH_PROBE_TIMEOUT"
  | "HOLEPUNCH_DOUBLE_RANDOMIZED_NATS"
  | "CANNOT_HOLEPUNCH"
  | "REMOTE_NOT_HOLEPUNCHING"
  | "REMOTE_NOT_HOLEPUNCHABLE"
  | "REMOTE_ABORTED"
  | "HANDSHAKE_UNFINISHED"
  | "HANDSHAKE_INVALID"
  | "ALREADY_LISTENING"
  | "KEYPAIR_ALREADY_USED"
  | "NODE_DESTROYED"
  | "PEER_CONNECTION_FAILED"
  | "PEER_NOT_FOUND"
  | "STREAM_NOT_CONNECTED"
  | "SERVER_INCOMPATIBLE"
  | "SERVER_ERROR"
  | "DUPLICATE_CONNECTION"
  | "RELAY_ABORTED"
  | "SUSPENDED";

/** Options of {@linkcode DHTError}. */
export interface DHTErrorOptions extends QuinceErrorOptions {
  /** How the connect went, for errors of `connect()`. */
  readonly report?: ConnectReport | null;
}

/** An error of HyperDHT; the message begins with the code. */
export class DHTError extends QuinceError {
  /** What went wrong. */
  declare readonly code: DHTErrorCode;
  /** What `connect()` tried and when, null for other errors. Not in the npm package. */
  readonly report: ConnectReport | null;

  /** Creates an error; the message is that of the npm package unless given. */
  constructor(code: DHTErrorCode, message?: string, options: DHTErrorOptions = {}) {
    super(code, message ?? MESSAGES[code], options);
    this.report = options.report ?? null;
  }
}

/**
 * Errors of relays and their clients.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";

/** What went wrong; the first five are those of the npm package. */
export type BlindRelayErrorCode =
  /** A channel of that id is open on the stream already. */
  | "DUPLICATE_CHANNEL"
  /** The channel closed, or had been closed before. */
  | "CHANNEL_CLOSED"
  /** `destroy()` was called. */
  | "CHANNEL_DESTROYED"
  /** A request with that token is under way. */
  | "ALREADY_PAIRING"
  /** Either peer took its request or its pair back. */
  | "PAIRING_CANCELLED"
  /** The relay serves as many sessions as it may. */
  | "SESSIONS_EXCEEDED"
  /** The relay, or the session, has as many pairs as it may. */
  | "PAIRS_EXCEEDED"
  /** The other peer did not ask for the pair in time. */
  | "PAIRING_TIMED_OUT"
  /** Nothing was relayed for too long. */
  | "PAIR_IDLE"
  /** The pair lasted as long as it may. */
  | "PAIR_EXPIRED"
  /** The pair relayed as much as it may. */
  | "TRAFFIC_EXCEEDED"
  /** The peer makes the relay answer but does not read the answers. */
  | "REPLIES_EXCEEDED"
  /** The relay could not make its streams. */
  | "STREAM_FAILED";

const MESSAGES: Readonly<Record<BlindRelayErrorCode, string>> = {
  DUPLICATE_CHANNEL: "Duplicate channel",
  CHANNEL_CLOSED: "Channel closed",
  CHANNEL_DESTROYED: "Channel destroyed",
  ALREADY_PAIRING: "Already pairing",
  PAIRING_CANCELLED: "Pairing cancelled",
  SESSIONS_EXCEEDED: "The relay has as many sessions as it may",
  PAIRS_EXCEEDED: "The relay has as many pairs as it may",
  PAIRING_TIMED_OUT: "The other peer did not ask for the pair in time",
  PAIR_IDLE: "Nothing was relayed for too long",
  PAIR_EXPIRED: "The pair lasted as long as it may",
  TRAFFIC_EXCEEDED: "The pair relayed as much as it may",
  REPLIES_EXCEEDED: "The peer does not read the relay's answers",
  STREAM_FAILED: "The relay could not make its streams",
};

/** An error of a relay, of a session on it, or of a client; `code` says which. */
export class BlindRelayError extends QuinceError {
  /** What went wrong, for programs. */
  declare readonly code: BlindRelayErrorCode;

  /** Creates the error that belongs to `code`. */
  constructor(code: BlindRelayErrorCode, options: QuinceErrorOptions = {}) {
    super(code, MESSAGES[code], options);
  }
}

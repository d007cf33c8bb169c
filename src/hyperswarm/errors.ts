/**
 * Errors of swarms.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";

/**
 * Why a swarm refused, or why it closed a connection:
 *
 * - `BAD_ARGUMENT`: a topic or key is not 32 bytes, or a session would be neither client nor server.
 * - `SWARM_DESTROYED`: the swarm is destroyed.
 * - `DISCOVERY_DESTROYED`: the session of a topic is destroyed.
 * - `DUPLICATE_CONNECTION`: there is another connection to the same peer, and it is kept.
 * - `PEER_FIREWALLED`: the firewall refused the peer.
 */
export type HyperswarmErrorCode =
  | "BAD_ARGUMENT"
  | "SWARM_DESTROYED"
  | "DISCOVERY_DESTROYED"
  | "DUPLICATE_CONNECTION"
  | "PEER_FIREWALLED";

/** A swarm refused; `code` says why. The package throws errors without a code. */
export class HyperswarmError extends QuinceError {
  /** Says why. */
  declare readonly code: HyperswarmErrorCode;

  /** Creates an error whose message is `code: message`. */
  constructor(code: HyperswarmErrorCode, message: string, options: QuinceErrorOptions = {}) {
    super(code, message, options);
  }
}

/**
 * Checks a topic or public key.
 *
 * @throws {HyperswarmError} `BAD_ARGUMENT` unless it is 32 bytes.
 */
export function checkKey(key: Uint8Array, what: string): void {
  if (key instanceof Uint8Array && key.byteLength === 32) return;
  const given = key instanceof Uint8Array ? `${key.byteLength} bytes` : typeof key;
  throw new HyperswarmError("BAD_ARGUMENT", `${what} must be 32 bytes, not ${given}`);
}

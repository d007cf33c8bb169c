/**
 * Errors of DHT nodes.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";

/** What went wrong with a request or a node. The first three are those of dht-rpc `lib/errors.js`. */
export type DHTErrorCode =
  /** No answer came, however often it was asked for. */
  | "REQUEST_TIMEOUT"
  /** The request was given up: its session, its query or the node was destroyed. */
  | "REQUEST_DESTROYED"
  /** The node was suspended while the request was on its way. */
  | "IO_SUSPENDED"
  /** The node is destroyed and asks nothing any more. */
  | "NODE_DESTROYED"
  /** More requests are under way than there are transaction ids. */
  | "TOO_MANY_REQUESTS"
  /** A query with a commit found nobody to commit to. */
  | "TOO_FEW_NODES"
  /** A close node gave no token, so nothing can be stored there. */
  | "NO_TOKEN"
  /** A wait was given up by its signal. */
  | "ABORTED";

/** A request or a node failed; `code` says how. */
export class DHTError extends QuinceError {
  /** What went wrong, for programs. */
  declare readonly code: DHTErrorCode;

  /** Creates an error with one of the codes. */
  constructor(code: DHTErrorCode, message: string, options: QuinceErrorOptions = {}) {
    super(code, message, options);
  }
}

/** The code of an error, or its name where it has none. */
export function errorCode(error: Error): string {
  return (error as { code?: unknown }).code ? String((error as { code?: unknown }).code) : error.name;
}

/** Error number of a reply: the command is not known. Source: dht-rpc `lib/errors.js`. */
export const ERROR_UNKNOWN_COMMAND = 1;

/** Error number of a reply: the token was not given out here, or is too old. Source: dht-rpc `lib/errors.js`. */
export const ERROR_INVALID_TOKEN = 2;

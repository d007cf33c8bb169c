/**
 * Errors of the encrypted stream.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";

/** Why a secret stream was destroyed. */
export type SecretStreamErrorCode =
  /** The other side's handshake message was wrong, or a key was none. */
  | "HANDSHAKE_FAILED"
  /** The frame after the handshake has another length than a header. */
  | "INVALID_HEADER_MESSAGE"
  /** The header names another stream. */
  | "INVALID_HEADER"
  /** A frame is too short for a message. */
  | "INVALID_MESSAGE"
  /** A message was changed on its way, or is not the next one. */
  | "DECRYPTION_FAILED"
  /** Nothing was received within `stream.timeout`. */
  | "TIMED_OUT"
  /** Work was left over when the stream was destroyed. */
  | "DESTROYED"
  /** A write is longer than a frame can carry. */
  | "MESSAGE_TOO_LARGE"
  /** Every datagram counter has been used. */
  | "SEND_NONCE_EXHAUSTED";

const MESSAGES: Readonly<Record<SecretStreamErrorCode, string>> = {
  HANDSHAKE_FAILED: "Noise handshake failed",
  INVALID_HEADER_MESSAGE: "Invalid header message received",
  INVALID_HEADER: "Invalid header received",
  INVALID_MESSAGE: "Invalid message received",
  DECRYPTION_FAILED: "pull failed",
  TIMED_OUT: "Stream timed out",
  DESTROYED: "Stream destroyed",
  MESSAGE_TOO_LARGE: "Message is too large for an atomic write.",
  SEND_NONCE_EXHAUSTED: "udp send nonce exchausted",
};

/** Options of {@linkcode SecretStreamError}. */
export interface SecretStreamErrorOptions extends QuinceErrorOptions {
  /** Added to the message. */
  readonly detail?: string;
}

/**
 * The error that a secret stream is destroyed with.
 *
 * Compat: `@hyperswarm/secret-stream` (index.js) gives plain errors with these very messages and no codes, so
 * the message does not begin with the code here.
 */
export class SecretStreamError extends QuinceError {
  /** Why the stream was destroyed. */
  declare readonly code: SecretStreamErrorCode;

  /** Creates the error that belongs to `code`. */
  constructor(code: SecretStreamErrorCode, options: SecretStreamErrorOptions = {}) {
    super(code, MESSAGES[code], options);
    this.message = options.detail === undefined ? MESSAGES[code] : `${MESSAGES[code]} ${options.detail}`;
  }
}

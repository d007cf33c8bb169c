/**
 * Why a muxer gave up on its stream.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";

/** What the remote peer did, or made us run into. */
export type ProtomuxErrorCode =
  /** A frame ends too early, or its numbers cannot be read. */
  | "INVALID_FRAME"
  /** A batch has a message that reaches past its end, or batches are nested too deep. */
  | "INVALID_BATCH"
  /** A channel was opened with an id that is taken or skips others, or with an oversized name or id. */
  | "INVALID_OPEN"
  /** A channel was rejected that had not been opened. */
  | "INVALID_REJECT"
  /** The handshake of a channel could not be decoded. */
  | "INVALID_HANDSHAKE"
  /** A message could not be decoded. */
  | "INVALID_MESSAGE"
  /** Too many channels of the remote wait to be opened here. */
  | "BACKLOG_EXCEEDED"
  /** Too many bytes are held for channels that wait to be opened here. */
  | "HELD_BYTES_EXCEEDED"
  /** Too many channel ids are in use. */
  | "CHANNEL_IDS_EXCEEDED"
  /** The remote makes us answer but does not read the answers. */
  | "REPLIES_EXCEEDED";

/** The error that a stream is destroyed with when its muxer cannot go on. */
export class ProtomuxError extends QuinceError {
  /** What happened. */
  declare readonly code: ProtomuxErrorCode;

  /** Creates an error with a code and a message. */
  constructor(code: ProtomuxErrorCode, message: string, options: QuinceErrorOptions = {}) {
    super(code, message, options);
  }
}

/**
 * What one remote peer can make a muxer hold, and the thresholds that shape the wire.
 *
 * All of {@linkcode ProtomuxLimits} can be changed per muxer.
 *
 * @module
 */

/**
 * A batch that has reached this many bytes is sent before the next message joins it, so a frame holds at most this
 * much and one message more. Source: protomux `index.js`.
 */
export const BATCH_BYTES_MAX: number = 8 * 1024 * 1024;

/** Cost of keeping one message or one opening of the remote, on top of its bytes. Source: protomux `index.js`. */
export const HELD_OVERHEAD_BYTES = 512;

/** Bounds on what a remote peer can make a muxer keep. Past a `…Max` the stream is destroyed with a typed error. */
export interface ProtomuxLimits {
  /** Messages for channels not opened here yet: above this many bytes the stream is paused. */
  readonly pendingBytesPause: number;
  /** Messages, names, ids and handshakes of channels not opened here yet: above this many bytes it is paused too. */
  readonly heldBytesPause: number;
  /** The same sum, hard: frames keep coming from a stream that cannot be paused, and one frame may be large. */
  readonly heldBytesMax: number;
  /** Channels opened by the remote that wait for a local channel. */
  readonly waitingChannelsMax: number;
  /** Channel ids handed out by the remote, open or not: its table never shrinks. */
  readonly remoteIdsMax: number;
  /** Channel ids handed out here, including those whose closing the remote has not seen yet. */
  readonly localIdsMax: number;
  /** Characters of a protocol name, as strings count them. */
  readonly protocolLengthMax: number;
  /** Bytes of a channel id. */
  readonly idBytesMax: number;
  /** Batches within each other; the npm package writes a depth of 1. */
  readonly batchDepthMax: number;
  /** Bytes of rejections written since the stream last had room: a remote that only opens and never reads. */
  readonly unsentReplyBytesMax: number;
}

/** Limits used unless a muxer is given others. */
export const DEFAULT_LIMITS: ProtomuxLimits = {
  // Compat: protomux/index.js pauses at this size, counting 512 bytes per message.
  pendingBytesPause: 32 * 1024,
  heldBytesPause: 1024 * 1024,
  heldBytesMax: 64 * 1024 * 1024,
  waitingChannelsMax: 65_536,
  remoteIdsMax: 262_144,
  localIdsMax: 262_144,
  protocolLengthMax: 65_536,
  idBytesMax: 65_536,
  batchDepthMax: 8,
  unsentReplyBytesMax: 16 * 1024 * 1024,
};

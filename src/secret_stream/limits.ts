/**
 * Sizes and bounds of the encrypted stream.
 *
 * @module
 */

/** Bytes of the length prefix of every frame. */
export const FRAME_PREFIX_BYTES = 3;

/** Largest body of a frame: what 24 bits can tell. */
export const FRAME_BYTES_MAX = 0xffffff;

/** Bytes that a secretstream message adds to its plaintext: one for the tag, 16 for the authenticator. */
export const MESSAGE_OVERHEAD_BYTES = 17;

/** Largest plaintext of one write: a frame's body (16 MiB - 1) less {@linkcode MESSAGE_OVERHEAD_BYTES}. */
export const MESSAGE_BYTES_MAX: number = FRAME_BYTES_MAX - MESSAGE_OVERHEAD_BYTES;

/** Bytes of a stream id. */
export const STREAM_ID_BYTES = 32;

/** Bytes of a secretstream header. */
export const CIPHER_HEADER_BYTES = 24;

/** Bytes of the body of the header frame: stream id, then secretstream header. */
export const HEADER_BYTES: number = STREAM_ID_BYTES + CIPHER_HEADER_BYTES;

/** Largest handshake message (The Noise Protocol Framework, revision 34, section 3). */
export const HANDSHAKE_MESSAGE_BYTES_MAX = 65535;

/** Bytes of the counter in front of a datagram. */
export const DATAGRAM_COUNTER_BYTES = 8;

/** Bytes that a datagram adds to its plaintext: the counter and a 16-byte authenticator. */
export const DATAGRAM_OVERHEAD_BYTES: number = DATAGRAM_COUNTER_BYTES + 16;

/**
 * Bytes set aside at once for a frame that has not arrived in full; a longer frame gets more as its bytes
 * come, so that announcing 16 MiB costs a peer the sending of them.
 */
export const FRAME_RESERVE_BYTES: number = 128 * 1024;

/** Frames that have arrived are decrypted in runs of about this many bytes. */
export const READ_RUN_BYTES: number = 256 * 1024;

/** Queued writes are encrypted in runs of about this many bytes, each one write to the raw stream. */
export const WRITE_RUN_BYTES: number = 256 * 1024;

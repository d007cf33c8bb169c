/**
 * Wire values of the encrypted stream: length prefixes, stream ids and the keys of datagrams.
 *
 * @module
 */
import { allocBytesUnsafe, utf8Bytes } from "../base/mod.ts";
import { blake2b } from "../crypto/mod.ts";
import { FRAME_PREFIX_BYTES, STREAM_ID_BYTES } from "./limits.ts";

const NAMESPACE: Uint8Array = blake2b(utf8Bytes("hyperswarm/secret-stream"), { byteLength: 32 });
const NS_INITIATOR = namespaceOf(0);
const NS_RESPONDER = namespaceOf(1);
const NS_SEND = namespaceOf(2);

/** Puts `body` behind its length prefix. */
export function encodeFrame(body: Uint8Array): Uint8Array {
  const frame = allocBytesUnsafe(FRAME_PREFIX_BYTES + body.byteLength);
  frame[0] = body.byteLength & 255;
  frame[1] = (body.byteLength >>> 8) & 255;
  frame[2] = body.byteLength >>> 16;
  frame.set(body, FRAME_PREFIX_BYTES);
  return frame;
}

/**
 * The id that a side announces itself by, from the handshake hash and the side's role.
 *
 * @returns `out`, 32 bytes.
 */
export function streamId(
  handshakeHash: Uint8Array,
  isInitiator: boolean,
  out: Uint8Array = allocBytesUnsafe(STREAM_ID_BYTES),
): Uint8Array {
  blake2b(isInitiator ? NS_INITIATOR : NS_RESPONDER, {
    key: handshakeHash,
    byteLength: STREAM_ID_BYTES,
    out,
  });
  return out;
}

/** The key of the datagrams that one side sends, 32 bytes. */
export function datagramKey(handshakeHash: Uint8Array, isInitiator: boolean): Uint8Array {
  const role = isInitiator ? NS_INITIATOR : NS_RESPONDER;
  return blake2b([role, NS_SEND], { key: handshakeHash, byteLength: 32 });
}

function namespaceOf(index: number): Uint8Array {
  return blake2b([NAMESPACE, Uint8Array.of(index)], { byteLength: 32 });
}

/**
 * The wire format of requests and replies.
 *
 * Source: dht-rpc `lib/io.js`; byte tables in docs/spec/dht_rpc.md. Decoders give views into the datagram.
 *
 * @module
 */
import { allocBytesPooled } from "../base/mod.ts";
import { buffer, fixed32, ipv4Address, type State, uint, uint16 } from "../compact_encoding/mod.ts";
import { ADDRESS_BYTES, ID_BYTES, K } from "./limits.ts";
import type { PeerAddress } from "./peer.ts";

/** First byte of a request: type 0, version 3. */
export const REQUEST_ID = 0x03;
/** First byte of a reply: type 1, version 3. */
export const REPLY_ID = 0x13;

const FLAG_ID = 1;
const FLAG_TOKEN = 2;
const FLAG_INTERNAL = 4;
const FLAG_TARGET = 8;
const FLAG_REQUEST_VALUE = 16;
const FLAG_CLOSER_NODES = 4;
const FLAG_ERROR = 8;
const FLAG_REPLY_VALUE = 16;

/** Bytes of the id byte, the flags, the transaction id and the receiver's address. */
const HEADER_BYTES = 1 + 1 + 2 + ADDRESS_BYTES;

/** A request as it travels. */
export interface RequestMessage {
  /** Transaction id, 16 bits. */
  readonly tid: number;
  /** The receiver as the sender sees it. */
  readonly to: PeerAddress;
  /** The sender's id, 32 bytes, unless it is ephemeral. */
  readonly id: Uint8Array | null;
  /** A token that the receiver gave out, 32 bytes. */
  readonly token: Uint8Array | null;
  /** Whether `command` is one of the protocol itself. */
  readonly internal: boolean;
  /** What is asked. */
  readonly command: number;
  /** What it is about, 32 bytes. */
  readonly target: Uint8Array | null;
  /** What else belongs to the command. */
  readonly value: Uint8Array | null;
}

/** A reply as it travels. */
export interface ReplyMessage {
  /** Transaction id of the request. */
  readonly tid: number;
  /** The receiver as the sender sees it. */
  readonly to: PeerAddress;
  /** The sender's id, 32 bytes, unless it is ephemeral. */
  readonly id: Uint8Array | null;
  /** What proves later that the receiver got this reply, 32 bytes. */
  readonly token: Uint8Array | null;
  /** Addresses of nodes closer to the target of the request, 6 bytes each, one behind the other. */
  readonly closerNodes: Uint8Array | null;
  /** 0 when all went well. */
  readonly error: number;
  /** The answer. */
  readonly value: Uint8Array | null;
}

/** The length of a request, in bytes. */
export function requestByteLength(message: Omit<RequestMessage, "tid" | "to" | "internal">): number {
  const { id, token, target, value, command } = message;
  const state: State = { start: 0, end: HEADER_BYTES, buffer: null };
  state.end += (id ? ID_BYTES : 0) + (token ? ID_BYTES : 0) + (target ? ID_BYTES : 0);
  uint.preencode(state, command);
  if (value) buffer.preencode(state, value);
  return state.end;
}

/**
 * Encodes a request.
 *
 * @throws {TypeError} when the address is no IPv4 address.
 * @throws {RangeError} when the token or the target has not 32 bytes.
 */
export function encodeRequest(message: RequestMessage): Uint8Array {
  const { id, token, target, value, command } = message;
  if (token) assertIdBytes("token", token);
  if (target) assertIdBytes("target", target);
  const bytes = allocBytesPooled(requestByteLength(message));
  const state: State = { start: 0, end: bytes.byteLength, buffer: bytes };
  bytes[0] = REQUEST_ID;
  bytes[1] = (id ? FLAG_ID : 0) | (token ? FLAG_TOKEN : 0) | (message.internal ? FLAG_INTERNAL : 0) |
    (target ? FLAG_TARGET : 0) | (value ? FLAG_REQUEST_VALUE : 0);
  state.start = 2;
  uint16.encode(state, message.tid);
  ipv4Address.encode(state, message.to);
  if (id) fixed32.encode(state, id);
  if (token) fixed32.encode(state, token);
  uint.encode(state, command);
  if (target) fixed32.encode(state, target);
  if (value) buffer.encode(state, value);
  return bytes;
}

/** Encodes a reply; `closerNodes` may be empty. @throws {TypeError} when the address is no IPv4 address. */
export function encodeReply(message: ReplyMessage): Uint8Array {
  const { id, token, closerNodes, error, value } = message;
  const closerCount = closerNodes ? closerNodes.byteLength / ADDRESS_BYTES : 0;
  const state: State = { start: 0, end: HEADER_BYTES, buffer: null };
  state.end += (id ? ID_BYTES : 0) + (token ? ID_BYTES : 0) + closerCount * ADDRESS_BYTES;
  if (closerCount > 0) uint.preencode(state, closerCount);
  if (error > 0) uint.preencode(state, error);
  if (value) buffer.preencode(state, value);
  const bytes = state.buffer = allocBytesPooled(state.end);
  bytes[0] = REPLY_ID;
  bytes[1] = (id ? FLAG_ID : 0) | (token ? FLAG_TOKEN : 0) | (closerCount > 0 ? FLAG_CLOSER_NODES : 0) |
    (error > 0 ? FLAG_ERROR : 0) | (value ? FLAG_REPLY_VALUE : 0);
  state.start = 2;
  uint16.encode(state, message.tid);
  ipv4Address.encode(state, message.to);
  if (id) fixed32.encode(state, id);
  if (token) fixed32.encode(state, token);
  if (closerCount > 0) {
    uint.encode(state, closerCount);
    bytes.set(closerNodes!, state.start);
    state.start += closerNodes!.byteLength;
  }
  if (error > 0) uint.encode(state, error);
  if (value) buffer.encode(state, value);
  return bytes;
}

/** Decodes a request; null when `bytes` are none. Bytes behind it are ignored, as in dht-rpc. */
export function decodeRequest(bytes: Uint8Array): RequestMessage | null {
  if (bytes[0] !== REQUEST_ID) return null;
  const state: State = { start: 1, end: bytes.byteLength, buffer: bytes };
  try {
    const flags = uint.decode(state);
    const tid = uint16.decode(state);
    const to = ipv4Address.decode(state);
    const id = flags & FLAG_ID ? fixed32.decode(state) : null;
    const token = flags & FLAG_TOKEN ? fixed32.decode(state) : null;
    const command = uint.decode(state);
    const target = flags & FLAG_TARGET ? fixed32.decode(state) : null;
    const value = flags & FLAG_REQUEST_VALUE ? buffer.decode(state) : null;
    return { tid, to, id, token, internal: (flags & FLAG_INTERNAL) !== 0, command, target, value };
  } catch {
    // Whoever sends something else is not answered.
    return null;
  }
}

/**
 * Decodes a reply; null when `bytes` are none. Of the closer nodes the first 20 are given, which is what a node has to
 * name; the others are skipped.
 */
export function decodeReply(bytes: Uint8Array): ReplyMessage | null {
  if (bytes[0] !== REPLY_ID) return null;
  const state: State = { start: 1, end: bytes.byteLength, buffer: bytes };
  try {
    const flags = uint.decode(state);
    const tid = uint16.decode(state);
    const to = ipv4Address.decode(state);
    const id = flags & FLAG_ID ? fixed32.decode(state) : null;
    const token = flags & FLAG_TOKEN ? fixed32.decode(state) : null;
    const closerNodes = flags & FLAG_CLOSER_NODES ? decodeCloserNodes(state) : null;
    const error = flags & FLAG_ERROR ? uint.decode(state) : 0;
    const value = flags & FLAG_REPLY_VALUE ? buffer.decode(state) : null;
    return { tid, to, id, token, closerNodes, error, value };
  } catch {
    // Whoever sends something else is not listened to.
    return null;
  }
}

function decodeCloserNodes(state: State): Uint8Array {
  const count = uint.decode(state);
  if (count * ADDRESS_BYTES > state.end - state.start) throw new RangeError(`No room for ${count} addresses`);
  const { start } = state;
  state.start += count * ADDRESS_BYTES;
  return state.buffer!.subarray(start, start + Math.min(count, K) * ADDRESS_BYTES);
}

function assertIdBytes(name: string, bytes: Uint8Array): void {
  if (bytes.byteLength !== ID_BYTES) {
    throw new RangeError(`Cannot send a ${name} of ${bytes.byteLength} bytes, it has ${ID_BYTES}`);
  }
}

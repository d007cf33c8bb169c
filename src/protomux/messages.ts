/**
 * The values on the control channel. The byte tables are in `docs/spec/protomux.md`.
 *
 * @module
 */
import { copyBytes } from "../base/mod.ts";
import { type Encoder, optionalBuffer, type State, string, uint } from "../compact_encoding/mod.ts";

/** The channel that opens, rejects and closes the others, and whose type 0 is a batch. */
export const CONTROL_CHANNEL = 0;

/** Message types of the control channel. Source: protomux `index.js`. */
export const CONTROL = { batch: 0, open: 1, reject: 2, close: 3 } as const;

/** What opens a channel. The handshake, if any, follows in the bytes of the channel's own codec. */
export interface OpenMessage {
  /** The sender's id of the channel, at least 1. */
  readonly channelId: number;
  /** Name of the protocol. */
  readonly protocol: string;
  /** Tells channels of one protocol apart; null where there is no need to. */
  readonly id: Uint8Array | null;
}

/** Codec of {@linkcode OpenMessage}; decodes the id to a copy, since it outlives its frame. */
export const openMessage: Encoder<OpenMessage> = {
  preencode(state: State, message: OpenMessage): void {
    uint.preencode(state, message.channelId);
    string.preencode(state, message.protocol);
    optionalBuffer.preencode(state, message.id);
  },
  encode(state: State, message: OpenMessage): void {
    uint.encode(state, message.channelId);
    string.encode(state, message.protocol);
    optionalBuffer.encode(state, message.id);
  },
  decode(state: State): OpenMessage {
    const channelId = uint.decode(state);
    const protocol = string.decode(state);
    const id = optionalBuffer.decode(state);
    return { channelId, protocol, id: id === null ? null : copyBytes(id) };
  },
};

/** Returns the codec of an {@linkcode OpenMessage} with a handshake behind it, for encoding. */
export function openMessageWith<Handshake>(
  handshakeEncoding: Pick<Encoder<Handshake, unknown>, "preencode" | "encode">,
  handshake: Handshake,
): Pick<Encoder<OpenMessage>, "preencode" | "encode"> {
  return {
    preencode(state: State, message: OpenMessage): void {
      openMessage.preencode(state, message);
      handshakeEncoding.preencode(state, handshake);
    },
    encode(state: State, message: OpenMessage): void {
      openMessage.encode(state, message);
      handshakeEncoding.encode(state, handshake);
    },
  };
}

/** Number of bytes that `value` takes as a `uint`. */
export function uintByteLength(value: number): number {
  return value <= 0xfc ? 1 : value <= 0xffff ? 3 : value <= 0xffffffff ? 5 : 9;
}

/**
 * The channel that relays and clients talk on.
 *
 * @module
 */
import { type Encoder, raw } from "../compact_encoding/mod.ts";
import type { Channel, ChannelOptions, Protomux } from "../protomux/mod.ts";
import { BlindRelayError } from "./errors.ts";
import { PROTOCOL } from "./messages.ts";

/** How the channel is opened. */
export interface ChannelSettings {
  /** Tells channels of one stream apart; HyperDHT uses the public key of the connecting side. */
  readonly id?: Uint8Array | null;
  /** What is sent when the channel opens; nothing unless given. */
  readonly handshake?: unknown;
  /** How the handshake becomes bytes (default: it is bytes). */
  readonly handshakeEncoding?: Encoder<unknown>;
}

/**
 * Makes the channel, not open yet.
 *
 * @throws {BlindRelayError} `DUPLICATE_CHANNEL` when there is one of that id, `CHANNEL_CLOSED` when the stream is gone.
 */
export function createRelayChannel(
  mux: Protomux,
  { id = null, handshake, handshakeEncoding }: ChannelSettings,
  handlers: Pick<ChannelOptions, "onopen" | "onclose" | "ondestroy" | "ondrain">,
): Channel {
  const encoding = handshake ? handshakeEncoding ?? raw as Encoder<unknown> : null;
  const channel = mux.createChannel({ protocol: PROTOCOL, id, handshake: encoding, ...handlers });
  if (channel !== null) return channel;
  throw new BlindRelayError(mux.opened({ protocol: PROTOCOL, id }) ? "DUPLICATE_CHANNEL" : "CHANNEL_CLOSED");
}

/**
 * The two messages of the protocol `blind-relay`. The byte tables are in `docs/spec/blind_relay.md`.
 *
 * @module
 */
import { bitfield, type Encoder, fixed32, type State, uint } from "../compact_encoding/mod.ts";
import type { BlindRelayErrorCode } from "./errors.ts";

/** Name of the protocol on the muxer. Source: blind-relay `index.js`. */
export const PROTOCOL = "blind-relay";

/** Bytes of a token. Source: blind-relay `index.js`. */
export const TOKEN_BYTES = 32;

const IS_INITIATOR = 1;

/** Asks for a pair, and answers that the relay has one ready. */
export interface PairMessage {
  /** Which of the two ends of the pair this is about. */
  readonly isInitiator: boolean;
  /** What both peers know, 32 bytes. */
  readonly token: Uint8Array;
  /** The sender's stream id for the pair. */
  readonly id: number;
  /** The first sequence number of that stream; always 0 today. */
  readonly seq: number;
}

/** Takes a request or a pair back. */
export interface UnpairMessage {
  /** The token of the pair, 32 bytes. */
  readonly token: Uint8Array;
  /** Why, in a relay's message: a key of {@linkcode END_REASONS}; 0 or absent for no reason. */
  readonly reason?: number;
}

/** Flags, up to seven of them in one byte. Source: blind-relay `index.js`. */
const flags = bitfield(7);

/** Codec of {@linkcode PairMessage}; decodes the token to a view. Source: blind-relay `index.js`. */
export const pair: Encoder<PairMessage> = {
  preencode(state: State, message: PairMessage): void {
    flags.preencode(state, 0);
    fixed32.preencode(state, message.token);
    uint.preencode(state, message.id);
    uint.preencode(state, message.seq);
  },
  encode(state: State, message: PairMessage): void {
    flags.encode(state, message.isInitiator ? IS_INITIATOR : 0);
    fixed32.encode(state, message.token);
    uint.encode(state, message.id);
    uint.encode(state, message.seq);
  },
  decode(state: State): PairMessage {
    const isInitiator = (flags.decode(state)[0]! & IS_INITIATOR) !== 0;
    const token = fixed32.decode(state);
    return { isInitiator, token, id: uint.decode(state), seq: uint.decode(state) };
  },
};

/**
 * Codec of {@linkcode UnpairMessage}; decodes the token to a view.
 *
 * The npm package writes flags of 0 and ignores what it reads there. Source: blind-relay `index.js`.
 */
export const unpair: Encoder<UnpairMessage> = {
  preencode(state: State, message: UnpairMessage): void {
    flags.preencode(state, 0);
    fixed32.preencode(state, message.token);
  },
  encode(state: State, message: UnpairMessage): void {
    flags.encode(state, message.reason ?? 0);
    fixed32.encode(state, message.token);
  },
  decode(state: State): UnpairMessage {
    const reason = flags.decode(state)[0]!;
    return { token: fixed32.decode(state), reason };
  },
};

/**
 * Why a relay refused or ended a pair, by the number that its `unpair` carries in the flags. Of this implementation:
 * relays of the npm package send no `unpair`, and its clients ignore one.
 */
export const END_REASONS: Readonly<Record<number, BlindRelayErrorCode>> = {
  1: "PAIRS_EXCEEDED",
  2: "ALREADY_PAIRING",
  3: "PAIRING_TIMED_OUT",
  4: "PAIR_IDLE",
  5: "PAIR_EXPIRED",
  6: "TRAFFIC_EXCEEDED",
  7: "STREAM_FAILED",
};

/** The number of `code` in {@linkcode END_REASONS}; 0 when it has none. */
export function endReasonOf(code: BlindRelayErrorCode): number {
  for (const [reason, name] of Object.entries(END_REASONS)) {
    if (name === code) return Number(reason);
  }
  return 0;
}

/**
 * What programs hand to a muxer and its channels.
 *
 * @module
 */
import type { Encoder } from "../compact_encoding/mod.ts";
import type { Channel } from "./channel.ts";
import type { ProtomuxLimits } from "./limits.ts";

/**
 * What a muxer needs of its stream: any duplex that preserves the boundaries of what is written, such as a secret
 * stream, a `streamx` or `node:stream` duplex in object mode, or a framing of your own.
 */
export interface FramedStream {
  /** Where the muxer leaves itself for `Protomux.from()`, unless something is there. */
  userData?: unknown;
  /** Whether the stream is gone. */
  readonly destroyed: boolean;
  /** Sends a frame, of which it takes ownership; returns whether it has room for more. */
  write(frame: Uint8Array): boolean;
  /** Ends the own direction. */
  end(): unknown;
  /** Stops `data` events. */
  pause(): unknown;
  /** Starts them again. */
  resume(): unknown;
  /** Tears the stream down, with `error` as the reason where there is one; emits `close` then. */
  destroy(error?: Error | null): unknown;
  /** Listens to `data`, `drain`, `end`, `error` and `close`. */
  on(event: string, listener: (...args: never[]) => void): unknown;
  /** Allocates a frame that `write` sends without copying. */
  alloc?(byteLength: number): Uint8Array;
}

/** Options of a muxer. */
export interface ProtomuxOptions {
  /** Allocates frames; the stream's `alloc` by default, or else fresh bytes. */
  readonly alloc?: (byteLength: number) => Uint8Array;
  /**
   * Called with what a handler threw when its channel has no `onerror`; for a `pair()` callback the channel is null.
   */
  readonly onerror?: (error: unknown, channel: Channel | null) => void;
  /** Bounds on what the remote can make the muxer keep. */
  readonly limits?: Partial<ProtomuxLimits>;
}

/** Called when the remote opens a channel that has no counterpart; creating one in it accepts the channel. */
export type PairCallback = (id: Uint8Array | null) => unknown;

/** Waits that can be given up. */
export interface WaitOptions {
  /** Rejects the wait with its reason; the channel stays as it is. */
  readonly signal?: AbortSignal;
}

/** Options of `channel.addMessage()`. */
export interface MessageOptions<Input = Uint8Array, Output = Input> {
  /** How values become bytes; `raw` by default. */
  readonly encoding?: Encoder<Input, Output>;
  /** Whether answers to a batch are sent only once this handler's promise has settled (default true). */
  readonly autoBatch?: boolean;
  /** Called with each message of the remote. What it throws, or rejects with, closes the channel. */
  onmessage?(message: Output, channel: Channel): unknown;
}

/** Options of `mux.createChannel()`. What a handler throws, or rejects with, closes the channel. */
export interface ChannelOptions<Input = unknown, Output = Input> {
  /** Name of the protocol. */
  readonly protocol: string;
  /** Other names that the remote may use for it. */
  readonly aliases?: readonly string[];
  /** Binary id that tells channels of one protocol apart. */
  readonly id?: Uint8Array | null;
  /** Refuse when a channel of that name and id is open already (default true). */
  readonly unique?: boolean;
  /** How the value given to `open()` becomes bytes; none by default. */
  readonly handshake?: Encoder<Input, Output> | null;
  /** Messages, numbered in this order; a falsy entry skips a number. */
  readonly messages?: readonly (MessageOptions<unknown, unknown> | null | undefined | false)[];
  /** Anything, kept as `channel.userData`. */
  readonly userData?: unknown;
  /** Called once both sides have opened the channel, with the handshake of the remote. */
  onopen?(handshake: Output | null, channel: Channel<Input, Output>): unknown;
  /** Called when the channel is closed; `isRemote` unless it was closed here. */
  onclose?(isRemote: boolean, channel: Channel<Input, Output>): unknown;
  /** Called behind `onclose` once the promises of all handlers have settled. */
  ondestroy?(channel: Channel<Input, Output>): unknown;
  /** Called when the stream has room again. */
  ondrain?(channel: Channel<Input, Output>): unknown;
  /** Called with what a handler threw, before the channel is closed for it; the muxer's `onerror` by default. */
  onerror?(error: unknown, channel: Channel<Input, Output>): void;
}

/**
 * Options, events and neighbours of the encrypted stream.
 *
 * @module
 */
import type { Clock } from "../base/mod.ts";
import type { Handshake } from "./handshake_machine.ts";
import type { KeyPair, NoisePattern } from "./noise.ts";

/** What a raw stream must do: any `node:net` socket, `node:stream` or streamx duplex does. */
export interface RawStream {
  /** Listens to 'data', 'end', 'drain', 'close', 'error' and, of UDX, 'message'. */
  // deno-lint-ignore no-explicit-any -- listeners of all kinds of streams take all kinds of arguments
  on(event: string, listener: (...args: any[]) => void): unknown;
  /** Sends bytes; false when the stream would rather wait for 'drain'. */
  write(data: Uint8Array): boolean;
  /** Sends no more. */
  end(): unknown;
  /** Stops giving data until {@linkcode resume}. */
  pause(): unknown;
  /** Gives data again. */
  resume(): unknown;
  /** Closes at once. */
  destroy(error?: Error | null): unknown;
  /** Sends a datagram, unordered and unreliably (UDX). */
  send?(message: Uint8Array): unknown;
  /** As `send`, without telling how it went (UDX). */
  trySend?(message: Uint8Array): unknown;
  /** Is told how many bytes the peer is sure to send next (UDX). */
  setContentSize?(byteLength: number): unknown;
  /** Resolves once all that was written has been sent. */
  flush?(): Promise<boolean>;
  /** What there is to tell about the stream. */
  toJSON?(): unknown;
  /** Address of the other side, null before it is known (UDX). */
  readonly remoteHost?: string | null;
  /** Port of the other side (UDX). */
  readonly remotePort?: number;
}

/** Options of `stream.start()`. */
export interface SecretStreamStartOptions {
  /** Noise pattern (default `"XX"`). */
  readonly pattern?: NoisePattern;
  /** The other side's public key, 32 bytes: needed to initiate IK and XK; no other peer is accepted. */
  readonly remotePublicKey?: Uint8Array | null;
  /** Our key pair, or a promise of it that the handshake waits for (default: a fresh one). */
  readonly keyPair?: KeyPair | PromiseLike<KeyPair> | null;
  /** A handshake done elsewhere; none is done then. */
  readonly handshake?: Handshake | null;
  /** Bytes that were already read from the raw stream. */
  readonly data?: Uint8Array | null;
  /** Whether the raw stream has already ended, after `data`. */
  readonly ended?: boolean;
}

/** Options of `new SecretStream()`. */
export interface SecretStreamOptions extends SecretStreamStartOptions {
  /** Whether to start at once (default true); else `start()` is to be called. */
  readonly autoStart?: boolean;
  /** First value of `stream.publicKey`, until the handshake is done (default null). */
  readonly publicKey?: Uint8Array | null;
  /** First value for `stream.setKeepAlive()`, in ms (default 0). */
  readonly keepAlive?: number;
  /** Whether datagrams of a raw stream that has such are received (default true). */
  readonly enableSend?: boolean;
  /** Destroys the stream with the signal's reason when aborted. */
  readonly signal?: AbortSignal;
  /** Time for heartbeats and the timeout (default: the system's). */
  readonly clock?: Clock;
  /** Secure random bytes for keys and nonces (default: the system's); the caller gives up the bytes it returns. */
  readonly randomBytes?: (byteLength: number) => Uint8Array;
}

/** Options of `stream.flush()`. */
export interface FlushOptions {
  /** Ends the wait. */
  readonly signal?: AbortSignal;
}

/** Events of a secret stream. */
export type SecretStreamEvents = {
  /** The handshake is done and streamx has opened the stream. */
  open: () => void;
  /** The handshake is done; both keys and the hash are known. */
  connect: () => void;
  /** The keys are installed; comes before the first encrypted byte is sent. */
  handshake: () => void;
  /** A datagram came in. */
  message: (message: Uint8Array) => void;
  /** A message came in, whole. */
  data: (message: Uint8Array) => void;
  /** There is something to read. */
  readable: () => void;
  /** The other side sends no more. */
  end: () => void;
  /** What was written has been handed on. */
  drain: () => void;
  /** We send no more. */
  finish: () => void;
  /** The stream is gone. */
  close: () => void;
  /** The stream was destroyed with an error. */
  error: (error: Error) => void;
  /** Something pipes into the stream. */
  pipe: (source: unknown) => void;
  /** The stream pipes into something. */
  piping: (target: unknown) => void;
};

/** What `stream.toJSON()` tells. */
export interface SecretStreamJSON {
  /** Whether we spoke first. */
  readonly isInitiator: boolean;
  /** Our public key as hexadecimal digits, or null. */
  readonly publicKey: string | null;
  /** The other side's public key as hexadecimal digits, or null. */
  readonly remotePublicKey: string | null;
  /** Whether the handshake is done. */
  readonly connected: boolean;
  /** Whether the stream is being destroyed or is gone. */
  readonly destroying: boolean;
  /** Whether the stream is gone. */
  readonly destroyed: boolean;
  /** What the raw stream tells, or null. */
  readonly rawStream: unknown;
}

/**
 * An encrypted stream with a muxer on it: what replication runs over. Source: `hypercore/index.js`.
 *
 * @module
 */
import { Protomux } from "../protomux/mod.ts";
import { type Bridge, SecretStream } from "../secret_stream/mod.ts";
import { HypercoreError } from "./errors.ts";
import { DEFAULT_KEEP_ALIVE_MS } from "./limits.ts";
import type { ReplicateOptions } from "./options.ts";
import { PROTOCOL_NAME } from "./replication/mod.ts";

/** A stream that leads to a secret stream: the secret stream itself, or what it is piped over. */
export interface ProtocolStream {
  /** The secret stream. */
  readonly noiseStream: SecretStream;
}

/**
 * Makes a secret stream with a muxer; the result is to be piped over a transport.
 *
 * @param isInitiator Whether this side begins.
 */
export function createProtocolStream(isInitiator: boolean, options?: ReplicateOptions): Bridge;
/**
 * Puts a muxer on a stream that leads to a secret stream, unless it has one.
 *
 * @throws {HypercoreError} `BAD_ARGUMENT` for another stream.
 */
export function createProtocolStream<Given extends ProtocolStream>(
  stream: Given,
  options?: ReplicateOptions,
): Given;
export function createProtocolStream(
  from: boolean | ProtocolStream,
  options: ReplicateOptions = {},
): ProtocolStream {
  const stream = typeof from === "object" ? from : options.stream ?? newStream(from, options);
  const { noiseStream } = stream;
  if (!noiseStream) {
    throw new HypercoreError("BAD_ARGUMENT", "Replication needs a secret stream or a muxer on one");
  }
  if (!noiseStream.userData) {
    noiseStream.userData = Protomux.from(noiseStream);
    if (options.keepAlive !== false && noiseStream.keepAlive === 0) {
      noiseStream.setKeepAlive(DEFAULT_KEEP_ALIVE_MS);
    }
  }
  if (options.ondiscoverykey) pairAnyLog(muxerOf(stream), options.ondiscoverykey);
  return stream;
}

function newStream(isInitiator: boolean, options: ReplicateOptions): Bridge {
  const { keyPair, keepAlive } = options;
  return new SecretStream(isInitiator, null, { keyPair, keepAlive: keepAlive || 0 }).rawStream as Bridge;
}

function pairAnyLog(mux: Protomux, ondiscoverykey: (discoveryKey: Uint8Array) => void | Promise<void>): void {
  mux.pair({ protocol: PROTOCOL_NAME }, (id) => {
    if (id?.byteLength !== 32) throw new HypercoreError("BAD_ARGUMENT", "A discovery key has 32 bytes");
    return ondiscoverykey(id);
  });
}

/** The muxer that {@linkcode createProtocolStream} put on `stream`. */
export function muxerOf(stream: ProtocolStream): Protomux {
  return stream.noiseStream.userData as Protomux;
}

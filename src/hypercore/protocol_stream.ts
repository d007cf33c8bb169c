/**
 * An encrypted stream with a muxer on it: what replication runs over. Source: `hypercore/index.js`.
 *
 * @module
 */
import { Protomux } from "../protomux/mod.ts";
import { SecretStream } from "../secret_stream/mod.ts";
import { HypercoreError } from "./errors.ts";
import { DEFAULT_KEEP_ALIVE_MS } from "./limits.ts";
import type { ReplicateOptions } from "./options.ts";
import { PROTOCOL_NAME } from "./replication/mod.ts";

/** A secret stream, or the raw stream of one (what you pipe over a transport). */
export type ProtocolStream = SecretStream["rawStream"] & { noiseStream?: SecretStream };

/**
 * Makes a secret stream with a muxer, or puts a muxer on the one given.
 *
 * @param from Whether this side begins, or a stream or muxer to use.
 * @throws {HypercoreError} `BAD_ARGUMENT` for a stream that is not a secret stream.
 */
export function createProtocolStream(
  from: boolean | ProtocolStream | Protomux,
  options: ReplicateOptions = {},
): ProtocolStream {
  const given = Protomux.isProtomux(from) ? from.stream : typeof from === "object" ? from : options.stream;
  const outer = (given ??
    new SecretStream(from === true, null, { ...options, keepAlive: options.keepAlive || 0 })
      .rawStream) as ProtocolStream;
  const noiseStream = outer.noiseStream;
  if (!noiseStream) {
    throw new HypercoreError("BAD_ARGUMENT", "Replication needs a secret stream or a muxer on one");
  }
  if (!noiseStream.userData) {
    noiseStream.userData = Protomux.from(noiseStream);
    if (options.keepAlive !== false && noiseStream.keepAlive === 0) {
      noiseStream.setKeepAlive(DEFAULT_KEEP_ALIVE_MS);
    }
  }
  const { ondiscoverykey } = options;
  if (ondiscoverykey) {
    muxerOf(outer).pair({ protocol: PROTOCOL_NAME }, (id) => {
      if (id?.byteLength !== 32) throw new HypercoreError("BAD_ARGUMENT", "A discovery key has 32 bytes");
      return ondiscoverykey(id);
    });
  }
  return outer;
}

/** The muxer that {@linkcode createProtocolStream} put on `stream`. */
export function muxerOf(stream: ProtocolStream): Protomux {
  return stream.noiseStream?.userData as Protomux;
}

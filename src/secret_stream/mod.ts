/**
 * Encrypted streams, as the npm package `@hyperswarm/secret-stream` makes them: Noise over Ed25519 keys, then
 * libsodium's secretstream, over any duplex.
 *
 * The default export is the class, as in the npm package.
 *
 * @module
 */
export type {
  CancelTimer,
  Clock,
  Duplex,
  DuplexConstructor,
  DuplexEvents,
  DuplexOptions,
  PipeTarget,
  Readable,
  ReadableConstructor,
  ReadableEvents,
  ReadableOptions,
  Stream,
  StreamCallback,
  StreamEvents,
  StreamListener,
  StreamOptions,
  Writable,
  WritableConstructor,
  WritableEvents,
  WritableOptions,
} from "../base/mod.ts";
export { Bridge, type BridgeEvents } from "./bridge.ts";
export { SecretStreamError, type SecretStreamErrorCode, type SecretStreamErrorOptions } from "./errors.ts";
export type { Handshake } from "./handshake_machine.ts";
export { MESSAGE_BYTES_MAX } from "./limits.ts";
export {
  type KeyPair,
  NoiseHandshake,
  type NoiseHandshakeOptions,
  type NoisePattern,
  type NoiseResult,
} from "./noise.ts";
export { SecretStream, SecretStream as default, SecretStream as NoiseSecretStream } from "./secret_stream.ts";
export type {
  FlushOptions,
  RawStream,
  SecretStreamEvents,
  SecretStreamJSON,
  SecretStreamOptions,
  SecretStreamStartOptions,
} from "./types.ts";

/**
 * What every layer stands on: bytes, errors, events, streams, and the interfaces of time and randomness.
 *
 * @module
 */
export {
  allocBytes,
  allocBytesPooled,
  allocBytesUnsafe,
  compareBytes,
  concatBytes,
  copyBytes,
  equalBytes,
  hexBytes,
  hexText,
  isBytes,
  utf8ByteLength,
  utf8Bytes,
  utf8Text,
  viewBytes,
} from "./bytes.ts";
export { type CancelTimer, type Clock } from "./clock.ts";
export { QuinceError, type QuinceErrorOptions } from "./errors.ts";
export { type EventMap, TypedEventEmitter } from "./events.ts";
export { type Random, runtimeRandom, SeededRandom } from "./random.ts";
export {
  type AnyStream,
  drained,
  Duplex,
  getStreamError,
  isReadBackpressured,
  PassThrough,
  Readable,
  type StreamCallback,
  Transform,
  Writable,
} from "./streams.ts";

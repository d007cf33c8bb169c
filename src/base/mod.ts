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
export { resolveDrivePath } from "./drive_path.ts";
export { QuinceError, type QuinceErrorOptions } from "./errors.ts";
export { type EventMap, TypedEventEmitter } from "./events.ts";
export { type Gathered, Gathering } from "./gathering.ts";
export { type Lock, Mutex } from "./mutex.ts";
export { type Random, runtimeRandom, SeededRandom } from "./random.ts";
export {
  Duplex,
  type DuplexConstructor,
  type DuplexEvents,
  type DuplexOptions,
  PassThrough,
  Transform,
  type TransformCallback,
  type TransformConstructor,
  type TransformOptions,
} from "./duplex.ts";
export {
  type PipeTarget,
  Readable,
  type ReadableConstructor,
  type ReadableEvents,
  type ReadableOptions,
} from "./readable.ts";
export { SpeedMeter } from "./speed_meter.ts";
export type { Stream, StreamCallback, StreamEvents, StreamListener, StreamOptions } from "./stream.ts";
export {
  type AnyStream,
  destroyOnAbort,
  drained,
  getStreamError,
  isReadBackpressured,
  isStream,
  pipeline,
} from "./streams.ts";
export { untilAborted } from "./until_aborted.ts";
export { Writable, type WritableConstructor, type WritableEvents, type WritableOptions } from "./writable.ts";

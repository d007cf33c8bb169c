/**
 * Shorthands of the secret stream tests.
 *
 * @module
 */
import { concatBytes, hexBytes, utf8Bytes } from "../../../src/base/mod.ts";
import { type KeyPair, SecretStream, type SecretStreamOptions } from "../../../src/secret_stream/mod.ts";
import { type MemoryEnd, memoryPair, type MemoryPairOptions } from "../../helpers/memory_pair.ts";

/** One side of a recorded conversation. */
export interface RecordedSide {
  seed: string;
  publicKey: string;
  secretKey: string;
  ephemeralSeed: string;
  header: string;
  counter: string;
  streamId: string;
  messages: string[];
  wire: string;
  rawBytesWritten: number;
  rawBytesRead: number;
  datagrams: { message: string; wire: string }[];
}

/** A recorded conversation. */
export interface RecordedCase {
  pattern: "XX" | "IK" | "XK";
  handshakeHash: string;
  initiator: RecordedSide;
  responder: RecordedSide;
}

/** The roles of a conversation. */
export const ROLES = ["initiator", "responder"] as const;

/** What the npm package said, see tests/vectors/record/secret_stream.mjs. */
export const RECORDED: readonly RecordedCase[] = JSON.parse(
  Deno.readTextFileSync(new URL("../../vectors/secret_stream/streams.json", import.meta.url)),
).cases;

/** A recorded side's key pair. */
export function keyPairOf(side: RecordedSide): KeyPair {
  return { publicKey: hexBytes(side.publicKey), secretKey: hexBytes(side.secretKey) };
}

/** Random bytes that were drawn before: each call takes the next of `draws`, whose length must be right. */
export function drawn(draws: readonly string[]): (byteLength: number) => Uint8Array {
  const left = draws.map(hexBytes);
  return (byteLength) => {
    const next = left.shift();
    if (next?.byteLength !== byteLength) throw new Error(`Unexpected draw of ${byteLength} bytes`);
    return next;
  };
}

/** A seed of 32 equal bytes. */
export function seedOf(byte: number): Uint8Array {
  return new Uint8Array(32).fill(byte);
}

/** Two streams over two ends of a wire, and the ends. */
export interface StreamPair {
  readonly initiator: SecretStream;
  readonly responder: SecretStream;
  readonly ends: readonly [MemoryEnd, MemoryEnd];
}

/** Options of {@linkcode streamPair}. */
export interface StreamPairOptions extends MemoryPairOptions {
  readonly both?: SecretStreamOptions;
  readonly initiator?: SecretStreamOptions;
  readonly responder?: SecretStreamOptions;
}

/** Connects two streams; errors are kept, not thrown. */
export function streamPair(options: StreamPairOptions = {}): StreamPair {
  const ends = memoryPair(options);
  const initiator = new SecretStream(true, ends[0], { ...options.both, ...options.initiator });
  const responder = new SecretStream(false, ends[1], { ...options.both, ...options.responder });
  initiator.on("error", () => {});
  responder.on("error", () => {});
  for (const end of ends) end.on("error", () => {});
  return { initiator, responder, ends };
}

/** Resolves with the arguments of the next `event`, errors included. */
export function emitted<T = unknown>(
  emitter: { once(event: never, listener: (value: T) => void): unknown },
  event: string,
): Promise<T> {
  return new Promise((resolve) => emitter.once(event as never, resolve));
}

/** Resolves when `stream` is closed, with the error it was destroyed with, or null. */
export async function closed(stream: SecretStream): Promise<Error | null> {
  if (stream.destroyed) return null;
  let error: Error | null = null;
  stream.on("error", (reason) => error = reason);
  await emitted(stream, "close");
  return error;
}

/** Lets everything that is ready happen. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Collects the next `count` messages of `stream`. */
export function received(stream: SecretStream, count: number): Promise<Uint8Array[]> {
  const messages: Uint8Array[] = [];
  return new Promise((resolve) => {
    const listener = (message: Uint8Array) => {
      messages.push(message);
      if (messages.length < count) return;
      stream.off("data", listener);
      resolve(messages);
    };
    stream.on("data", listener);
  });
}

/** Text as bytes. */
export const bytes: (text: string) => Uint8Array = utf8Bytes;

/** Joins hexadecimal digits or bytes. */
export function joined(...parts: (string | Uint8Array)[]): Uint8Array {
  return concatBytes(parts.map((part) => typeof part === "string" ? hexBytes(part) : part));
}

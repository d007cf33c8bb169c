/**
 * `crypto_secretstream_xchacha20poly1305` of libsodium, byte for byte: a sequence of messages, each bound to
 * its place and to a tag.
 *
 * @module
 */
import { allocBytes, allocBytesUnsafe } from "../base/mod.ts";
import { CHUNK_BYTES, core, DATA, DATA_BYTES, memory, SLOT_A, SLOT_B, STATE, wipeSlots } from "./arena.ts";
import { assertByteLength, assertInteger, CryptoError } from "./errors.ts";
import { randomBytes } from "./random.ts";

/** Tag of an ordinary message. */
export const TAG_MESSAGE = 0;
/** Tag of the end of a set of messages. */
export const TAG_PUSH = 1;
/** Tag after which both sides change the key. */
export const TAG_REKEY = 2;
/** Tag of the end of the stream; also changes the key. */
export const TAG_FINAL = 3;
/** Bytes a message grows by. */
export const SECRETSTREAM_ABYTES = 17;
/** Bytes of the header that the sender hands to the receiver. */
export const SECRETSTREAM_HEADERBYTES = 24;
/** Bytes of a key. */
export const SECRETSTREAM_KEYBYTES = 32;
/** Largest frame body, bytes: what the 3-byte length prefix can say. */
export const SECRETSTREAM_FRAMEBYTES_MAX = 0xffffff;

const STATE_BYTES = 44;
const MAC_BYTES = 16;
const PREFIX_BYTES = 3;
const EMPTY = new Uint8Array(0);
const STATE_VIEW = memory.subarray(STATE, STATE + STATE_BYTES);
/** The text of a single frame begins aligned: the byte before it holds the tag. */
const FRAME = DATA + 63;

/** Options of {@linkcode SecretStreamPush.push}. */
export interface SecretStreamPushOptions {
  /** 0 to 255, {@linkcode TAG_MESSAGE} by default. */
  readonly tag?: number;
  /** Additional data that is authenticated but not encrypted. */
  readonly ad?: Uint8Array;
  /** Where to write the ciphertext; may be larger, the result is a view of its beginning. */
  readonly out?: Uint8Array;
}

/** Options of {@linkcode SecretStreamPull.pull}. */
export interface SecretStreamPullOptions {
  /** The additional data given to `push`. */
  readonly ad?: Uint8Array;
  /** Where to write the message; may be larger, the result is a view of its beginning. */
  readonly out?: Uint8Array;
}

/** A message and its tag. */
export interface SecretStreamMessage {
  /** The tag given to `push`. */
  readonly tag: number;
  /** The plaintext. */
  readonly message: Uint8Array;
}

/** What {@linkcode SecretStreamPull.pullFrames} found. */
export interface SecretStreamFrames {
  /** The plaintexts, views of fresh bytes that they may share. */
  readonly messages: Uint8Array[];
  /** The tag of each message. */
  readonly tags: number[];
  /** Bytes of the input that the opened frames took; an incomplete frame may follow. */
  readonly consumedBytes: number;
  /** False when the frame at `consumedBytes` is too short or did not open; the stream stays before it. */
  readonly isAuthentic: boolean;
}

/** State, checks and disposal that both directions of a stream share. */
export abstract class SecretStream {
  /** Key and nonce; copied into the core and back around each call. */
  protected readonly state: Uint8Array = allocBytes(STATE_BYTES);
  #isDisposed = false;

  protected constructor(key: Uint8Array, header: Uint8Array) {
    assertByteLength("key", key, SECRETSTREAM_KEYBYTES);
    assertByteLength("header", header, SECRETSTREAM_HEADERBYTES);
    memory.set(key, SLOT_A);
    memory.set(header, SLOT_B);
    core.secretstream_init(STATE, SLOT_A, SLOT_B);
    this.state.set(STATE_VIEW);
    wipeSlots();
  }

  /**
   * Changes the key without a message; the other side must do so at the same place.
   *
   * @throws {CryptoError} `DISPOSED` after `dispose()`.
   */
  rekey(): void {
    this.load();
    core.secretstream_rekey(STATE);
    this.save();
  }

  /** Wipes the key; the stream cannot be used any more. */
  dispose(): void {
    this.#isDisposed = true;
    this.state.fill(0);
    STATE_VIEW.fill(0);
  }

  /** Same as {@linkcode dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  protected load(): void {
    if (this.#isDisposed) throw new CryptoError("DISPOSED", "Cannot use a stream after dispose()");
    STATE_VIEW.set(this.state);
  }

  protected save(): void {
    this.state.set(STATE_VIEW);
  }
}

/**
 * The sending side.
 *
 * @example
 * ```ts
 * import { randomBytes, SecretStreamPull, SecretStreamPush } from "./mod.ts";
 *
 * const key = randomBytes(32);
 * const push = new SecretStreamPush(key);
 * const pull = new SecretStreamPull(key, push.header);
 * const opened = pull.pull(push.push(new Uint8Array([1, 2, 3])));
 * console.assert(opened?.message.byteLength === 3);
 * ```
 */
export class SecretStreamPush extends SecretStream {
  /** What the receiver needs besides the key: 24 bytes. */
  readonly header: Uint8Array;

  /**
   * Starts a stream; the header is random unless given, and must not be given twice with one key.
   *
   * @throws {CryptoError} `BAD_ARGUMENT` for wrong sizes.
   */
  constructor(key: Uint8Array, header: Uint8Array = randomBytes(SECRETSTREAM_HEADERBYTES)) {
    super(key, header);
    this.header = header;
  }

  /**
   * Encrypts the next message: 17 bytes longer.
   *
   * @throws {CryptoError} `BAD_ARGUMENT` for a wrong tag or an `out` that is too small, `DISPOSED`.
   */
  push(plaintext: Uint8Array, options: SecretStreamPushOptions = {}): Uint8Array {
    const sealedBytes = plaintext.byteLength + SECRETSTREAM_ABYTES;
    const out = options.out ?? allocBytesUnsafe(sealedBytes);
    this.pushInto(plaintext, out, 0, options);
    return out.byteLength === sealedBytes ? out : out.subarray(0, sealedBytes);
  }

  /**
   * Encrypts the next message to `out` at `outOffset` and returns the bytes written. `plaintext` may lie in
   * `out`.
   *
   * @throws {CryptoError} `BAD_ARGUMENT` for a wrong tag or too little room, `DISPOSED`.
   */
  pushInto(
    plaintext: Uint8Array,
    out: Uint8Array,
    outOffset: number,
    options: { readonly tag?: number; readonly ad?: Uint8Array } = {},
  ): number {
    const textBytes = plaintext.byteLength;
    const sealedBytes = textBytes + SECRETSTREAM_ABYTES;
    const tag = options.tag ?? TAG_MESSAGE;
    const ad = options.ad ?? EMPTY;
    assertInteger("tag", tag, 0, 255);
    assertRoom(out, outOffset, sealedBytes);
    this.load();
    if (textBytes <= CHUNK_BYTES && ad.byteLength <= CHUNK_BYTES) {
      memory.set(plaintext, FRAME + 1);
      const adAt = FRAME + sealedBytes;
      if (ad.byteLength > 0) memory.set(ad, adAt);
      core.secretstream_push(STATE, adAt, ad.byteLength, FRAME, sealedBytes, tag);
      out.set(memory.subarray(FRAME, FRAME + sealedBytes), outOffset);
    } else {
      beginLong(ad);
      const sealedTag = core.message_seal_tag(tag);
      // Back to front would be needed if the text lay before its place in `out`; a copy serves both.
      const text = plaintext.buffer === out.buffer ? plaintext.slice() : plaintext;
      out[outOffset] = sealedTag;
      runLong(core.message_encrypt, text, 0, textBytes, out, outOffset + 1);
      core.message_finish_push(STATE, tag, SLOT_A);
      out.set(memory.subarray(SLOT_A, SLOT_A + MAC_BYTES), outOffset + 1 + textBytes);
    }
    this.save();
    return sealedBytes;
  }

  /**
   * Encrypts each part as one message and returns them as frames back to back: a 3-byte little-endian length
   * of what follows, then the message with tag {@linkcode TAG_MESSAGE}, as @hyperswarm/secret-stream sends
   * them.
   *
   * @throws {CryptoError} `BAD_ARGUMENT` for a part above 16 MiB less 18 bytes, `DISPOSED`.
   */
  pushFrames(parts: readonly Uint8Array[]): Uint8Array {
    let totalBytes = 0;
    for (let i = 0; i < parts.length; i++) {
      const bodyBytes = parts[i]!.byteLength + SECRETSTREAM_ABYTES;
      assertInteger("frame length", bodyBytes, SECRETSTREAM_ABYTES, SECRETSTREAM_FRAMEBYTES_MAX);
      totalBytes += PREFIX_BYTES + bodyBytes;
    }
    const out = allocBytesUnsafe(totalBytes);
    let outOffset = 0;
    let next = 0;
    while (next < parts.length) {
      let at = DATA;
      const runStart = next;
      this.load();
      while (next < parts.length) {
        const part = parts[next]!;
        const end = at + PREFIX_BYTES + part.byteLength + SECRETSTREAM_ABYTES;
        if (end > DATA + DATA_BYTES || (next > runStart && end > DATA + 2 * CHUNK_BYTES)) break;
        writePrefix(memory, at, part.byteLength + SECRETSTREAM_ABYTES);
        memory.set(part, at + PREFIX_BYTES + 1);
        at = end;
        next++;
      }
      if (next > runStart) {
        core.secretstream_push_frames(STATE, DATA, at - DATA, TAG_MESSAGE);
        this.save();
        out.set(memory.subarray(DATA, at), outOffset);
        outOffset += at - DATA;
      } else {
        const part = parts[next++]!;
        writePrefix(out, outOffset, part.byteLength + SECRETSTREAM_ABYTES);
        outOffset += PREFIX_BYTES + this.pushInto(part, out, outOffset + PREFIX_BYTES);
      }
    }
    return out;
  }
}

/** The receiving side. */
export class SecretStreamPull extends SecretStream {
  /**
   * Starts a stream from the sender's header.
   *
   * @throws {CryptoError} `BAD_ARGUMENT` for wrong sizes.
   */
  constructor(key: Uint8Array, header: Uint8Array) {
    super(key, header);
  }

  /**
   * Decrypts the next message, or returns null and stays where it is when the message is truncated, changed
   * or not the next one.
   *
   * @throws {CryptoError} `BAD_ARGUMENT` for an `out` that is too small, `DISPOSED`.
   */
  pull(ciphertext: Uint8Array, options: SecretStreamPullOptions = {}): SecretStreamMessage | null {
    const textBytes = ciphertext.byteLength - SECRETSTREAM_ABYTES;
    if (textBytes < 0) return null;
    const out = options.out ?? allocBytesUnsafe(textBytes);
    const tag = this.pullInto(ciphertext, out, 0, options);
    if (tag < 0) return null;
    return { tag, message: out.byteLength === textBytes ? out : out.subarray(0, textBytes) };
  }

  /**
   * Decrypts the next message to `out` at `outOffset` (17 bytes less than `ciphertext`) and returns its tag,
   * or -1 as {@linkcode pull} returns null. `ciphertext` may lie in `out`; a long one is then destroyed when it
   * does not open.
   *
   * @throws {CryptoError} `BAD_ARGUMENT` for too little room, `DISPOSED`.
   */
  pullInto(
    ciphertext: Uint8Array,
    out: Uint8Array,
    outOffset: number,
    options: { readonly ad?: Uint8Array } = {},
  ): number {
    const sealedBytes = ciphertext.byteLength;
    const textBytes = sealedBytes - SECRETSTREAM_ABYTES;
    if (textBytes < 0) return -1;
    const ad = options.ad ?? EMPTY;
    assertRoom(out, outOffset, textBytes);
    this.load();
    let tag: number;
    if (textBytes <= CHUNK_BYTES && ad.byteLength <= CHUNK_BYTES) {
      memory.set(ciphertext, FRAME);
      const adAt = FRAME + sealedBytes;
      if (ad.byteLength > 0) memory.set(ad, adAt);
      tag = core.secretstream_pull(STATE, adAt, ad.byteLength, FRAME, sealedBytes);
      if (tag >= 0) out.set(memory.subarray(FRAME + 1, FRAME + 1 + textBytes), outOffset);
    } else {
      tag = pullLong(ciphertext, ad, out, outOffset);
    }
    if (tag >= 0) this.save();
    return tag;
  }

  /**
   * Decrypts all complete frames at the beginning of `input`, as {@linkcode SecretStreamPush.pushFrames} makes
   * them.
   *
   * @throws {CryptoError} `DISPOSED`.
   */
  pullFrames(input: Uint8Array): SecretStreamFrames {
    const messages: Uint8Array[] = [];
    const tags: number[] = [];
    let consumedBytes = 0;
    let isAuthentic = true;
    while (isAuthentic) {
      const run = completeFrames(input, consumedBytes, 2 * CHUNK_BYTES);
      isAuthentic = run.isWellFormed;
      if (run.count === 0) break;
      if (run.byteLength > DATA_BYTES) {
        const start = consumedBytes + PREFIX_BYTES;
        const opened = this.pull(input.subarray(start, consumedBytes + run.byteLength));
        if (opened === null) {
          isAuthentic = false;
          break;
        }
        messages.push(opened.message);
        tags.push(opened.tag);
        consumedBytes += run.byteLength;
        continue;
      }
      this.load();
      memory.set(input.subarray(consumedBytes, consumedBytes + run.byteLength), DATA);
      const openedCount = core.secretstream_pull_frames(STATE, DATA, run.byteLength);
      this.save();
      if (openedCount < run.count) isAuthentic = false;
      consumedBytes += takeMessages(openedCount, run.byteLength, messages, tags);
    }
    return { messages, tags, consumedBytes, isAuthentic };
  }
}

/** Copies opened frames out of the arena in one piece; returns the bytes they took there. */
function takeMessages(count: number, runBytes: number, messages: Uint8Array[], tags: number[]): number {
  const copy = allocBytesUnsafe(runBytes);
  copy.set(memory.subarray(DATA, DATA + runBytes));
  let at = 0;
  for (let i = 0; i < count; i++) {
    const bodyBytes = readPrefix(copy, at);
    const start = at + PREFIX_BYTES;
    tags.push(copy[start]!);
    messages.push(copy.subarray(start + 1, start + bodyBytes - MAC_BYTES));
    at = start + bodyBytes;
  }
  return at;
}

/** Finds the complete frames from `start` on that fit `maxBytes` together (at least one of any size). */
function completeFrames(
  input: Uint8Array,
  start: number,
  maxBytes: number,
): { count: number; byteLength: number; isWellFormed: boolean } {
  let at = start;
  let count = 0;
  while (at + PREFIX_BYTES <= input.byteLength) {
    const bodyBytes = readPrefix(input, at);
    if (bodyBytes < SECRETSTREAM_ABYTES) return { count, byteLength: at - start, isWellFormed: false };
    const end = at + PREFIX_BYTES + bodyBytes;
    if (end > input.byteLength || (count > 0 && end - start > maxBytes)) break;
    at = end;
    count++;
  }
  return { count, byteLength: at - start, isWellFormed: true };
}

function pullLong(ciphertext: Uint8Array, ad: Uint8Array, out: Uint8Array, outOffset: number): number {
  const textBytes = ciphertext.byteLength - SECRETSTREAM_ABYTES;
  const sealed = ciphertext.buffer === out.buffer ? ciphertext.slice() : ciphertext;
  beginLong(ad);
  const tag = core.message_open_tag(sealed[0]!);
  runLong(core.message_decrypt, sealed, 1, textBytes, out, outOffset);
  memory.set(sealed.subarray(1 + textBytes), SLOT_A);
  if (core.message_finish_pull(STATE, tag, SLOT_A) !== 0) return tag;
  // The chunks were decrypted before the MAC was known to be right.
  out.fill(0, outOffset, outOffset + textBytes);
  return -1;
}

function beginLong(ad: Uint8Array): void {
  core.message_begin(STATE);
  for (let begin = 0; begin < ad.byteLength; begin += CHUNK_BYTES) {
    const end = Math.min(begin + CHUNK_BYTES, ad.byteLength);
    memory.set(ad.subarray(begin, end), DATA);
    core.message_absorb_ad(DATA, end - begin);
  }
}

function runLong(
  step: (at: number, len: number) => void,
  input: Uint8Array,
  inputOffset: number,
  byteLength: number,
  out: Uint8Array,
  outOffset: number,
): void {
  for (let begin = 0; begin < byteLength; begin += CHUNK_BYTES) {
    const end = Math.min(begin + CHUNK_BYTES, byteLength);
    memory.set(input.subarray(inputOffset + begin, inputOffset + end), DATA);
    step(DATA, end - begin);
    out.set(memory.subarray(DATA, DATA + end - begin), outOffset + begin);
  }
}

function assertRoom(out: Uint8Array, outOffset: number, byteLength: number): void {
  if (!Number.isInteger(outOffset) || outOffset < 0 || out.byteLength - outOffset < byteLength) {
    throw new CryptoError(
      "BAD_ARGUMENT",
      `out must have room for ${byteLength} bytes at ${outOffset}, got ${out.byteLength} bytes`,
    );
  }
}

function writePrefix(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
}

function readPrefix(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
}

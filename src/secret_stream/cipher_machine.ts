/**
 * The encrypted part of a stream, after the handshake: plaintexts in, frames out, and back.
 *
 * Both directions are one libsodium secretstream each. The first frame of a direction is the header: the
 * sender's stream id, then the header of its secretstream.
 *
 * @module
 */
import { allocBytesUnsafe, copyBytes } from "../base/mod.ts";
import { constantTimeEqual, SecretStreamPull, SecretStreamPush, wipe } from "../crypto/mod.ts";
import type { Handshake } from "./handshake_machine.ts";
import { CIPHER_HEADER_BYTES, HEADER_BYTES, STREAM_ID_BYTES } from "./limits.ts";
import { encodeFrame, streamId } from "./messages.ts";

/** What was in a run of frames. */
export interface DecryptedRun {
  /** The plaintexts. */
  readonly messages: readonly Uint8Array[];
  /** Whether that is all of them. */
  readonly isAuthentic: boolean;
}

/** Pure cipher of one stream; the handshake is done. */
export class CipherMachine {
  readonly #push: SecretStreamPush;
  readonly #receiveKey: Uint8Array;
  readonly #remoteId: Uint8Array;
  readonly #header: Uint8Array;
  #pull: SecretStreamPull | null = null;

  /** Takes the keys of `handshake`; `headerBytes` are random, 24 bytes. */
  constructor(handshake: Handshake, isInitiator: boolean, headerBytes: Uint8Array) {
    this.#push = new SecretStreamPush(handshake.tx, headerBytes);
    this.#receiveKey = copyBytes(handshake.rx);
    this.#remoteId = streamId(handshake.hash, !isInitiator);
    const body = allocBytesUnsafe(HEADER_BYTES);
    streamId(handshake.hash, isInitiator, body.subarray(0, STREAM_ID_BYTES));
    body.set(headerBytes, STREAM_ID_BYTES);
    this.#header = encodeFrame(body);
  }

  /** Encrypts `plaintexts` into one run of frames, each behind its length prefix. */
  encryptRun(plaintexts: readonly Uint8Array[]): Uint8Array {
    return this.#push.pushFrames(plaintexts);
  }

  /** Takes the body of the header frame; false when it is not the other side's. */
  handleHeader(body: Uint8Array): boolean {
    if (!constantTimeEqual(body.subarray(0, STREAM_ID_BYTES), this.#remoteId)) return false;
    const header = body.subarray(STREAM_ID_BYTES, STREAM_ID_BYTES + CIPHER_HEADER_BYTES);
    this.#pull = new SecretStreamPull(this.#receiveKey, header);
    wipe(this.#receiveKey);
    return true;
  }

  /** Decrypts a run of complete frames, up to the first that was tampered with. */
  decryptRun(run: Uint8Array): DecryptedRun {
    const { messages, consumedBytes } = this.#pull!.pullFrames(run);
    return { messages, isAuthentic: consumedBytes === run.byteLength };
  }

  /** Whether the other side's header has come. */
  get hasHeader(): boolean {
    return this.#pull !== null;
  }

  /** The frame that goes before all messages. */
  get headerFrame(): Uint8Array {
    return this.#header;
  }

  /** Forgets the keys. */
  destroy(): void {
    this.#push.dispose();
    this.#pull?.dispose();
    wipe(this.#receiveKey);
  }
}

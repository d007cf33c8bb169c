/**
 * Unordered messages beside the stream: each sealed on its own, with the next value of a counter as its nonce.
 *
 * @module
 */
import { allocBytesUnsafe, copyBytes, equalBytes } from "../base/mod.ts";
import { secretbox, secretboxOpen, wipe } from "../crypto/mod.ts";
import { DATAGRAM_COUNTER_BYTES, DATAGRAM_OVERHEAD_BYTES } from "./limits.ts";
import { datagramKey } from "./messages.ts";

const NONCE_BYTES = 24;

/** Seals and opens the datagrams of one side. */
export class DatagramBox {
  readonly #sealKey: Uint8Array;
  readonly #openKey: Uint8Array;
  readonly #firstCounter: Uint8Array;
  readonly #counter: Uint8Array;

  /** Derives both keys; `firstCounter` is random, 8 bytes. */
  constructor(handshakeHash: Uint8Array, isInitiator: boolean, firstCounter: Uint8Array) {
    this.#sealKey = datagramKey(handshakeHash, isInitiator);
    this.#openKey = datagramKey(handshakeHash, !isInitiator);
    this.#firstCounter = copyBytes(firstCounter);
    this.#counter = copyBytes(firstCounter);
  }

  /** Returns counter, authenticator and ciphertext; null when every counter has been used. */
  seal(plaintext: Uint8Array): Uint8Array | null {
    increment(this.#counter);
    if (equalBytes(this.#counter, this.#firstCounter)) return null;
    const datagram = allocBytesUnsafe(DATAGRAM_OVERHEAD_BYTES + plaintext.byteLength);
    datagram.set(this.#counter);
    datagram.set(secretbox(plaintext, nonceOf(this.#counter), this.#sealKey), DATAGRAM_COUNTER_BYTES);
    return datagram;
  }

  /** Returns the plaintext of what the other side sealed, or null when it is anything else. */
  open(datagram: Uint8Array): Uint8Array | null {
    if (datagram.byteLength < DATAGRAM_OVERHEAD_BYTES) return null;
    const nonce = nonceOf(datagram.subarray(0, DATAGRAM_COUNTER_BYTES));
    return secretboxOpen(datagram.subarray(DATAGRAM_COUNTER_BYTES), nonce, this.#openKey);
  }

  /** Forgets the keys. */
  destroy(): void {
    wipe(this.#sealKey);
    wipe(this.#openKey);
  }
}

/** Adds one to a little-endian number, modulo its size. */
function increment(counter: Uint8Array): void {
  for (let i = 0; i < counter.byteLength; i++) {
    counter[i] = (counter[i]! + 1) & 255;
    if (counter[i] !== 0) return;
  }
}

/** The counter, padded with zeros. */
function nonceOf(counter: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  nonce.set(counter);
  return nonce;
}

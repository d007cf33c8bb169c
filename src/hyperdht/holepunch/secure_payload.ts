/**
 * What client and server tell each other of their NATs, encrypted: relays pass it on and learn nothing.
 *
 * @module
 */
import { copyBytes, utf8Bytes } from "../../base/mod.ts";
import { decode, encode } from "../../compact_encoding/mod.ts";
import { blake2b, secretbox, secretboxOpen, wipe } from "../../crypto/mod.ts";
import { type HolepunchPayload, holepunchPayload, type PeerAddress } from "../messages.ts";

const NONCE_BYTES = 24;
const AUTHENTICATOR_BYTES = 16;
const SECRET_BYTES = 32;

/** What a payload decodes to. */
export type DecodedHolepunchPayload = Required<HolepunchPayload>;

/**
 * Encrypts and decrypts payloads, and makes the tokens by which a peer shows that it receives at an address.
 *
 * A payload is a nonce of 24 bytes and an XSalsa20-Poly1305 secret box. Source: hyperdht `lib/secure-payload.js`.
 */
export class SecurePayload {
  readonly #sharedSecret: Uint8Array;
  readonly #tokenSecret: Uint8Array;
  readonly #randomBytes: (byteLength: number) => Uint8Array;

  /** `sharedSecret` (32 bytes) comes from the handshake; a copy is kept. */
  constructor(sharedSecret: Uint8Array, randomBytes: (byteLength: number) => Uint8Array) {
    this.#sharedSecret = copyBytes(sharedSecret);
    this.#tokenSecret = randomBytes(SECRET_BYTES);
    this.#randomBytes = randomBytes;
  }

  /** Encrypts under a fresh nonce. */
  encrypt(payload: HolepunchPayload): Uint8Array {
    const nonce = this.#randomBytes(NONCE_BYTES);
    const box = secretbox(encode(holepunchPayload, payload), nonce, this.#sharedSecret);
    const message = new Uint8Array(NONCE_BYTES + box.length);
    message.set(nonce);
    message.set(box, NONCE_BYTES);
    return message;
  }

  /** Decrypts; null for anything that the peer did not make. */
  decrypt(message: Uint8Array): DecodedHolepunchPayload | null {
    if (message.length <= NONCE_BYTES + AUTHENTICATOR_BYTES) return null;
    const nonce = message.subarray(0, NONCE_BYTES);
    const plain = secretboxOpen(message.subarray(NONCE_BYTES), nonce, this.#sharedSecret);
    if (plain === null) return null;
    try {
      return decode(holepunchPayload, plain);
    } catch {
      // The codec throws for nothing else than bytes that are no payload.
      return null;
    }
  }

  /** The token of a host, 32 bytes: only who receives there can know it. */
  token({ host }: PeerAddress): Uint8Array {
    return blake2b(utf8Bytes(host), { key: this.#tokenSecret });
  }

  /** Wipes the secrets; the object is of no use then. */
  dispose(): void {
    wipe(this.#sharedSecret);
    wipe(this.#tokenSecret);
  }
}

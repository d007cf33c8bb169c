/**
 * The Noise handshake of a connection: payloads in and out, and the keys it gives.
 *
 * @module
 */
import { copyBytes } from "../base/mod.ts";
import { decode, encode } from "../compact_encoding/mod.ts";
import { blake2b, randomBytes as systemRandomBytes, wipe } from "../crypto/mod.ts";
import { type KeyPair, NoiseHandshake, SecretStream } from "../secret_stream/mod.ts";
import { NS } from "./constants.ts";
import { DHTError } from "./errors.ts";
import { type DecodedNoisePayload, type NoisePayload, noisePayload } from "./messages.ts";

/** What a finished handshake gives; `SecretStream` takes it as its option `handshake`. */
export interface DHTHandshakeResult {
  /** Whether we are the client. */
  readonly isInitiator: boolean;
  /** Our key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The other side's key, 32 bytes. */
  readonly remotePublicKey: Uint8Array;
  /** Id that the other side announces its stream by, 32 bytes. */
  readonly remoteId: Uint8Array;
  /** Key of the hole punching messages, 32 bytes. */
  readonly holepunchSecret: Uint8Array;
  /** Handshake hash, 64 bytes. */
  readonly hash: Uint8Array;
  /** Key for what we receive, 32 bytes. */
  readonly rx: Uint8Array;
  /** Key for what we send, 32 bytes. */
  readonly tx: Uint8Array;
}

/** A handshake as `createHandshake` makes it: one message each way. */
export interface DHTHandshake {
  /** The other side's key, once it is known. */
  readonly remotePublicKey: Uint8Array | null;
  /** Makes our message. */
  send(payload: NoisePayload): Uint8Array | Promise<Uint8Array>;
  /** Reads the other side's message; throws when it is none. */
  recv(message: Uint8Array): DecodedNoisePayload | Promise<DecodedNoisePayload>;
  /** What the handshake gave. */
  final(): DHTHandshakeResult;
}

/** Makes a handshake: with the server's key for a client, with null for a server. */
export type CreateHandshake = (keyPair: KeyPair, remotePublicKey: Uint8Array | null) => DHTHandshake;

const SEED_BYTES = 32;

/**
 * Noise IK over Ed25519 with the namespace of handshakes as prologue. Source: hyperdht `lib/noise-wrap.js`.
 *
 * A client may get answers from several relays. One that is forged leaves the handshake as it was, so that a lying
 * relay cannot keep the true answer out.
 */
export class NoiseWrap implements DHTHandshake {
  /** Whether we are the client. */
  readonly isInitiator: boolean;
  /** Our keys. */
  readonly keyPair: KeyPair;
  /** The other side's key; a server's own one is null until the client's message was read. */
  remotePublicKey: Uint8Array | null;

  readonly #randomBytes: (byteLength: number) => Uint8Array;
  #noise: NoiseHandshake;
  /** What a client's message was made of, until the answer is there. */
  #sent: { readonly seed: Uint8Array; readonly payload: Uint8Array } | null = null;

  /**
   * Begins a handshake.
   *
   * @throws {TypeError} when a key has another length than it should.
   */
  constructor(
    keyPair: KeyPair,
    remotePublicKey: Uint8Array | null,
    randomBytes: (byteLength: number) => Uint8Array = systemRandomBytes,
  ) {
    this.isInitiator = remotePublicKey !== null;
    this.keyPair = keyPair;
    this.remotePublicKey = remotePublicKey;
    this.#randomBytes = randomBytes;
    this.#noise = this.#createNoise(randomBytes);
  }

  /**
   * Makes our message.
   *
   * @throws {DHTError} `HANDSHAKE_INVALID` when the server's key is no proper key.
   */
  send(payload: NoisePayload): Uint8Array {
    const bytes = encode(noisePayload, payload);
    if (this.isInitiator) {
      const seed = this.#randomBytes(SEED_BYTES);
      this.#sent = { seed, payload: bytes };
      return this.#write();
    }
    const message = this.#noise.writeMessage(bytes);
    if (message === null) throw new DHTError("HANDSHAKE_INVALID", "Client's key is no proper key");
    return message;
  }

  /**
   * Reads the other side's message.
   *
   * @throws {DHTError} `HANDSHAKE_INVALID` when it was not made for us, or is no message.
   */
  recv(message: Uint8Array): DecodedNoisePayload {
    const bytes = this.#read(message);
    let payload: DecodedNoisePayload;
    try {
      payload = decode(noisePayload, bytes);
    } catch (cause) {
      throw new DHTError("HANDSHAKE_INVALID", "Payload of the handshake is none", { cause });
    }
    this.remotePublicKey = this.#noise.remotePublicKey;
    this.#forget();
    return payload;
  }

  /**
   * What the handshake gave.
   *
   * @throws {DHTError} `HANDSHAKE_UNFINISHED` before both messages are through.
   */
  final(): DHTHandshakeResult {
    const { result } = this.#noise;
    if (result === null) throw new DHTError("HANDSHAKE_UNFINISHED");
    return {
      isInitiator: this.isInitiator,
      publicKey: this.keyPair.publicKey,
      remotePublicKey: result.remotePublicKey,
      remoteId: SecretStream.id(result.hash, !this.isInitiator),
      holepunchSecret: blake2b(NS.PEER_HOLEPUNCH, { key: result.hash, byteLength: 32 }),
      hash: result.hash,
      rx: result.rx,
      tx: result.tx,
    };
  }

  #read(message: Uint8Array): Uint8Array {
    if (this.#noise.isFailed || this.#noise.result !== null || this.#noise.isOurTurn) {
      throw new DHTError("HANDSHAKE_INVALID", "Handshake message is out of turn");
    }
    const bytes = this.#noise.handleMessage(message);
    if (bytes !== null) return bytes;
    // Brings a client back to where its message was sent: the same seed gives the same message.
    if (this.#sent !== null) this.#write();
    throw new DHTError("HANDSHAKE_INVALID");
  }

  #write(): Uint8Array {
    const { seed, payload } = this.#sent!;
    this.#noise = this.#createNoise(() => copyBytes(seed));
    const message = this.#noise.writeMessage(payload);
    if (message === null) throw new DHTError("HANDSHAKE_INVALID", "Server's key is no proper key");
    return message;
  }

  #createNoise(randomBytes: (byteLength: number) => Uint8Array): NoiseHandshake {
    return new NoiseHandshake({
      pattern: "IK",
      isInitiator: this.isInitiator,
      keyPair: this.keyPair,
      remotePublicKey: this.remotePublicKey,
      prologue: NS.PEER_HANDSHAKE,
      randomBytes,
    });
  }

  #forget(): void {
    if (this.#sent !== null) wipe(this.#sent.seed);
    this.#sent = null;
  }
}

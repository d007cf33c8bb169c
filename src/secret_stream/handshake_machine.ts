/**
 * The handshake of one side: bodies of frames in, frames out, a session or a failure at the end.
 *
 * @module
 */
import { encodeFrame } from "./messages.ts";
import { NoiseHandshake, type NoiseHandshakeOptions } from "./noise.ts";

/** What both sides know once they have shaken hands, as `opts.handshake` takes it. */
export interface Handshake {
  /** Key for what we send, 32 bytes. */
  readonly tx: Uint8Array;
  /** Key for what we receive, 32 bytes. */
  readonly rx: Uint8Array;
  /** Handshake hash, at most 64 bytes; the same on both sides. */
  readonly hash: Uint8Array;
  /** Our static public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The other side's static public key, 32 bytes. */
  readonly remotePublicKey: Uint8Array;
}

type State =
  | { readonly kind: "running" }
  | { readonly kind: "complete"; readonly handshake: Handshake }
  | { readonly kind: "failed" };

/** Pure handshake machine. */
export class HandshakeMachine {
  readonly #noise: NoiseHandshake;
  readonly #publicKey: Uint8Array;
  #transmit: Uint8Array | null = null;
  #state: State = { kind: "running" };

  /** @throws {TypeError} when {@linkcode NoiseHandshake} refuses the options. */
  constructor(options: NoiseHandshakeOptions) {
    this.#noise = new NoiseHandshake(options);
    this.#publicKey = options.keyPair.publicKey;
  }

  /** Makes the first message if it is ours to make. */
  start(): void {
    if (this.#noise.isOurTurn) this.#write();
  }

  /** Gives up. */
  destroy(): void {
    this.#noise.destroy();
    if (this.#state.kind === "running") this.#state = { kind: "failed" };
  }

  /** Takes the body of a frame. */
  handleMessage(body: Uint8Array): void {
    if (this.#state.kind !== "running") return;
    // A message before ours was made is as wrong as a forged one.
    if (this.#noise.isOurTurn || this.#noise.handleMessage(body) === null) {
      this.destroy();
      return;
    }
    if (this.#noise.isOurTurn) this.#write();
    else this.#finish();
  }

  /** The frame to send next, or null. */
  pollTransmit(): Uint8Array | null {
    const frame = this.#transmit;
    this.#transmit = null;
    return frame;
  }

  /** Where the handshake stands. */
  get state(): State {
    return this.#state;
  }

  #write(): void {
    const message = this.#noise.writeMessage();
    if (message === null) return this.destroy();
    this.#transmit = encodeFrame(message);
    this.#finish();
  }

  #finish(): void {
    const result = this.#noise.result;
    if (result !== null) {
      this.#state = { kind: "complete", handshake: { ...result, publicKey: this.#publicKey } };
    }
  }
}

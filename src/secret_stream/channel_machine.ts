/**
 * One side of an encrypted channel: bytes of the raw stream in, bytes for it and messages out.
 *
 * Holds the order of things (handshake, header, messages) and nothing else; the parts do the work.
 *
 * @module
 */
import { concatBytes } from "../base/mod.ts";
import { wipe } from "../crypto/mod.ts";
import { FrameReader } from "./frame_reader.ts";
import { CipherMachine } from "./cipher_machine.ts";
import { SecretStreamError } from "./errors.ts";
import { type Handshake, HandshakeMachine } from "./handshake_machine.ts";
import {
  CIPHER_HEADER_BYTES,
  FRAME_BYTES_MAX,
  FRAME_PREFIX_BYTES,
  HANDSHAKE_MESSAGE_BYTES_MAX,
  HEADER_BYTES,
  MESSAGE_OVERHEAD_BYTES,
  READ_RUN_BYTES,
} from "./limits.ts";
import type { NoiseHandshakeOptions } from "./noise.ts";

/** Who the two sides are, as far as the handshake tells. */
export type Session = Omit<Handshake, "tx" | "rx">;

/** What a channel tells, in order. */
export type ChannelEvent =
  | { readonly kind: "handshake"; readonly session: Session }
  | { readonly kind: "messages"; readonly messages: readonly Uint8Array[] }
  | { readonly kind: "failed"; readonly error: SecretStreamError };

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "handshake"; readonly machine: HandshakeMachine }
  | { readonly kind: "open"; readonly cipher: CipherMachine }
  | { readonly kind: "closed" };

/** Options of {@linkcode ChannelMachine}. */
export interface ChannelMachineOptions {
  /** Whether we speak first. */
  readonly isInitiator: boolean;
  /** Source of keys and nonces. */
  readonly randomBytes: (byteLength: number) => Uint8Array;
}

/** Pure machine of one encrypted channel. */
export class ChannelMachine {
  readonly #isInitiator: boolean;
  readonly #randomBytes: (byteLength: number) => Uint8Array;
  readonly #reader: FrameReader = new FrameReader();
  readonly #transmits: Uint8Array[] = [];
  readonly #events: ChannelEvent[] = [];
  #state: State = { kind: "idle" };

  /** Begins idle: no key, no handshake. */
  constructor(options: ChannelMachineOptions) {
    this.#isInitiator = options.isInitiator;
    this.#randomBytes = options.randomBytes;
  }

  /**
   * Gets ready to shake hands.
   *
   * @throws {TypeError} when a key is not what the pattern needs.
   */
  prepareHandshake(options: Pick<NoiseHandshakeOptions, "pattern" | "keyPair" | "remotePublicKey">): void {
    const isInitiator = this.#isInitiator;
    const machine = new HandshakeMachine({ ...options, isInitiator, randomBytes: this.#randomBytes });
    this.#state = { kind: "handshake", machine };
    this.#reader.setBounds(0, HANDSHAKE_MESSAGE_BYTES_MAX);
  }

  /** Sends the first message if it is ours to send. */
  startHandshake(): void {
    if (this.#state.kind !== "handshake") return;
    this.#state.machine.start();
    this.#drainHandshake(this.#state.machine);
  }

  /** Begins with the keys of a handshake, made here or elsewhere, and sends the header. */
  adoptHandshake(handshake: Handshake): void {
    const headerBytes = this.#randomBytes(CIPHER_HEADER_BYTES);
    const cipher = new CipherMachine(handshake, this.#isInitiator, headerBytes);
    this.#state = { kind: "open", cipher };
    this.#reader.setBounds(HEADER_BYTES, HEADER_BYTES);
    const { hash, publicKey, remotePublicKey } = handshake;
    this.#events.push({ kind: "handshake", session: { hash, publicKey, remotePublicKey } });
    this.#transmits.push(cipher.headerFrame);
  }

  /**
   * Encrypts `messages`, each at most {@linkcode MESSAGE_BYTES_MAX} long, into one run of frames.
   *
   * @throws {TypeError} unless the handshake is done and the channel lives.
   */
  encrypt(messages: readonly Uint8Array[]): Uint8Array {
    if (this.#state.kind !== "open") throw new TypeError(`Cannot encrypt: channel is ${this.#state.kind}`);
    return this.#state.cipher.encryptRun(messages);
  }

  /** Forgets the keys; nothing comes out any more. */
  destroy(): void {
    if (this.#state.kind === "handshake") this.#state.machine.destroy();
    if (this.#state.kind === "open") this.#state.cipher.destroy();
    this.#state = { kind: "closed" };
  }

  /**
   * Takes the next bytes of the raw stream. What they hold is worked off by {@linkcode pollEvent}, one event at a
   * time, so that an event is told before what follows it changes anything.
   */
  handleBytes(chunk: Uint8Array): void {
    this.#reader.push(chunk);
  }

  /** The next bytes for the raw stream, or null; to be polled once there is no event left. */
  pollTransmit(): Uint8Array | null {
    if (this.#transmits.length === 0) return null;
    const frames = this.#transmits.splice(0);
    return frames.length === 1 ? frames[0]! : concatBytes(frames);
  }

  /** What happened next, or null. */
  pollEvent(): ChannelEvent | null {
    while (this.#events.length === 0 && this.#handleNext());
    return this.#events.shift() ?? null;
  }

  /** Bytes that a frame which has begun to arrive still lacks. */
  get missingBytes(): number {
    return this.#reader.missingBytes;
  }

  /** Whether neither key nor handshake has been given. */
  get isIdle(): boolean {
    return this.#state.kind === "idle";
  }

  /** Whether the keys of both directions are known. */
  get isOpen(): boolean {
    return this.#state.kind === "open";
  }

  /** Whether the other side has begun to encrypt. */
  get hasHeader(): boolean {
    return this.#state.kind === "open" && this.#state.cipher.hasHeader;
  }

  /** Handles a frame, or a run of them; false when there is none. */
  #handleNext(): boolean {
    if (this.#state.kind === "closed") return false;
    const isRun = this.hasHeader;
    const bytes = isRun ? this.#reader.nextRun(READ_RUN_BYTES) : this.#reader.nextFrame();
    if (bytes === null) {
      if (this.#reader.invalidBytes !== null) this.#handleInvalidLength();
      return false;
    }
    if (this.#state.kind === "handshake") {
      this.#state.machine.handleMessage(bytes.subarray(FRAME_PREFIX_BYTES));
      this.#drainHandshake(this.#state.machine);
    } else if (this.#state.kind === "open") {
      if (isRun) this.#handleRun(this.#state.cipher, bytes);
      else this.#handleHeader(this.#state.cipher, bytes.subarray(FRAME_PREFIX_BYTES));
    }
    return true;
  }

  #drainHandshake(machine: HandshakeMachine): void {
    const frame = machine.pollTransmit();
    if (frame !== null) this.#transmits.push(frame);
    if (machine.state.kind === "complete") {
      const { handshake } = machine.state;
      this.adoptHandshake(handshake);
      wipe(handshake.tx);
      wipe(handshake.rx);
    }
    if (machine.state.kind === "failed") {
      this.#fail(new SecretStreamError("HANDSHAKE_FAILED"));
    }
  }

  #handleHeader(cipher: CipherMachine, body: Uint8Array): void {
    if (!cipher.handleHeader(body)) return this.#fail(new SecretStreamError("INVALID_HEADER"));
    this.#reader.setBounds(MESSAGE_OVERHEAD_BYTES, FRAME_BYTES_MAX);
  }

  #handleRun(cipher: CipherMachine, run: Uint8Array): void {
    const { messages, isAuthentic } = cipher.decryptRun(run);
    this.#events.push({ kind: "messages", messages });
    if (!isAuthentic) this.#fail(new SecretStreamError("DECRYPTION_FAILED"));
  }

  #handleInvalidLength(): void {
    switch (this.#state.kind) {
      case "handshake":
        return this.#fail(new SecretStreamError("HANDSHAKE_FAILED"));
      case "open":
        return this.#fail(
          new SecretStreamError(this.#state.cipher.hasHeader ? "INVALID_MESSAGE" : "INVALID_HEADER_MESSAGE"),
        );
    }
  }

  #fail(error: SecretStreamError): void {
    this.destroy();
    this.#events.push({ kind: "failed", error });
  }
}

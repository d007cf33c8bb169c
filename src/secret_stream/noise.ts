/**
 * The Noise handshake as the Holepunch packages do it: DH on Ed25519 points, ChaCha20-Poly1305, BLAKE2b.
 *
 * Follows The Noise Protocol Framework, revision 34, with the DH functions of the npm package `noise-curve-ed`.
 * Messages go in and out whole: framing, streams and time are other files' matters.
 *
 * @module
 */
import { allocBytes, concatBytes, copyBytes, equalBytes, utf8Bytes } from "../base/mod.ts";
import {
  aeadChaCha20Poly1305Decrypt,
  aeadChaCha20Poly1305Encrypt,
  blake2b,
  hkdfBlake2b,
  noiseMixDh,
  signKeyPair,
  wipe,
} from "../crypto/mod.ts";
import { HANDSHAKE_MESSAGE_BYTES_MAX } from "./limits.ts";

const HASH_BYTES = 64;
const KEY_BYTES = 32;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const NOTHING: Uint8Array = new Uint8Array(0);

/** A Noise pattern: XX (both learn the other's key), IK and XK (the initiator knows the responder's key). */
export type NoisePattern = "XX" | "IK" | "XK";

/** An Ed25519 key pair. */
export interface KeyPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes: the seed, then the public key. */
  readonly secretKey: Uint8Array;
  /** 32 bytes: the secret scalar of a derived key, used in place of the one that the seed gives. */
  readonly scalar?: Uint8Array;
}

/** What a finished handshake gives. */
export interface NoiseResult {
  /** Key for what we send, 32 bytes. */
  readonly tx: Uint8Array;
  /** Key for what we receive, 32 bytes. */
  readonly rx: Uint8Array;
  /** Handshake hash, the same on both sides and unique to this handshake, 64 bytes. */
  readonly hash: Uint8Array;
  /** The other side's static public key, 32 bytes. */
  readonly remotePublicKey: Uint8Array;
}

/** Options of {@linkcode NoiseHandshake}. */
export interface NoiseHandshakeOptions {
  /** Which messages carry which keys. */
  readonly pattern: NoisePattern;
  /** Whether we speak first. */
  readonly isInitiator: boolean;
  /** Our static key pair. */
  readonly keyPair: KeyPair;
  /** The other side's static public key: required of an initiator of IK or XK; elsewhere, the only key accepted. */
  readonly remotePublicKey?: Uint8Array | null;
  /** Bytes both sides must agree on (default none). */
  readonly prologue?: Uint8Array;
  /** Source of our ephemeral key. */
  readonly randomBytes: (byteLength: number) => Uint8Array;
}

type Token = "e" | "s" | "ee" | "es" | "se" | "ss";

interface Pattern {
  readonly isResponderKnown: boolean;
  readonly messages: readonly (readonly Token[])[];
}

const PATTERNS: Readonly<Record<NoisePattern, Pattern>> = {
  XX: { isResponderKnown: false, messages: [["e"], ["e", "ee", "s", "es"], ["s", "se"]] },
  IK: { isResponderKnown: true, messages: [["e", "es", "s", "ss"], ["e", "ee", "se"]] },
  XK: { isResponderKnown: true, messages: [["e", "es"], ["e", "ee"], ["s", "se"]] },
};

type State =
  | { readonly kind: "running"; readonly messageIndex: number }
  | { readonly kind: "complete"; readonly result: NoiseResult }
  | { readonly kind: "failed" };

/**
 * One side of a Noise handshake: messages in, messages out, keys at the end.
 *
 * @example
 * ```ts
 * import { randomBytes, signKeyPair } from "../crypto/mod.ts";
 *
 * const a = new NoiseHandshake({ pattern: "XX", isInitiator: true, keyPair: signKeyPair(), randomBytes });
 * const b = new NoiseHandshake({ pattern: "XX", isInitiator: false, keyPair: signKeyPair(), randomBytes });
 * b.handleMessage(a.writeMessage()!);
 * a.handleMessage(b.writeMessage()!);
 * b.handleMessage(a.writeMessage()!);
 * a.result?.hash; // equals b.result?.hash
 * ```
 */
export class NoiseHandshake {
  readonly #isInitiator: boolean;
  readonly #messages: readonly (readonly Token[])[];
  readonly #symmetric: SymmetricState;
  readonly #randomBytes: (byteLength: number) => Uint8Array;
  readonly #static: KeyPair;
  readonly #expectedRemoteStatic: Uint8Array | null;
  #ephemeral: KeyPair | null = null;
  #remoteStatic: Uint8Array | null = null;
  #remoteEphemeral: Uint8Array | null = null;
  #state: State = { kind: "running", messageIndex: 0 };

  /**
   * Prepares a handshake.
   *
   * @throws {TypeError} when the pattern is unknown, a key has another length than it should, or the pattern
   *   needs a remote public key that is missing.
   */
  constructor(options: NoiseHandshakeOptions) {
    const pattern = Object.hasOwn(PATTERNS, options.pattern) ? PATTERNS[options.pattern] : null;
    if (pattern === null) throw new TypeError(`Unknown Noise pattern: ${options.pattern}`);
    checkKeyPair(options.keyPair);
    const remotePublicKey = options.remotePublicKey ?? null;
    if (remotePublicKey !== null) checkKey("remotePublicKey", remotePublicKey, KEY_BYTES);

    this.#isInitiator = options.isInitiator;
    this.#messages = pattern.messages;
    this.#randomBytes = options.randomBytes;
    this.#static = options.keyPair;
    this.#expectedRemoteStatic = remotePublicKey;
    this.#symmetric = new SymmetricState(`Noise_${options.pattern}_Ed25519_ChaChaPoly_BLAKE2b`);
    this.#symmetric.mixHash(options.prologue ?? NOTHING);

    if (!pattern.isResponderKnown) return;
    if (!this.#isInitiator) {
      this.#symmetric.mixHash(this.#static.publicKey);
      return;
    }
    if (remotePublicKey === null) throw new TypeError("Remote pubkey required");
    this.#remoteStatic = copyBytes(remotePublicKey);
    this.#symmetric.mixHash(this.#remoteStatic);
  }

  /**
   * Makes our next message, carrying `payload`; or returns null, which ends the handshake, when a key of the other
   * side is no proper point.
   *
   * @throws {TypeError} when it is not our turn, or the payload makes the message longer than 65535 bytes.
   */
  writeMessage(payload: Uint8Array = NOTHING): Uint8Array | null {
    const messageIndex = this.#requireTurn(true);
    const parts: Uint8Array[] = [];
    for (const token of this.#messages[messageIndex]!) {
      if (token === "e") {
        this.#ephemeral = ephemeralKeyPair(this.#randomBytes);
        this.#symmetric.mixHash(this.#ephemeral.publicKey);
        parts.push(this.#ephemeral.publicKey);
      } else if (token === "s") {
        parts.push(this.#symmetric.encryptAndHash(this.#static.publicKey));
      } else if (!this.#mixDh(token)) {
        this.#fail();
        return null;
      }
    }
    parts.push(this.#symmetric.encryptAndHash(payload));
    const message = concatBytes(parts);
    if (message.byteLength > HANDSHAKE_MESSAGE_BYTES_MAX) {
      throw new TypeError(`Handshake message is too long: ${message.byteLength} bytes`);
    }
    this.#advance(messageIndex);
    return message;
  }

  /**
   * Takes the other side's next message and returns its payload, or null when it is refused; a handshake that
   * refused a message is over.
   *
   * @throws {TypeError} when it is not the other side's turn.
   */
  handleMessage(message: Uint8Array): Uint8Array | null {
    const messageIndex = this.#requireTurn(false);
    const payload = this.#read(message, this.#messages[messageIndex]!);
    if (payload === null) this.#fail();
    else this.#advance(messageIndex);
    return payload;
  }

  /** Gives up and wipes the keys. */
  destroy(): void {
    if (this.#state.kind === "running") this.#fail();
  }

  /** Whether the next message is ours to make. */
  get isOurTurn(): boolean {
    return this.#state.kind === "running" && (this.#state.messageIndex % 2 === 0) === this.#isInitiator;
  }

  /** What the handshake gave, or null while it runs and after it failed. */
  get result(): NoiseResult | null {
    return this.#state.kind === "complete" ? this.#state.result : null;
  }

  /** The other side's static public key, 32 bytes, as soon as it is known; null before and after a failure. */
  get remotePublicKey(): Uint8Array | null {
    return this.#state.kind === "failed" ? null : this.#remoteStatic;
  }

  /** Whether a message was refused or the handshake given up. */
  get isFailed(): boolean {
    return this.#state.kind === "failed";
  }

  #requireTurn(isOurs: boolean): number {
    if (this.#state.kind !== "running") throw new TypeError(`Handshake is ${this.#state.kind}`);
    if (this.isOurTurn !== isOurs) throw new TypeError("Handshake message is out of turn");
    return this.#state.messageIndex;
  }

  /** Returns the payload, or null when the message is not what the pattern and the keys ask for. */
  #read(message: Uint8Array, tokens: readonly Token[]): Uint8Array | null {
    if (message.byteLength > HANDSHAKE_MESSAGE_BYTES_MAX) return null;
    let offset = 0;
    for (const token of tokens) {
      if (token === "e") {
        if (message.byteLength < offset + KEY_BYTES) return null;
        this.#remoteEphemeral = message.slice(offset, offset + KEY_BYTES);
        this.#symmetric.mixHash(this.#remoteEphemeral);
        offset += KEY_BYTES;
      } else if (token === "s") {
        const end = offset + KEY_BYTES + (this.#symmetric.hasKey ? TAG_BYTES : 0);
        if (message.byteLength < end) return null;
        this.#remoteStatic = this.#symmetric.decryptAndHash(message.subarray(offset, end));
        if (this.#remoteStatic === null || !this.#acceptsRemoteStatic()) return null;
        offset = end;
      } else if (!this.#mixDh(token)) {
        return null;
      }
    }
    return this.#symmetric.decryptAndHash(message.subarray(offset));
  }

  #acceptsRemoteStatic(): boolean {
    const expected = this.#expectedRemoteStatic;
    return expected === null || equalBytes(expected, this.#remoteStatic!);
  }

  /** False when the other side's key is no point that one may multiply with. */
  #mixDh(token: Exclude<Token, "e" | "s">): boolean {
    const [ofInitiator, ofResponder] = token;
    const [ours, theirs] = this.#isInitiator ? [ofInitiator, ofResponder] : [ofResponder, ofInitiator];
    const keyPair = ours === "s" ? this.#static : this.#ephemeral!;
    const publicKey = theirs === "s" ? this.#remoteStatic! : this.#remoteEphemeral!;
    return this.#symmetric.mixDh(publicKey, keyPair);
  }

  #advance(messageIndex: number): void {
    if (messageIndex + 1 < this.#messages.length) {
      this.#state = { kind: "running", messageIndex: messageIndex + 1 };
      return;
    }
    const [first, second] = this.#symmetric.split();
    this.#state = {
      kind: "complete",
      result: {
        tx: this.#isInitiator ? first : second,
        rx: this.#isInitiator ? second : first,
        hash: this.#symmetric.hash(),
        remotePublicKey: this.#remoteStatic!,
      },
    };
    this.#wipe();
  }

  #fail(): void {
    this.#state = { kind: "failed" };
    this.#wipe();
  }

  #wipe(): void {
    this.#symmetric.wipe();
    if (this.#ephemeral !== null) wipe(this.#ephemeral.secretKey);
    this.#ephemeral = null;
    this.#remoteEphemeral = null;
  }
}

/** The symmetric and the cipher state (revision 34, sections 5.1 and 5.2). */
class SymmetricState {
  readonly #digest: Uint8Array;
  readonly #chainingKey: Uint8Array;
  readonly #key: Uint8Array = allocBytes(KEY_BYTES);
  readonly #nonce: Uint8Array = new Uint8Array(NONCE_BYTES);
  #hasKey = false;

  constructor(protocolName: string) {
    this.#digest = allocBytes(HASH_BYTES);
    this.#digest.set(utf8Bytes(protocolName));
    this.#chainingKey = copyBytes(this.#digest);
  }

  get hasKey(): boolean {
    return this.#hasKey;
  }

  hash(): Uint8Array {
    return copyBytes(this.#digest);
  }

  mixHash(data: Uint8Array): void {
    blake2b([this.#digest, data], { byteLength: HASH_BYTES, out: this.#digest });
  }

  mixDh(publicKey: Uint8Array, { secretKey, scalar }: KeyPair): boolean {
    const keys = { chainingKey: this.#chainingKey, key: this.#key };
    if (!noiseMixDh(publicKey, { secretKey, scalar: scalar ?? undefined }, keys)) return false;
    this.#hasKey = true;
    this.#nonce[4] = 0;
    return true;
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    if (!this.#hasKey) {
      this.mixHash(plaintext);
      return plaintext;
    }
    const ciphertext = aeadChaCha20Poly1305Encrypt(plaintext, this.#aeadOptions);
    this.#nonce[4]!++;
    this.mixHash(ciphertext);
    return ciphertext;
  }

  decryptAndHash(ciphertext: Uint8Array): Uint8Array | null {
    let plaintext: Uint8Array | null = ciphertext;
    if (this.#hasKey) {
      if (ciphertext.byteLength < TAG_BYTES) return null;
      plaintext = aeadChaCha20Poly1305Decrypt(ciphertext, this.#aeadOptions);
      this.#nonce[4]!++;
    }
    this.mixHash(ciphertext);
    return plaintext;
  }

  split(): [Uint8Array, Uint8Array] {
    const [first, second] = hkdfBlake2b(this.#chainingKey, NOTHING, 2);
    return [copyBytes(first!.subarray(0, KEY_BYTES)), copyBytes(second!.subarray(0, KEY_BYTES))];
  }

  wipe(): void {
    wipe(this.#chainingKey);
    wipe(this.#key);
    this.#hasKey = false;
  }

  get #aeadOptions(): { readonly key: Uint8Array; readonly nonce: Uint8Array; readonly ad: Uint8Array } {
    return { key: this.#key, nonce: this.#nonce, ad: this.#digest };
  }
}

function ephemeralKeyPair(randomBytes: (byteLength: number) => Uint8Array): KeyPair {
  const seed = randomBytes(KEY_BYTES);
  const keyPair = signKeyPair(seed);
  wipe(seed);
  return keyPair;
}

function checkKeyPair(keyPair: KeyPair): void {
  checkKey("keyPair.publicKey", keyPair?.publicKey, KEY_BYTES);
  if (keyPair.scalar !== undefined && keyPair.scalar !== null) {
    checkKey("keyPair.scalar", keyPair.scalar, KEY_BYTES);
  } else {
    checkKey("keyPair.secretKey", keyPair.secretKey, 2 * KEY_BYTES);
  }
}

function checkKey(name: string, key: Uint8Array | undefined, byteLength: number): void {
  if (key instanceof Uint8Array && key.byteLength === byteLength) return;
  const got = key instanceof Uint8Array ? `${key.byteLength} bytes` : typeof key;
  throw new TypeError(`Option ${name} must be ${byteLength} bytes, got ${got}`);
}

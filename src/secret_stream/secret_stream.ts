/**
 * The encrypted stream itself: a duplex over any duplex.
 *
 * Does the I/O and keeps the promises of streams; what the bytes mean is {@linkcode ChannelMachine}'s business.
 *
 * @module
 */
import {
  allocBytesPooled,
  destroyOnAbort,
  drained,
  Duplex,
  getStreamError,
  hexText,
  isBytes,
  isReadBackpressured,
  type StreamCallback,
  untilAborted,
  utf8Bytes,
} from "../base/mod.ts";
import { randomBytes as systemRandomBytes, signKeyPair } from "../crypto/mod.ts";
import { Bridge } from "./bridge.ts";
import { ChannelMachine, type Session } from "./channel_machine.ts";
import { DatagramBox } from "./datagram_box.ts";
import { IdleDriver } from "./driver.ts";
import { SecretStreamError } from "./errors.ts";
import type { IdleEvent } from "./idle_machine.ts";
import {
  DATAGRAM_COUNTER_BYTES,
  FRAME_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  MESSAGE_OVERHEAD_BYTES,
  WRITE_RUN_BYTES,
} from "./limits.ts";
import { streamId } from "./messages.ts";
import type { KeyPair } from "./noise.ts";
import type {
  FlushOptions,
  RawStream,
  SecretStreamEvents,
  SecretStreamJSON,
  SecretStreamOptions,
  SecretStreamStartOptions,
} from "./types.ts";

/**
 * An encrypted and authenticated duplex stream over `rawStream`.
 *
 * @example
 * ```ts
 * import net from "node:net";
 * import SecretStream from "@quince/quince/secret-stream";
 *
 * const stream = new SecretStream(true, net.connect(3282, "127.0.0.1"));
 * stream.write("hello");
 * stream.on("data", (data) => console.log(data));
 * ```
 */
export class SecretStream
  extends Duplex<Uint8Array | string, Uint8Array, Uint8Array, Uint8Array, true, true, SecretStreamEvents> {
  /** Whether we spoke first. */
  readonly isInitiator: boolean;
  /** This stream; streams wrapped around it keep the name. */
  readonly noiseStream: SecretStream;
  /** The stream underneath, or the side to be piped to the other peer when none was given; null before start. */
  rawStream: RawStream | null = null;
  /** Our public key, 32 bytes; null until it is known. */
  publicKey: Uint8Array | null;
  /** The other side's public key, 32 bytes; null until it is known. */
  remotePublicKey: Uint8Array | null;
  /** Hash of the handshake, 64 bytes, the same on both sides; null until it is done. */
  handshakeHash: Uint8Array | null = null;
  /** Whether the handshake is done. */
  connected = false;
  /** How long we may be silent before an empty message is sent, in ms; 0 when we may be silent. */
  keepAlive: number;
  /** How long the peer may be silent before the stream is destroyed, in ms; 0 when it may be silent. */
  timeout = 0;
  /** Whether datagrams are received. */
  readonly enableSend: boolean;
  /** Resolves when the handshake is done (true) or can no longer be (false). */
  readonly opened: Promise<boolean>;
  /** For the user of the stream; Protomux keeps its muxer here. */
  userData: unknown = null;
  /** For whoever relays the stream. */
  relay: unknown = null;
  /** For whoever punched the hole. */
  puncher: unknown = null;
  /** Bytes of messages written, encrypted and with their length prefixes. */
  rawBytesWritten = 0;
  /** Bytes of messages received, encrypted, without their length prefixes. */
  rawBytesRead = 0;

  /** What start() falls back to; nothing once it has run. */
  #options: SecretStreamOptions;
  readonly #randomBytes: (byteLength: number) => Uint8Array;
  readonly #channel: ChannelMachine;
  readonly #idle: IdleDriver;
  readonly #resolveOpenedPromise: (isOpen: boolean) => void;
  /** The stream that we read and write: the raw stream, or the inner side of the pair that stands in for it. */
  #inner: RawStream | null = null;
  #datagrams: DatagramBox | null = null;
  #early: { data: Uint8Array | null; isEnded: boolean } = { data: null, isEnded: false };
  #sidesOpen = 2;
  #isInnerPaused = true;
  #isPauseChecked = false;
  #isAttached = false;
  #isDraining = false;
  #openDone: StreamCallback | null = null;
  #drainDone: StreamCallback | null = null;

  /**
   * Wraps `rawStream`, or a pair of streams whose outer side is {@linkcode rawStream} when none is given.
   *
   * @throws {TypeError} when an argument is not what it should be.
   */
  constructor(isInitiator: boolean, rawStream?: RawStream | null, options: SecretStreamOptions = {}) {
    super({
      mapWritable: bytesOf,
      // An empty message counts too, else streamx forgets it in its queue.
      byteLength: (data: Uint8Array) => data.byteLength || 1,
      open(this: Duplex, callback: StreamCallback): void {
        (this as SecretStream).#open(callback);
      },
      read(this: Duplex, callback: StreamCallback): void {
        (this as SecretStream).#resumeInner();
        callback(null);
      },
      writev(this: Duplex, batch: Uint8Array[], callback: StreamCallback): void {
        (this as SecretStream).#write(batch, 0, callback);
      },
      final(this: Duplex, callback: StreamCallback): void {
        (this as SecretStream).#final(callback);
      },
      predestroy(this: Duplex): void {
        (this as SecretStream).#predestroy();
      },
      destroy(this: Duplex, callback: StreamCallback): void {
        (this as SecretStream).#destroy(callback);
      },
    });
    if (typeof isInitiator !== "boolean") throw new TypeError("isInitiator should be a boolean");

    this.noiseStream = this;
    this.isInitiator = isInitiator;
    this.publicKey = options.publicKey ?? null;
    this.remotePublicKey = options.remotePublicKey ?? null;
    this.keepAlive = options.keepAlive || 0;
    this.enableSend = options.enableSend !== false;

    this.#options = options;
    this.#randomBytes = options.randomBytes ?? systemRandomBytes;
    this.#channel = new ChannelMachine({ isInitiator, randomBytes: this.#randomBytes });
    this.#idle = new IdleDriver(options.clock, (event) => this.#handleIdle(event));
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.opened = promise;
    this.#resolveOpenedPromise = resolve;
    destroyOnAbort(this, options.signal);

    if (options.autoStart !== false) this.start(rawStream, options);

    // streamx opens a stream when it is first used; the handshake is not to wait for that.
    this.resume();
    this.pause();
  }

  /** Makes an Ed25519 key pair, from a 32-byte `seed` if one is given. */
  static keyPair(seed?: Uint8Array): KeyPair {
    return signKeyPair(seed);
  }

  /** The 32-byte id that a side of a handshake announces its stream by, written to `id` if that is given. */
  static id(handshakeHash: Uint8Array, isInitiator: boolean, id?: Uint8Array): Uint8Array {
    return streamId(handshakeHash, isInitiator, id);
  }

  /**
   * Starts a stream that was made with `autoStart: false`. Options that are not given are those of the constructor.
   *
   * @throws {TypeError} when the stream was started before, or an option is not what it should be.
   */
  start(rawStream?: RawStream | null, options: SecretStreamStartOptions = {}): void {
    if (this.#inner !== null) throw new TypeError("Cannot start a secret stream twice");
    this.#setRawStream(rawStream ?? null);
    if (this.destroying) {
      this.rawStream!.destroy(null);
      return;
    }
    const { data = null, ended = false, ...rest } = { ...this.#options, ...definedOf(options) };
    this.#options = {};
    this.#early = { data, isEnded: ended };

    if (rest.handshake) {
      this.#channel.adoptHandshake(rest.handshake);
      this.#drainChannel();
    } else if (isPromise(rest.keyPair)) {
      rest.keyPair.then((keyPair) => this.#handleKeyPair(keyPair, rest))
        .then(undefined, (error: Error) => this.destroy(error));
    } else {
      this.#handleKeyPair(rest.keyPair ?? null, rest);
    }
    if (this.destroying) return;

    this.#attach();
    this.#idle.start();
    this.#idle.set("timeout", this.timeout);
    this.#idle.set("keepAlive", this.keepAlive);
  }

  /**
   * Whether the other side has begun to encrypt, which it does at once; with a handshake made elsewhere this stream is
   * open before that. Not in the npm package.
   */
  get isAnswered(): boolean {
    return this.#channel.hasHeader;
  }

  /** Destroys the stream when nothing is received for `ms` milliseconds; 0 switches that off. */
  setTimeout(ms: number): void {
    this.timeout = ms || 0;
    if (!this.destroying) this.#idle.set("timeout", this.timeout);
  }

  /**
   * Sends an empty message when nothing was sent for `ms` milliseconds, and drops the empty messages of the other
   * side; 0 switches both off.
   */
  setKeepAlive(ms: number): void {
    this.keepAlive = ms || 0;
    if (!this.destroying) this.#idle.set("keepAlive", this.keepAlive);
  }

  /** Sends an empty message. */
  sendKeepAlive(): void {
    this.write(this.alloc(0));
  }

  /**
   * Resolves once all that was written has been handed to the raw stream and, where that can tell, sent by it: true,
   * or false when the stream was destroyed before.
   *
   * @throws the signal's reason when it is aborted; the stream lives on.
   */
  flush(options: FlushOptions = {}): Promise<boolean> {
    return untilAborted(this.#flush(), options.signal);
  }

  /**
   * Sends `message` on its own, unordered and unreliably, over a raw stream that can do so (UDX). Without one, and
   * before the handshake is done, nothing happens.
   */
  send(message: Uint8Array): Promise<unknown> | undefined {
    if (!this.rawStream?.send) return undefined;
    const datagram = this.#sealDatagram(message);
    return datagram === null ? undefined : Promise.resolve(this.rawStream.send(datagram));
  }

  /** As {@linkcode send}, without waiting. */
  trySend(message: Uint8Array): void {
    if (!this.rawStream?.trySend) return;
    const datagram = this.#sealDatagram(message);
    if (datagram !== null) this.rawStream.trySend(datagram);
  }

  /** Allocates `byteLength` bytes to be filled and written to this stream, once. */
  alloc(byteLength: number): Uint8Array {
    return allocBytesPooled(byteLength);
  }

  /** What there is to tell about the stream, keys as hexadecimal digits. */
  toJSON(): SecretStreamJSON {
    return {
      isInitiator: this.isInitiator,
      publicKey: this.publicKey && hexText(this.publicKey),
      remotePublicKey: this.remotePublicKey && hexText(this.remotePublicKey),
      connected: this.connected,
      destroying: this.destroying,
      destroyed: this.destroyed,
      rawStream: this.rawStream?.toJSON?.() ?? null,
    };
  }

  /** Destroys the stream and resolves when it is closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.destroyed) return;
    const closed = new Promise<void>((resolve) => this.once("close", resolve));
    this.destroy();
    await closed;
  }

  #setRawStream(rawStream: RawStream | null): void {
    if (rawStream === null) {
      const bridge = new Bridge(this);
      this.rawStream = bridge;
      this.#inner = bridge.reverse;
    } else {
      this.rawStream = rawStream;
      this.#inner = rawStream;
    }
    this.rawStream.on("error", (error: Error) => this.destroy(error));
    this.rawStream.on("close", () => {
      if (this.#sidesOpen !== 0) this.destroy();
    });
  }

  #handleKeyPair(keyPair: KeyPair | null, options: SecretStreamOptions): void {
    if (this.destroying) return;
    const ours = keyPair ?? signKeyPair(this.#randomBytes(32));
    const pattern = options.pattern ?? "XX";
    const remotePublicKey = options.remotePublicKey ?? null;
    this.#channel.prepareHandshake({ pattern, keyPair: ours, remotePublicKey });
    this.publicKey = ours.publicKey;
    this.#attach();
  }

  #open(done: StreamCallback): void {
    this.#openDone = done;
    this.#attach();
  }

  /** Listens to the raw stream and begins, once the stream was started, has its key and was opened. */
  #attach(): void {
    if (this.#isAttached || this.#inner === null || this.#openDone === null || this.#channel.isIdle) return;
    this.#isAttached = true;
    this.#inner.on("data", (data: Uint8Array) => this.#handleData(data));
    this.#inner.on("end", () => this.#handleEnd());
    this.#inner.on("drain", () => this.#handleDrain());
    if (this.enableSend) this.#inner.on("message", (data: Uint8Array) => this.#handleDatagram(data));

    if (this.#channel.isOpen) this.#finishOpen();
    this.#channel.startHandshake();
    this.#drainChannel();

    const { data, isEnded } = this.#early;
    this.#early = { data: null, isEnded: false };
    if (data !== null && !this.destroying) this.#handleData(data);
    if (isEnded && !this.destroying) this.#handleEnd();
  }

  #finishOpen(): void {
    const done = this.#openDone;
    if (done === null) return;
    this.#openDone = null;
    this.connected = true;
    this.#resolveOpenedPromise(true);
    this.emit("connect");
    done(null);
  }

  #handleData(data: Uint8Array): void {
    if (this.destroying) return;
    this.#idle.noteActivity("timeout");
    this.#channel.handleBytes(data);
    this.#drainChannel();
    if (this.destroying) return;
    const missingBytes = this.#channel.missingBytes;
    if (missingBytes > 0) this.#inner!.setContentSize?.(missingBytes);
  }

  #drainChannel(): void {
    // A listener may bring in more bytes; they wait for the loop that is already running.
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      this.#drainEvents();
    } finally {
      this.#isDraining = false;
    }
    if (!this.destroying) this.#transmit();
  }

  #drainEvents(): void {
    for (let event = this.#channel.pollEvent(); event !== null; event = this.#channel.pollEvent()) {
      if (event.kind === "handshake") this.#handleSession(event.session);
      else if (event.kind === "messages") this.#handleMessages(event.messages);
      else this.destroy(event.error);
      if (this.destroying) return;
    }
  }

  #transmit(): void {
    const bytes = this.#channel.pollTransmit();
    if (bytes !== null) this.#inner!.write(bytes);
  }

  #handleSession({ hash, publicKey, remotePublicKey }: Session): void {
    this.handshakeHash = hash;
    this.publicKey = publicKey;
    this.remotePublicKey = remotePublicKey;
    this.#datagrams = new DatagramBox(hash, this.isInitiator, this.#randomBytes(DATAGRAM_COUNTER_BYTES));
    this.emit("handshake");
    if (this.rawStream instanceof Bridge) this.rawStream.emit("handshake");
    if (this.destroying) return;
    this.#transmit();
    if (this.#isAttached) this.#finishOpen();
  }

  #handleMessages(messages: readonly Uint8Array[]): void {
    let isFull = false;
    for (const message of messages) {
      this.rawBytesRead += message.byteLength + MESSAGE_OVERHEAD_BYTES;
      // Who keeps alive takes empty messages for heartbeats of the other side.
      if (message.byteLength === 0 && this.keepAlive !== 0) continue;
      isFull = !this.push(message);
    }
    if (isFull) this.#checkPause();
  }

  /** Pauses the raw stream unless a reader takes what there is in this turn. */
  #checkPause(): void {
    if (this.#isPauseChecked) return;
    this.#isPauseChecked = true;
    queueMicrotask(() => {
      this.#isPauseChecked = false;
      if (this.destroying || this.#isInnerPaused || !isReadBackpressured(this)) return;
      this.#isInnerPaused = true;
      this.#inner!.pause();
    });
  }

  #resumeInner(): void {
    if (!this.#isInnerPaused) return;
    this.#isInnerPaused = false;
    this.#inner!.resume();
  }

  #handleEnd(): void {
    // Nothing can follow the end of the raw stream, least of all the rest of a handshake.
    if (!this.connected) {
      this.destroy();
      return;
    }
    this.#sidesOpen--;
    this.push(null);
  }

  #handleDrain(): void {
    const done = this.#drainDone;
    this.#drainDone = null;
    done?.(null);
  }

  #write(batch: readonly Uint8Array[], start: number, done: StreamCallback): void {
    for (let index = start; index < batch.length;) {
      const end = endOfRun(batch, index);
      if (end === index) {
        const detail = `Max size is ${FRAME_BYTES_MAX} bytes.`;
        return done(new SecretStreamError("MESSAGE_TOO_LARGE", { detail }));
      }
      const run = this.#channel.encrypt(end - index === batch.length ? batch : batch.slice(index, end));
      index = end;
      this.rawBytesWritten += run.byteLength;
      this.#idle.noteActivity("keepAlive");
      if (this.#inner!.write(run) === false) {
        this.#drainDone = (error) => error ? done(error) : this.#write(batch, end, done);
        return;
      }
    }
    done(null);
  }

  #final(done: StreamCallback): void {
    this.setKeepAlive(0);
    this.#sidesOpen--;
    this.#inner!.end();
    done(null);
  }

  #predestroy(): void {
    this.rawStream?.destroy(getStreamError(this));
    for (const done of [this.#openDone, this.#drainDone]) done?.(new SecretStreamError("DESTROYED"));
    this.#openDone = null;
    this.#drainDone = null;
  }

  #destroy(done: StreamCallback): void {
    this.#idle.stop();
    this.keepAlive = 0;
    this.timeout = 0;
    this.#channel.destroy();
    this.#datagrams?.destroy();
    this.#datagrams = null;
    this.#resolveOpenedPromise(this.connected);
    done(null);
  }

  #handleIdle(event: IdleEvent): void {
    if (event === "timeout") this.destroy(new SecretStreamError("TIMED_OUT"));
    // Before the handshake a heartbeat could only wait, and so do those behind a write that waits.
    else if (this.connected && this.#drainDone === null) this.sendKeepAlive();
  }

  async #flush(): Promise<boolean> {
    if (!await this.opened) return false;
    if (!await drained(this)) return false;
    if (this.destroying) return false;
    return await this.rawStream?.flush?.() ?? true;
  }

  #sealDatagram(message: Uint8Array): Uint8Array | null {
    if (this.#datagrams === null) return null;
    const datagram = this.#datagrams.seal(message);
    if (datagram === null) this.destroy(new SecretStreamError("SEND_NONCE_EXHAUSTED"));
    return datagram;
  }

  #handleDatagram(datagram: Uint8Array): void {
    const message = this.#datagrams?.open(datagram) ?? null;
    if (message !== null) this.emit("message", message);
  }
}

/** What is written, as bytes. */
function bytesOf(data: Uint8Array | string): Uint8Array {
  if (typeof data === "string") return utf8Bytes(data);
  if (!isBytes(data)) throw new TypeError(`Cannot write a value of type ${typeof data}`);
  return data;
}

/** Where a run that begins at `start` ends, exclusive; `start` itself when the message there is too large. */
function endOfRun(batch: readonly Uint8Array[], start: number): number {
  let byteLength = 0;
  for (let index = start; index < batch.length; index++) {
    const messageBytes = batch[index]!.byteLength;
    if (messageBytes > MESSAGE_BYTES_MAX) return index;
    byteLength += messageBytes;
    if (byteLength > WRITE_RUN_BYTES && index > start) return index;
  }
  return batch.length;
}

/** The options that have a value. */
function definedOf(options: SecretStreamStartOptions): SecretStreamStartOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined && value !== null),
  );
}

function isPromise(value: KeyPair | PromiseLike<KeyPair> | null | undefined): value is PromiseLike<KeyPair> {
  return typeof (value as PromiseLike<KeyPair> | null | undefined)?.then === "function";
}

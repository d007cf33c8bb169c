/**
 * The muxer as programs see it: the machine on a stream, and the calls of handlers.
 *
 * @module
 */
import { allocBytesPooled } from "../base/mod.ts";
import type { Encoder } from "../compact_encoding/mod.ts";
import { Channel, channelControl, type ChannelHost } from "./channel.ts";
import { ProtomuxError } from "./errors.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { ChannelOptions, FramedStream, PairCallback, ProtomuxOptions } from "./options.ts";
import { type ChannelKey, channelKeyText, type MachineChannel } from "./pairing.ts";
import { type ChannelRequest, type MachineEvent, ProtomuxMachine } from "./protomux_machine.ts";

/**
 * Many protocols over one stream that preserves message boundaries.
 *
 * @example
 * ```ts
 * import Protomux, { type FramedStream } from "@quince/quince/protomux";
 * import { string } from "@quince/quince/compact-encoding";
 *
 * function greet(stream: FramedStream, heard: string[]): void {
 *   const mux = Protomux.from(stream);
 *   const channel = mux.createChannel({ protocol: "greetings" });
 *   if (channel === null) return; // open already
 *   const greeting = channel.addMessage({ encoding: string, onmessage: (text) => heard.push(text) });
 *   channel.open();
 *   greeting.send("hello");
 * }
 * ```
 */
export class Protomux<Stream extends FramedStream = FramedStream> implements AsyncDisposable {
  /** Tells muxers of any implementation from other objects. */
  readonly isProtomux = true;
  /** The stream underneath. */
  readonly stream: Stream;
  /** Whether the stream has room: what the last write returned, and true once it has drained. */
  drained = true;

  readonly #machine: ProtomuxMachine<Channel>;
  readonly #host: ChannelHost;
  readonly #pairCallbacks = new Map<string, PairCallback>();
  readonly #onerror: ProtomuxOptions["onerror"];
  readonly #protocolLengthMax: number;
  readonly #idBytesMax: number;
  readonly #uncorkBound = (): void => this.uncork();
  readonly #closedWait: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  #isProcessing = false;
  #isPaused = false;
  #isDestroying = false;
  /** Promises of the handlers of each batch under way, the innermost last. */
  readonly #batches: Promise<void>[][] = [];

  /** Takes over `stream`: it must not be read or written by others. */
  constructor(stream: Stream, options: ProtomuxOptions = {}) {
    // Compat: protomux/index.js does so for null only, and a stream without the field ends up with two muxers.
    if (stream.userData === null || stream.userData === undefined) stream.userData = this;
    this.stream = stream;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#machine = new ProtomuxMachine(options.alloc ?? allocatorOf(stream), limits);
    this.#protocolLengthMax = limits.protocolLengthMax;
    this.#idBytesMax = limits.idBytesMax;
    this.#onerror = options.onerror;
    this.#host = this.#createHost();

    stream.on("data", (frame: Uint8Array) => this.#handleFrame(frame));
    stream.on("drain", () => this.#handleDrain());
    stream.on("end", () => stream.end());
    // The stream's "close" follows, which tells the channels.
    stream.on("error", () => {});
    stream.on("close", () => this.#handleStreamClose());
  }

  /** Returns the muxer of `stream`, made with `options` when there is none; a muxer is returned as it is. */
  static from<Stream extends FramedStream>(
    stream: Stream | Protomux<Stream>,
    options?: ProtomuxOptions,
  ): Protomux<Stream> {
    const { userData } = stream as { userData?: unknown };
    if (Protomux.isProtomux(userData)) return userData as Protomux<Stream>;
    if (Protomux.isProtomux(stream)) return stream as Protomux<Stream>;
    return new this(stream as Stream, options);
  }

  /** Tells whether `value` is a muxer, of this implementation or another. */
  static isProtomux(value: unknown): value is Protomux {
    return typeof value === "object" && value !== null &&
      (value as { isProtomux?: unknown }).isProtomux === true;
  }

  /** Number of `cork()` calls without their `uncork()`. */
  get corked(): number {
    return this.#machine.corkDepth;
  }

  /** The channels opened here and not closed, by age of their id. */
  *[Symbol.iterator](): Generator<Channel> {
    for (const { owner } of this.#machine.channels()) yield owner;
  }

  /** Whether there is no channel, nor one closed here that the remote has yet to answer. */
  isIdle(): boolean {
    return this.#machine.isIdle;
  }

  /** Collects what is sent, on all channels, until as many `uncork()`. */
  cork(): void {
    this.#machine.cork();
  }

  /** Sends what was collected, unless corked once more. */
  uncork(): void {
    this.#machine.uncork();
    this.#flush();
  }

  /** The channel of that name opened here last, unless it has closed. */
  getLastChannel(key: ChannelKey): Channel | null {
    return this.#machine.lastChannel(key)?.owner ?? null;
  }

  /**
   * Calls `callback` whenever the remote opens a channel of that name that has no counterpart here.
   *
   * Without an id it stands for all ids that have no callback of their own. Unless the callback, or the promise it
   * returns, has created a channel, the remote's is rejected; so it is when the callback throws.
   */
  pair(key: ChannelKey, callback: PairCallback): void {
    this.#pairCallbacks.set(channelKeyText(key), callback);
  }

  /** Undoes `pair()`. */
  unpair(key: ChannelKey): void {
    this.#pairCallbacks.delete(channelKeyText(key));
  }

  /** Whether a channel of that name is open here, even if the remote has not answered. */
  opened(key: ChannelKey): boolean {
    return this.#machine.isOpened(key);
  }

  /**
   * Makes a channel; call its `open()` next.
   *
   * @returns null when one of that name and id is open already, when the remote has closed the one it had opened, or
   * when the stream is gone.
   * @throws {RangeError} when the name or the id is longer than the limits.
   */
  createChannel<Input = unknown, Output = Input>(
    options: ChannelOptions<Input, Output>,
  ): Channel<Input, Output> | null {
    if (this.stream.destroyed || this.#isDestroying) return null;
    const { protocol, id = null, aliases, unique = true } = options;
    if (protocol.length > this.#protocolLengthMax || (id?.byteLength ?? 0) > this.#idBytesMax) {
      throw new RangeError(
        `Name of ${protocol.length} characters or id of ${id?.byteLength ?? 0} bytes is too long`,
      );
    }
    const channel = new Channel<Input, Output>(this.#host, options);
    const machineChannel = this.#machine.createChannel(channel, { protocol, id, aliases, unique });
    this.#process();
    if (machineChannel === null) return null;
    channelControl.attach(channel, machineChannel);
    if (machineChannel.remoteId > 0) this.#completePairingSoon(machineChannel);
    return channel;
  }

  /** Destroys the stream, with `error` as the reason where there is one, and with it all channels. */
  destroy(error?: Error | null): void {
    this.#isDestroying = true;
    this.#machine.stop();
    this.stream.destroy(error);
  }

  /** Destroys the stream and waits until it is closed. */
  [Symbol.asyncDispose](): Promise<void> {
    this.destroy();
    return this.#closedWait.promise;
  }

  #createHost(): ChannelHost {
    const isDrained = () => this.drained;
    return {
      get drained() {
        return isDrained();
      },
      open: (channel, encoding, handshake) => this.#open(channel, encoding, handshake),
      close: (channel) => {
        this.#machine.closeChannel(channelControl.machineChannel(channel));
        this.#process();
      },
      send: (channel, type, encoding, value) => {
        const isCorked = this.#machine.corkDepth > 0;
        this.#machine.send(channel, type, encoding, value);
        this.#flush();
        return isCorked || this.drained;
      },
      cork: () => this.cork(),
      uncork: () => this.uncork(),
      reportError: (error, channel) => this.#reportError(error, channel),
      destroy: (error) => this.destroy(toError(error)),
    };
  }

  #open<Value>(channel: Channel, encoding: Encoder<Value, unknown> | null, handshake: Value): void {
    const machineChannel = channelControl.machineChannel(channel);
    const isPaired = this.#machine.openChannel(machineChannel, channel, encoding, handshake);
    if (isPaired) this.#completePairingSoon(machineChannel);
    if (machineChannel.localId === 0) {
      // The stream is gone, or about to be because the ids are used up.
      this.#machine.forgetChannel(machineChannel);
      channelControl.close(channel, true);
    }
    this.#process();
  }

  /** Later, so that the program can add its messages and open the channel before the first one comes. */
  #completePairingSoon(channel: MachineChannel<Channel>): void {
    queueMicrotask(() => {
      this.#machine.completePairing(channel);
      this.#process();
    });
  }

  #handleFrame(frame: Uint8Array): void {
    this.#machine.handleFrame(frame);
    this.#process();
  }

  #handleDrain(): void {
    this.drained = true;
    this.#machine.handleRoom(true);
    for (const channel of this) channelControl.drain(channel);
  }

  #handleStreamClose(): void {
    this.#isDestroying = true;
    this.#machine.stop();
    for (const channels of [this.#machine.channels(), this.#machine.pairedChannels()]) {
      for (const channel of channels) {
        this.#machine.forgetChannel(channel);
        channelControl.close(channel.owner, true);
      }
    }
    this.#closedWait.resolve();
  }

  /** Does what the machine wants done. A handler may make the stream deliver more; that waits for its turn. */
  #process(): void {
    if (this.#isProcessing) return this.#flush();
    this.#isProcessing = true;
    try {
      for (let event = this.#machine.pollEvent(); event !== null; event = this.#machine.pollEvent()) {
        this.#dispatch(event);
      }
    } finally {
      this.#isProcessing = false;
    }
    this.#flush();
  }

  #dispatch(event: MachineEvent<Channel>): void {
    switch (event.kind) {
      case "message":
        return this.#receive(event);
      case "open":
        return channelControl.open(event.owner, event.handshake);
      case "opened":
        return channelControl.opened(event.owner);
      case "closed":
        this.#flush();
        return channelControl.close(event.owner, true);
      case "request":
        return this.#handleRequest(event.request);
      case "batchStart":
        this.#batches.push([]);
        return this.cork();
      case "batchEnd":
        return this.#uncorkAfter(this.#batches.pop()!);
      case "failed":
        return this.destroy(event.error);
    }
  }

  #receive({ owner, type, payload }: MachineEvent<Channel> & { readonly kind: "message" }): void {
    const message = owner.messages[type];
    if (message === undefined) return;
    let done: Promise<void> | null;
    try {
      done = message.recv(payload, owner);
    } catch (cause) {
      const text = `Cannot decode message ${type} of channel ${owner.protocol}`;
      return this.destroy(new ProtomuxError("INVALID_MESSAGE", text, { cause }));
    }
    if (done !== null && message.autoBatch) this.#batches.at(-1)?.push(done);
  }

  #uncorkAfter(handlers: readonly Promise<void>[]): void {
    if (handlers.length === 0) queueMicrotask(this.#uncorkBound);
    else Promise.all(handlers).then(this.#uncorkBound);
  }

  #handleRequest(request: ChannelRequest<Channel>): void {
    const { protocol, id } = request;
    const callback = this.#pairCallbacks.get(channelKeyText({ protocol, id })) ??
      this.#pairCallbacks.get(channelKeyText({ protocol }));
    if (callback === undefined) {
      this.#machine.settleRequest(request);
      return this.#flush();
    }
    const asked = this.#askProgram(request, callback);
    this.#batches.at(-1)?.push(asked);
  }

  async #askProgram(request: ChannelRequest<Channel>, callback: PairCallback): Promise<void> {
    try {
      await callback(request.id);
    } catch (error) {
      this.#reportError(error, null);
    }
    this.#machine.settleRequest(request);
    this.#process();
  }

  #reportError(error: unknown, channel: Channel | null): void {
    try {
      this.#onerror?.(error, channel);
    } catch (hookError) {
      // Nobody else is left to tell.
      this.destroy(toError(hookError));
    }
  }

  #flush(): void {
    for (let frame = this.#machine.pollTransmit(); frame !== null; frame = this.#machine.pollTransmit()) {
      this.drained = this.stream.write(frame);
      this.#machine.handleRoom(this.drained);
    }
    const isCongested = this.#machine.isCongested;
    if (isCongested === this.#isPaused) return;
    this.#isPaused = isCongested;
    if (isCongested) this.stream.pause();
    else this.stream.resume();
  }
}

function allocatorOf(stream: FramedStream): (byteLength: number) => Uint8Array {
  return typeof stream.alloc === "function" ? (byteLength) => stream.alloc!(byteLength) : allocBytesPooled;
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/**
 * One protocol on a muxer, and its messages, as programs see them.
 *
 * @module
 */
import { untilAborted } from "../base/mod.ts";
import { type Encoder, raw, type State } from "../compact_encoding/mod.ts";
import { ProtomuxError } from "./errors.ts";
import type { ChannelOptions, MessageOptions, WaitOptions } from "./options.ts";
import type { MachineChannel } from "./pairing.ts";

/** What a channel asks of its muxer. */
export interface ChannelHost {
  /** Whether the stream has room. */
  readonly drained: boolean;
  open<Value>(channel: Channel, encoding: Encoder<Value, unknown> | null, handshake: Value): void;
  close(channel: Channel): void;
  /** Returns whether the stream has room for more. */
  send<Value>(
    channel: MachineChannel<Channel>,
    type: number,
    encoding: Encoder<Value, unknown>,
    value: Value,
  ): boolean;
  cork(): void;
  uncork(): void;
  /** A handler failed whose channel has no `onerror`. */
  reportError(error: unknown, channel: Channel): void;
  destroy(error: unknown): void;
}

/** What a muxer does to its channels; no part of the public surface. */
export interface ChannelControl {
  /** Ties a new channel to the machine's, on which it acts from now on. */
  attach(channel: Channel, machineChannel: MachineChannel<Channel>): void;
  machineChannel(channel: Channel): MachineChannel<Channel>;
  open(channel: Channel, handshake: State): void;
  opened(channel: Channel): void;
  close(channel: Channel, isRemote: boolean): void;
  drain(channel: Channel): void;
  send<Input>(channel: Channel, message: Message<Input, unknown>, value: Input): boolean;
  /** Returns a promise that never rejects, or null when the handler has finished. Throws what the codec throws. */
  receive<Output>(channel: Channel, message: Message<never, Output>, payload: State): Promise<void> | null;
}

/** The way past the private fields; assigned once, when the class is defined. */
export let channelControl: ChannelControl;

/** One kind of message on a channel. */
export class Message<Input = Uint8Array, Output = Input> {
  /** Number on the wire: how many were added before. */
  readonly type: number;
  /** Whether answers to a batch wait for the promise of this handler. */
  readonly autoBatch: boolean;
  /** How values become bytes. */
  encoding: Encoder<Input, Output>;
  /** Called with each message of the remote. */
  onmessage: NonNullable<MessageOptions<Input, Output>["onmessage"]>;

  readonly #channel: Channel;
  readonly #isSkipped: boolean;

  /** Created by `channel.addMessage()`; null makes one that is neither sent nor received. */
  constructor(channel: Channel, type: number, options: MessageOptions<Input, Output> | null) {
    this.type = type;
    this.autoBatch = options?.autoBatch !== false;
    // Without an encoding both type parameters are their defaults, bytes, which the compiler cannot know.
    this.encoding = options?.encoding ?? raw as Encoder<unknown, unknown> as Encoder<Input, Output>;
    this.onmessage = options?.onmessage ?? ignore;
    this.#channel = channel;
    this.#isSkipped = options === null;
  }

  /**
   * Sends `value`, encoded at once, on the channel that this message was added to or on another that has it too.
   *
   * @returns whether the stream has room for more, always true while corked; false when the channel is closed, and
   * nothing is sent then.
   * @throws {TypeError} before `channel.open()`; and whatever the codec throws.
   */
  send(value: Input, channel: Channel = this.#channel): boolean {
    return this.#isSkipped ? false : channelControl.send(channel, this, value);
  }

  /** Decodes `payload` and calls the handler, as the muxer does for a message that came in. */
  recv(payload: State, channel: Channel = this.#channel): Promise<void> | null {
    return this.#isSkipped ? null : channelControl.receive(channel, this, payload);
  }
}

/** A protocol on a muxer. Created by `mux.createChannel()`. */
export class Channel<Input = unknown, Output = Input> implements AsyncDisposable {
  /** Name of the protocol. */
  readonly protocol: string;
  /** Other names of the protocol. */
  readonly aliases: readonly string[];
  /** Binary id, or null. */
  readonly id: Uint8Array | null;
  /** Messages by number. */
  readonly messages: Message<unknown, unknown>[] = [];
  /** Anything that belongs to the program. */
  userData: unknown;

  /** Called once both sides have opened the channel, with the handshake of the remote. */
  onopen: NonNullable<ChannelOptions<Input, Output>["onopen"]>;
  /** Called when the channel is closed. */
  onclose: NonNullable<ChannelOptions<Input, Output>["onclose"]>;
  /** Called behind `onclose` once the promises of all handlers have settled. */
  ondestroy: NonNullable<ChannelOptions<Input, Output>["ondestroy"]>;
  /** Called when the stream has room again. */
  ondrain: NonNullable<ChannelOptions<Input, Output>["ondrain"]>;
  /** Called with what a handler threw; null leaves that to the muxer's. */
  onerror: NonNullable<ChannelOptions<Input, Output>["onerror"]> | null;

  readonly #host: ChannelHost;
  readonly #handshakeEncoding: Encoder<Input, Output> | null;
  #machineChannel: MachineChannel<Channel> | null = null;
  #handshake: Output | null = null;
  #isOpened = false;
  #isClosed = false;
  #isDestroyed = false;
  #error: unknown = null;
  #activeCount = 0;
  #openedWait: PromiseWithResolvers<boolean> | null = null;
  #destroyedWait: PromiseWithResolvers<void> | null = null;

  static {
    channelControl = {
      attach: (channel, machineChannel) => {
        channel.#machineChannel = machineChannel;
      },
      machineChannel: (channel) => channel.#machineChannel!,
      open: (channel, handshake) => channel.#handleOpen(handshake),
      opened: (channel) => channel.#handleOpened(),
      close: (channel, isRemote) => channel.#handleClose(isRemote),
      drain: (channel) => channel.#call(() => channel.ondrain(channel)),
      send: (channel, message, value) => channel.#send(message, value),
      receive: (channel, message, payload) => channel.#receive(message, payload),
    };
  }

  /** Created by `mux.createChannel()`. */
  constructor(host: ChannelHost, options: ChannelOptions<Input, Output>) {
    this.#host = host;
    this.protocol = options.protocol;
    this.aliases = options.aliases ?? [];
    this.id = options.id ?? null;
    this.userData = options.userData ?? null;
    this.#handshakeEncoding = options.handshake ?? null;
    this.onopen = options.onopen ?? ignore;
    this.onclose = options.onclose ?? ignore;
    this.ondestroy = options.ondestroy ?? ignore;
    this.ondrain = options.ondrain ?? ignore;
    this.onerror = options.onerror ?? null;
    for (const message of options.messages ?? []) this.addMessage(message);
  }

  /** The handshake of the remote; null before the channel is open, and without an encoding for one. */
  get handshake(): Output | null {
    return this.#handshake;
  }

  /** Whether both sides have opened the channel; stays true when it closes. */
  get opened(): boolean {
    return this.#isOpened;
  }

  /** Whether either side has closed the channel. */
  get closed(): boolean {
    return this.#isClosed;
  }

  /** Whether the channel is closed and the promises of all its handlers have settled. */
  get destroyed(): boolean {
    return this.#isDestroyed;
  }

  /** Whether the stream has room. */
  get drained(): boolean {
    return this.#host.drained;
  }

  /** What the handler threw that the channel was closed for; null as long as none has. */
  get error(): unknown {
    return this.#error;
  }

  /**
   * Offers the channel to the remote, or accepts the one that the remote has opened, with a handshake when there is
   * an encoding for one. Nothing happens on a closed channel.
   *
   * @throws {TypeError} when the channel was opened here before; and whatever the codec throws.
   */
  open(handshake?: Input): void {
    if (this.#isClosed) return;
    if (this.#machineChannel!.localId > 0) throw new TypeError(`Channel ${this.protocol} was opened before`);
    this.#host.open(this, this.#handshakeEncoding, handshake as Input);
  }

  /** Closes the channel; what was sent before still arrives. */
  close(): void {
    if (this.#isClosed) return;
    this.#host.close(this);
    this.#handleClose(false);
  }

  /** Registers the next message; without options its number is skipped. */
  addMessage<MessageInput = Uint8Array, MessageOutput = MessageInput>(
    options?: MessageOptions<MessageInput, MessageOutput> | null | false,
  ): Message<MessageInput, MessageOutput> {
    const message = new Message<MessageInput, MessageOutput>(this, this.messages.length, options || null);
    this.messages.push(message);
    return message;
  }

  /** Collects what all channels of the muxer send until `uncork()`. */
  cork(): void {
    this.#host.cork();
  }

  /** Sends what was collected, unless corked once more. */
  uncork(): void {
    this.#host.uncork();
  }

  /** Resolves with true once both sides have opened the channel, or with false when it closes before. */
  fullyOpened(options: WaitOptions = {}): Promise<boolean> {
    if (this.#isOpened) return Promise.resolve(true);
    if (this.#isClosed) return Promise.resolve(false);
    this.#openedWait ??= Promise.withResolvers<boolean>();
    return untilAborted(this.#openedWait.promise, options.signal);
  }

  /** Resolves once the channel is closed and the promises of all its handlers have settled. */
  fullyClosed(options: WaitOptions = {}): Promise<void> {
    if (this.#isDestroyed) return Promise.resolve();
    this.#destroyedWait ??= Promise.withResolvers<void>();
    return untilAborted(this.#destroyedWait.promise, options.signal);
  }

  /** Closes the channel and waits until its handlers are done. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return this.fullyClosed();
  }

  #send<Value>(message: Message<Value, unknown>, value: Value): boolean {
    if (this.#isClosed) return false;
    const machineChannel = this.#machineChannel!;
    // An id of 0 is the control channel, where the message would mean something else.
    if (machineChannel.localId === 0) {
      throw new TypeError(`Cannot send on channel ${this.protocol} before open()`);
    }
    return this.#host.send(machineChannel, message.type, message.encoding, value);
  }

  #receive<Value>(message: Message<never, Value>, payload: State): Promise<void> | null {
    const value = message.encoding.decode(payload);
    let result: unknown;
    try {
      result = message.onmessage(value, this);
    } catch (error) {
      this.#fail(error);
      return null;
    }
    return isPromiseLike(result) ? this.#track(result) : null;
  }

  #handleOpen(handshake: State): void {
    if (this.#handshakeEncoding !== null) {
      try {
        this.#handshake = this.#handshakeEncoding.decode(handshake);
      } catch (cause) {
        const message = `Cannot decode the handshake of channel ${this.protocol}`;
        this.#host.destroy(new ProtomuxError("INVALID_HANDSHAKE", message, { cause }));
        return;
      }
    }
    this.#call(() => this.onopen(this.#handshake, this));
  }

  #handleOpened(): void {
    this.#isOpened = true;
    this.#openedWait?.resolve(true);
    this.#openedWait = null;
  }

  #handleClose(isRemote: boolean): void {
    this.#isClosed = true;
    this.#call(() => this.onclose(isRemote, this));
    if (this.#activeCount === 0) this.#destroy();
    this.#openedWait?.resolve(false);
    this.#openedWait = null;
  }

  #destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#call(() => this.ondestroy(this));
    this.#destroyedWait?.resolve();
    this.#destroyedWait = null;
  }

  #call(handler: () => unknown): void {
    try {
      const result = handler();
      if (isPromiseLike(result)) this.#track(result);
    } catch (error) {
      this.#fail(error);
    }
  }

  #track(promise: PromiseLike<unknown>): Promise<void> {
    this.#activeCount++;
    return Promise.resolve(promise).then(
      () => this.#settle(),
      (error) => {
        this.#fail(error);
        this.#settle();
      },
    );
  }

  #settle(): void {
    this.#activeCount--;
    if (this.#activeCount === 0 && this.#isClosed) this.#destroy();
  }

  #fail(error: unknown): void {
    this.#error ??= error;
    try {
      if (this.onerror !== null) this.onerror(error, this);
      else this.#host.reportError(error, this);
    } catch (hookError) {
      // Nobody else is left to tell.
      this.#host.destroy(hookError);
    }
    this.close();
  }
}

function ignore(): void {}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}

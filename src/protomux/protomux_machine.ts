/**
 * Channels over one stream of frames, without the stream: frames go in; frames and events come out.
 *
 * An id on the wire belongs to the side that opened the channel, so an open channel has two. A side answers each
 * opening of the remote exactly once, by opening a channel of the same name itself or by rejecting, and until then
 * the remote may not use its id again. Knows nothing of codecs' values, handlers, promises or streams.
 *
 * @module
 */
import { isBytes } from "../base/mod.ts";
import { type State, uint } from "../compact_encoding/mod.ts";
import { Backlog, type HeldMessage, type RemoteChannel, remoteChannel } from "./backlog.ts";
import { ProtomuxError } from "./errors.ts";
import { FrameReader } from "./frame_reader.ts";
import { type AllocFrame, type Encoding, FrameWriter } from "./frame_writer.ts";
import { DEFAULT_LIMITS, type ProtomuxLimits } from "./limits.ts";
import { CONTROL, CONTROL_CHANNEL, openMessage, openMessageWith, uintByteLength } from "./messages.ts";
import { type ChannelKey, type MachineChannel, type Pairing, PairingTable } from "./pairing.ts";

/** The remote opened a channel and at least one handler may want to answer it. */
export interface ChannelRequest<Owner> {
  /** Name of the protocol. */
  readonly protocol: string;
  /** Binary id, a copy, or null. */
  readonly id: Uint8Array | null;
  /** For {@linkcode ProtomuxMachine.settleRequest}. */
  readonly pairing: Pairing<Owner>;
}

/** What the driver has to do next. Payloads are valid until the next poll. */
export type MachineEvent<Owner> =
  /** Both sides have opened the channel; what was held for it comes as messages before `opened`. */
  | { readonly kind: "open"; readonly owner: Owner; readonly handshake: State }
  /** All that was held for the channel has been handed over. */
  | { readonly kind: "opened"; readonly owner: Owner }
  | { readonly kind: "message"; readonly owner: Owner; readonly type: number; readonly payload: State }
  /** The remote closed or rejected the channel. */
  | { readonly kind: "closed"; readonly owner: Owner }
  /** To be settled once no channel will be created for it any more. */
  | { readonly kind: "request"; readonly request: ChannelRequest<Owner> }
  /** Several messages follow; what they are answered with should leave together. */
  | { readonly kind: "batchStart" }
  | { readonly kind: "batchEnd" }
  /** The stream is of no use any more. */
  | { readonly kind: "failed"; readonly error: ProtomuxError };

/** How {@linkcode ProtomuxMachine.createChannel} finds a counterpart. */
export interface ChannelSpec extends ChannelKey {
  /** Other names for the protocol. */
  readonly aliases?: readonly string[];
  /** Refuse when one is open already. */
  readonly unique: boolean;
}

type MachineState =
  | { readonly kind: "running" }
  | { readonly kind: "failing"; readonly error: ProtomuxError }
  | { readonly kind: "stopped" };

/** An id of ours that is in use; `channel` is null when it was closed before the remote answered. */
interface LocalId<Owner> {
  readonly pairing: Pairing<Owner>;
  readonly channel: MachineChannel<Owner> | null;
}

/** A channel between its `open` and its `opened` event. */
interface Opening<Owner> {
  readonly channel: MachineChannel<Owner>;
  readonly held: readonly HeldMessage[];
  nextIndex: number;
}

/** Channels of one stream; `Owner` is what the driver keeps for each. */
export class ProtomuxMachine<Owner> {
  readonly #limits: ProtomuxLimits;
  readonly #writer: FrameWriter;
  readonly #reader: FrameReader;
  readonly #pairings = new PairingTable<Owner>();
  readonly #backlog: Backlog<Owner>;

  #state: MachineState = { kind: "running" };
  /** By our id less one; null where the id is free. */
  readonly #locals: (LocalId<Owner> | null)[] = [];
  readonly #freeLocalIndexes: number[] = [];
  /** By the remote's id less one; null where no channel of ours is concerned. */
  readonly #remotes: (RemoteChannel<Owner> | null)[] = [];

  /** Ids of the remote that were rejected while its frame was read, so before it can know. */
  readonly #rejectedInFrame = new Set<number>();

  readonly #frames: Uint8Array[] = [];
  readonly #paired: MachineChannel<Owner>[] = [];
  #opening: Opening<Owner> | null = null;

  #unsentReplyBytes = 0;
  #hasRoom = true;

  /** Creates a machine whose frames are allocated by `alloc`. */
  constructor(alloc: AllocFrame, limits: Partial<ProtomuxLimits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#backlog = new Backlog(this.#limits);
    this.#writer = new FrameWriter(alloc);
    this.#reader = new FrameReader(this.#limits.batchDepthMax);
  }

  /**
   * Makes a channel, of which the remote learns when it is opened. When the remote has opened one of that name they
   * are a pair at once: call {@linkcode completePairing} for it.
   *
   * @returns null when there is one already, or the remote has closed the one that waited.
   */
  createChannel(owner: Owner, spec: ChannelSpec): MachineChannel<Owner> | null {
    if (this.#state.kind !== "running") return null;
    const pairing = this.#pairings.findOrCreate(spec, spec.aliases);
    if (spec.unique && pairing.openedCount > 0) return null;

    const channel: MachineChannel<Owner> = { owner, pairing, localId: 0, remoteId: 0, isClosed: false };
    const hadWaiting = pairing.incoming.length > 0;
    const remote = this.#takeWaiting(pairing);
    if (remote !== null) {
      pair(channel, remote);
    } else if (hadWaiting) {
      this.#pairings.release(pairing);
      return null;
    }
    return channel;
  }

  /**
   * Opens `channel` here, with a handshake when it has an encoding for one. A closed channel stays closed.
   *
   * @returns true when that made a pair of it: call {@linkcode completePairing}.
   */
  openChannel<Handshake>(
    channel: MachineChannel<Owner>,
    key: ChannelKey,
    encoding: Encoding<Handshake> | null,
    handshake: Handshake,
  ): boolean {
    if (channel.isClosed || this.#state.kind !== "running") return false;
    const index = this.#freeLocalIndexes.at(-1) ?? this.#locals.length;
    if (index === this.#limits.localIdsMax) {
      this.#fail(new ProtomuxError("CHANNEL_IDS_EXCEEDED", `Cannot open more than ${index} channels`));
      return false;
    }
    // The remote will take our opening for the answer to its oldest one, whatever we had in mind.
    const isPairedNow = channel.remoteId === 0 && this.#pairWithWaiting(channel);
    const message = { channelId: index + 1, protocol: key.protocol, id: key.id ?? null };
    this.#writer.write(
      CONTROL_CHANNEL,
      CONTROL.open,
      encoding === null ? openMessage : openMessageWith(encoding, handshake),
      message,
    );

    this.#freeLocalIndexes.pop();
    const pairing = channel.pairing;
    channel.localId = index + 1;
    this.#locals[index] = { pairing, channel };
    pairing.openedCount++;
    pairing.lastChannel = channel;
    if (channel.remoteId === 0) pairing.outgoing.push(channel.localId);
    return isPairedNow;
  }

  /** Closes `channel` here and tells the remote. */
  closeChannel(channel: MachineChannel<Owner>): void {
    if (channel.isClosed) return;
    if (this.#state.kind === "running" && channel.localId > 0) {
      this.#writer.write(CONTROL_CHANNEL, CONTROL.close, uint, channel.localId);
    }
    this.#dropChannel(channel);
  }

  /** Hands over what the remote sent so far on a channel that was paired when it was created. */
  completePairing(channel: MachineChannel<Owner>): void {
    this.#paired.push(channel);
  }

  /** Rejects what nobody wanted, unless other requests for the same name are still being looked at. */
  settleRequest({ pairing }: ChannelRequest<Owner>): void {
    if (--pairing.requestCount > 0 || this.#state.kind !== "running") return;
    for (const remote of pairing.incoming.splice(0)) this.#reject(remote);
    this.#pairings.release(pairing);
  }

  /** Encodes a message; nothing happens on a closed channel. */
  send<Value>(channel: MachineChannel<Owner>, type: number, encoding: Encoding<Value>, value: Value): void {
    if (channel.isClosed || this.#state.kind !== "running") return;
    this.#writer.write(channel.localId, type, encoding, value);
  }

  /** Collects messages into batches until as many `uncork()`. */
  cork(): void {
    this.#writer.cork();
  }

  /** Ends the batch when this is the last of the corks. */
  uncork(): void {
    this.#writer.uncork();
  }

  /** Ends all: no more frames, no more events. The channels stay listed until they are forgotten. */
  stop(): void {
    this.#state = { kind: "stopped" };
    this.#clear();
    for (const [index, remote] of this.#remotes.entries()) {
      if (remote === null) continue;
      this.#backlog.releaseOpening(remote);
      this.#backlog.releaseMessages(remote);
      if (remote.channel === null) {
        this.#backlog.removeWaiting();
        this.#remotes[index] = null;
      }
    }
    this.#pairings.dropIncoming();
  }

  /** Closes `channel` because its stream is gone. */
  forgetChannel(channel: MachineChannel<Owner>): void {
    this.#dropChannel(channel);
  }

  /** Takes a frame, which is borrowed until polling for events gives null. An empty one means nothing. */
  handleFrame(frame: Uint8Array): void {
    if (this.#state.kind !== "running") return;
    if (!isBytes(frame)) {
      this.#fail(new ProtomuxError("INVALID_FRAME", `Expected bytes, got ${typeof frame}`));
    } else if (frame.byteLength > 0) {
      if (this.#isBetweenFrames) this.#reader.load(frame);
      else this.#frames.push(frame);
    }
  }

  /** Takes note whether what was written has left, or waits in the stream's buffer. */
  handleRoom(hasRoom: boolean): void {
    this.#hasRoom = hasRoom;
    if (hasRoom) this.#unsentReplyBytes = 0;
  }

  /** The next frame to write, or null. */
  pollTransmit(): Uint8Array | null {
    return this.#writer.poll();
  }

  /** The next thing to do, or null. */
  pollEvent(): MachineEvent<Owner> | null {
    if (this.#state.kind === "running") {
      try {
        const event = this.#nextEvent();
        if (this.#state.kind === "running") return event;
      } catch (cause) {
        this.#fail(
          cause instanceof ProtomuxError
            ? cause
            : new ProtomuxError("INVALID_FRAME", "Cannot read a frame", { cause }),
        );
      }
    }
    if (this.#state.kind !== "failing") return null;
    const { error } = this.#state;
    this.#state = { kind: "stopped" };
    return { kind: "failed", error };
  }

  /** Number of `cork()` calls without their `uncork()`. */
  get corkDepth(): number {
    return this.#writer.corkDepth;
  }

  /** Whether so much is held for channels not open here that the stream should be paused. */
  get isCongested(): boolean {
    return this.#backlog.isCongested;
  }

  /** Whether all ids of ours are free. */
  get isIdle(): boolean {
    return this.#locals.length === this.#freeLocalIndexes.length;
  }

  /** Bytes held for channels not open here, overhead included. */
  get heldBytes(): number {
    return this.#backlog.heldBytes;
  }

  /** Channels of the remote that wait for one of ours. */
  get waitingCount(): number {
    return this.#backlog.waitingCount;
  }

  /** Names and aliases that are remembered. */
  get pairingCount(): number {
    return this.#pairings.size;
  }

  /** The channels open here, by id. */
  *channels(): Generator<MachineChannel<Owner>> {
    for (const local of this.#locals) {
      if (local !== null && local.channel !== null) yield local.channel;
    }
  }

  /** The channels made here for one of the remote but not opened yet. */
  *pairedChannels(): Generator<MachineChannel<Owner>> {
    for (const remote of this.#remotes) {
      if (remote !== null && remote.channel !== null && remote.channel.localId === 0) yield remote.channel;
    }
  }

  /** Whether a channel of that name is open here. */
  isOpened(key: ChannelKey): boolean {
    return (this.#pairings.find(key)?.openedCount ?? 0) > 0;
  }

  /** The channel of that name opened here last. */
  lastChannel(key: ChannelKey): MachineChannel<Owner> | null {
    return this.#pairings.find(key)?.lastChannel ?? null;
  }

  get #isBetweenFrames(): boolean {
    return !this.#reader.isActive && this.#frames.length === 0 && this.#paired.length === 0 &&
      this.#opening === null;
  }

  #nextEvent(): MachineEvent<Owner> | null {
    const reader = this.#reader;
    while (true) {
      if (this.#opening !== null) {
        const event = this.#continueOpening(this.#opening);
        if (event !== null) return event;
        continue;
      }
      if (!reader.isActive) {
        if (this.#rejectedInFrame.size > 0) this.#rejectedInFrame.clear();
        if (this.#paired.length > 0) {
          const channel = this.#paired.shift()!;
          if (channel.isClosed) continue;
          return this.#startOpening(channel, this.#remotes[channel.remoteId - 1]!);
        }
        if (this.#frames.length === 0) {
          reader.unload();
          return null;
        }
        reader.load(this.#frames.shift()!);
      }
      switch (reader.next()) {
        case "message": {
          const event = this.#readMessage();
          if (event !== null) return event;
          break;
        }
        case "batchStart":
          return { kind: "batchStart" };
        case "batchEnd":
          return { kind: "batchEnd" };
        case "end":
          break;
      }
    }
  }

  #readMessage(): MachineEvent<Owner> | null {
    const { channelId, type, payload } = this.#reader;
    if (channelId === CONTROL_CHANNEL) return this.#readControl(type, payload);
    // Messages for a closed channel are what the remote sent before it knew.
    const remote = this.#remotes[channelId - 1] ?? null;
    if (remote === null) return null;
    if (remote.messages === null) return { kind: "message", owner: remote.channel!.owner, type, payload };
    this.#backlog.hold(remote, type, payload);
    return null;
  }

  #readControl(type: number, payload: State): MachineEvent<Owner> | null {
    switch (type) {
      case CONTROL.open:
        return this.#readOpen(payload);
      case CONTROL.reject:
        return this.#readReject(uint.decode(payload));
      case CONTROL.close:
        return this.#readClose(uint.decode(payload));
      default:
        // Compat: protomux/index.js ignores control messages it does not know.
        return null;
    }
  }

  #readOpen(payload: State): MachineEvent<Owner> | null {
    const start = payload.start;
    const { channelId: remoteId, protocol, id } = openMessage.decode(payload);
    const nameBytes = payload.start - start;
    this.#checkOpen(remoteId, protocol, id);
    const index = remoteId - 1;
    if (index === this.#remotes.length) this.#remotes.push(null);

    const pairing = this.#pairings.findOrCreate({ protocol, id });
    const localId = pairing.outgoing.shift();
    if (localId !== undefined) {
      const { channel } = this.#locals[localId - 1]!;
      if (channel === null) {
        // Closed here before this answer came; the remote will see that.
        this.#freeLocalId(localId);
        this.#pairings.release(pairing);
        return null;
      }
      const remote = remoteChannel<Owner>(remoteId, payload);
      this.#remotes[index] = remote;
      pair(channel, remote);
      return this.#startOpening(channel, remote);
    }

    const remote = this.#backlog.addWaiting(remoteId, payload, nameBytes);
    this.#remotes[index] = remote;
    pairing.incoming.push(remote);
    pairing.requestCount++;
    return { kind: "request", request: { protocol, id, pairing } };
  }

  #checkOpen(remoteId: number, protocol: string, id: Uint8Array | null): void {
    const index = remoteId - 1;
    const isTaken = (this.#remotes[index] ?? null) !== null || this.#rejectedInFrame.has(remoteId);
    // Ids grow by one, so that the table does not grow faster than the remote's traffic.
    if (remoteId === CONTROL_CHANNEL || index > this.#remotes.length || isTaken) {
      throw new ProtomuxError("INVALID_OPEN", `Cannot open channel ${remoteId}`);
    }
    if (index === this.#limits.remoteIdsMax) {
      throw new ProtomuxError("CHANNEL_IDS_EXCEEDED", `Remote opened more than ${index} channels`);
    }
    if (protocol.length > this.#limits.protocolLengthMax || (id?.byteLength ?? 0) > this.#limits.idBytesMax) {
      throw new ProtomuxError(
        "INVALID_OPEN",
        `Name of ${protocol.length} characters or id of ${id?.byteLength ?? 0} bytes is too long`,
      );
    }
  }

  #readReject(localId: number): MachineEvent<Owner> | null {
    const local = this.#locals[localId - 1] ?? null;
    if (local === null) throw new ProtomuxError("INVALID_REJECT", `Channel ${localId} is not open`);
    const { pairing, channel } = local;
    if (channel === null || channel.remoteId === 0) {
      pairing.outgoing.splice(pairing.outgoing.indexOf(localId), 1);
      this.#freeLocalId(localId);
      if (channel === null) {
        this.#pairings.release(pairing);
        return null;
      }
      channel.localId = 0;
      this.#noteClosed(channel);
    } else {
      // We took an opening of the remote for the answer, but it did not mean us: that one is unanswered then.
      this.#writeReject(channel.remoteId);
      this.#dropChannel(channel);
    }
    return { kind: "closed", owner: channel.owner };
  }

  #readClose(remoteId: number): MachineEvent<Owner> | null {
    const remote = this.#remotes[remoteId - 1] ?? null;
    if (remote === null) return null;
    if (remote.channel === null) {
      // Stays in line, as an opening that is yet to be answered.
      remote.isClosedByRemote = true;
      this.#backlog.releaseMessages(remote);
      remote.messages = [];
      return null;
    }
    const { channel } = remote;
    this.#dropChannel(channel);
    return { kind: "closed", owner: channel.owner };
  }

  #startOpening(channel: MachineChannel<Owner>, remote: RemoteChannel<Owner>): MachineEvent<Owner> {
    this.#opening = { channel, held: remote.messages ?? [], nextIndex: 0 };
    const handshake = remote.handshake!;
    this.#backlog.releaseOpening(remote);
    return { kind: "open", owner: channel.owner, handshake };
  }

  #continueOpening(opening: Opening<Owner>): MachineEvent<Owner> | null {
    const { channel, held } = opening;
    if (channel.isClosed) {
      this.#opening = null;
      return null;
    }
    if (opening.nextIndex < held.length) {
      const { type, payload } = held[opening.nextIndex++]!;
      return { kind: "message", owner: channel.owner, type, payload };
    }
    this.#opening = null;
    this.#backlog.releaseMessages(this.#remotes[channel.remoteId - 1]!);
    return { kind: "opened", owner: channel.owner };
  }

  #pairWithWaiting(channel: MachineChannel<Owner>): boolean {
    channel.pairing = this.#pairings.restore(channel.pairing);
    const remote = this.#takeWaiting(channel.pairing);
    if (remote === null) return false;
    pair(channel, remote);
    return true;
  }

  /** Takes the oldest waiting channel of the remote; those that it has closed meanwhile are answered on the way. */
  #takeWaiting({ incoming }: Pairing<Owner>): RemoteChannel<Owner> | null {
    const aliveIndex = incoming.findIndex((remote) => !remote.isClosedByRemote);
    const closed = incoming.splice(0, aliveIndex === -1 ? incoming.length : aliveIndex);
    for (const remote of closed) this.#reject(remote);
    if (incoming.length === 0) return null;
    this.#backlog.removeWaiting();
    return incoming.shift()!;
  }

  #reject(remote: RemoteChannel<Owner>): void {
    this.#backlog.removeWaiting();
    this.#backlog.releaseOpening(remote);
    this.#backlog.releaseMessages(remote);
    this.#remotes[remote.remoteId - 1] = null;
    if (this.#reader.isActive) this.#rejectedInFrame.add(remote.remoteId);
    this.#writeReject(remote.remoteId);
  }

  #writeReject(remoteId: number): void {
    this.#writer.write(CONTROL_CHANNEL, CONTROL.reject, uint, remoteId);
    if (this.#hasRoom) return;
    this.#unsentReplyBytes += 2 + uintByteLength(remoteId);
    if (this.#unsentReplyBytes > this.#limits.unsentReplyBytesMax) {
      this.#fail(
        new ProtomuxError("REPLIES_EXCEEDED", "Remote opens channels but does not read the answers"),
      );
    }
  }

  /** Gives up both ids of `channel`, as far as they may be used again. */
  #dropChannel(channel: MachineChannel<Owner>): void {
    if (channel.remoteId > 0) {
      const remote = this.#remotes[channel.remoteId - 1]!;
      this.#backlog.releaseOpening(remote);
      this.#backlog.releaseMessages(remote);
      this.#remotes[channel.remoteId - 1] = null;
      if (channel.localId > 0) this.#freeLocalId(channel.localId);
      else if (this.#state.kind === "running") this.#writeReject(channel.remoteId);
    } else if (channel.localId > 0) {
      this.#locals[channel.localId - 1] = { pairing: channel.pairing, channel: null };
    }
    const wasOpen = channel.localId > 0;
    channel.localId = channel.remoteId = 0;
    this.#noteClosed(channel, wasOpen);
  }

  #noteClosed(channel: MachineChannel<Owner>, wasOpen = true): void {
    const { pairing } = channel;
    channel.isClosed = true;
    if (wasOpen) pairing.openedCount--;
    if (pairing.lastChannel === channel) pairing.lastChannel = null;
    this.#pairings.release(pairing);
  }

  #freeLocalId(localId: number): void {
    this.#locals[localId - 1] = null;
    this.#freeLocalIndexes.push(localId - 1);
  }

  #fail(error: ProtomuxError): void {
    if (this.#state.kind !== "running") return;
    this.#state = { kind: "failing", error };
    this.#clear();
  }

  #clear(): void {
    this.#writer.clear();
    this.#reader.unload();
    this.#frames.length = this.#paired.length = 0;
    this.#opening = null;
  }
}

function pair<Owner>(channel: MachineChannel<Owner>, remote: RemoteChannel<Owner>): void {
  channel.remoteId = remote.remoteId;
  remote.channel = channel;
}

/**
 * Drives all streams of one UDX instance: demultiplexes what sockets receive, sends what streams have to say, and
 * keeps the one timer.
 *
 * @module
 */
import type { CancelTimer, Clock, Random } from "../base/mod.ts";
import type { DatagramAddress, DatagramSocket, IncomingDatagram } from "../platform/mod.ts";
import { ClosedStreams } from "./closed_streams.ts";
import { decodePacket, FLAG_DESTROY, PacketView, writeUint32 } from "./messages.ts";
import type { PacketPath, StreamMachine, Transmit } from "./stream_machine.ts";
import { UDXError } from "./errors.ts";
import { RelayQueue } from "./relay_queue.ts";
import { SharedPath } from "./shared_path.ts";
import type { UDXSocket } from "./socket.ts";

/** Packets that one stream sends before the next one has its turn. */
const TURN_PACKETS = 16;

/** How long one turn of the event loop may be held. */
const TURN_MS = 4;

/** Packets that a relay keeps for a destination which is not connected yet, so that its peer need not wait a timeout. */
const HELD_PACKETS_MAX = 8;

/** Traffic counters. */
export interface Traffic {
  bytesTransmitted: number;
  packetsTransmitted: number;
  bytesReceived: number;
  packetsReceived: number;
}

/** Fresh counters. */
export function createTraffic(): Traffic {
  return { bytesTransmitted: 0, packetsTransmitted: 0, bytesReceived: 0, packetsReceived: 0 };
}

/** A socket, as far as the driver uses it. */
export interface SocketHost {
  /** The socket that users see. */
  readonly owner: UDXSocket;
  /** The bound socket, null before binding and after closing. */
  readonly datagrams: DatagramSocket | null;
  readonly traffic: Traffic;
  /** A datagram arrived that belongs to no stream; `bytes` is borrowed. */
  handleMessage(bytes: Uint8Array, from: DatagramAddress): void;
}

/** Where packets of a stream go. */
export interface SocketPath extends PacketPath {
  readonly socket: SocketHost;
  readonly address: DatagramAddress;
}

/** A stream, as far as the driver uses it. */
export interface StreamHost {
  readonly id: number;
  readonly machine: StreamMachine<SocketPath>;
  readonly traffic: Traffic;
  /** The stream's present path, null before it is connected. */
  readonly path: SocketPath | null;
  /** Whom packets for this stream are forwarded to. */
  readonly relayTarget: StreamHost | null;
  /** How long a packet of that size waits before it is forwarded, ms; infinity drops it. */
  relayWaitMs(byteLength: number): number;
  /** Whether {@linkcode StreamHost.isAdmitted} is asked for packets on the stream's own socket, too. */
  readonly checksRemote: boolean;
  /** Whether packets from there may pass, although the stream does not send there. */
  isAdmitted(socket: SocketHost, from: DatagramAddress): boolean;
  /** There may be data or events to poll. */
  handleOutputs(): void;
}

/** The engine of a UDX instance. */
export class Driver {
  readonly clock: Clock;
  readonly random: Random;
  readonly traffic: Traffic = createTraffic();
  readonly #streams = new Map<number, StreamHost>();
  readonly #closed = new ClosedStreams<SocketPath>();
  readonly #view = new PacketView();
  readonly #outgoing: { bytes: Uint8Array; address: DatagramAddress }[] = [];
  #outgoingCount = 0;
  #outgoingSocket: SocketHost | null = null;
  /** Streams with something to do, in the order of their turns. */
  #active = new Set<StreamHost>();
  readonly #blocked = new Map<SocketHost, Set<StreamHost>>();
  /** Streams that wait for room on their path, in the order of their turns. */
  readonly #turns = new Map<SharedPath, Set<StreamHost>>();
  /** Streams whose turn it is. */
  readonly #admitted = new Set<StreamHost>();
  /** Packets to be relayed, by their destination that is not connected yet. */
  readonly #held = new Map<StreamHost, Uint8Array[]>();
  /** Packets that a relay slows down, by the stream that they came to. */
  readonly #delayed = new Map<StreamHost, RelayQueue>();
  /** By address, of each socket. */
  readonly #sharedPaths = new WeakMap<SocketHost, Map<string, SharedPath>>();
  #isFlushing = false;
  #isFlushScheduled = false;
  #cancelTimer: CancelTimer | null = null;
  #timerAtMs = Infinity;
  #cancelContinuation: CancelTimer | null = null;

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  /** What the streams from `socket` to `address` have in common. */
  sharedPath(socket: SocketHost, address: DatagramAddress): SharedPath {
    let paths = this.#sharedPaths.get(socket);
    if (!paths) this.#sharedPaths.set(socket, paths = new Map());
    const key = `${address.port} ${address.host}`;
    let shared = paths.get(key);
    if (shared) return shared;
    for (const [otherKey, other] of paths) {
      if (other.isEmpty) paths.delete(otherKey);
    }
    paths.set(key, shared = new SharedPath());
    return shared;
  }

  /** Registers a stream; a later one with the same id takes the place of an earlier. */
  add(stream: StreamHost): void {
    this.#closed.delete(stream.id);
    this.#streams.get(stream.id)?.machine.leavePath();
    this.#streams.set(stream.id, stream);
  }

  /** Unregisters a stream whose machine is closed; its last packet is sent first. */
  remove(stream: StreamHost): void {
    this.#transmit(stream, this.clock.nowMs(), Infinity);
    this.#send();
    this.#active.delete(stream);
    this.#admitted.delete(stream);
    const shared = stream.path?.shared;
    if (shared) this.#turns.get(shared)?.delete(stream);
    this.#held.delete(stream);
    this.#delayed.get(stream)?.clear();
    this.#delayed.delete(stream);
    if (this.#streams.get(stream.id) === stream) this.#streams.delete(stream.id);
    const { epitaph } = stream.machine;
    if (epitaph && !this.#streams.has(stream.id)) this.#closed.add(stream.id, epitaph, this.clock.nowMs());
    if (this.#streams.size === 0) this.#stopTimer();
  }

  /** `stream` has a path now: what was to be relayed to it leaves. */
  handleConnect(stream: StreamHost): void {
    const held = this.#held.get(stream);
    if (held === undefined) return;
    this.#held.delete(stream);
    for (const bytes of held) this.#forward(stream, bytes);
    this.#send();
  }

  /** A socket closed: nothing can be answered through it any more. */
  forgetSocket(socket: SocketHost): void {
    this.#blocked.delete(socket);
    this.#closed.forget((path) => path.socket === socket);
  }

  /** Something was asked of `stream`: it gets a turn at the end of the current job. */
  schedule(stream: StreamHost): void {
    this.#active.add(stream);
    if (this.#isFlushScheduled || this.#isFlushing) return;
    this.#isFlushScheduled = true;
    queueMicrotask(() => {
      this.#isFlushScheduled = false;
      this.flush();
    });
  }

  /** Datagrams arrived on `socket`. */
  handleDatagrams(socket: SocketHost, datagrams: readonly IncomingDatagram[], count: number): void {
    const nowMs = this.clock.nowMs();
    for (let i = 0; i < count; i++) {
      const { bytes, address } = datagrams[i]!;
      countReceived(this.traffic, bytes.length);
      countReceived(socket.traffic, bytes.length);
      if (!this.#handlePacket(socket, bytes, address, nowMs)) socket.handleMessage(bytes, address);
    }
    this.flush();
  }

  /** Room is available again on `socket`. */
  handleWritable(socket: SocketHost): void {
    const waiting = this.#blocked.get(socket);
    if (!waiting) return;
    this.#blocked.delete(socket);
    for (const stream of waiting) this.#active.add(stream);
    this.flush();
  }

  /** Ends the streams that send to an address which is not permitted. */
  handleRefusal(socket: SocketHost, address: DatagramAddress, cause: unknown): void {
    for (const stream of this.#streams.values()) {
      const { path } = stream;
      if (
        path?.socket !== socket || path.address.host !== address.host || path.address.port !== address.port
      ) continue;
      const message =
        `Cannot send to ${address.host}:${address.port}, the process runs without --allow-net for it`;
      stream.machine.abort(new UDXError("ERR_PERMISSION", message, { cause }));
      this.schedule(stream);
    }
  }

  /** Gives every active stream its turns, within the time that the event loop may be held. */
  flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    const startMs = this.clock.nowMs();
    let nowMs = startMs;
    for (;;) {
      this.#admit();
      if (this.#active.size === 0) break;
      if (nowMs - startMs > TURN_MS) {
        this.#continueLater();
        break;
      }
      const turn = this.#active;
      this.#active = new Set();
      for (const stream of turn) {
        stream.handleOutputs();
        if (this.#transmit(stream, nowMs, TURN_PACKETS)) this.#active.add(stream);
        this.#admitted.delete(stream);
        this.#armTimer(stream.machine.deadlineMs, nowMs);
      }
      this.#send();
      nowMs = this.clock.nowMs();
    }
    this.#isFlushing = false;
  }

  #handlePacket(socket: SocketHost, bytes: Uint8Array, from: DatagramAddress, nowMs: number): boolean {
    const view = this.#view;
    if (!decodePacket(bytes, view)) return false;
    const stream = this.#streams.get(view.streamId);
    if (!stream || stream.machine.isClosed) return this.#answerForClosed(view, nowMs);
    countReceived(stream.traffic, bytes.length);
    if (isFromElsewhere(stream, socket, from) && !stream.isAdmitted(socket, from)) return true;
    if (stream.machine.isClosed) return true;
    if (stream.relayTarget) this.#relay(stream, stream.relayTarget, view);
    else stream.machine.handlePacket(view, nowMs);
    this.#active.add(stream);
    return true;
  }

  #answerForClosed(view: PacketView, nowMs: number): boolean {
    const answer = this.#closed.answer(view.streamId, view.flags, nowMs);
    if (answer === undefined) return false;
    if (answer) {
      this.#enqueue(answer);
      this.#send();
    }
    return true;
  }

  #relay(stream: StreamHost, target: StreamHost, view: PacketView): void {
    const isLast = (view.flags & FLAG_DESTROY) !== 0;
    // What destroys a stream is sent once, and overtakes.
    const waitMs = isLast ? 0 : stream.relayWaitMs(view.bytes.length);
    if (waitMs === Infinity) return;
    stream.machine.skipTo(view.seq);
    const bytes = view.bytes.slice();
    if (isLast || (waitMs <= 0 && (this.#delayed.get(stream)?.isEmpty ?? true))) this.#forward(target, bytes);
    else this.#delay(stream, target, bytes, waitMs);
    if (isLast) {
      stream.machine.abort(new UDXError("ECONNRESET", "connection reset by peer"));
    }
  }

  #forward(target: StreamHost, bytes: Uint8Array): void {
    const { path, machine } = target;
    if (path === null || machine.remoteId === null) return this.#hold(target, bytes);
    writeUint32(bytes, 4, machine.remoteId);
    this.#enqueue({ bytes, path });
  }

  #delay(stream: StreamHost, target: StreamHost, bytes: Uint8Array, waitMs: number): void {
    let queue = this.#delayed.get(stream);
    if (queue === undefined) {
      queue = new RelayQueue(this.clock, (packets) => {
        for (const packet of packets) this.#forward(target, packet);
        this.#send();
      });
      this.#delayed.set(stream, queue);
    }
    queue.push(bytes, waitMs);
  }

  #hold(target: StreamHost, bytes: Uint8Array): void {
    if (target.machine.isClosed) return;
    const held = this.#held.get(target);
    if (held === undefined) this.#held.set(target, [bytes]);
    else if (held.length < HELD_PACKETS_MAX) held.push(bytes);
  }

  /** Sends up to `limit` packets of a stream; true when it may have more to send right now. */
  #transmit(stream: StreamHost, nowMs: number, limit: number): boolean {
    for (let count = 0; count < limit; count++) {
      const blocker = limit === Infinity ? null : this.#blocker(stream);
      if (blocker) {
        this.#waitForRoom(blocker, stream);
        return false;
      }
      const transmit = stream.machine.pollTransmit(nowMs, this.#hasTurn(stream));
      if (!transmit) {
        if (stream.machine.isWaitingForTurn) this.#waitForTurn(stream);
        return false;
      }
      countTransmitted(stream.traffic, transmit.bytes.length);
      countTransmitted(transmit.path.socket.traffic, transmit.bytes.length);
      countTransmitted(this.traffic, transmit.bytes.length);
      this.#enqueue(transmit);
    }
    return true;
  }

  #hasTurn(stream: StreamHost): boolean {
    const shared = stream.path?.shared;
    if (!shared) return true;
    return this.#admitted.has(stream) || (shared.roomPackets > 0 && !this.#turns.has(shared));
  }

  #waitForTurn(stream: StreamHost): void {
    const shared = stream.path?.shared;
    if (!shared) return;
    const waiting = this.#turns.get(shared);
    if (waiting) waiting.add(stream);
    else this.#turns.set(shared, new Set([stream]));
  }

  /** Gives streams their turn while there is room for at least half of one: small flights tell little of what is lost. */
  #admit(): void {
    for (const [shared, waiting] of this.#turns) {
      let { roomPackets } = shared;
      for (const stream of waiting) {
        if (roomPackets < TURN_PACKETS / 2) break;
        roomPackets -= TURN_PACKETS;
        waiting.delete(stream);
        this.#admitted.add(stream);
        this.#active.add(stream);
      }
      if (waiting.size === 0) this.#turns.delete(shared);
    }
  }

  #blocker(stream: StreamHost): SocketHost | null {
    const socket = stream.path?.socket;
    return socket?.datagrams && !socket.datagrams.isWritable ? socket : null;
  }

  #waitForRoom(socket: SocketHost, stream: StreamHost): void {
    const waiting = this.#blocked.get(socket);
    if (waiting) waiting.add(stream);
    else this.#blocked.set(socket, new Set([stream]));
  }

  #enqueue(transmit: Transmit<SocketPath>): void {
    const { socket, address } = transmit.path;
    if (this.#outgoingSocket !== socket) this.#send();
    this.#outgoingSocket = socket;
    const entry = this.#outgoing[this.#outgoingCount++];
    if (entry) {
      entry.bytes = transmit.bytes;
      entry.address = address;
    } else {
      this.#outgoing.push({ bytes: transmit.bytes, address });
    }
    if (this.#outgoingCount === TURN_PACKETS) this.#send();
  }

  #send(): void {
    const count = this.#outgoingCount;
    if (count === 0) return;
    this.#outgoingCount = 0;
    this.#outgoingSocket!.datagrams?.sendMany(this.#outgoing, count);
  }

  #continueLater(): void {
    this.#cancelContinuation ??= this.clock.schedule(0, () => {
      this.#cancelContinuation = null;
      this.flush();
    });
  }

  #armTimer(deadlineMs: number, nowMs: number): void {
    if (deadlineMs >= this.#timerAtMs) return;
    this.#cancelTimer?.();
    this.#timerAtMs = deadlineMs;
    this.#cancelTimer = this.clock.schedule(Math.max(0, deadlineMs - nowMs), this.#onTimer);
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#timerAtMs = Infinity;
  }

  readonly #onTimer = (): void => {
    this.#cancelTimer = null;
    this.#timerAtMs = Infinity;
    const nowMs = this.clock.nowMs();
    let nextMs = Infinity;
    for (const stream of this.#streams.values()) {
      const { deadlineMs } = stream.machine;
      if (deadlineMs > nowMs) {
        if (deadlineMs < nextMs) nextMs = deadlineMs;
        continue;
      }
      stream.machine.handleTimeout(nowMs);
      this.#active.add(stream);
    }
    if (nextMs !== Infinity) this.#armTimer(nextMs, nowMs);
    this.flush();
  };
}

function isFromElsewhere(
  { path, checksRemote }: StreamHost,
  socket: SocketHost,
  from: DatagramAddress,
): boolean {
  if (path?.socket !== socket) return true;
  return checksRemote && (from.port !== path.address.port || from.host !== path.address.host);
}

function countReceived(traffic: Traffic, byteLength: number): void {
  traffic.bytesReceived += byteLength;
  traffic.packetsReceived++;
}

function countTransmitted(traffic: Traffic, byteLength: number): void {
  traffic.bytesTransmitted += byteLength;
  traffic.packetsTransmitted++;
}

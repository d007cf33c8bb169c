/** A stream machine with what a driver does around it, on virtual time. */
import { type Random, SeededRandom } from "../../../src/base/mod.ts";
import { decodePacket, PacketView } from "../../../src/udx/messages.ts";
import type { SharedPath } from "../../../src/udx/shared_path.ts";
import { type StreamEvent, StreamMachine } from "../../../src/udx/stream_machine.ts";
import type { Link, VirtualTime } from "../network.ts";

/** A path in the simulation: nothing but IPv4 overhead. */
export interface SimulatedPath {
  readonly overheadBytes: number;
  readonly shared?: SharedPath;
}

/** Data that is written in steps as the stream takes it. */
export interface Upload {
  /** Bytes to write in total. */
  readonly byteLength: number;
  /** Bytes per write. */
  readonly chunkBytes: number;
}

/** Byte `index` of the stream with `seed`: any mixture-up shows. */
export function patternByte(seed: number, index: number): number {
  return (Math.imul(index ^ seed, 0x9e3779b1) >>> 13) & 0xff;
}

/** One end of a simulated stream. */
export class StreamPeer {
  readonly machine: StreamMachine<SimulatedPath>;
  readonly #id: number;
  readonly #time: VirtualTime;
  readonly #out: Link;
  readonly #view = new PacketView();
  readonly #patternSeed: number;
  other!: StreamPeer;
  receivedBytes = 0;
  corruptAt = -1;
  hasEnded = false;
  closed: StreamEvent & { kind: "closed" } | null = null;
  closedAtMs = 0;
  bufferedBytesMax = 0;
  packetCount = 0;
  /** Called on each delivery, to sample or to end the run. */
  onProgress: (() => void) | null = null;
  #upload: Upload;
  #writtenBytes = 0;
  #timerAtMs = Infinity;

  constructor(
    id: number,
    time: VirtualTime,
    out: Link,
    upload: Upload,
    patternSeed: number,
    random: Random,
    seq = 0,
  ) {
    this.#id = id;
    this.#time = time;
    this.#out = out;
    this.#upload = upload;
    this.#patternSeed = patternSeed;
    this.machine = new StreamMachine(time.nowMs, { random, seq });
  }

  /** Starts sending to the other end. */
  start(id: number, ack = 0, shared?: SharedPath): void {
    this.machine.connect(this.#time.nowMs, id, { overheadBytes: 48, shared }, ack);
    this.flush();
  }

  /** A datagram arrived. */
  receive(bytes: Uint8Array): void {
    if (!decodePacket(bytes, this.#view) || this.#view.streamId !== this.#id) return;
    if (this.machine.isClosed) {
      // What a driver's memory of closed streams does.
      const epitaph = this.machine.epitaph;
      if (epitaph && this.#view.flags & 35) {
        this.#out.send(epitaph.reply.bytes, (copy) => this.other.receive(copy));
      }
      return;
    }
    this.machine.handlePacket(this.#view, this.#time.nowMs);
    this.flush();
  }

  /** Drives the machine until it rests. */
  flush(): void {
    const { machine } = this;
    this.#write();
    if (machine.bufferedBytes > this.bufferedBytesMax) {
      this.bufferedBytesMax = machine.bufferedBytes;
    }
    for (let chunk = machine.pollRead(); chunk; chunk = machine.pollRead()) {
      this.#check(chunk);
    }
    machine.setReadBuffered(0);
    for (
      let sent = machine.pollTransmit(this.#time.nowMs);
      sent;
      sent = machine.pollTransmit(this.#time.nowMs)
    ) {
      this.packetCount++;
      this.#out.send(sent.bytes, (copy) => this.other.receive(copy));
    }
    for (let event = machine.pollEvent(); event; event = machine.pollEvent()) {
      if (event.kind === "end") this.hasEnded = true;
      if (event.kind === "closed") {
        this.closed = event;
        this.closedAtMs = this.#time.nowMs;
      }
    }
    this.#armTimer();
  }

  #write(): void {
    const { machine } = this;
    if (machine.isClosed || this.#writtenBytes > this.#upload.byteLength) {
      return;
    }
    while (machine.isWritable && this.#writtenBytes < this.#upload.byteLength) {
      const byteLength = Math.min(
        this.#upload.chunkBytes,
        this.#upload.byteLength - this.#writtenBytes,
      );
      const chunk = new Uint8Array(byteLength);
      for (let i = 0; i < byteLength; i++) {
        chunk[i] = patternByte(this.#patternSeed, this.#writtenBytes + i);
      }
      machine.write(this.#time.nowMs, chunk);
      this.#writtenBytes += byteLength;
    }
    if (this.#writtenBytes === this.#upload.byteLength) {
      this.#writtenBytes++;
      machine.end(this.#time.nowMs);
    }
  }

  #check(chunk: Uint8Array): void {
    for (let i = 0; i < chunk.length; i++) {
      if (
        chunk[i] !==
          patternByte(this.other.#patternSeed, this.receivedBytes + i) &&
        this.corruptAt < 0
      ) {
        this.corruptAt = this.receivedBytes + i;
      }
    }
    this.receivedBytes += chunk.length;
    this.onProgress?.();
  }

  #armTimer(): void {
    const deadlineMs = this.machine.deadlineMs;
    if (deadlineMs >= this.#timerAtMs || deadlineMs === Infinity) return;
    this.#timerAtMs = deadlineMs;
    // Timers of real drivers are late by up to a millisecond.
    this.#time.at(Math.max(deadlineMs, this.#time.nowMs + 0.2), () => {
      if (this.#timerAtMs !== deadlineMs) return;
      this.#timerAtMs = Infinity;
      this.machine.handleTimeout(this.#time.nowMs);
      this.flush();
    });
  }
}

/** Two peers with a link each way; `shared` is what those of several pairs on one path have in common. */
export function connectPeers(
  time: VirtualTime,
  links: { readonly forth: Link; readonly back: Link },
  uploads: { readonly forth: Upload; readonly back: Upload },
  seed: number,
  shared?: { readonly forth: SharedPath; readonly back: SharedPath },
): [StreamPeer, StreamPeer] {
  const random = new SeededRandom(seed);
  const seqA = Math.floor(random.next() * 2 ** 32);
  const seqB = Math.floor(random.next() * 2 ** 32);
  const a = new StreamPeer(
    1,
    time,
    links.forth,
    uploads.forth,
    seed,
    random,
    seqA,
  );
  const b = new StreamPeer(
    2,
    time,
    links.back,
    uploads.back,
    seed + 1,
    random,
    seqB,
  );
  a.other = b;
  b.other = a;
  a.start(2, seqB, shared?.forth);
  b.start(1, seqA, shared?.back);
  return [a, b];
}

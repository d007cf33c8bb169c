/** Many streams between two sockets, with the driver that real ones have, on virtual time. */
import { type CancelTimer, type Clock, SeededRandom } from "../../../src/base/mod.ts";
import type { DatagramAddress, IncomingDatagram, OutgoingDatagram } from "../../../src/platform/mod.ts";
import {
  createTraffic,
  Driver,
  type SocketHost,
  type SocketPath,
  type StreamHost,
} from "../../../src/udx/driver.ts";
import { StreamMachine } from "../../../src/udx/stream_machine.ts";
import type { Link, VirtualTime } from "../network.ts";

/** Bytes per write. */
const CHUNK_BYTES = 65536;

/** Timers of real drivers are late. */
const TIMER_LATE_MS = 0.2;

class SimClock implements Clock {
  readonly #time: VirtualTime;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  nowMs(): number {
    return this.#time.nowMs;
  }

  wallMs(): number {
    return this.#time.nowMs;
  }

  schedule(delayMs: number, callback: () => void): CancelTimer {
    let isCancelled = false;
    this.#time.at(this.#time.nowMs + delayMs + TIMER_LATE_MS, () => {
      if (!isCancelled) callback();
    });
    return () => {
      isCancelled = true;
    };
  }
}

/** A socket and its driver. What arrives within a turn of the event loop is handed over together. */
export class DrivenSocket {
  readonly driver: Driver;
  readonly #time: VirtualTime;
  readonly #out: Link;
  readonly #turnMs: number;
  readonly #host: SocketHost;
  readonly #inbox: IncomingDatagram[] = [];
  #isHandingOver = false;
  other!: DrivenSocket;

  constructor(time: VirtualTime, out: Link, turnMs: number, seed: number) {
    this.#time = time;
    this.#out = out;
    this.#turnMs = turnMs;
    this.driver = new Driver(new SimClock(time), new SeededRandom(seed));
    this.#host = {
      datagrams: {
        isWritable: true,
        sendMany: (datagrams: readonly OutgoingDatagram[], count: number) => this.#send(datagrams, count),
      },
      traffic: createTraffic(),
      handleMessage: () => {},
    } as unknown as SocketHost;
  }

  /** A stream to the one with the same id at the other end; it writes `byteLength` and ends. */
  open(id: number, byteLength: number): DrivenStream {
    const address: DatagramAddress = { host: "10.0.0.1", port: 1, family: 4 };
    const shared = this.driver.sharedPath(this.#host, address);
    const path = { socket: this.#host, address, overheadBytes: 48, shared };
    return new DrivenStream(this.driver, path, id, byteLength);
  }

  #send(datagrams: readonly OutgoingDatagram[], count: number): void {
    for (let i = 0; i < count; i++) this.#out.send(datagrams[i]!.bytes, (copy) => this.other.#receive(copy));
  }

  #receive(bytes: Uint8Array): void {
    this.#inbox.push({ bytes, address: { host: "10.0.0.1", port: 1, family: 4 } });
    if (this.#isHandingOver) return;
    this.#isHandingOver = true;
    this.#time.at(this.#time.nowMs + this.#turnMs, () => {
      this.#isHandingOver = false;
      const datagrams = this.#inbox.splice(0);
      this.driver.handleDatagrams(this.#host, datagrams, datagrams.length);
    });
  }
}

/** A stream and who uses it. */
export class DrivenStream {
  readonly machine: StreamMachine<SocketPath>;
  readonly #driver: Driver;
  readonly #host: StreamHost;
  #leftBytes: number;
  receivedBytes = 0;
  closedAtMs = -1;
  errorCode: string | null = null;

  constructor(driver: Driver, path: SocketPath, id: number, byteLength: number) {
    const nowMs = driver.clock.nowMs();
    this.#driver = driver;
    this.#leftBytes = byteLength;
    this.machine = new StreamMachine(nowMs, { random: driver.random });
    this.#host = {
      id,
      machine: this.machine,
      traffic: createTraffic(),
      path,
      relayTarget: null,
      checksRemote: false,
      relayWaitMs: () => 0,
      isAdmitted: () => true,
      handleOutputs: () => this.#handleOutputs(),
    };
    driver.add(this.#host);
    this.machine.connect(nowMs, id, path);
    this.#write(nowMs);
    if (byteLength === 0) this.machine.end(nowMs);
    driver.schedule(this.#host);
  }

  #handleOutputs(): void {
    const { machine } = this;
    for (let chunk = machine.pollRead(); chunk; chunk = machine.pollRead()) {
      this.receivedBytes += chunk.length;
    }
    for (let event = machine.pollEvent(); event; event = machine.pollEvent()) {
      if (event.kind !== "closed") continue;
      this.closedAtMs = this.#driver.clock.nowMs();
      this.errorCode = event.error?.code ?? null;
      this.#driver.remove(this.#host);
    }
    this.#write(this.#driver.clock.nowMs());
  }

  #write(nowMs: number): void {
    while (this.#leftBytes > 0 && this.machine.isWritable) {
      const byteLength = Math.min(CHUNK_BYTES, this.#leftBytes);
      this.#leftBytes -= byteLength;
      this.machine.write(nowMs, new Uint8Array(byteLength));
      if (this.#leftBytes === 0) this.machine.end(nowMs);
    }
  }
}

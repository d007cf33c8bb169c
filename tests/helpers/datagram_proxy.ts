/**
 * A bad network between two processes: forwards datagrams with delay, loss and reordering.
 *
 * It runs in a worker thread of its own when it can, so that it does not slow the measured side down.
 *
 * @module
 */
import { SeededRandom } from "../../src/base/mod.ts";
import { bindDatagramSocket, type DatagramAddress, type DatagramSocket } from "../../src/platform/mod.ts";

/** What happens to datagrams, in each direction. */
export interface DatagramProxyConditions {
  /** One-way delay, ms. */
  readonly latencyMs?: number;
  /** Part of the datagrams that vanish. */
  readonly lossRate?: number;
  /** Part of the datagrams that are overtaken by those up to 3 ms behind them. */
  readonly reorderRate?: number;
  /** Larger IP packets vanish. */
  readonly mtu?: number;
  /** Seed of the proxy's choices. */
  readonly seed?: number;
}

const REORDER_MS = 3;
const HEADERS_BYTES = 28;

interface Delayed {
  readonly dueMs: number;
  readonly bytes: Uint8Array;
  readonly address: DatagramAddress;
  readonly socket: DatagramSocket;
}

/** Two sockets: what comes in on one leaves through the other. */
export class DatagramProxy implements AsyncDisposable {
  readonly #conditions: DatagramProxyConditions;
  readonly #random: SeededRandom;
  readonly #toReceiver: DatagramSocket;
  readonly #toSender: DatagramSocket;
  #queue: Delayed[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** Datagrams that were dropped. */
  droppedCount = 0;

  private constructor(
    senderPort: number,
    receiverPort: number,
    conditions: DatagramProxyConditions,
  ) {
    this.#conditions = conditions;
    this.#random = new SeededRandom(conditions.seed ?? 1);
    const sender: DatagramAddress = {
      host: "127.0.0.1",
      port: senderPort,
      family: 4,
    };
    const receiver: DatagramAddress = {
      host: "127.0.0.1",
      port: receiverPort,
      family: 4,
    };
    this.#toSender = this.#bind(() => this.#toReceiver, receiver);
    this.#toReceiver = this.#bind(() => this.#toSender, sender);
  }

  /** Starts a proxy between two ports of this machine. */
  static start(
    senderPort: number,
    receiverPort: number,
    conditions: DatagramProxyConditions = {},
  ): Promise<DatagramProxy> {
    return Promise.resolve(
      new DatagramProxy(senderPort, receiverPort, conditions),
    );
  }

  /** Where the sender sends to. */
  get senderSidePort(): number {
    return this.#toSender.address.port;
  }

  /** Where the receiver sends to. */
  get receiverSidePort(): number {
    return this.#toReceiver.address.port;
  }

  /** Stops forwarding. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#queue = [];
    await Promise.all([this.#toSender.close(), this.#toReceiver.close()]);
  }

  /** Same as {@linkcode DatagramProxy.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #bind(exit: () => DatagramSocket, address: DatagramAddress): DatagramSocket {
    return bindDatagramSocket({
      host: "127.0.0.1",
      port: 0,
      handlers: {
        onReceive: (datagrams, count) => {
          for (let i = 0; i < count; i++) {
            this.#forward(datagrams[i]!.bytes, exit(), address);
          }
          this.#flush();
        },
        onWritable: () => {},
        onSendError: () => {},
      },
    });
  }

  #forward(
    bytes: Uint8Array,
    socket: DatagramSocket,
    address: DatagramAddress,
  ): void {
    const { latencyMs = 0, lossRate = 0, reorderRate = 0, mtu = Infinity } = this.#conditions;
    if (bytes.length + HEADERS_BYTES > mtu || this.#random.next() < lossRate) {
      this.droppedCount++;
      return;
    }
    const extraMs = this.#random.next() < reorderRate ? REORDER_MS * this.#random.next() : 0;
    this.#queue.push({
      dueMs: performance.now() + latencyMs + extraMs,
      bytes: bytes.slice(),
      address,
      socket,
    });
  }

  #flush(): void {
    const nowMs = performance.now();
    const later: Delayed[] = [];
    for (const delayed of this.#queue) {
      if (delayed.dueMs > nowMs) later.push(delayed);
      else delayed.socket.sendMany([delayed], 1);
    }
    this.#queue = later;
    if (later.length === 0 || this.#timer !== null) return;
    const dueMs = Math.min(
      ...later.slice(0, 64).map((delayed) => delayed.dueMs),
    );
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#flush();
    }, Math.max(0, dueMs - nowMs));
  }
}

/**
 * A network in memory on virtual time: real logs, replicators and muxers on streams with latency, narrow ones too.
 *
 * @module
 */
import { EventEmitter } from "node:events";
import type { CancelTimer, Clock, Random } from "../../src/base/mod.ts";
import { CoreStore, Log, type LogKeyPair, type Manifest, type Reorg } from "../../src/hypercore/log/mod.ts";
import {
  type ReplicatedLog,
  Replicator,
  type ReplicatorOptions,
} from "../../src/hypercore/replication/mod.ts";
import { type FramedStream, Protomux } from "../../src/protomux/mod.ts";
import { MemoryStorage } from "../../src/storage/mod.ts";

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Time that jumps from one timer to the next, letting promises settle in between. */
export class SimClock implements Clock {
  #nowMs = 0;
  #timers: Timer[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, callback: () => void): CancelTimer {
    // Whole ms, so that what falls due together runs in one turn.
    const timer = { dueMs: this.#nowMs + Math.max(1, Math.ceil(delayMs)), callback };
    this.#timers.push(timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index !== -1) this.#timers.splice(index, 1);
    };
  }

  /** Runs until `isDone`, or until `limitMs` have passed; tells which. */
  async run(isDone: () => boolean, limitMs: number): Promise<boolean> {
    const endMs = this.#nowMs + limitMs;
    while (true) {
      await settle();
      if (isDone()) return true;
      const nextMs = this.#timers.reduce((least, { dueMs }) => Math.min(least, dueMs), Infinity);
      if (nextMs > endMs) return false;
      this.#nowMs = nextMs;
      const due = this.#timers.filter(({ dueMs }) => dueMs <= nextMs);
      this.#timers = this.#timers.filter(({ dueMs }) => dueMs > nextMs);
      for (const { callback } of due) callback();
    }
  }
}

/** How often work may put off more work to another turn, with time standing still. */
const SETTLE_TURNS = 3;

/** Lets every promise that can settle do so, and what was put off to a later turn happen: nothing else is waited for. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Bytes on their way before a stream says that it is full. */
const HIGH_WATER_BYTES = 65536;

/** One end of a connection. */
class SimStream implements FramedStream {
  readonly #emitter = new EventEmitter();
  readonly handshakeHash = new Uint8Array(64).fill(7);
  readonly remotePublicKey = new Uint8Array(32);
  readonly opened: Promise<boolean> = Promise.resolve(true);
  userData: unknown = null;
  destroyed = false;
  other!: SimStream;
  #bytesUnderWay = 0;
  #arrivalMs = 0;

  constructor(readonly isInitiator: boolean, readonly clock: SimClock, readonly link: Link) {
    this.#emitter.setMaxListeners(0);
  }

  on(event: string, listener: (...args: never[]) => void): void {
    this.#emitter.on(event, listener as () => void);
  }

  off(event: string, listener: (...args: never[]) => void): void {
    this.#emitter.off(event, listener as () => void);
  }

  write(frame: Uint8Array): boolean {
    if (this.destroyed) return false;
    const { latencyMs, bytesPerMs } = this.link;
    const nowMs = this.clock.nowMs();
    this.#arrivalMs = Math.max(this.#arrivalMs, nowMs + latencyMs()) + frame.byteLength / bytesPerMs;
    this.#bytesUnderWay += frame.byteLength;
    this.clock.schedule(this.#arrivalMs - nowMs, () => this.#deliver(frame));
    return this.#bytesUnderWay < HIGH_WATER_BYTES;
  }

  #deliver(frame: Uint8Array): void {
    const wasFull = this.#bytesUnderWay >= HIGH_WATER_BYTES;
    this.#bytesUnderWay -= frame.byteLength;
    if (this.destroyed || this.other.destroyed) return;
    this.other.#emitter.emit("data", frame);
    if (wasFull && this.#bytesUnderWay < HIGH_WATER_BYTES) this.#emitter.emit("drain");
  }

  end(): void {
    this.destroy();
  }

  pause(): void {}
  resume(): void {}

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    queueMicrotask(() => this.#emitter.emit("close"));
    this.clock.schedule(1, () => this.other.destroy());
  }
}

/** How a connection behaves. */
export interface Link {
  latencyMs(): number;
  readonly bytesPerMs: number;
}

/** Options of {@linkcode SimNode.open} besides those of the replication. */
export interface SimNodeOptions {
  /** Key of the log; without it, a new one is made. */
  readonly key?: Uint8Array;
  /** Signs what is appended. */
  readonly keyPair?: LogKeyPair;
  /** What the key commits to. */
  readonly manifest?: Manifest;
  /** Changes what peers see of the log. */
  readonly disguise?: (log: Log) => ReplicatedLog;
}

/** A log with its replication. */
export class SimNode {
  readonly replicator: Replicator;

  private constructor(
    readonly log: Log,
    readonly clock: SimClock,
    options: ReplicatorOptions,
    face: ReplicatedLog,
  ) {
    this.replicator = new Replicator(face, { ...options, clock });
    this.replicator.updateActivity(1);
  }

  /** Opens a log; `disguise` changes what its peers see. */
  static async open(
    clock: SimClock,
    options: ReplicatorOptions & SimNodeOptions,
  ): Promise<SimNode> {
    const store = new CoreStore(new MemoryStorage());
    await store.open();
    const log = await Log.open(store, {
      key: options.key ?? null,
      keyPair: options.keyPair ?? null,
      manifest: options.manifest ?? null,
    });
    return new SimNode(log, clock, options, options.disguise?.(log) ?? log);
  }

  /** Connects two nodes; returns what cuts the connection. */
  static connect(left: SimNode, right: SimNode, link: Link): () => void {
    const streams = [new SimStream(true, left.clock, link), new SimStream(false, left.clock, link)] as const;
    streams[0].other = streams[1];
    streams[1].other = streams[0];
    left.replicator.attachTo(Protomux.from<FramedStream>(streams[0]));
    right.replicator.attachTo(Protomux.from<FramedStream>(streams[1]));
    return () => streams[0].destroy();
  }

  /** Closes replication and log. */
  async close(): Promise<void> {
    this.replicator.destroy();
    await this.log.close();
  }
}

/** What a log looks like to its replication, with parts of it replaced. */
export function disguised(log: Log, parts: Partial<ReplicatedLog>): ReplicatedLog {
  return {
    key: log.key,
    discoveryKey: log.discoveryKey,
    get head() {
      return log.head;
    },
    get published() {
      return log.published;
    },
    get bitfield() {
      return log.bitfield;
    },
    get contiguousLength() {
      return log.contiguousLength;
    },
    get manifest() {
      return log.manifest;
    },
    get compat() {
      return log.compat;
    },
    prove: (requests) => log.prove(requests),
    verify: (proofs) => log.verify(proofs),
    get isFrozen() {
      return log.isFrozen;
    },
    get isBroken() {
      return log.isBroken;
    },
    verifyReorg: (proof) => log.verifyReorg(proof),
    reorg: (reorg) => log.reorg(reorg as Reorg),
    checkConflict: (proof) => log.checkConflict(proof),
    missingNodes: (treeIndex) => log.missingNodes(treeIndex),
    upgradeable: (length) => log.upgradeable(length),
    getBlocks: (indexes) => log.getBlocks(indexes),
    seek: (bytes, padding) => log.seek(bytes, padding),
    subscribe: (listener) => log.subscribe(listener),
    ...parts,
  };
}

/** A link drawn at random: 1 to 100 ms, from narrow to wide. */
export function randomLink(random: Random): Link {
  const baseMs = 1 + random.next() * 99;
  const bytesPerMs = 100 * 10 ** (random.next() * 3);
  return { latencyMs: () => baseMs * (0.9 + 0.2 * random.next()), bytesPerMs };
}

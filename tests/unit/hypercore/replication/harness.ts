/**
 * A replication machine on a log that a test describes, with shorthands for dialogues.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { SeededRandom } from "../../../../src/base/mod.ts";
import { Bitfield, type Manifest, type Proof } from "../../../../src/hypercore/log/mod.ts";
import type {
  Job,
  LogState,
  LogView,
  MachineEvent,
  ReplicationMachineOptions,
  VerifyResult,
} from "../../../../src/hypercore/replication/context.ts";
import type {
  DataMessage,
  RequestMessage,
  SyncMessage,
} from "../../../../src/hypercore/replication/messages.ts";
import type { PeerState, WireMessage } from "../../../../src/hypercore/replication/peer_state.ts";
import {
  ReplicationMachine,
  type Transmit,
} from "../../../../src/hypercore/replication/replication_machine.ts";

/** Any manifest will do; the machine does not look into it. */
export const MANIFEST: Manifest = {
  version: 1,
  hash: "blake2b",
  allowPatch: false,
  quorum: 0,
  signers: [],
  prologue: null,
  linked: null,
  userData: null,
};

/** A log that is what the test says it is. */
export class FakeLog implements LogView {
  head: LogState = { length: 0, byteLength: 0, fork: 0 };
  published: LogState = this.head;
  readonly bitfield = new Bitfield();
  manifest: Manifest | null = MANIFEST;
  compat = false;
  isFrozen = false;
  isBroken = false;
  /** Answer of `missingNodes`; null: takes waiting. */
  missing: number | null = 3;
  /** Answer of `upgradeable`; null: takes waiting. */
  canUpgrade: boolean | null = true;

  get contiguousLength(): number {
    return this.bitfield.firstUnset(0);
  }

  missingNodes(): number | null {
    return this.missing;
  }

  upgradeable(): boolean | null {
    return this.canUpgrade;
  }

  /** Sets head and published state to `length` blocks of `blockBytes` each. */
  setLength(length: number, fork = 0, blockBytes = 100): void {
    this.head = this.published = { length, byteLength: length * blockBytes, fork };
  }

  /** The same, with all blocks stored. */
  setFull(length: number): void {
    this.setLength(length);
    this.bitfield.setRange(0, length, true);
  }
}

/** A machine, its log and its time. */
export class Harness {
  readonly log = new FakeLog();
  readonly machine: ReplicationMachine;
  readonly events: MachineEvent[] = [];
  readonly jobs: Job[] = [];
  nowMs = 1000;
  #unread: Transmit[] = [];

  constructor(options: Partial<ReplicationMachineOptions> = {}, describe?: (log: FakeLog) => void) {
    describe?.(this.log);
    this.machine = new ReplicationMachine(this.log, new SeededRandom(1), { lingerMs: 0, ...options });
  }

  /** A peer opens its channel; what it is greeted with is dropped. */
  open(seeks = true): PeerState {
    const peer = this.machine.handlePeerOpen({ seeks, capability: new Uint8Array(32) }, this.nowMs);
    this.sent(peer);
    return peer;
  }

  /** A peer with `length` blocks, all of which it has, that knows our length. */
  openFull(length: number): PeerState {
    const peer = this.open();
    this.receive(peer, sync({ length, remoteLength: this.log.published.length, canUpgrade: true }));
    this.receive(peer, { kind: "range", message: { drop: false, start: 0, length } });
    return peer;
  }

  receive(peer: PeerState, message: WireMessage): void {
    this.machine.handleMessage(peer, message, this.nowMs);
  }

  /** Polls everything and keeps what comes out. */
  poll(): void {
    this.machine.poll(this.nowMs);
    for (let next = this.machine.pollTransmit(); next !== null; next = this.machine.pollTransmit()) {
      this.#unread.push(next);
    }
    for (let job = this.machine.pollJob(); job !== null; job = this.machine.pollJob()) this.jobs.push(job);
    this.events.push(...this.machine.pollEvents());
  }

  /** Takes what went to `peer` and was not taken before. */
  sent(peer: PeerState): WireMessage[] {
    this.poll();
    const messages = this.#unread.flatMap((sent) => sent.peer === peer ? sent.messages : []);
    this.#unread = this.#unread.filter((sent) => sent.peer !== peer);
    return messages;
  }

  /** Takes what went to `peer` and returns the requests. */
  requests(peer: PeerState): RequestMessage[] {
    return this.sent(peer).flatMap((sent) => sent.kind === "request" ? [sent.message] : []);
  }

  /** Takes what went to anyone and returns the requests. */
  allRequests(): { peer: PeerState; message: RequestMessage }[] {
    this.poll();
    const unread = this.#unread;
    this.#unread = [];
    return unread.flatMap(({ peer, messages }) =>
      messages.flatMap((sent) => sent.kind === "request" ? [{ peer, message: sent.message }] : [])
    );
  }

  /** Lets `byMs` pass. */
  advance(byMs: number): void {
    this.nowMs += byMs;
    this.machine.handleTime(this.nowMs);
  }

  /** Takes the jobs of one kind that are waiting. */
  takeJobs<Kind extends Job["kind"]>(kind: Kind): Extract<Job, { kind: Kind }>[] {
    this.poll();
    const taken = this.jobs.filter((job) => job.kind === kind) as Extract<Job, { kind: Kind }>[];
    for (const job of taken) this.jobs.splice(this.jobs.indexOf(job), 1);
    return taken;
  }

  /** Takes the events of one kind that are waiting. */
  takeEvents<Kind extends MachineEvent["kind"]>(kind: Kind): Extract<MachineEvent, { kind: Kind }>[] {
    this.poll();
    const taken = this.events.filter((event) => event.kind === kind) as Extract<
      MachineEvent,
      { kind: Kind }
    >[];
    for (const event of taken) this.events.splice(this.events.indexOf(event), 1);
    return taken;
  }

  /** Answers `message` with a block and has the log take it. */
  answerBlock(peer: PeerState, message: RequestMessage, value = new Uint8Array(100)): void {
    this.receive(peer, { kind: "data", message: blockData(message, value) });
    this.settleVerify();
  }

  /** Has the log give `result` for every answer that waits to be verified. */
  settleVerify(resultOf: (data: Proof) => VerifyResult = () => ({ kind: "applied", upgraded: false })): void {
    for (const job of this.takeJobs("verify")) {
      const results = job.entries.map(({ data }) => resultOf(data));
      job.entries.forEach(({ data }, i) => {
        if (results[i]!.kind !== "applied") return;
        if (data.upgrade) {
          const length = data.upgrade.start + data.upgrade.length;
          this.log.setLength(length, this.log.head.fork);
          const head = { ...this.log.head, roots: [], signature: null };
          this.machine.handleLogChange({ kind: "upgrade", head, isReorg: false }, this.nowMs);
        }
        if (data.block && !this.log.bitfield.get(data.block.index)) {
          this.log.bitfield.set(data.block.index, true);
          const change = { kind: "blocks", start: data.block.index, length: 1, has: true } as const;
          this.machine.handleLogChange(change, this.nowMs);
        }
      });
      this.machine.handleVerified(job.entries, results, this.nowMs);
    }
  }

  /** Has the log prove everything that is asked of it. */
  settleProve(): void {
    for (const job of this.takeJobs("prove")) {
      const results = job.entries.map(({ message }) => {
        const { request: _, ...proof } = blockData(message, new Uint8Array(100));
        return { kind: "proof", proof } as const;
      });
      this.machine.handleProved(job.entries, results, this.nowMs);
    }
  }

  /** Blocks were written here and published. */
  append(count: number): void {
    const start = this.log.head.length;
    this.log.setLength(start + count, this.log.head.fork);
    this.log.bitfield.setRange(start, start + count, true);
    const head = { ...this.log.head, roots: [], signature: null };
    this.machine.handleLogChange({ kind: "append", head, start, blocks: count }, this.nowMs);
    this.machine.handleLogChange({ kind: "publish", head }, this.nowMs);
  }
}

/** A sync message; what is not given is as of a peer that uploads, downloads and has a manifest. */
export function sync(fields: Partial<SyncMessage> = {}): WireMessage {
  return {
    kind: "sync",
    message: {
      fork: 0,
      length: 0,
      remoteLength: 0,
      canUpgrade: false,
      uploading: true,
      downloading: true,
      hasManifest: true,
      allowPush: false,
      ...fields,
    },
  };
}

/** A request; what is not given is not asked for. */
export function request(fields: Partial<RequestMessage> = {}): RequestMessage {
  return {
    id: 1,
    fork: 0,
    block: null,
    hash: null,
    seek: null,
    upgrade: null,
    manifest: false,
    priority: 0,
    ...fields,
  };
}

/** What an honest peer answers to `message`, without any nodes. */
export function blockData(message: RequestMessage, value: Uint8Array): DataMessage {
  const { block, hash, seek, upgrade } = message;
  return {
    request: message.id,
    fork: message.fork,
    block: block && { index: block.index, value, nodes: [] },
    hash: hash && { index: hash.index, nodes: [] },
    seek: seek && { bytes: seek.bytes, nodes: [] },
    upgrade: upgrade && { ...upgrade, nodes: [], additionalNodes: [], signature: new Uint8Array(64) },
    manifest: null,
  };
}

/** The blocks that requests ask for. */
export function blocksOf(requests: readonly RequestMessage[]): number[] {
  return requests.map(({ block }) => {
    assert.ok(block, "the request is for a block");
    return block.index;
  });
}

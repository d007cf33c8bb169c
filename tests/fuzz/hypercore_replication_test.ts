/**
 * Damaged traffic for the decoders, random dialogues for the machine. A failure names the seed of its round.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { hexBytes, SeededRandom } from "../../src/base/mod.ts";
import { decode, encode, type Encoder, EncodingError } from "../../src/compact_encoding/mod.ts";
import { HypercoreError } from "../../src/hypercore/errors.ts";
import type { Job, ProveResult, VerifyResult } from "../../src/hypercore/replication/context.ts";
import {
  PENDING_ANNOUNCEMENTS_MAX,
  REMOTE_BLOCK_REQUESTS_MAX,
  REMOTE_PAGES_MAX,
  REMOTE_REQUESTS_MAX,
} from "../../src/hypercore/replication/limits.ts";
import * as messages from "../../src/hypercore/replication/messages.ts";
import {
  MESSAGE_KINDS,
  type PeerState,
  type WireMessage,
} from "../../src/hypercore/replication/peer_state.ts";
import { blockData, Harness } from "../unit/hypercore/replication/harness.ts";
import vectors from "../vectors/hypercore_replication/messages.json" with { type: "json" };

const SEED = 20_260_915;
const DECODER_ROUNDS = 20_000;
const DIALOGUES = 300;
const STEPS = 400;

const CODECS: Record<string, Encoder<unknown>> = {
  handshake: messages.handshake,
  sync: messages.sync,
  request: messages.request,
  cancel: messages.cancel,
  data: messages.data,
  noData: messages.noData,
  want: messages.want,
  unwant: messages.want,
  bitfield: messages.bitfield,
  range: messages.range,
  extension: messages.extension,
} as Record<string, Encoder<unknown>>;

const TRAFFIC = [...vectors.traffic, ...vectors.messages].map(({ kind, hex }) => ({
  kind,
  bytes: hexBytes(hex),
}));

class Dice extends SeededRandom {
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  /** Mostly small, sometimes as large as it gets. */
  number(): number {
    const bits = this.pick([2, 4, 8, 8, 16, 21, 32, 53]);
    return Math.min(Number.MAX_SAFE_INTEGER, Math.floor(this.next() * 2 ** bits));
  }

  damage(bytes: Uint8Array): Uint8Array {
    const copy = Array.from(bytes);
    for (let i = this.below(4); i >= 0; i--) {
      const at = this.below(copy.length + 1);
      const change = this.below(5);
      if (change === 0 && at < copy.length) copy[at]! ^= 1 << this.below(8);
      else if (change === 1 && at < copy.length) copy[at] = this.pick([0, 1, 0xfc, 0xfd, 0xfe, 0xff]);
      else if (change === 2) copy.length = at;
      else if (change === 3) copy.splice(at, this.below(9));
      else copy.splice(at, 0, ...Array.from({ length: this.below(9) }, () => this.below(256)));
    }
    return Uint8Array.from(copy);
  }
}

function rounds(count: number, run: (dice: Dice) => void): void {
  for (let round = 0; round < count; round++) {
    try {
      run(new Dice(SEED + round));
    } catch (error) {
      throw new Error(`Seed ${SEED + round}: ${error instanceof Error ? error.stack : error}`, {
        cause: error,
      });
    }
  }
}

Deno.test("HC-W03 damaged messages decode or are refused with a typed error, and encode again", () => {
  let decoded = 0;
  rounds(DECODER_ROUNDS, (dice) => {
    const { kind, bytes } = dice.pick(TRAFFIC);
    const codec = CODECS[dice.below(10) === 0 ? dice.pick(MESSAGE_KINDS) : kind]!;
    let value: unknown;
    try {
      value = decode(codec, dice.damage(bytes));
    } catch (error) {
      const isTyped = error instanceof EncodingError || error instanceof HypercoreError;
      assert.ok(isTyped, `${error}`);
      return;
    }
    decoded++;
    const again = encode(codec, value);
    assert.deepEqual(encode(codec, decode(codec, again)), again);
  });
  assert.ok(decoded > DECODER_ROUNDS / 10, "some damage is harmless");
});

Deno.test("the machine takes any dialogue: nothing is thrown, nothing grows without bound", () => {
  rounds(DIALOGUES, (dice) => {
    const h = new Harness({ allowPush: dice.below(4) === 0 }, (log) => {
      log.setLength(dice.below(3) * 500);
      const end = dice.below(log.head.length + 1);
      log.bitfield.setRange(dice.below(end + 1), end, true);
      log.missing = dice.pick([null, 0, 5]);
      log.canUpgrade = dice.pick([null, true, false]);
    });
    const dialogue = new Dialogue(dice, h);
    for (let step = 0; step < STEPS; step++) {
      dialogue.step();
      dialogue.check();
    }
  });
});

/** Random inputs for a machine, answers included. */
class Dialogue {
  readonly #dice: Dice;
  readonly #h: Harness;
  readonly #peers: PeerState[] = [];
  readonly #handles: number[] = [];

  constructor(dice: Dice, h: Harness) {
    this.#dice = dice;
    this.#h = h;
  }

  step(): void {
    const dice = this.#dice;
    const { machine } = this.#h;
    const kind = dice.below(20);
    if (kind === 0 && this.#peers.length < 5) this.#peers.push(this.#h.open(dice.below(2) === 0));
    else if (kind === 1 && dice.below(8) === 0) this.#closeOne();
    else if (kind === 2) this.#handles.push(machine.addBlock(dice.below(1200), dice.below(8) === 0));
    else if (kind === 3) this.#addRange();
    else if (kind === 4) this.#handles.push(machine.addSeek(dice.below(100_000), dice.below(2) * 8));
    else if (kind === 5) this.#handles.push(machine.addUpgrade());
    else if (kind === 6 && this.#handles.length > 0) machine.cancel(dice.pick(this.#handles));
    else if (kind === 7) this.#h.advance(dice.below(3000));
    else if (kind === 8) machine.updateActivity(dice.pick([1, -1]), this.#h.nowMs);
    else if (kind === 9) this.#changeLog();
    else if (kind === 10 && this.#peers.length > 0) {
      machine.handleDrained(dice.pick(this.#peers), dice.below(3) > 0);
    } else if (kind < 14) this.#settleJobs();
    else if (this.#peers.length > 0) this.#receive(dice.pick(this.#peers));
    for (const event of this.#h.events.splice(0)) {
      if (event.kind === "close" && this.#peers.includes(event.peer)) this.#close(event.peer);
    }
  }

  check(): void {
    this.#h.poll();
    let open = 0;
    for (const peer of this.#peers) {
      open += peer.window.open;
      assert.equal(peer.window.open, peer.requests.size);
      assert.ok(peer.window.open <= Math.max(512, peer.window.limit));
      assert.ok(peer.has.pageCount <= REMOTE_PAGES_MAX);
      assert.ok(peer.uploads.size <= REMOTE_REQUESTS_MAX + REMOTE_BLOCK_REQUESTS_MAX);
      assert.ok(peer.pendingRanges.length <= PENDING_ANNOUNCEMENTS_MAX);
      assert.ok(peer.pendingWants.length <= 528);
    }
    if (open > 0) assert.ok(this.#h.machine.isDownloading);
    assert.equal(this.#h.machine.peers.length, this.#peers.length);
  }

  #closeOne(): void {
    const peer = this.#peers[0];
    if (peer !== undefined) this.#close(peer);
  }

  #close(peer: PeerState): void {
    this.#peers.splice(this.#peers.indexOf(peer), 1);
    this.#h.machine.handlePeerClosed(peer, this.#h.nowMs);
  }

  #addRange(): void {
    const dice = this.#dice;
    const blocks = Array.from({ length: dice.below(9) }, () => dice.below(1200));
    const options = dice.pick([
      { start: dice.below(500), end: dice.below(1200), linear: dice.below(2) === 0 },
      { start: dice.below(500) },
      { blocks },
    ]);
    this.#handles.push(this.#h.machine.addRange(options));
  }

  #changeLog(): void {
    const dice = this.#dice;
    const { log, machine, nowMs } = this.#h;
    const { length, fork } = log.head;
    const change = dice.below(4);
    if (change === 0) this.#h.append(1 + dice.below(20));
    else if (change === 1 && length > 0) {
      const start = dice.below(length);
      log.bitfield.set(start, false);
      machine.handleLogChange({ kind: "blocks", start, length: 1, has: false }, nowMs);
    } else if (change === 2 && length > 0) {
      const shorter = dice.below(length);
      log.setLength(shorter, fork + 1);
      log.bitfield.setRange(shorter, length, false);
      machine.handleLogChange(
        { kind: "truncate", length: shorter, fork: fork + 1, previousLength: length },
        nowMs,
      );
    } else machine.handleLogChange({ kind: "manifest" }, nowMs);
  }

  #settleJobs(): void {
    this.#h.poll();
    for (const job of this.#h.jobs.splice(0)) this.#settle(job);
  }

  #settle(job: Job): void {
    const dice = this.#dice;
    const { machine, nowMs } = this.#h;
    const hasFailed = dice.below(30) === 0;
    const error = new HypercoreError("INVALID_CHECKSUM", "Invalid checksum");
    switch (job.kind) {
      case "prove": {
        if (hasFailed) return machine.handleProveFailed(job.entries, nowMs);
        const results = job.entries.map(({ message }): ProveResult => {
          const { request: _, ...proof } = blockData(message, new Uint8Array(dice.below(2000)));
          return dice.pick([{ kind: "proof", proof }, { kind: "unavailable" }, { kind: "invalid", error }]);
        });
        return machine.handleProved(job.entries, results, nowMs);
      }
      case "verify": {
        if (hasFailed) return machine.handleVerifyFailed(job.entries, nowMs);
        const results = job.entries.map(({ data }): VerifyResult => {
          const kind = dice.below(12);
          if (kind === 0) return { kind: "stale" };
          if (kind === 1) return { kind: "invalid", error };
          if (data.block !== null) this.#h.log.bitfield.set(data.block.index, true);
          return { kind: "applied", upgraded: false };
        });
        return machine.handleVerified(job.entries, results, nowMs);
      }
      case "count":
        if (hasFailed) return machine.handleCountFailed(job.request, nowMs);
        return machine.handleCounted(job.request, dice.below(20), nowMs);
      case "upgradeable":
        return machine.handleUpgradeable(job, dice.below(2) === 0, nowMs);
      case "seek": {
        if (hasFailed) return machine.handleSeekFailed(job.seek, error, nowMs);
        const start = dice.below(600);
        const found = { kind: "found", index: start, offset: 1 } as const;
        const range = { kind: "range", start, end: start + dice.below(600) } as const;
        return machine.handleSought(job.seek, dice.pick([found, range, range]), nowMs);
      }
      case "read":
        if (hasFailed) return machine.handleReadFailed(job.indexes, error, nowMs);
        return machine.handleRead(
          job.indexes,
          job.indexes.map(() => dice.pick([null, new Uint8Array(3)])),
          nowMs,
        );
    }
  }

  /** An honest answer, a made-up message, or damaged traffic. */
  #receive(peer: PeerState): void {
    const dice = this.#dice;
    const honest = dice.below(2) === 0 ? this.#answer(peer) : null;
    const message = honest ?? (dice.below(2) === 0 ? this.#madeUp() : this.#damaged());
    if (message !== null) this.#h.receive(peer, message);
  }

  #answer(peer: PeerState): WireMessage | null {
    const requests = Array.from(peer.requests.values()).filter(({ state }) => state === "sent");
    if (requests.length === 0) return null;
    const { message } = this.#dice.pick(requests);
    if (this.#dice.below(5) === 0) {
      return { kind: "noData", message: { request: message.id, reason: this.#dice.below(3) } };
    }
    return { kind: "data", message: blockData(message, new Uint8Array(50)) };
  }

  #madeUp(): WireMessage {
    const dice = this.#dice;
    const flag = () => dice.below(2) === 0;
    const length = dice.pick([0, 500, 1000, 1200, dice.number()]);
    const pair = { start: dice.number(), length: dice.number() };
    return dice.pick<WireMessage>([
      {
        kind: "sync",
        message: {
          fork: dice.below(3),
          length,
          remoteLength: dice.pick([this.#h.log.published.length, dice.number()]),
          canUpgrade: flag(),
          uploading: dice.below(8) > 0,
          downloading: dice.below(8) > 0,
          hasManifest: flag(),
          allowPush: flag(),
        },
      },
      { kind: "range", message: { drop: dice.below(4) === 0, start: dice.pick([0, dice.number()]), length } },
      { kind: "range", message: { drop: false, ...pair } },
      {
        kind: "bitfield",
        message: {
          start: dice.number(),
          bitfield: new Uint8Array(4 * dice.below(200)).fill(dice.below(256)),
        },
      },
      { kind: "want", message: { ...pair, any: flag() } },
      { kind: "want", message: { start: dice.below(3) * 2097152, length: 2097152, any: false } },
      { kind: "unwant", message: { ...pair, any: flag() } },
      { kind: "cancel", message: { request: dice.number() } },
      {
        kind: "request",
        message: {
          id: dice.below(300),
          fork: dice.below(2),
          block: flag() ? { index: dice.number(), nodes: dice.number() } : null,
          hash: flag() ? { index: dice.number(), nodes: dice.number() } : null,
          seek: flag() ? { bytes: dice.number(), padding: dice.number() } : null,
          upgrade: flag() ? pair : null,
          manifest: flag(),
          priority: dice.below(3),
        },
      },
    ]);
  }

  #damaged(): WireMessage | null {
    const { kind, bytes } = this.#dice.pick(TRAFFIC);
    if (kind === "handshake") return null;
    try {
      return { kind, message: decode(CODECS[kind]!, this.#dice.damage(bytes)) } as WireMessage;
    } catch {
      return null; // what the decoder refuses never reaches the machine
    }
  }
}

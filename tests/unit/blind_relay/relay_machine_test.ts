/**
 * The relay machine in dialogues, on a time of the test's own. Sessions are named A, B, …
 *
 * @module
 */
import assert from "node:assert/strict";
import { DEFAULT_LIMITS, PUBLIC_LIMITS, type RelayLimits } from "../../../src/blind_relay/mod.ts";
import { type Pair, RelayMachine } from "../../../src/blind_relay/relay_machine.ts";

interface Session {
  readonly name: string;
}

/** A machine, and what it wants done as text. */
class Dialogue {
  readonly machine: RelayMachine<Session>;
  readonly pairs: Pair<Session>[] = [];
  readonly #sessions = new Map<string, Session>();

  constructor(limits: Partial<RelayLimits> = {}, names = "ABCD") {
    this.machine = new RelayMachine({ ...DEFAULT_LIMITS, ...limits });
    for (const name of names) this.open(name);
  }

  open(name: string): boolean {
    const session = { name };
    this.#sessions.set(name, session);
    return this.machine.handleSession(session);
  }

  /** A session asks for the end of a pair that `token` and `isInitiator` name. */
  pair(name: string, token: number, isInitiator: boolean, nowMs = 0): string[] {
    const message = { isInitiator, token: new Uint8Array(32).fill(token), id: token, seq: 0 };
    this.machine.handlePair(this.#sessions.get(name)!, message, nowMs);
    return this.events();
  }

  unpair(name: string, token: number): string[] {
    this.machine.handleUnpair(this.#sessions.get(name)!, new Uint8Array(32).fill(token));
    return this.events();
  }

  end(name: string): string[] {
    this.machine.handleSessionEnd(this.#sessions.get(name)!, new Error("gone"));
    return this.events();
  }

  /** Whether a packet passes, at once or later. */
  packet(pairIndex: number, isFromInitiator: boolean, byteLength: number, nowMs = 0): boolean {
    return this.waitMs(pairIndex, isFromInitiator, byteLength, nowMs) < Infinity;
  }

  waitMs(pairIndex: number, isFromInitiator: boolean, byteLength: number, nowMs: number): number {
    return this.machine.handlePacket(this.pairs[pairIndex]!, isFromInitiator, byteLength, nowMs);
  }

  timeout(nowMs: number): string[] {
    this.machine.handleTimeout(nowMs);
    return this.events();
  }

  events(): string[] {
    const texts: string[] = [];
    for (let event = this.machine.pollEvent(); event; event = this.machine.pollEvent()) {
      if (event.kind === "matched") this.pairs.push(event.pair);
      const code = event.kind === "matched" ? "" : ` ${(event.error as { code?: string }).code ?? "error"}`;
      const who = event.kind === "refused"
        ? event.session.name
        : event.pair.ends.map(({ session, isInitiator }) => `${session.name}${isInitiator ? "!" : ""}`).join(
          " ",
        );
      const isToBeTold = event.kind === "ended" && event.isToBeTold ? " and tell" : "";
      texts.push(`${event.kind} ${who}${code}${isToBeTold}`);
    }
    return texts;
  }
}

Deno.test("BR-001 BR-007 two requests with one token and different ends match, in either order", () => {
  const dialogue = new Dialogue();
  assert.deepEqual(dialogue.pair("A", 1, true), []);
  assert.deepEqual(dialogue.pair("B", 1, false), ["matched B A!"]);
  assert.deepEqual(dialogue.pair("C", 2, false), []);
  assert.deepEqual(dialogue.pair("D", 2, true), ["matched C D!"]);
  assert.deepEqual(dialogue.pairs[0]!.ends.map(({ remoteId }) => remoteId), [1, 1]);
});

Deno.test("BR-W02 a second request for the same end changes nothing; another session is told", () => {
  const dialogue = new Dialogue();
  dialogue.pair("A", 1, true);
  assert.deepEqual(dialogue.pair("A", 1, true), []);
  assert.deepEqual(dialogue.pair("B", 1, true), ["refused B ALREADY_PAIRING"]);
  assert.deepEqual(dialogue.machine.pairings.requested, 1);
  assert.deepEqual(dialogue.pair("C", 1, false), ["matched C A!"]);
});

Deno.test("BR-001 one session may have both ends", () => {
  const dialogue = new Dialogue();
  dialogue.pair("A", 1, true);
  assert.deepEqual(dialogue.pair("A", 1, false), ["matched A A!"]);
  assert.deepEqual(dialogue.end("A"), ["ended A A! error"]);
  assert.equal(dialogue.machine.pairings.active, 0);
});

Deno.test("BR-008 BR-012 unpair takes a request of any session back, and a pair of the session's own", () => {
  const dialogue = new Dialogue();
  dialogue.pair("A", 1, true);
  assert.deepEqual(dialogue.unpair("B", 1), []);
  assert.equal(dialogue.machine.pairings.pending, 0);
  dialogue.pair("A", 1, true);
  dialogue.pair("B", 1, false);
  assert.deepEqual(dialogue.unpair("C", 1), []);
  assert.deepEqual(dialogue.unpair("A", 1), ["ended B A! PAIRING_CANCELLED"]);
  assert.deepEqual(dialogue.unpair("A", 1), []);
  assert.equal(dialogue.machine.pairings.cancelled, 2);
});

Deno.test("BR-004 the end of a session ends its requests and pairs, whatever comes later is ignored", () => {
  const dialogue = new Dialogue();
  dialogue.pair("A", 1, true);
  dialogue.pair("B", 1, false);
  dialogue.pair("A", 2, true);
  assert.deepEqual(dialogue.end("A"), ["ended B A! error"]);
  assert.deepEqual(dialogue.end("A"), []);
  assert.deepEqual(dialogue.pair("A", 3, true), []);
  assert.deepEqual(dialogue.pair("B", 2, false), []);
  assert.equal(dialogue.packet(0, true, 100), false);
  assert.deepEqual({ ...dialogue.machine.pairings }, {
    requested: 4,
    matched: 1,
    cancelled: 1,
    pending: 1,
    active: 0,
    refused: 0,
    ended: 0,
  });
});

Deno.test("BR-003 a pair is over when both its streams have closed", () => {
  const dialogue = new Dialogue();
  dialogue.pair("A", 1, true);
  dialogue.pair("B", 1, false);
  dialogue.machine.handleStreamClose(dialogue.pairs[0]!, true);
  assert.equal(dialogue.machine.pairings.active, 1);
  dialogue.machine.handleStreamClose(dialogue.pairs[0]!, false);
  assert.equal(dialogue.machine.pairings.active, 0);
  assert.equal(dialogue.machine.deadlineMs, Infinity);
});

Deno.test("sessionsMax bounds the sessions", () => {
  const dialogue = new Dialogue({ sessionsMax: 2 }, "AB");
  assert.equal(dialogue.open("C"), false);
  dialogue.end("A");
  assert.equal(dialogue.open("D"), true);
  assert.deepEqual(dialogue.pair("C", 1, true), []);
  assert.equal(dialogue.machine.pairings.pending, 0);
});

Deno.test("pairsPerSessionMax bounds the requests and pairs of one session", () => {
  const dialogue = new Dialogue({ pairsPerSessionMax: 2 });
  dialogue.pair("A", 1, true);
  dialogue.pair("A", 2, true);
  assert.deepEqual(dialogue.pair("A", 3, true), ["refused A PAIRS_EXCEEDED"]);
  assert.deepEqual(dialogue.pair("B", 1, false), ["matched B A!"]);
  assert.deepEqual(dialogue.pair("A", 3, true), ["refused A PAIRS_EXCEEDED"]);
  dialogue.unpair("A", 1);
  assert.deepEqual(dialogue.pair("A", 3, true), []);
  assert.equal(dialogue.machine.pairings.refused, 2);
});

Deno.test("pairsMax bounds the pairs of all", () => {
  const dialogue = new Dialogue({ pairsMax: 1 });
  dialogue.pair("A", 1, true);
  assert.deepEqual(dialogue.pair("B", 1, false), ["matched B A!"]);
  dialogue.pair("A", 2, true);
  assert.deepEqual(dialogue.pair("B", 2, false), ["refused B PAIRS_EXCEEDED"]);
  dialogue.unpair("A", 1);
  assert.deepEqual(dialogue.pair("B", 2, false), ["matched B A!"]);
});

Deno.test("pendingMax bounds the requests of all", () => {
  const dialogue = new Dialogue({ pendingMax: 1 });
  dialogue.pair("A", 1, true);
  assert.deepEqual(dialogue.pair("B", 2, true), ["refused B PAIRS_EXCEEDED"]);
  assert.deepEqual(dialogue.pair("B", 1, false), ["matched B A!"]);
  assert.deepEqual(dialogue.pair("B", 2, true), []);
});

Deno.test("pendingMs ends a request that nobody answers", () => {
  const dialogue = new Dialogue({ pendingMs: 1000 });
  dialogue.pair("A", 1, true, 50);
  assert.equal(dialogue.machine.deadlineMs, 1050);
  assert.deepEqual(dialogue.timeout(1049), []);
  assert.equal(dialogue.machine.deadlineMs, 1050);
  assert.deepEqual(dialogue.timeout(1050), ["refused A PAIRING_TIMED_OUT"]);
  assert.deepEqual([dialogue.machine.deadlineMs, dialogue.machine.pairings.ended], [Infinity, 1]);
  assert.deepEqual(dialogue.pair("B", 1, false, 1050), []);
});

Deno.test("pairMs ends a pair, busy or not", () => {
  const dialogue = new Dialogue({ pairMs: 1000 });
  dialogue.pair("A", 1, true, 0);
  dialogue.pair("B", 1, false, 10);
  assert.equal(dialogue.machine.deadlineMs, 1010);
  assert.equal(dialogue.packet(0, true, 100, 1009), true);
  assert.deepEqual(dialogue.timeout(1010), ["ended B A! PAIR_EXPIRED and tell"]);
  assert.equal(dialogue.packet(0, true, 100, 1011), false);
});

Deno.test("idleMs ends a pair without packets", () => {
  const dialogue = new Dialogue({ idleMs: 1000 });
  dialogue.pair("A", 1, true);
  dialogue.pair("B", 1, false);
  assert.equal(dialogue.packet(0, false, 20, 600), true);
  assert.deepEqual(dialogue.timeout(1000), []);
  assert.equal(dialogue.machine.deadlineMs, 1600);
  assert.deepEqual(dialogue.timeout(1600), ["ended B A! PAIR_IDLE and tell"]);
});

Deno.test("pairBytesMax ends a pair with the packet that would exceed it", () => {
  const dialogue = new Dialogue({ pairBytesMax: 3000 });
  dialogue.pair("A", 1, true);
  dialogue.pair("B", 1, false);
  assert.deepEqual([dialogue.packet(0, true, 1500), dialogue.packet(0, false, 1500)], [true, true]);
  assert.deepEqual(dialogue.events(), []);
  assert.equal(dialogue.packet(0, true, 1), false);
  assert.equal(dialogue.machine.hasEvents, true);
  assert.deepEqual(dialogue.events(), ["ended B A! TRAFFIC_EXCEEDED and tell"]);
  assert.deepEqual({ ...dialogue.machine.traffic }, { bytesRelayed: 3000, bytesDropped: 0 });
});

Deno.test("pairBytesPerSecond lets packets wait and drops what would wait too long, each direction by itself", () => {
  const dialogue = new Dialogue({ pairBytesPerSecond: 1_000_000 });
  dialogue.pair("A", 1, true);
  dialogue.pair("B", 1, false);
  const waits = (isFromInitiator: boolean, nowMs: number): number[] => {
    const waited: number[] = [];
    for (;;) {
      const waitMs = dialogue.waitMs(0, isFromInitiator, 1000, nowMs);
      if (waitMs === Infinity) return waited;
      waited.push(waitMs);
    }
  };
  // What ten milliseconds bring passes at once, then each packet a millisecond later, up to 200 ms.
  const first = waits(true, 0);
  assert.deepEqual([first.slice(0, 12), first.length], [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 211]);
  assert.deepEqual(waits(true, 3), [198, 199, 200]);
  assert.equal(waits(false, 3).length, 211);
  assert.equal(waits(true, 10_000).length, 211);
  assert.equal(dialogue.machine.traffic.bytesRelayed, 636_000);
  assert.equal(dialogue.machine.traffic.bytesDropped, 4000);
});

Deno.test("a low pairBytesPerSecond lets QUEUE_BYTES_MIN wait", () => {
  const dialogue = new Dialogue({ pairBytesPerSecond: 10_000 });
  dialogue.pair("A", 1, true);
  dialogue.pair("B", 1, false);
  let count = 0;
  while (dialogue.packet(0, true, 1000)) count++;
  assert.equal(count, 25);
  assert.equal(dialogue.waitMs(0, true, 1000, 100), 2390);
});

Deno.test("bytesPerSecond is shared by all pairs", () => {
  const dialogue = new Dialogue({ bytesPerSecond: 400_000 });
  for (const [token, a, b] of [[1, "A", "B"], [2, "C", "D"]] as const) {
    dialogue.pair(a, token, true);
    dialogue.pair(b, token, false);
  }
  let passed = 0;
  for (let i = 0; i < 200; i++) if (dialogue.packet(i % 2, true, 1000)) passed++;
  assert.equal(passed, 85);
});

Deno.test("streams that could not be made end the pair and tell both", () => {
  const dialogue = new Dialogue();
  dialogue.pair("A", 1, true);
  dialogue.pair("B", 1, false);
  dialogue.machine.handleStreamFailure(dialogue.pairs[0]!, new Error("no memory"));
  assert.deepEqual(dialogue.events(), ["ended B A! STREAM_FAILED and tell"]);
});

Deno.test("PUBLIC_LIMITS bound everything", () => {
  assert.deepEqual(Object.entries(PUBLIC_LIMITS).filter(([, value]) => !Number.isFinite(value)), []);
});

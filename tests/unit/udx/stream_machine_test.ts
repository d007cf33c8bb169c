/** Dialogues with a stream machine: packets in, packets out, deadlines. */
import { strict as assert } from "node:assert";
import { SeededRandom, utf8Bytes, utf8Text } from "../../../src/base/mod.ts";
import { decodePacket, encodeHeader, PacketView } from "../../../src/udx/messages.ts";
import type { PacketPath } from "../../../src/udx/outgoing_packet.ts";
import { SharedPath } from "../../../src/udx/shared_path.ts";
import { StreamMachine, type StreamMachineOptions } from "../../../src/udx/stream_machine.ts";

const PATH: PacketPath = { overheadBytes: 48 };
const DATA = 1;
const END = 2;
const SACK = 4;
const MESSAGE = 8;
const DESTROY = 16;
const HEARTBEAT = 32;
const WINDOW = 4 * 1024 * 1024;

interface Sent {
  readonly flags: number;
  readonly streamId: number;
  readonly seq: number;
  readonly ack: number;
  readonly text: string;
  readonly windowBytes: number;
}

type Machine = StreamMachine<PacketPath>;

function create(options: StreamMachineOptions = {}): Machine {
  const machine: Machine = new StreamMachine(0, { random: new SeededRandom(1), ...options });
  machine.connect(0, 9, PATH);
  return machine;
}

/** All that the machine wants to send at `nowMs`. */
function drain(machine: Machine, nowMs: number): Sent[] {
  const sent: Sent[] = [];
  for (let out = machine.pollTransmit(nowMs); out; out = machine.pollTransmit(nowMs)) {
    const view = new PacketView();
    assert(decodePacket(out.bytes, view));
    const { flags, streamId, seq, ack, windowBytes } = view;
    sent.push({ flags, streamId, seq, ack, windowBytes, text: utf8Text(view.payload) });
  }
  return sent;
}

interface Incoming {
  readonly flags?: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly windowBytes?: number;
  readonly payload?: Uint8Array;
  readonly dataOffset?: number;
}

function receive(machine: Machine, nowMs: number, packet: Incoming): void {
  const { flags = 0, seq = 0, ack = 0, windowBytes = WINDOW, payload = new Uint8Array(0), dataOffset = 0 } =
    packet;
  const bytes = new Uint8Array(20 + payload.length);
  encodeHeader(bytes, flags, dataOffset, 1, windowBytes, seq, ack);
  bytes.set(payload, 20);
  const view = new PacketView();
  assert(decodePacket(bytes, view));
  machine.handlePacket(view, nowMs);
}

function ranges(...numbers: number[]): Uint8Array {
  return new Uint8Array(new Uint32Array(numbers).buffer);
}

function readAll(machine: Machine): string {
  let text = "";
  for (let chunk = machine.pollRead(); chunk; chunk = machine.pollRead()) text += utf8Text(chunk);
  return text;
}

function events(machine: Machine): string[] {
  const names: string[] = [];
  for (let event = machine.pollEvent(); event; event = machine.pollEvent()) {
    names.push(event.kind === "closed" && event.error ? `closed ${event.error.code}` : event.kind);
  }
  return names;
}

Deno.test("UDX-035 write() sends a packet, an acknowledgement ends the wait", () => {
  const machine = create();
  machine.write(0, utf8Bytes("hello"));
  const [packet, ...rest] = drain(machine, 0);
  assert.deepEqual(rest, []);
  assert.deepEqual(packet, {
    flags: DATA,
    streamId: 9,
    seq: 0,
    ack: 0,
    windowBytes: 128 * 1024,
    text: "hello",
  });
  assert.equal(machine.deadlineMs, 1000);
  receive(machine, 30, { ack: 1 });
  assert.equal(machine.deadlineMs, Infinity);
  assert.equal(machine.sender.rtt.smoothedMs, 30);
  assert.equal(machine.sender.ackedOffset, 5);
});

Deno.test("UDX-035 writes of one turn share packets of 1152 bytes", () => {
  const machine = create();
  for (let i = 0; i < 3; i++) machine.write(0, new Uint8Array(500));
  assert.deepEqual(drain(machine, 0).map(({ text }) => text.length), [1152, 348]);
});

Deno.test("UDX-035 data in order is read and acknowledged once per batch", () => {
  const machine = create();
  receive(machine, 0, { flags: DATA, seq: 0, payload: utf8Bytes("one ") });
  receive(machine, 0, { flags: DATA, seq: 1, payload: utf8Bytes("two") });
  assert.equal(readAll(machine), "one two");
  assert.deepEqual(drain(machine, 0).map(({ flags, ack }) => [flags, ack]), [[0, 2]]);
  assert.deepEqual(drain(machine, 0), []);
});

Deno.test("UDX-035 data out of order waits and is reported by range", () => {
  const machine = create();
  receive(machine, 0, { flags: DATA, seq: 2, payload: utf8Bytes("three") });
  assert.equal(readAll(machine), "");
  const out = machine.pollTransmit(0)!;
  const view = new PacketView();
  decodePacket(out.bytes, view);
  assert.equal(view.flags, SACK);
  assert.deepEqual([view.sackStart(0), view.sackEnd(0), out.bytes.length], [2, 3, 28]);
  receive(machine, 0, { flags: DATA, seq: 0, payload: utf8Bytes("one ") });
  receive(machine, 0, { flags: DATA, seq: 1, payload: utf8Bytes("two ") });
  assert.equal(readAll(machine), "one two three");
  assert.equal(drain(machine, 0)[0]!.ack, 3);
});

Deno.test("UDX-035 duplicates are acknowledged again and read once", () => {
  const machine = create();
  for (let i = 0; i < 2; i++) {
    receive(machine, 0, { flags: DATA, seq: 0, payload: utf8Bytes("x") });
    assert.deepEqual(drain(machine, 0).map(({ ack }) => ack), [1]);
  }
  assert.equal(readAll(machine), "x");
});

Deno.test("UDX-035 UDX-028 RACK sends a packet again when later ones arrived", () => {
  const machine = create();
  machine.write(0, new Uint8Array(1152 * 5));
  assert.equal(drain(machine, 0).length, 5);
  receive(machine, 20, { flags: SACK, ack: 0, payload: ranges(1, 4) });
  const again = drain(machine, 20);
  assert.deepEqual(again.map(({ seq, flags }) => [seq, flags]), [[0, DATA]]);
  assert.equal(machine.sender.statistics.retransmitCount, 1);
  assert.equal(machine.sender.statistics.fastRecoveryCount, 1);
});

Deno.test("UDX-035 a tail-loss probe repeats the last packet", () => {
  const machine = create();
  machine.write(0, new Uint8Array(10));
  drain(machine, 0);
  receive(machine, 20, { ack: 1 });
  machine.write(20, new Uint8Array(10));
  assert.equal(drain(machine, 20)[0]!.seq, 1);
  assert.equal(machine.deadlineMs, 20 + 2 * 20 + 2);
  machine.handleTimeout(62);
  assert.deepEqual(drain(machine, 62).map(({ seq }) => seq), [1]);
  // Twice as long to the next one.
  assert.equal(machine.deadlineMs, 62 + 2 * 42);
});

Deno.test("UDX-035 what is sent again is probed for too when nothing else travels", () => {
  const machine = create();
  machine.write(0, new Uint8Array(10));
  drain(machine, 0);
  receive(machine, 20, { ack: 1 });
  machine.write(20, new Uint8Array(1152 * 4));
  assert.deepEqual(drain(machine, 20).map(({ seq }) => seq), [1, 2, 3, 4]);
  receive(machine, 40, { flags: SACK, ack: 1, payload: ranges(2, 5) });
  assert.deepEqual(drain(machine, 40).map(({ seq }) => seq), [1]);
  assert.equal(machine.deadlineMs, 40 + 2 * 20 + 2);
  machine.handleTimeout(82);
  assert.equal(machine.sender.statistics.rtoCount, 0);
});

Deno.test("UDX-035 what is sent again and gets lost is probed for although the last packet has arrived", () => {
  const machine = create();
  machine.write(0, new Uint8Array(10));
  drain(machine, 0);
  receive(machine, 20, { ack: 1 });
  machine.write(20, new Uint8Array(1152 * 4));
  drain(machine, 20);
  receive(machine, 40, { flags: SACK, ack: 1, payload: ranges(2, 5) });
  assert.deepEqual(drain(machine, 40).map(({ seq }) => seq), [1]);
  machine.handleTimeout(82);
  assert.deepEqual(drain(machine, 82).map(({ seq }) => seq), [1]);
});

Deno.test("UDX-035 a stream that knows no round trip probes by that of others on its path", () => {
  const path = { ...PATH, shared: new SharedPath() };
  const [first, second] = [1, 2].map((seed) => {
    const machine: Machine = new StreamMachine(0, { random: new SeededRandom(seed) });
    machine.connect(0, 9, path);
    machine.write(0, new Uint8Array(10));
    assert(machine.pollTransmit(0));
    return machine;
  });
  assert.equal(second!.deadlineMs, 1000);
  receive(first!, 20, { ack: 1 });
  assert.equal(second!.deadlineMs, 2 * 20 + 2);
  second!.handleTimeout(42);
  assert.equal(drain(second!, 42).length, 1);
  assert.equal(second!.deadlineMs, 42 + 2 * 42);
});

Deno.test("UDX-016 streams tell their path what they have in flight, until they leave it", () => {
  const shared = new SharedPath();
  const path = { ...PATH, shared };
  const [first, second] = [1, 2].map((seed) => {
    const machine: Machine = new StreamMachine(0, { random: new SeededRandom(seed) });
    machine.connect(0, 9, path);
    machine.write(0, new Uint8Array(1152 * 5));
    return machine;
  });
  assert.equal(first!.pollTransmit(0, false), null);
  assert.equal(first!.isWaitingForTurn, true);
  assert.equal(drain(first!, 0).length, 5);
  assert.equal(first!.isWaitingForTurn, false);
  assert.equal(drain(second!, 0).length, 5);
  assert.equal(shared.roomPackets, 64 - 10);
  receive(first!, 20, { ack: 3 });
  assert.equal(shared.roomPackets, 64 - 7);
  first!.changePath(9, { ...PATH, shared: new SharedPath() });
  second!.leavePath();
  assert.equal(shared.isEmpty, true);
  shared.join();
  shared.join();
  assert.equal(shared.roomPackets, 64);
});

Deno.test("UDX-036 the loss of a whole flight leaves a window of four packets", () => {
  const machine = create();
  machine.write(0, new Uint8Array(10));
  drain(machine, 0);
  receive(machine, 20, { ack: 1 });
  machine.write(20, new Uint8Array(1152 * 6));
  assert.equal(drain(machine, 20).length, 6);
  machine.write(30, new Uint8Array(1152));
  assert.deepEqual(drain(machine, 62).map(({ seq }) => seq), [7]);
  receive(machine, 82, { flags: SACK, ack: 1, payload: ranges(7, 8) });
  assert.deepEqual(drain(machine, 82).map(({ seq }) => seq), [1, 2, 3, 4]);
});

Deno.test("UDX-035 UDX-028 seven timeouts of one packet end the stream", () => {
  const machine = create();
  machine.write(0, new Uint8Array(10));
  drain(machine, 0);
  let timeouts = 0;
  while (!machine.isClosed) {
    const nowMs = machine.deadlineMs;
    machine.handleTimeout(nowMs);
    timeouts = machine.sender.statistics.rtoCount;
    if (!machine.isClosed) drain(machine, nowMs);
  }
  assert.equal(timeouts, 7);
  assert.deepEqual(events(machine), ["closed ETIMEDOUT"]);
  assert.deepEqual(drain(machine, 1e6).map(({ flags }) => flags), [DESTROY]);
});

Deno.test("UDX-024 both ends close the stream cleanly after the last acknowledgement", () => {
  const machine = create();
  machine.write(0, utf8Bytes("bye"));
  machine.end(0);
  assert.deepEqual(drain(machine, 0).map(({ flags, seq }) => [flags, seq]), [[DATA, 0], [END, 1]]);
  receive(machine, 10, { ack: 2 });
  assert.deepEqual(events(machine), []);
  receive(machine, 11, { flags: END, seq: 0, ack: 2 });
  assert.deepEqual(drain(machine, 11).map(({ flags, ack }) => [flags, ack]), [[0, 1]]);
  assert.deepEqual(events(machine), ["end", "closed"]);
  assert.equal(machine.isClosed, true);
  assert.equal(machine.epitaph!.reply.bytes[2], 0);
  assert.equal(machine.epitaph!.reply.bytes.buffer.byteLength, 20, "what outlives the stream keeps no slab");
});

Deno.test("UDX-024 the peer's end alone leaves us writable", () => {
  const machine = create();
  receive(machine, 0, { flags: DATA | END, seq: 0, payload: utf8Bytes("last") });
  assert.equal(readAll(machine), "last");
  assert.deepEqual(events(machine), ["end"]);
  drain(machine, 0);
  machine.write(1, utf8Bytes("still here"));
  assert.equal(drain(machine, 1)[0]!.text, "still here");
});

Deno.test("UDX-024 an unacknowledged end alone closes cleanly when the peer has ended", () => {
  const machine = create();
  machine.end(0);
  drain(machine, 0);
  receive(machine, 1, { flags: END, seq: 0, ack: 0 });
  while (!machine.isClosed) {
    const nowMs = machine.deadlineMs;
    machine.handleTimeout(nowMs);
    if (!machine.isClosed) drain(machine, nowMs);
  }
  assert.deepEqual(events(machine), ["end", "closed"]);
});

Deno.test("UDX-024 destroy() sends one packet and closes; a reset closes with ECONNRESET", () => {
  const machine = create();
  machine.destroy();
  assert.deepEqual(drain(machine, 0).map(({ flags, seq }) => [flags, seq]), [[DESTROY, 0]]);
  assert.deepEqual(events(machine), ["closed"]);
  const other = create();
  receive(other, 0, { flags: DESTROY, seq: 3 });
  assert.deepEqual(events(other), ["closed ECONNRESET"]);
});

Deno.test("UDX-024 a reset from the past is ignored", () => {
  const machine = create();
  receive(machine, 0, { flags: DATA, seq: 0, payload: utf8Bytes("x") });
  receive(machine, 0, { flags: DESTROY, seq: 0 });
  assert.equal(machine.isClosed, false);
});

Deno.test("UDX-022 messages pass by the stream's order", () => {
  const machine = create();
  receive(machine, 0, { flags: MESSAGE, seq: 5, payload: utf8Bytes("hi") });
  const event = machine.pollEvent();
  assert(event?.kind === "message");
  assert.equal(utf8Text(event.bytes), "hi");
  const out = machine.encodeMessage(utf8Bytes("ho"))!;
  assert.deepEqual([out.bytes[2], utf8Text(out.bytes.subarray(20))], [MESSAGE, "ho"]);
  assert.throws(() => machine.encodeMessage(new Uint8Array(65_488)), RangeError);
});

Deno.test("UDX-039 a heartbeat is answered, and sent when asked for", () => {
  const machine = create();
  receive(machine, 0, { flags: HEARTBEAT });
  assert.deepEqual(drain(machine, 0).map(({ flags }) => flags), [0]);
  machine.setKeepAlive(0, 500);
  assert.equal(machine.deadlineMs, 500);
  machine.handleTimeout(500);
  assert.deepEqual(drain(machine, 500).map(({ flags }) => flags), [HEARTBEAT]);
  assert.equal(machine.deadlineMs, 1000);
});

Deno.test("UDX-038 a closed window stops data, probes ask for it, an update resumes", () => {
  const machine = create();
  machine.write(0, new Uint8Array(10));
  drain(machine, 0);
  receive(machine, 10, { ack: 1, windowBytes: 0 });
  machine.write(10, new Uint8Array(10));
  assert.deepEqual(drain(machine, 10), []);
  const deadlineMs = machine.deadlineMs;
  assert.equal(deadlineMs, 10 + 1000);
  machine.handleTimeout(deadlineMs);
  assert.deepEqual(drain(machine, deadlineMs).map(({ flags }) => flags), [HEARTBEAT]);
  receive(machine, deadlineMs + 5, { ack: 1, windowBytes: 5000 });
  assert.deepEqual(drain(machine, deadlineMs + 5).map(({ flags, seq }) => [flags, seq]), [[DATA, 1]]);
});

Deno.test("UDX-038 what arrived behind a gap does not count against the window, within what the peer keeps", () => {
  const machine = create();
  machine.write(0, new Uint8Array(10));
  drain(machine, 0);
  receive(machine, 20, { ack: 1, windowBytes: 4 * 1152 });
  machine.write(20, new Uint8Array(1152 * 16_384));
  assert.deepEqual(drain(machine, 20).map(({ seq }) => seq), [1, 2, 3, 4]);
  receive(machine, 40, { flags: SACK, ack: 1, windowBytes: 4 * 1152, payload: ranges(2, 5) });
  assert.deepEqual(drain(machine, 40).map(({ seq }) => seq), [1, 5, 6, 7]);
  let highestSeq = 7;
  for (let nowMs = 60; nowMs < 30_000; nowMs += 20) {
    const packet = { flags: SACK, ack: 1, windowBytes: 64 * 1152, payload: ranges(2, highestSeq + 1) };
    receive(machine, nowMs, packet);
    for (const { seq } of drain(machine, nowMs)) highestSeq = Math.max(highestSeq, seq);
  }
  // 8 MiB of packets of 1452 bytes.
  assert.equal(highestSeq, 5777);
});

Deno.test("UDX-038 a stream that only receives asks for the round trip, one question at a time", () => {
  const machine = create();
  let seq = 0;
  const receiveMany = (nowMs: number): number[] => {
    for (let i = 0; i < 128; i++) {
      receive(machine, nowMs, { flags: DATA, seq: seq++, payload: new Uint8Array(10) });
    }
    return drain(machine, nowMs).map(({ flags }) => flags);
  };
  assert.deepEqual(receiveMany(0), [HEARTBEAT, 0]);
  assert.deepEqual(receiveMany(10), [0]);
  receive(machine, 20, { seq });
  assert.equal(machine.sender.rtt.leastMs, 20);
  assert.deepEqual(receiveMany(30), [0]);
  // Unasked for.
  receive(machine, 31, { seq });
  assert.equal(machine.sender.rtt.leastMs, 20);
});

Deno.test("UDX-038 an answer that comes too late tells no round trip", () => {
  const machine = create();
  for (let seq = 0; seq < 128; seq++) receive(machine, 0, { flags: DATA, seq, payload: new Uint8Array(10) });
  assert.deepEqual(drain(machine, 0).map(({ flags }) => flags), [HEARTBEAT, 0]);
  receive(machine, 1000, { seq: 128 });
  assert.equal(machine.sender.rtt.hasSample, false);
});

Deno.test("UDX-038 what a reader leaves and what waits behind a gap are bounded together", () => {
  const machine = create();
  const payload = new Uint8Array(1400);
  const fill = (from: number, to: number): void => {
    for (let seq = from; seq < to; seq++) receive(machine, 0, { flags: DATA, seq, payload });
  };
  fill(1, 8192);
  assert.equal(machine.bufferedBytes, 5991 * 1400); // 8 MiB
  fill(0, 1);
  assert.equal(machine.receivedSeq, 5992);
  fill(5993, 5992 + 8192);
  fill(5992, 20_000);
  assert.equal(machine.bufferedBytes, 9175 * 1400); // 12.25 MiB
});

Deno.test("UDX-038 a window that stays closed and silent ends the stream", () => {
  const machine = create();
  machine.write(0, new Uint8Array(10));
  drain(machine, 0);
  receive(machine, 10, { ack: 1, windowBytes: 0 });
  machine.write(10, new Uint8Array(10));
  while (!machine.isClosed) {
    const nowMs = machine.deadlineMs;
    machine.handleTimeout(nowMs);
    if (!machine.isClosed) drain(machine, nowMs);
  }
  assert.deepEqual(events(machine), ["closed ETIMEDOUT"]);
});

Deno.test("UDX-038 unread bytes narrow the window, reading them is announced", () => {
  const machine = create();
  machine.setReadBuffered(WINDOW);
  receive(machine, 0, { flags: HEARTBEAT });
  assert.equal(drain(machine, 0)[0]!.windowBytes, 0);
  machine.setReadBuffered(0);
  assert.equal(drain(machine, 0)[0]!.windowBytes, 128 * 1024);
});

Deno.test("UDX-037 a probe carries padding that the receiver skips", () => {
  const machine = create();
  machine.write(0, new Uint8Array(100));
  drain(machine, 0);
  receive(machine, 10, { ack: 1 });
  machine.write(10, new Uint8Array(1152).fill(65));
  const out = machine.pollTransmit(10)!;
  assert.equal(out.bytes.length, 20 + 32 + 1152);
  assert.equal(out.bytes[3], 32);
  const peer = create();
  receive(peer, 0, { flags: DATA, seq: 0, payload: utf8Bytes("x") });
  const view = new PacketView();
  decodePacket(out.bytes, view);
  peer.handlePacket(view, 11);
  assert.equal(readAll(peer), "x" + "A".repeat(1152));
});

Deno.test("UDX-037 a lost probe is repeated without padding and still names its stream", () => {
  const machine = create();
  machine.write(0, new Uint8Array(100));
  drain(machine, 0);
  receive(machine, 10, { ack: 1 });
  machine.write(10, new Uint8Array(1152 * 4));
  assert.equal(drain(machine, 10).length, 4);
  receive(machine, 20, { flags: SACK, ack: 1, payload: ranges(2, 5) });
  const [again] = drain(machine, 20);
  assert.deepEqual([again!.seq, again!.streamId, again!.text.length, again!.flags], [1, 9, 1152, DATA]);
});

Deno.test("UDX-020 changePath() is done when the former path is drained", () => {
  const machine = create();
  machine.write(0, utf8Bytes("old"));
  drain(machine, 0);
  const other = { overheadBytes: 68 };
  machine.changePath(11, other);
  machine.write(1, utf8Bytes("new"));
  const out = machine.pollTransmit(1)!;
  assert.equal(out.path, other);
  assert.deepEqual(events(machine), []);
  receive(machine, 5, { ack: 1 });
  assert.deepEqual(events(machine), ["remoteChanged"]);
});

Deno.test("UDX-020 changePath() takes along what the former path has lost", () => {
  const machine = create();
  machine.write(0, utf8Bytes("old"));
  drain(machine, 0);
  const other = { overheadBytes: 68 };
  machine.changePath(11, other);
  machine.handleTimeout(machine.deadlineMs);
  const out = machine.pollTransmit(machine.deadlineMs)!;
  assert.equal(out.path, other);
  const view = new PacketView();
  decodePacket(out.bytes, view);
  assert.deepEqual([view.streamId, view.seq, utf8Text(view.payload)], [11, 0, "old"]);
});

Deno.test("UDX-020 changePath() of an idle stream is done at once", () => {
  const machine = create();
  machine.changePath(11, PATH);
  assert.deepEqual(events(machine), ["remoteChanged"]);
});

Deno.test("UDX-035 acknowledgements of what was never sent change nothing", () => {
  const machine = create();
  machine.write(0, utf8Bytes("x"));
  drain(machine, 0);
  receive(machine, 5, { ack: 2 });
  receive(machine, 5, { ack: 0xffffffff });
  receive(machine, 5, { flags: SACK, ack: 0, payload: ranges(1, 5, 0, 0, 3, 1) });
  // Half the number space away, where signed distances turn around.
  receive(machine, 5, { flags: SACK, ack: 0, payload: ranges(0x40000000, 0xc0000000) });
  assert.equal(machine.sender.ackedSeq, 0);
  assert.equal(machine.sender.inFlightBytes, 21);
});

Deno.test("UDX-035 packets far ahead of the window are dropped", () => {
  const machine = create();
  receive(machine, 0, { flags: DATA, seq: 8192, payload: new Uint8Array(100) });
  assert.equal(machine.bufferedBytes, 0);
  receive(machine, 0, { flags: DATA, seq: 8191, payload: new Uint8Array(100) });
  assert.equal(machine.bufferedBytes, 100);
});

Deno.test("UDX-W01 a data offset beyond the packet is dropped", () => {
  const machine = create();
  receive(machine, 0, { flags: DATA, seq: 0, dataOffset: 50, payload: new Uint8Array(20) });
  assert.equal(machine.receivedSeq, 0);
  assert.deepEqual(drain(machine, 0), []);
});

Deno.test("UDX-036 congestion control starts at ten packets and grows with acknowledgements", () => {
  const machine = create();
  machine.write(0, new Uint8Array(1152 * 100));
  assert.equal(drain(machine, 0).length, 10);
  assert.equal(machine.sender.congestion.stateCode, 0);
  receive(machine, 20, { ack: 10 });
  assert(drain(machine, 25).length > 10);
  assert(machine.sender.congestion.bandwidth > 0.4);
});

/**
 * Each limit at its value and one past it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DEFAULT_LIMITS, HELD_OVERHEAD_BYTES, type ProtomuxLimits } from "../../../src/protomux/mod.ts";
import { MachinePeer } from "./machine_peer.ts";

/** Opens channel `id`, whose name is its id in hexadecimal digits: 4 bytes. */
function openingOf(id: number): string {
  const byte = id.toString(16).padStart(2, "0");
  return `0001${byte}01${byte}00`;
}

Deno.test("waitingChannelsMax bounds what the remote opens and nobody answers", () => {
  const peer = new MachinePeer({ waitingChannelsMax: 3 });
  for (let id = 1; id <= 3; id++) assert.equal(peer.receive(openingOf(id)).length, 1);
  assert.equal(peer.machine.waitingCount, 3);
  peer.settle();
  peer.receive(openingOf(1));
  assert.deepEqual(peer.receive(openingOf(4)), ["failed BACKLOG_EXCEEDED"]);
});

Deno.test("PM-022 pendingBytesPause is what messages may take before the stream is paused", () => {
  const peer = new MachinePeer({ pendingBytesPause: 2 * HELD_OVERHEAD_BYTES + 5 });
  peer.receive(openingOf(1), "0100aaaa", "0100aaaaaa");
  assert.equal(peer.machine.isCongested, false);
  peer.receive("0100");
  assert.equal(peer.machine.isCongested, true);
  peer.settle();
  assert.deepEqual([peer.machine.isCongested, peer.machine.heldBytes], [false, 0]);
});

Deno.test("heldBytesPause counts the openings too", () => {
  // An opening counts for its id, its name, its lengths and its handshake.
  const openingBytes = HELD_OVERHEAD_BYTES + 4;
  const peer = new MachinePeer({ heldBytesPause: 2 * openingBytes + 3 });
  peer.receive(openingOf(1), openingOf(2) + "aabbcc");
  assert.deepEqual([peer.machine.isCongested, peer.machine.heldBytes], [false, 2 * openingBytes + 3]);
  peer.receive(openingOf(3));
  assert.equal(peer.machine.isCongested, true);
  peer.settle();
  assert.equal(peer.machine.isCongested, false);
});

Deno.test("heldBytesMax bounds openings and messages together", () => {
  const openingBytes = HELD_OVERHEAD_BYTES + 4;
  const limits: Partial<ProtomuxLimits> = { heldBytesMax: openingBytes + HELD_OVERHEAD_BYTES + 2 };
  const peer = new MachinePeer(limits);
  assert.equal(peer.receive(openingOf(1), "0100aaaa").length, 1);
  assert.equal(peer.machine.heldBytes, limits.heldBytesMax);
  assert.deepEqual(new MachinePeer(limits).receive(openingOf(1), "0100aaaaaa").slice(-1), [
    "failed HELD_BYTES_EXCEEDED",
  ]);
  assert.deepEqual(peer.receive(openingOf(2)), ["failed HELD_BYTES_EXCEEDED"]);
});

Deno.test("remoteIdsMax bounds the table of the remote's ids", () => {
  const peer = new MachinePeer({ remoteIdsMax: 2 });
  for (let round = 0; round < 3; round++) {
    for (let id = 1; id <= 2; id++) {
      peer.receive(openingOf(id));
      peer.settle();
    }
  }
  assert.deepEqual(peer.receive(openingOf(3)), ["failed CHANNEL_IDS_EXCEEDED"]);
});

Deno.test("localIdsMax bounds our ids, those of closed channels without an answer too", () => {
  const peer = new MachinePeer({ localIdsMax: 2 });
  peer.machine.closeChannel(peer.open("a", { protocol: "a" }));
  peer.open("b", { protocol: "b" });
  peer.receive("0002 01");
  peer.open("c", { protocol: "c" });
  assert.deepEqual(peer.events(), []);
  const channel = peer.open("d", { protocol: "d" });
  assert.deepEqual([channel.localId, peer.events()], [0, ["failed CHANNEL_IDS_EXCEEDED"]]);
});

Deno.test("protocolLengthMax and idBytesMax bound what an opening carries", () => {
  const limits: Partial<ProtomuxLimits> = { protocolLengthMax: 2, idBytesMax: 1 };
  assert.deepEqual(new MachinePeer(limits).receive("0001 01 027070 01aa"), ["request pp aa"]);
  assert.deepEqual(new MachinePeer(limits).receive("0001 01 03707070 00"), ["failed INVALID_OPEN"]);
  assert.deepEqual(new MachinePeer(limits).receive("0001 01 0170 02aaaa"), ["failed INVALID_OPEN"]);
});

Deno.test("unsentReplyBytesMax bounds the answers to a remote that does not read", () => {
  const answerBytes = 3;
  const peer = new MachinePeer({ unsentReplyBytesMax: 2 * answerBytes });
  const provoke = () => {
    const lines = peer.receive("0001 01 0170 00");
    if (lines.length > 0) peer.settle();
    return [...lines, ...peer.events()];
  };
  for (let i = 0; i < 5; i++) provoke();
  peer.machine.handleRoom(false);
  provoke();
  provoke();
  peer.machine.handleRoom(true);
  peer.machine.handleRoom(false);
  assert.deepEqual([...provoke(), ...provoke()], ["request p null", "request p null"]);
  assert.deepEqual(provoke(), ["request p null", "failed REPLIES_EXCEEDED"]);
});

Deno.test("a held message keeps its own bytes alive, not the frame it came in", () => {
  const peer = new MachinePeer();
  // 40 bytes that nobody wants and one held message in the same frame.
  peer.receive(openingOf(1), "0000" + "02" + "28" + "00".repeat(40) + "0001" + "020077");
  const channel = peer.create("c", { protocol: "\u0001" })!;
  peer.machine.completePairing(channel);
  const buffers: number[] = [];
  peer.events((event) => {
    if (event.kind === "message") buffers.push(event.payload.buffer!.buffer.byteLength);
  });
  assert.deepEqual(buffers, [1]);
});

Deno.test("DEFAULT_LIMITS leave room for one frame of a secret stream behind the pause", () => {
  const secretStreamFrameBytesMax = 2 ** 24 - 1;
  assert.ok(DEFAULT_LIMITS.heldBytesMax > DEFAULT_LIMITS.heldBytesPause + 2 * secretStreamFrameBytesMax);
  assert.ok(DEFAULT_LIMITS.unsentReplyBytesMax >= 2 ** 24);
});

import { strict as assert } from "node:assert";
import { hexBytes, hexText } from "../../../src/base/mod.ts";
import { decodePacket, encodeHeader, PacketView } from "../../../src/udx/messages.ts";

/** Layout: libudx include/udx.h and src/udx.c at 66c9fa6, which udx-native 1.21.0 embeds. */
const PACKETS = [
  {
    name: "data",
    hex: "ff010100" + "02000000" + "00004000" + "05000000" + "07000000",
    value: { flags: 1, dataOffset: 0, streamId: 2, windowBytes: 4194304, seq: 5, ack: 7 },
  },
  {
    name: "data that ends the stream, behind padding",
    hex: "ff010320" + "efbeadde" + "00000000" + "ffffffff" + "fffffffe",
    value: {
      flags: 3,
      dataOffset: 32,
      streamId: 0xdeadbeef,
      windowBytes: 0,
      seq: 0xffffffff,
      ack: 0xfeffffff,
    },
  },
  {
    name: "heartbeat",
    hex: "ff012000" + "01000000" + "01000000" + "00000000" + "00000000",
    value: { flags: 32, dataOffset: 0, streamId: 1, windowBytes: 1, seq: 0, ack: 0 },
  },
] as const;

function fields(view: PacketView): Record<string, number> {
  const { flags, dataOffset, streamId, windowBytes, seq, ack } = view;
  return { flags, dataOffset, streamId, windowBytes, seq, ack };
}

for (const { name, hex, value } of PACKETS) {
  Deno.test(`UDX-W01 UDX-W02 decodePacket() reads ${name}`, () => {
    const view = new PacketView();
    assert.equal(decodePacket(hexBytes(hex), view), true);
    assert.deepEqual(fields(view), value);
  });

  Deno.test(`UDX-W01 UDX-W02 encodeHeader() writes ${name}`, () => {
    const bytes = new Uint8Array(20);
    const { flags, dataOffset, streamId, windowBytes, seq, ack } = value;
    encodeHeader(bytes, flags, dataOffset, streamId, windowBytes, seq, ack);
    assert.equal(hexText(bytes), hex);
  });

  Deno.test(`UDX-W04 decodePacket() refuses ${name} truncated anywhere`, () => {
    const bytes = hexBytes(hex);
    for (let length = 0; length < 20; length++) {
      assert.equal(decodePacket(bytes.subarray(0, length), new PacketView()), false);
    }
  });
}

Deno.test("UDX-W04 decodePacket() refuses another magic byte or version", () => {
  for (const position of [0, 1]) {
    const bytes = hexBytes(PACKETS[0].hex);
    bytes[position]! ^= 1;
    assert.equal(decodePacket(bytes, new PacketView()), false);
  }
});

Deno.test("UDX-W03 decodePacket() finds the acknowledged ranges", () => {
  const view = new PacketView();
  const hex = "ff010400" + "01000000" + "00004000" + "00000000" + "0a000000" + "0c0000000e000000" +
    "1000000011000000";
  assert.equal(decodePacket(hexBytes(hex), view), true);
  assert.equal(view.sackCount, 2);
  assert.deepEqual([view.sackStart(0), view.sackEnd(0)], [12, 14]);
  assert.deepEqual([view.sackStart(1), view.sackEnd(1)], [16, 17]);
});

Deno.test("UDX-W03 decodePacket() takes no more ranges than the data offset says, half ones not at all", () => {
  const view = new PacketView();
  const header = "01000000" + "00004000" + "00000000" + "0a000000";
  decodePacket(hexBytes("ff010508" + header + "0c0000000e000000" + "1000000011000000"), view);
  assert.equal(view.sackCount, 1);
  assert.equal(hexText(view.payload), "1000000011000000");
  decodePacket(hexBytes("ff010400" + header + "0c0000000e0000"), view);
  assert.equal(view.sackCount, 0);
});

Deno.test("UDX-W03 decodePacket() stops at fifty ranges", () => {
  const bytes = new Uint8Array(20 + 51 * 8);
  bytes.set(hexBytes("ff010400"));
  const view = new PacketView();
  decodePacket(bytes, view);
  assert.equal(view.sackCount, 50);
});

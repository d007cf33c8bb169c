/**
 * Dialogues with the machine: what goes in, what comes out.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexBytes } from "../../../src/base/mod.ts";
import { MachinePeer } from "./machine_peer.ts";

const P = { protocol: "p" };
const Q = { protocol: "q" };
/** The remote opens p as 1, without id and handshake. */
const OPEN_P = "00 01 01 0170 00";

Deno.test("PM-W02 openChannel() writes the control message of an opening", () => {
  const cases = [
    { name: "bare", options: P, handshake: undefined, hex: "0001" + "01" + "0170" + "00" },
    { name: "handshake", options: P, handshake: "hi", hex: "0001" + "01" + "0170" + "00" + "026869" },
    {
      name: "id",
      options: { protocol: "long name", id: hexBytes("0a0b0c") },
      handshake: undefined,
      hex: "0001" + "01" + "096c6f6e67206e616d65" + "030a0b0c",
    },
    { name: "empty name", options: { protocol: "" }, handshake: "", hex: "0001" + "01" + "00" + "00" + "00" },
  ];
  for (const { name, options, handshake, hex } of cases) {
    const peer = new MachinePeer();
    peer.open("c", options, handshake);
    assert.deepEqual(peer.sent(), [hex], name);
  }
});

Deno.test("PM-W04 the names of the stack's protocols are on the wire as they are", () => {
  const names = {
    "hypercore/alpha": "0f6879706572636f72652f616c706861",
    "wakeup": "0677616b657570",
    "blind-relay": "0b626c696e642d72656c6179",
    "hypershell": "0a68797065727368656c6c",
    "hypershell-upload": "1168797065727368656c6c2d75706c6f6164",
    "hypershell-download": "1368797065727368656c6c2d646f776e6c6f6164",
    "hypershell-tunnel-local": "1768797065727368656c6c2d74756e6e656c2d6c6f63616c",
  };
  for (const [protocol, hex] of Object.entries(names)) {
    const id = new Uint8Array(32).fill(0xab);
    const peer = new MachinePeer();
    peer.open(protocol, { protocol, id });
    assert.deepEqual(peer.sent(), ["000101" + hex + "20" + "ab".repeat(32)]);
    const lines = peer.receive("000101" + hex + "20" + "ab".repeat(32));
    assert.deepEqual(lines, [`open ${protocol}`, `opened ${protocol}`]);
  }
});

Deno.test("PM-W02 PM-021 an answer opens the channel, and messages follow", () => {
  const peer = new MachinePeer();
  const channel = peer.open("c", P, "ours");
  assert.deepEqual(peer.sent(), ["0001010170" + "00" + "046f757273"]);
  assert.deepEqual(peer.receive("0001 01 0170 00 aabb"), ["open c aabb", "opened c"]);
  assert.deepEqual(peer.receive("01 02 0102", "01 fd2c01"), ["message c 2 0102", "message c 300"]);
  peer.send(channel, 3, 5);
  assert.deepEqual(peer.sent(), ["01" + "03" + "05"]);
});

Deno.test("PM-W02 a rejected channel is closed and its id is used again", () => {
  const peer = new MachinePeer();
  peer.open("c", P);
  peer.open("d", Q);
  assert.deepEqual(peer.receive("0002 01"), ["closed c"]);
  assert.equal(peer.machine.isIdle, false);
  peer.open("e", { protocol: "r" });
  assert.deepEqual(peer.sent(), ["000101017000", "000102017100", "000101017200"]);
  assert.deepEqual(peer.receive("0002 02", "0002 01"), ["closed d", "closed e"]);
  assert.equal(peer.machine.isIdle, true);
  assert.equal(peer.machine.pairingCount, 0);
});

Deno.test("PM-021 an opening nobody wants is rejected once its request is settled", () => {
  const peer = new MachinePeer();
  assert.deepEqual(peer.receive("0001 01 0170 020a0b"), ["request p 0a0b"]);
  assert.deepEqual(peer.sent(), []);
  peer.settle();
  assert.deepEqual(peer.sent(), ["000201"]);
  assert.deepEqual([peer.machine.heldBytes, peer.machine.waitingCount, peer.machine.pairingCount], [0, 0, 0]);
  assert.deepEqual(peer.receive(OPEN_P), ["request p null"], "the remote may use its id again");
});

Deno.test("PM-021 messages are held until the channel is paired, and follow its opening", () => {
  const peer = new MachinePeer();
  assert.deepEqual(peer.receive(OPEN_P + "77", "01 00 aa", "01 01 bb"), ["request p null"]);
  const channel = peer.create("c", P)!;
  assert.deepEqual(peer.receive("01 02 cc"), []);
  peer.openCreated(channel, P);
  peer.machine.completePairing(channel);
  assert.deepEqual(peer.receive("01 03 dd"), [
    "open c 77",
    "message c 0 aa",
    "message c 1 bb",
    "message c 2 cc",
    "opened c",
    "message c 3 dd",
  ]);
  peer.settle();
  assert.deepEqual(peer.sent(), ["000101017000"]);
  assert.equal(peer.machine.heldBytes, 0);
});

Deno.test("PM-W03 a corked run is one batch that switches channels by a length of 0", () => {
  const peer = new MachinePeer();
  const [c, d] = [peer.open("c", P), peer.open("d", Q)];
  peer.sent();
  peer.machine.cork();
  peer.machine.cork();
  peer.send(c, 0, 1);
  peer.send(c, 1, 300);
  peer.send(d, 0, 2);
  peer.machine.closeChannel(c);
  peer.machine.uncork();
  assert.deepEqual(peer.sent(), []);
  peer.machine.uncork();
  assert.deepEqual(peer.sent(), [
    "0000" + "01" + "020001" + "0401fd2c01" + "0002" + "020002" + "0000" + "020301",
  ]);
  peer.machine.uncork();
  peer.machine.cork();
  peer.machine.uncork();
  assert.deepEqual(peer.sent(), [], "nothing was collected");
});

Deno.test("PM-W03 a batch of several messages is announced and ended", () => {
  const peer = new MachinePeer();
  peer.open("c", P);
  peer.open("d", Q);
  peer.receive(OPEN_P, "0001 02 0171 00");
  assert.deepEqual(peer.receive("0000 01 0200aa 00 02 0201bb 0102"), [
    "batchStart",
    "message c 0 aa",
    "message d 1 bb",
    "message d 2",
    "batchEnd",
  ]);
  assert.deepEqual(peer.receive("0000 01 0200aa", "0000 01", "0000 01 00 02 00 01"), ["message c 0 aa"]);
});

Deno.test("PM-W03 batches within batches are read, to the limit", () => {
  const peer = new MachinePeer({ batchDepthMax: 3 });
  peer.open("c", P);
  peer.receive(OPEN_P);
  const deepest = "00" + batch(0, batch(0, batch(1, "00aa")));
  assert.deepEqual(peer.receive(deepest), ["message c 0 aa"]);
  const inner = batch(1, "00bb", "00cc");
  assert.deepEqual(peer.receive("00" + batch(0, inner, inner)), [
    "batchStart",
    ...["batchStart", "message c 0 bb", "message c 0 cc", "batchEnd"],
    ...["batchStart", "message c 0 bb", "message c 0 cc", "batchEnd"],
    "batchEnd",
  ]);
  assert.deepEqual(peer.receive("00" + batch(0, batch(0, batch(0, batch(1, "00aa"))))), [
    "failed INVALID_BATCH",
  ]);
  assert.deepEqual(peer.receive("0100aa"), [], "nothing comes behind a failure");
});

Deno.test("PM-W01 frames that mean nothing are passed over", () => {
  const peer = new MachinePeer();
  peer.open("c", P);
  peer.receive(OPEN_P);
  const nothing = [
    "",
    "05 00",
    "fdffff 01 01",
    "00 09 01",
    "00 04",
    "00 03 00",
    "00 03 0a",
    "00 00 01",
    "00 00 01 00 05",
  ];
  for (const frame of nothing) assert.deepEqual(peer.receive(frame), [], frame);
  assert.deepEqual(peer.receive("01 00"), ["message c 0"]);
});

Deno.test("PM-W01 PM-W02 PM-W03 malformed frames fail with a code", () => {
  const cases = [
    { name: "channel cut", frame: "fd01", code: "INVALID_FRAME" },
    { name: "no type", frame: "01", code: "INVALID_FRAME" },
    { name: "type cut", frame: "01 fe000000", code: "INVALID_FRAME" },
    { name: "number past 2^53", frame: "ff 0000000000002000 00", code: "INVALID_FRAME" },
    { name: "batch without channel", frame: "00 00", code: "INVALID_FRAME" },
    { name: "batch with a length cut", frame: "00 00 01 fd02", code: "INVALID_FRAME" },
    { name: "batch overrun", frame: "00 00 01 03 00aa", code: "INVALID_BATCH" },
    { name: "batch overrun by much", frame: "00 00 01 ffffffffffffff1f00 00aa", code: "INVALID_BATCH" },
    { name: "batch with a switch cut", frame: "00 00 01 0200aa 00", code: "INVALID_FRAME" },
    { name: "message with its type cut", frame: "00 00 01 01fd 0200aa", code: "INVALID_FRAME" },
    { name: "opening without name", frame: "00 01 01", code: "INVALID_FRAME" },
    { name: "opening with its name cut", frame: "00 01 01 0261", code: "INVALID_FRAME" },
    { name: "opening without id", frame: "00 01 01 0161", code: "INVALID_FRAME" },
    { name: "opening with its id cut", frame: "00 01 01 0161 0201", code: "INVALID_FRAME" },
    { name: "opening of channel 0", frame: "00 01 00 0161 00", code: "INVALID_OPEN" },
    { name: "opening that skips a channel", frame: "00 01 02 0161 00", code: "INVALID_OPEN" },
    { name: "rejection of channel 0", frame: "00 02 00", code: "INVALID_REJECT" },
    { name: "rejection of an unknown channel", frame: "00 02 01", code: "INVALID_REJECT" },
    { name: "rejection without channel", frame: "00 02", code: "INVALID_FRAME" },
    { name: "closing without channel", frame: "00 03", code: "INVALID_FRAME" },
  ];
  for (const { name, frame, code } of cases) {
    const peer = new MachinePeer();
    assert.deepEqual(peer.receive(frame).slice(-1), [`failed ${code}`], name);
    assert.equal(peer.create("c", P), null, "a failed machine makes no channels");
  }
});

Deno.test("PM-W02 opening a channel twice fails", () => {
  for (const isAnswered of [false, true]) {
    const peer = new MachinePeer();
    if (isAnswered) peer.open("c", P);
    peer.receive(OPEN_P);
    assert.deepEqual(peer.receive(OPEN_P), ["failed INVALID_OPEN"]);
  }
});

Deno.test("PM-W02 an id cannot come again in the frame whose opening is rejected", () => {
  const peer = new MachinePeer();
  const opening = "01" + "01" + "0170" + "00";
  peer.machine.handleFrame(hexBytes("00" + batch(0, opening, opening)));
  const lines = peer.events((event) => {
    if (event.kind === "request") peer.settle();
  });
  assert.deepEqual(lines, ["batchStart", "request p null", "failed INVALID_OPEN"]);

  const patient = new MachinePeer();
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(patient.receive("00" + batch(0, opening)), ["request p null"]);
    patient.settle();
  }
});

Deno.test("PM-W02 a rejection twice fails", () => {
  const peer = new MachinePeer();
  peer.open("c", P);
  assert.deepEqual(peer.receive("0002 01", "0002 01"), ["closed c", "failed INVALID_REJECT"]);
});

Deno.test("PM-016 a channel closed before the answer keeps its id until the answer", () => {
  for (const answer of [OPEN_P, "0002 01"]) {
    const peer = new MachinePeer();
    peer.machine.closeChannel(peer.open("c", P));
    assert.deepEqual(peer.sent(), ["000101017000", "000301"]);
    peer.open("d", Q);
    assert.deepEqual(peer.sent(), ["000102017100"]);
    assert.deepEqual(peer.receive(answer), [], "nobody is left to be told");
    peer.open("e", { protocol: "r" });
    assert.deepEqual(peer.sent(), ["000101017200"]);
    assert.deepEqual(peer.receive("0002 01", "0002 02"), ["closed e", "closed d"]);
    assert.deepEqual([peer.machine.isIdle, peer.machine.pairingCount], [true, 0]);
  }
});

Deno.test("PM-016 messages for a channel closed here are dropped, and so is its closing there", () => {
  const peer = new MachinePeer();
  const channel = peer.open("c", P);
  peer.receive(OPEN_P);
  peer.machine.closeChannel(channel);
  assert.deepEqual(peer.receive("01 00 aa", "0003 01"), []);
  assert.equal(peer.machine.isIdle, true);
  assert.deepEqual(peer.receive(OPEN_P), ["request p null"], "and its id is free there");
});

Deno.test("PM-016 closing in the middle of a batch drops the rest of the channel, not of the batch", () => {
  const peer = new MachinePeer();
  const c = peer.open("c", P);
  peer.open("d", Q);
  peer.receive(OPEN_P, "0001 02 0171 00");
  peer.machine.handleFrame(hexBytes("00" + batch(1, "00", "01") + "00" + "02" + "0105"));
  const lines = peer.events((event) => {
    if (event.kind === "message" && event.owner === "c") peer.machine.closeChannel(c);
  });
  assert.deepEqual(lines, ["batchStart", "message c 0", "message d 5", "batchEnd"]);
});

Deno.test("PM-016 closing while held messages are handed over drops the rest", () => {
  const peer = new MachinePeer();
  peer.receive(OPEN_P, "01 00", "01 01");
  const channel = peer.open("c", P);
  peer.machine.completePairing(channel);
  const lines = peer.events((event) => {
    if (event.kind === "message") peer.machine.closeChannel(channel);
  });
  assert.deepEqual(lines, ["open c", "message c 0"]);
  peer.settle();
  assert.deepEqual(peer.sent(), ["000101017000", "000301"]);
  assert.deepEqual([peer.machine.heldBytes, peer.machine.isIdle, peer.machine.pairingCount], [0, true, 0]);
});

Deno.test("PM-016 a frame that comes while another is handled waits for its turn", () => {
  const peer = new MachinePeer();
  peer.open("c", P);
  peer.receive(OPEN_P);
  peer.machine.handleFrame(hexBytes("00" + batch(1, "00", "01")));
  const lines = peer.events((event) => {
    if (event.kind === "message" && event.type === 0) peer.machine.handleFrame(hexBytes("0102"));
  });
  assert.deepEqual(lines, ["batchStart", "message c 0", "message c 1", "batchEnd", "message c 2"]);
});

Deno.test("PM-004 a channel that the remote has closed meanwhile is not created, and its id is given back", () => {
  const peer = new MachinePeer();
  assert.deepEqual(peer.receive(OPEN_P, "01 00 aa", "0003 01", "01 00 bb"), ["request p null"]);
  assert.equal(peer.create("c", P), null);
  assert.deepEqual(peer.sent(), ["000201"]);
  peer.settle();
  assert.deepEqual(peer.sent(), [], "answered once");
  assert.deepEqual([peer.machine.heldBytes, peer.machine.waitingCount, peer.machine.pairingCount], [0, 0, 0]);
});

Deno.test("PM-021 of several waiting channels the first that is not closed is taken", () => {
  const peer = new MachinePeer();
  peer.receive(OPEN_P, "0001 02 0170 00", "0001 03 0170 00", "0003 01");
  const channel = peer.create("c", P)!;
  assert.equal(channel.remoteId, 2);
  assert.deepEqual(peer.sent(), ["000201"]);
  for (let i = 0; i < 3; i++) peer.settle();
  assert.deepEqual(peer.sent(), ["000203"]);
});

Deno.test("PM-012 a channel created earlier takes what has come meanwhile when it is opened", () => {
  const peer = new MachinePeer();
  const channel = peer.create("c", P)!;
  assert.deepEqual(peer.receive(OPEN_P + "77", "01 00"), ["request p null"]);
  peer.openCreated(channel, P);
  assert.deepEqual(peer.events(), ["open c 77", "message c 0", "opened c"]);
  peer.settle();
  assert.deepEqual(peer.sent(), ["000101017000"], "the opening was the answer");
});

Deno.test("PM-012 a channel created earlier answers to its name after others of that name were rejected", () => {
  const peer = new MachinePeer();
  const channel = peer.create("c", { ...P, aliases: ["alias"] })!;
  peer.receive(OPEN_P);
  peer.settle();
  peer.openCreated(channel, P);
  assert.deepEqual(peer.sent(), ["000201", "000101017000"]);
  assert.deepEqual(peer.receive("0001 01 05616c696173 00"), ["open c", "opened c"]);
});

Deno.test("PM-016 a channel closed before it was opened here rejects its counterpart", () => {
  for (const isClosedHere of [true, false]) {
    const peer = new MachinePeer();
    peer.receive(OPEN_P, "01 00");
    const channel = peer.create("c", P)!;
    peer.machine.completePairing(channel);
    if (isClosedHere) peer.machine.closeChannel(channel);
    else assert.deepEqual(peer.receive("0003 01"), ["open c", "message c 0", "opened c", "closed c"]);
    peer.settle();
    assert.deepEqual([peer.sent(), peer.events()], [["000201"], []]);
    assert.deepEqual([peer.machine.isIdle, peer.machine.heldBytes, peer.machine.pairingCount], [true, 0, 0]);
  }
});

Deno.test("PM-005 a rejection of a channel that was paired by an alias closes it and answers its counterpart", () => {
  const peer = new MachinePeer();
  peer.open("c", { protocol: "new", aliases: ["p"] });
  assert.deepEqual(peer.receive(OPEN_P, "0002 01"), ["open c", "opened c", "closed c"]);
  assert.deepEqual(peer.sent(), ["0001" + "01" + "036e6577" + "00", "0002" + "01"]);
  assert.deepEqual([peer.machine.isIdle, peer.machine.pairingCount], [true, 0]);
});

Deno.test("send() passes on what a codec throws, and the frame has no trace of it", () => {
  const peer = new MachinePeer();
  const channel = peer.open("c", P);
  peer.sent();
  const broken = {
    preencode: (state: { end: number }) => void (state.end += 2),
    encode: () => {
      throw new RangeError("broken");
    },
    decode: () => 0,
  };
  const nested = {
    preencode: () => peer.send(channel, 0, 1),
    encode: () => {},
    decode: () => 0,
  };
  for (const isCorked of [false, true]) {
    if (isCorked) peer.machine.cork();
    peer.send(channel, 0, 1);
    assert.throws(() => peer.machine.send(channel, 1, broken, 0), { message: "broken" });
    assert.throws(() => peer.machine.send(channel, 1, nested, 0), {
      message: "A codec must not send messages",
    });
    peer.send(channel, 0, 2);
    if (isCorked) peer.machine.uncork();
  }
  assert.deepEqual(peer.sent(), ["010001", "010002", "00" + batch(1, "0001", "0002")]);
});

Deno.test("stop() ends all: no frames, no events, nothing held", () => {
  const peer = new MachinePeer();
  const channel = peer.open("c", P);
  peer.receive(OPEN_P, "0001 02 0171 00", "02 00 aa");
  peer.machine.handleFrame(hexBytes("0100"));
  peer.machine.stop();
  peer.send(channel, 0, 1);
  assert.deepEqual([peer.events(), peer.sent(), peer.machine.heldBytes], [[], [], 0]);
  assert.deepEqual(Array.from(peer.machine.channels(), ({ owner }) => owner), ["c"]);
  peer.machine.forgetChannel(channel);
  assert.deepEqual([peer.machine.isIdle, peer.machine.waitingCount, peer.machine.pairingCount], [true, 0, 0]);
  peer.settle();
  assert.deepEqual(peer.sent(), []);
});

/** A batch as a control message: its type, the channel, each message with its length. */
function batch(channelId: number, ...messages: string[]): string {
  const lengths = messages.map((message) => hexByte(message.length / 2) + message);
  return "00" + hexByte(channelId) + lengths.join("");
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, "0");
}

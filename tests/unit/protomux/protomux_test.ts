/**
 * The muxer on a stream.
 *
 * @module
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { hexBytes, hexText } from "../../../src/base/mod.ts";
import { buffer, EncodingError, json, raw, string, uint } from "../../../src/compact_encoding/mod.ts";
import Protomux, {
  type Channel,
  DEFAULT_LIMITS,
  type FramedStream,
  Protomux as NamedProtomux,
  ProtomuxError,
} from "../../../src/protomux/mod.ts";
import { memoryPair } from "../../helpers/memory_pair.ts";
import { errorOf, MuxPair, settle, SinkStream } from "./mux_pair.ts";

/** A muxer on a sink with an open channel, whose id is 1 on both sides. */
function openOnSink(options: Parameters<Protomux["createChannel"]>[0] = { protocol: "p" }) {
  const stream = new SinkStream();
  const mux = new Protomux(stream);
  const channel = mux.createChannel(options)!;
  channel.open();
  stream.emit("data", hexBytes("000101017000"));
  stream.frames.length = 0;
  return { stream, mux, channel };
}

Deno.test("PM-001 PM-002 PM-003 the default export is the class with its statics", () => {
  assert.equal(Protomux, NamedProtomux);
  const [left] = memoryPair();
  const mux = Protomux.from(left);
  assert.ok(mux instanceof Protomux);
  assert.equal(mux.stream, left);
  assert.deepEqual([mux.corked, mux.drained, mux.isProtomux], [0, true, true]);
  left.destroy();
});

Deno.test("PM-002 from() finds the muxer on its stream, of any implementation", () => {
  const stream: FramedStream = new SinkStream();
  const mux = Protomux.from(stream);
  assert.equal(Protomux.from(stream), mux);
  assert.equal(Protomux.from(mux), mux);

  const withoutField = new SinkStream();
  withoutField.userData = undefined;
  assert.equal(Protomux.from(withoutField), Protomux.from(withoutField));

  const other = { isProtomux: true };
  const taken = new SinkStream();
  taken.userData = other;
  assert.equal(Protomux.from(taken) as unknown, other);

  const foreign = { mine: true };
  const used = new SinkStream();
  used.userData = foreign;
  assert.ok(Protomux.from(used) instanceof Protomux);
  assert.equal(used.userData, foreign, "what is there stays");
});

Deno.test("PM-003 isProtomux() refuses everything else", () => {
  for (const value of [null, undefined, 1, "x", {}, { isProtomux: 1 }, () => {}]) {
    assert.equal(Protomux.isProtomux(value), false);
  }
  assert.equal(Protomux.isProtomux(new Protomux(new SinkStream())), true);
});

Deno.test("PM-001 frames come from the option, or the stream's allocator, and are exactly as long as needed", () => {
  const sizes: number[] = [];
  const alloc = (byteLength: number) => {
    sizes.push(byteLength);
    return new Uint8Array(byteLength);
  };
  const stream = new SinkStream();
  Protomux.from(stream, { alloc }).createChannel({ protocol: "p" })!.open();
  const allocating = Object.assign(new SinkStream(), { alloc });
  const channel = Protomux.from(allocating).createChannel({
    protocol: "p",
    messages: [{ encoding: buffer }],
  })!;
  channel.open();
  channel.messages[0]!.send(new Uint8Array(300));
  assert.deepEqual(sizes, [6, 6, 305]);
  assert.deepEqual([...stream.frames, ...allocating.frames].map((frame) => frame.byteLength), sizes);
});

Deno.test("PM-009 a corked run of thousands of messages is one frame and one allocation", () => {
  const sizes: number[] = [];
  const stream = Object.assign(new SinkStream(), {
    alloc: (byteLength: number) => {
      sizes.push(byteLength);
      return new Uint8Array(byteLength).fill(0xee);
    },
  });
  const mux = new Protomux(stream);
  const channel = mux.createChannel({ protocol: "p" })!;
  const message = channel.addMessage({ encoding: buffer });
  channel.open();
  mux.cork();
  const value = new Uint8Array(100);
  for (let i = 0; i < 5000; i++) {
    value.fill(i);
    // Encoded at once: what happens to the value later is of no concern.
    assert.equal(message.send(value), true);
  }
  mux.uncork();
  assert.deepEqual(sizes.slice(1), [3 + 5000 * 103]);
  const frame = stream.frames[1]!;
  for (let i = 0; i < 5000; i++) {
    const start = 3 + i * 103;
    const expected = [102, 0, 100, i & 255, i & 255];
    assert.deepEqual([...frame.subarray(start, start + 4), frame[start + 102]], expected);
  }
});

Deno.test("PM-013 messages are decoded in place", () => {
  const { stream, channel } = openOnSink();
  const seen: Uint8Array[] = [];
  channel.addMessage({ onmessage: (bytes) => seen.push(bytes) });
  channel.addMessage({ encoding: raw, onmessage: (bytes) => seen.push(bytes) });
  const frame = hexBytes("0000" + "01" + "0400aabbcc" + "0201dd");
  stream.emit("data", frame);
  assert.deepEqual(seen.map(hexText), ["aabbcc", "dd"]);
  assert.deepEqual(
    seen.map(({ buffer, byteOffset }) => [buffer === frame.buffer, byteOffset - frame.byteOffset]),
    [
      [true, 5],
      [true, 10],
    ],
  );
});

Deno.test("PM-014 send() on a closed channel is false, before open() a mistake", () => {
  const stream = new SinkStream();
  const mux = new Protomux(stream);
  const channel = mux.createChannel({ protocol: "p", messages: [{ encoding: uint }] })!;
  assert.throws(() => channel.messages[0]!.send(1), TypeError);
  channel.open();
  assert.throws(() => channel.open(), TypeError);
  channel.close();
  assert.equal(channel.messages[0]!.send(1), false);
  channel.open();
  assert.deepEqual(stream.frames.map(hexText), ["000101017000", "000301"]);
});

Deno.test("PM-015 encoding and onmessage can be replaced", () => {
  const { stream, channel } = openOnSink();
  const seen: unknown[] = [];
  const message = channel.addMessage<unknown>({ encoding: uint, onmessage: () => seen.push("first") });
  stream.emit("data", hexBytes("010005"));
  message.onmessage = (value, on) => seen.push(value, on === channel);
  message.encoding = json;
  message.send({ a: 1 });
  stream.emit("data", stream.frames[0]);
  assert.deepEqual(seen, ["first", { a: 1 }, true]);
});

Deno.test("PM-013 recv() decodes and calls the handler by hand", async () => {
  const { channel } = openOnSink();
  const seen: unknown[] = [];
  const message = channel.addMessage({ encoding: uint, onmessage: (value) => void seen.push(value) });
  const later = channel.addMessage({
    encoding: uint,
    onmessage: (value) => Promise.resolve(seen.push(value)),
  });
  assert.equal(message.recv({ start: 0, end: 1, buffer: hexBytes("05") }), null);
  await later.recv({ start: 0, end: 1, buffer: hexBytes("06") });
  assert.equal(channel.addMessage(false).recv({ start: 0, end: 0, buffer: hexBytes("") }), null);
  assert.deepEqual(seen, [5, 6]);
});

Deno.test("PM-004 createChannel() is null on a stream that is gone, and refuses oversized names", () => {
  const stream = new SinkStream();
  const mux = new Protomux(stream);
  const longest = "p".repeat(DEFAULT_LIMITS.protocolLengthMax);
  assert.throws(() => mux.createChannel({ protocol: longest + "p" }), RangeError);
  assert.throws(
    () => mux.createChannel({ protocol: "p", id: new Uint8Array(DEFAULT_LIMITS.idBytesMax + 1) }),
    RangeError,
  );
  assert.ok(mux.createChannel({ protocol: longest, id: new Uint8Array(DEFAULT_LIMITS.idBytesMax) }));
  mux.destroy();
  assert.equal(mux.createChannel({ protocol: "q" }), null);
  const gone = new SinkStream();
  gone.destroyed = true;
  assert.equal(new Protomux(gone).createChannel({ protocol: "q" }), null);
});

Deno.test("PM-010 PM-018 when the stream closes, every channel does", async () => {
  const stream = new SinkStream();
  const mux = new Protomux(stream);
  const log: string[] = [];
  const create = (protocol: string) =>
    mux.createChannel({ protocol, onclose: (isRemote) => log.push(`${protocol} closed ${isRemote}`) })!;
  const opened = create("opened");
  opened.open();
  stream.emit("data", hexBytes("0001 01 066f70656e6564 00".replaceAll(" ", "")));
  const offered = create("offered");
  offered.open();
  let paired: Channel | null = null;
  mux.pair({ protocol: "paired" }, () => {
    paired = create("paired");
  });
  stream.emit("data", hexBytes("0001 02 06706169726564 00".replaceAll(" ", "")));
  const created = create("created");
  await settle();
  mux.destroy(new Error("over"));
  assert.deepEqual(stream.calls, ["destroy over"]);
  assert.deepEqual(log, ["opened closed true", "offered closed true", "paired closed true"]);
  created.open();
  assert.deepEqual(log.slice(3), ["created closed true"]);
  const all = [opened, offered, paired!, created];
  assert.deepEqual(await Promise.all(all.map((channel) => channel.fullyOpened())), [
    true,
    false,
    true,
    false,
  ]);
  await Promise.all(all.map((channel) => channel.fullyClosed()));
  assert.deepEqual(Array.from(mux), []);
  stream.emit("data", hexBytes("0100"));
  assert.equal(stream.frames.length, 2, "nothing is sent any more");
});

Deno.test("PM-010 destroy() in a handler ends the delivery of its batch", () => {
  const { stream, mux, channel } = openOnSink();
  let count = 0;
  channel.addMessage({
    encoding: uint,
    onmessage: () => {
      count++;
      mux.destroy();
    },
  });
  stream.emit("data", hexBytes("0000" + "01" + "020001" + "020002"));
  assert.deepEqual([count, channel.closed], [1, true]);
});

Deno.test("PM-W01 PM-W02 malformed frames destroy the stream with a typed error", async () => {
  const cases: [frame: unknown, code: string][] = [
    [hexBytes("01"), "INVALID_FRAME"],
    ["text", "INVALID_FRAME"],
    [hexBytes("00000109"), "INVALID_BATCH"],
    [hexBytes("000105017000"), "INVALID_OPEN"],
    [hexBytes("000209"), "INVALID_REJECT"],
    [hexBytes("010005ff"), "INVALID_MESSAGE"],
    [hexBytes("00010201710001"), "INVALID_HANDSHAKE"],
  ];
  for (const [frame, code] of cases) {
    const [left, right] = memoryPair();
    const mux = new Protomux(left);
    const p = mux.createChannel({ protocol: "p", messages: [{ encoding: string }] })!;
    const q = mux.createChannel({ protocol: "q", handshake: string })!;
    p.open();
    q.open("");
    left.emit("data", hexBytes("000101017000"));
    const reason = errorOf(left);
    left.emit("data", frame as Uint8Array);
    const error = await reason;
    assert.ok(error instanceof ProtomuxError, code);
    assert.equal(error.code, code);
    if (code === "INVALID_MESSAGE" || code === "INVALID_HANDSHAKE") {
      assert.ok(error.cause instanceof EncodingError);
    }
    await Promise.all([p.fullyClosed(), q.fullyClosed()]);
    right.destroy();
  }
});

Deno.test("PM-022 a flood for a channel that waits is stopped by the pause and goes on when it is opened", async () => {
  await using pair = new MuxPair();
  let accept = () => {};
  pair.b.pair({ protocol: "p" }, () => new Promise<void>((resolve) => accept = resolve));
  const channel = pair.a.createChannel({ protocol: "p", messages: [{ encoding: buffer }] })!;
  channel.open();
  const value = new Uint8Array(1000);
  for (let i = 0; i < 500; i++) channel.messages[0]!.send(value);
  await settle();
  // Each counts for 1000 + 3 of its own length + 512: the 22nd is past 32 KiB.
  const written = pair.a.stream.written.length;
  assert.ok(written > 22 && written < 200, `the writer is held up, after ${written} frames`);
  let count = 0;
  const accepted = pair.b.createChannel({
    protocol: "p",
    messages: [{ encoding: buffer, onmessage: () => count++ }],
  })!;
  accepted.open();
  accept();
  assert.equal(await channel.fullyOpened(), true);
  await settle();
  assert.equal(count, 500);
});

Deno.test("limits given to the muxer hold, and what it holds is let go of with the stream", async () => {
  await using pair = new MuxPair({ limits: { waitingChannelsMax: 2 } });
  pair.b.pair({ protocol: "p" }, () => new Promise(() => {}));
  const reason = errorOf(pair.b.stream);
  for (let i = 0; i < 3; i++) pair.a.createChannel({ protocol: "p", unique: false })!.open();
  const error = await reason;
  assert.ok(error instanceof ProtomuxError);
  assert.equal(error.code, "BACKLOG_EXCEEDED");
});

Deno.test("a muxer that runs out of ids destroys its stream, and the channel closes", async () => {
  await using pair = new MuxPair({ limits: { localIdsMax: 1 } });
  const reason = errorOf(pair.a.stream);
  pair.a.createChannel({ protocol: "p" })!.open();
  const channel = pair.a.createChannel({ protocol: "q" })!;
  channel.open();
  assert.equal(channel.closed, true);
  assert.equal((await reason as ProtomuxError).code, "CHANNEL_IDS_EXCEEDED");
});

Deno.test("PM-016 a message that a handler provokes synchronously waits for its turn", () => {
  const { stream, channel } = openOnSink();
  const seen: number[] = [];
  channel.addMessage({
    encoding: uint,
    onmessage: (value) => {
      if (value === 1) stream.emit("data", hexBytes("010003"));
      seen.push(value);
    },
  });
  stream.emit("data", hexBytes("0000" + "01" + "020001" + "020002"));
  assert.deepEqual(seen, [1, 2, 3]);
});

Deno.test("PM-016 the closing is on the wire before onclose runs, which may use the id again", () => {
  const { stream, mux, channel } = openOnSink({
    protocol: "p",
    onclose: () => mux.createChannel({ protocol: "p" })!.open(),
  });
  channel.close();
  assert.deepEqual(stream.frames.map(hexText), ["000301", "000101017000"]);
});

Deno.test("PM-009 uncork() without cork() does nothing", () => {
  const { stream, mux, channel } = openOnSink({ protocol: "p", messages: [{ encoding: uint }] });
  mux.uncork();
  assert.equal(mux.corked, 0);
  mux.cork();
  assert.equal(mux.corked, 1);
  channel.messages[0]!.send(1);
  assert.equal(stream.frames.length, 0);
  mux.uncork();
  assert.deepEqual(stream.frames.map(hexText), ["000001020001"]);
});

Deno.test("PM-018 fullyOpened() and fullyClosed() can be given up", async () => {
  const { channel, mux } = openOnSink();
  const other = mux.createChannel({ protocol: "q" })!;
  const controller = new AbortController();
  const waits = [
    other.fullyOpened({ signal: controller.signal }),
    channel.fullyClosed({ signal: controller.signal }),
  ];
  const reason = new Error("enough");
  controller.abort(reason);
  for (const wait of waits) await assert.rejects(wait, reason);
  await assert.rejects(other.fullyOpened({ signal: controller.signal }), reason);
  const patient = new AbortController();
  const opened = other.fullyOpened({ signal: patient.signal });
  const closed = other.fullyClosed({ signal: patient.signal });
  other.close();
  assert.equal(await opened, false);
  await closed;
});

Deno.test("await using closes channels and destroys muxers", async () => {
  const [left, right] = memoryPair();
  {
    await using mux = new Protomux(left);
    await using channel = mux.createChannel({ protocol: "p" })!;
    channel.open();
  }
  assert.equal(left.destroyed, true);
  if (!right.destroyed) await once(right, "close");
});

Deno.test("PM-001 the muxer ends its stream when the remote has", async () => {
  const [left, right] = memoryPair();
  const mux = new Protomux(left);
  right.end();
  right.resume();
  await Promise.all([once(left, "close"), once(right, "close")]);
  assert.equal(mux.createChannel({ protocol: "p" }), null);
});

Deno.test("PM-005 an error of the stream reaches the channels as a closing", async () => {
  const pair = new MuxPair();
  const channels = [pair.a, pair.b].map((mux) => mux.createChannel({ protocol: "p" })!);
  for (const channel of channels) channel.open();
  await channels[0]!.fullyOpened();
  pair.a.stream.destroy(new Error("wire cut"));
  await Promise.all(channels.map((channel) => channel.fullyClosed()));
  assert.deepEqual(channels.map(({ closed, destroyed, error }) => [closed, destroyed, error]), [
    [true, true, null],
    [true, true, null],
  ]);
});

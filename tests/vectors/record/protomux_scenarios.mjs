/**
 * What the recorder makes the npm package do and the unit tests make ours do: dialogues of two muxers over streams
 * whose frames are passed on one by one, with every frame and every call of a handler noted.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { EventEmitter } from "node:events";
import { setImmediate } from "node:timers";

/** Frames longer than this are noted by length and hash. */
const FRAME_BYTES_NOTED = 160;

/** A stream that keeps what is written until it is told to pass it on. */
class ScenarioStream extends EventEmitter {
  userData = null;
  destroyed = false;
  hasRoom = true;
  outbox = [];

  constructor(name, note) {
    super();
    this.name = name;
    this.note = note;
  }

  write(frame) {
    this.outbox.push(frame);
    return this.hasRoom;
  }

  pause() {
    this.note(`${this.name} pause`);
  }

  resume() {
    this.note(`${this.name} resume`);
  }

  end() {
    this.note(`${this.name} end`);
  }

  destroy(error) {
    if (this.destroyed) return;
    this.destroyed = true;
    this.note(`${this.name} destroy ${error ? error.message : "without error"}`);
    this.emit("close");
  }
}

/** Lets promises and ticks run. */
export async function settle() {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Runs one scenario; returns its frames and its log. */
export async function runScenario(Protomux, c, scenario) {
  const frames = [];
  const log = [];
  const note = (line) => log.push(line);
  const streams = { a: new ScenarioStream("a", note), b: new ScenarioStream("b", note) };
  const muxers = { a: new Protomux(streams.a), b: new Protomux(streams.b) };

  /** Passes on what one side, or both in turn, have written, until nothing is left. */
  async function deliver(...sides) {
    const senders = sides.length > 0 ? sides : ["a", "b"];
    for (let isDone = false; !isDone;) {
      isDone = true;
      for (const from of senders) {
        const frame = streams[from].outbox.shift();
        if (frame === undefined) continue;
        isDone = false;
        frames.push({ from, ...describe(frame) });
        log.push(`${from} frame ${frames.length - 1}`);
        streams[from === "a" ? "b" : "a"].emit("data", Buffer.from(frame));
        await settle();
      }
    }
  }

  /** Options of a channel whose handlers are noted under `name`. */
  function noted(name, options = {}) {
    return {
      onopen: (handshake) => note(`${name} open ${JSON.stringify(handshake)}`),
      onclose: (isRemote) => note(`${name} close ${isRemote ? "by remote" : "here"}`),
      ondestroy: () => note(`${name} destroy`),
      ondrain: () => note(`${name} drain`),
      ...options,
      messages: (options.messages ?? []).map((message, type) =>
        message && {
          onmessage: (value) => note(`${name} message ${type} ${show(value)}`),
          ...message,
        }
      ),
    };
  }

  await scenario.run({ ...muxers, streams, c, Protomux, deliver, noted, note, settle });
  await deliver();
  return { name: scenario.name, frames, log };
}

function describe(frame) {
  if (frame.byteLength <= FRAME_BYTES_NOTED) return { hex: Buffer.from(frame).toString("hex") };
  return { byteLength: frame.byteLength, sha256: createHash("sha256").update(frame).digest("hex") };
}

function show(value) {
  return value instanceof Uint8Array ? `${value.byteLength} bytes ${value[0]}` : JSON.stringify(value);
}

/** Each exercises the rows of the feature table that its name begins with. */
export const SCENARIOS = [
  {
    name: "PM-001 PM-004 PM-012 PM-013 PM-014 PM-W01 PM-W02 open, handshakes, messages both ways",
    async run({ a, b, c, noted, deliver }) {
      const handshake = c.string;
      const messages = [{ encoding: c.string }, { encoding: c.uint }, {}];
      const left = a.createChannel(noted("a", { protocol: "cool", handshake, messages }));
      const right = b.createChannel(noted("b", { protocol: "cool", handshake, messages }));
      left.open("from a");
      right.open("from b");
      left.messages[0].send("first");
      right.messages[1].send(70000);
      await deliver();
      left.messages[2].send(Buffer.alloc(5, 1));
      right.messages[2].send(Buffer.alloc(0));
      right.messages[0].send("");
    },
  },
  {
    name: "PM-004 PM-006 ids tell channels of one protocol apart",
    async run({ a, b, c, noted, note, deliver }) {
      const ids = [null, Buffer.alloc(32, 7), Buffer.from("short")];
      for (const [i, id] of ids.entries()) {
        const messages = [{ encoding: c.uint }];
        a.createChannel(noted(`a${i}`, { protocol: "p", id, messages })).open();
      }
      for (const [i, id] of ids.entries()) {
        const messages = [{ encoding: c.uint }];
        const channel = b.createChannel(noted(`b${2 - i}`, { protocol: "p", id: ids[2 - i], messages }));
        channel.open();
        channel.messages[0].send(i);
        note(`opened ${b.opened({ protocol: "p", id })} ${b.opened({ protocol: "p", id: Buffer.from("no") })}`);
      }
      await deliver();
    },
  },
  {
    name: "PM-016 PM-W02 unknown protocols are rejected and their ids used again",
    async run({ a, b, noted, note, deliver }) {
      for (const protocol of ["x", "y"]) a.createChannel(noted(protocol, { protocol })).open();
      await deliver();
      note(`idle ${a.isIdle()} ${b.isIdle()}`);
      for (const protocol of ["y", "z", "w"]) a.createChannel(noted(protocol, { protocol })).open();
      await deliver();
    },
  },
  {
    name: "PM-009 PM-017 PM-W03 a corked run over several channels",
    async run({ a, b, c, noted, deliver }) {
      const messages = [{ encoding: c.string }, { encoding: c.raw }];
      const lefts = ["x", "y", "z"].map((protocol) => a.createChannel(noted(`a${protocol}`, { protocol, messages })));
      for (const protocol of ["z", "x", "y"]) b.createChannel(noted(`b${protocol}`, { protocol, messages })).open();
      a.cork();
      for (const channel of lefts) channel.open();
      lefts[0].cork();
      for (let i = 0; i < 6; i++) lefts[i >> 1].messages[i & 1].send(i & 1 ? Buffer.alloc(i) : `message ${i}`);
      lefts[1].messages[1].send(Buffer.alloc(300, 9));
      lefts[1].close();
      lefts[2].uncork();
      lefts[2].messages[0].send("still corked");
      a.uncork();
      lefts[2].messages[0].send("not corked");
      a.cork();
      a.uncork();
      a.cork();
      lefts[2].messages[0].send("alone");
      a.uncork();
      await deliver();
    },
  },
  {
    name: "PM-009 PM-W03 a batch is cut at 8 MiB",
    async run({ a, b, c, noted, deliver }) {
      const messages = [{ encoding: c.buffer }];
      const left = a.createChannel(noted("a", { protocol: "mega", messages }));
      b.createChannel(noted("b", { protocol: "mega", messages })).open();
      left.open();
      a.cork();
      for (let i = 0; i < 7; i++) left.messages[0].send(Buffer.alloc(3 * 1024 * 1024, i));
      a.uncork();
      await deliver();
      // 14 bytes are not the value's own: batch and channel 3, length 5, type 1, length of the value 5.
      for (const extra of [-1, 0, 1]) {
        a.cork();
        left.messages[0].send(Buffer.alloc(8 * 1024 * 1024 - 14 + extra, 1));
        left.messages[0].send(Buffer.alloc(1, 2));
        a.uncork();
      }
      await deliver();
    },
  },
  {
    name: "PM-W01 PM-W03 ids that take three bytes",
    async run({ a, b, c, noted, deliver }) {
      const messages = [{ encoding: c.uint }];
      const lefts = [];
      a.cork();
      for (let i = 0; i < 260; i++) {
        b.createChannel({ protocol: `p${i}`, messages: [] }).open();
        lefts.push(a.createChannel({ protocol: `p${i}`, messages }));
        lefts[i].open();
      }
      for (const channel of lefts) channel.messages[0].send(1);
      a.uncork();
      await deliver();
      lefts[259].messages[0].send(2);
      lefts[252].close();
      for (let i = 0; i < 300; i++) lefts[0].addMessage(noted("", { messages: [{ encoding: c.uint }] }).messages[0]);
      lefts[0].messages[299].send(3);
      await deliver();
    },
  },
  {
    name: "PM-007 PM-021 pairing at once, later, by any id, and not any more",
    async run({ a, b, c, noted, note, deliver, settle }) {
      const messages = [{ encoding: c.string }];
      const accept = (name, options) => b.createChannel(noted(name, { messages, ...options })).open();
      b.pair({ protocol: "now" }, (id) => accept(`now ${id}`, { protocol: "now", id }));
      b.pair({ protocol: "later" }, async (id) => {
        note(`asked for later ${id}`);
        await settle();
        accept(`later ${id}`, { protocol: "later", id });
      });
      b.pair({ protocol: "later", id: Buffer.from("own") }, () => note("asked for own"));
      b.pair({ protocol: "never" }, () => note("must not be asked"));
      b.unpair({ protocol: "never" });
      for (const [protocol, id] of [["now", null], ["now", "1"], ["later", "2"], ["later", "own"], ["never", null]]) {
        const options = { protocol, id: id && Buffer.from(id), messages };
        const channel = a.createChannel(noted(`a ${protocol} ${id}`, options));
        channel.open();
        channel.messages[0].send(`to ${protocol} ${id}`);
      }
      await deliver();
    },
  },
  {
    name: "PM-021 messages wait until their channel is paired, in order, in batches too",
    async run({ a, b, c, noted, deliver, settle }) {
      const messages = [{ encoding: c.uint }, { encoding: c.string }];
      b.pair({ protocol: "p" }, async () => {
        await settle();
        await settle();
        b.createChannel(noted("b", { protocol: "p", messages })).open();
      });
      const left = a.createChannel(noted("a", { protocol: "p", messages }));
      left.open();
      for (let i = 0; i < 3; i++) left.messages[0].send(i);
      a.cork();
      for (let i = 3; i < 6; i++) left.messages[i & 1].send(i & 1 ? `${i}` : i);
      a.uncork();
      await deliver();
    },
  },
  {
    name: "PM-004 PM-021 several channels of one name are paired in order",
    async run({ a, b, c, noted, note, deliver }) {
      const options = { protocol: "p", unique: false, messages: [{ encoding: c.string }] };
      const lefts = [0, 1, 2].map((i) => a.createChannel(noted(`a${i}`, options)));
      for (const channel of lefts) channel.open();
      note(`refused ${a.createChannel({ protocol: "p" }) === null}`);
      const rights = [0, 1].map((i) => b.createChannel(noted(`b${i}`, options)));
      for (const channel of rights) channel.open();
      for (const [i, channel] of lefts.entries()) channel.messages[0].send(`a${i}`);
      for (const [i, channel] of rights.entries()) channel.messages[0].send(`b${i}`);
      await deliver();
    },
  },
  {
    name: "PM-005 aliases on both sides, user data",
    async run({ a, b, c, noted, note, deliver }) {
      const messages = [{ encoding: c.string }];
      const left = a.createChannel(
        noted("a", { protocol: "new", aliases: ["old", "older"], userData: { x: 1 }, messages }),
      );
      const right = b.createChannel(noted("b", { protocol: "older", aliases: ["new"], messages }));
      note(`user data ${JSON.stringify(left.userData)} ${JSON.stringify(right.userData)}`);
      left.open();
      right.open();
      note(`opened ${a.opened({ protocol: "old" })} ${a.opened({ protocol: "oldest" })}`);
      note(`refused ${a.createChannel({ protocol: "older" }) === null}`);
      left.messages[0].send("hello");
      right.messages[0].send("hello too");
      await deliver();
      left.close();
      await deliver();
      note(`opened ${a.opened({ protocol: "old" })} ${b.opened({ protocol: "new" })}`);
    },
  },
  {
    name: "PM-016 PM-018 PM-019 closing, and what arrives too late",
    async run({ a, b, c, noted, note, deliver }) {
      const messages = [{ encoding: c.uint }];
      const left = a.createChannel(noted("a", { protocol: "p", messages }));
      const right = b.createChannel(noted("b", { protocol: "p", messages }));
      for (const [name, channel] of [["a", left], ["b", right]]) {
        channel.fullyOpened().then((isOpen) => note(`${name} fully opened ${isOpen}`));
        channel.fullyClosed().then(() => note(`${name} fully closed`));
      }
      left.open();
      right.open();
      await deliver();
      note(`state ${left.opened} ${left.closed} ${left.destroyed} ${left.drained}`);
      right.messages[0].send(1);
      left.messages[0].send(2);
      left.close();
      note(`send ${left.messages[0].send(3)}`);
      note(`state ${left.opened} ${left.closed} ${left.destroyed} ${a.isIdle()} ${b.isIdle()}`);
      left.close();
      await deliver();
      note(`state ${right.opened} ${right.closed} ${right.destroyed} ${a.isIdle()} ${b.isIdle()}`);
      note(`again ${await left.fullyOpened()} ${await left.fullyClosed()}`);
    },
  },
  {
    name: "PM-016 both sides close at once",
    async run({ a, b, noted, deliver }) {
      for (let round = 0; round < 2; round++) {
        const left = a.createChannel(noted(`a${round}`, { protocol: "p" }));
        const right = b.createChannel(noted(`b${round}`, { protocol: "p" }));
        left.open();
        right.open();
        await deliver();
        left.close();
        right.close();
        const next = a.createChannel(noted(`a${round} next`, { protocol: "q" }));
        next.open();
        await deliver();
      }
    },
  },
  {
    name: "PM-012 PM-016 opened, used and closed before the remote answers",
    async run({ a, b, c, noted, note, deliver }) {
      const messages = [{ encoding: c.string }];
      const left = a.createChannel(noted("a", { protocol: "p", messages }));
      left.open();
      const right = b.createChannel(noted("b", { protocol: "p", messages }));
      right.open();
      right.messages[0].send("hello");
      right.close();
      note(`idle ${b.isIdle()}`);
      await deliver();
      note(`idle ${a.isIdle()} ${b.isIdle()}`);
      for (let i = 0; i < 3; i++) {
        const channel = a.createChannel(noted(`a${i}`, { protocol: `nobody ${i}` }));
        channel.open();
        channel.close();
      }
      await deliver();
      note(`idle ${a.isIdle()} ${b.isIdle()}`);
    },
  },
  {
    name: "PM-013 answers to a batch leave together, unless autoBatch is off",
    async run({ a, b, c, noted, deliver, settle }) {
      const late = async (value, channel) => {
        await settle();
        channel.messages[2].send(`late ${value}`);
      };
      const prompt = (value, channel) => channel.messages[2].send(`prompt ${value}`);
      const left = a.createChannel(
        noted("a", { protocol: "p", messages: [{ encoding: c.uint }, { encoding: c.uint }, { encoding: c.string }] }),
      );
      const right = b.createChannel(noted("b", {
        protocol: "p",
        messages: [
          { encoding: c.uint, onmessage: late },
          { encoding: c.uint, onmessage: late, autoBatch: false },
          { encoding: c.string },
          { encoding: c.uint, onmessage: prompt },
        ],
      }));
      left.addMessage({ encoding: c.uint });
      left.open();
      right.open();
      await deliver();
      for (const types of [[0, 3], [1, 3], [0, 1, 0, 1], [3], [0], [3, 3, 3]]) {
        a.cork();
        for (const [i, type] of types.entries()) left.messages[type].send(i);
        a.uncork();
        await deliver("a");
        await settle();
        await deliver();
      }
    },
  },
  {
    name: "PM-013 PM-014 PM-015 skipped and unknown messages, other handlers, another channel",
    async run({ a, b, c, noted, note, deliver }) {
      const left = a.createChannel(noted("a", { protocol: "p" }));
      const other = a.createChannel(noted("other", { protocol: "q" }));
      const skipped = left.addMessage(null);
      const second = left.addMessage({ encoding: c.string });
      const third = left.addMessage({ encoding: c.string });
      note(`types ${skipped.type} ${second.type} ${third.type} ${left.messages.length}`);
      const right = b.createChannel(noted("b", { protocol: "p", messages: [{ encoding: c.string }, null] }));
      const rightOther = b.createChannel(
        noted("b other", { protocol: "q", messages: [{ encoding: c.string }, { encoding: c.string }] }),
      );
      right.messages[1].onmessage = () => note("must not be called");
      for (const channel of [left, other, right, rightOther]) channel.open();
      skipped.send("nothing");
      second.send("for the skipped one");
      third.send("for none");
      second.send("elsewhere", other);
      await deliver();
      rightOther.messages[1].onmessage = (value) => note(`replaced handler ${value}`);
      second.send("elsewhere again", other);
      await deliver();
    },
  },
  {
    name: "PM-005 PM-010 PM-014 drained and ondrain",
    async run({ a, b, c, streams, noted, note, deliver }) {
      const messages = [{ encoding: c.uint }];
      const left = a.createChannel(noted("a", { protocol: "p", messages }));
      const closed = a.createChannel(noted("closed", { protocol: "q" }));
      b.createChannel(noted("b", { protocol: "p", messages })).open();
      left.open();
      closed.open();
      closed.close();
      await deliver();
      note(`room ${left.messages[0].send(1)} ${a.drained} ${left.drained}`);
      streams.a.hasRoom = false;
      note(`full ${left.messages[0].send(2)} ${a.drained} ${left.drained}`);
      a.cork();
      note(`corked ${left.messages[0].send(3)} ${a.drained}`);
      a.uncork();
      streams.a.emit("drain");
      note(`drained ${a.drained} ${left.drained}`);
    },
  },
  {
    name: "PM-008 PM-010 PM-011 the last channel, iteration, idleness",
    async run({ a, b, noted, note, deliver }) {
      const names = (mux) => Array.from(mux, (channel) => channel.protocol).join(" ");
      const last = (mux) => mux.getLastChannel({ protocol: "p" });
      note(`none ${last(a)} ${a.isIdle()} "${names(a)}"`);
      const options = { protocol: "p", unique: false };
      const first = a.createChannel(noted("first", options));
      const second = a.createChannel(noted("second", options));
      note(`created ${last(a)} ${a.isIdle()} "${names(a)}"`);
      first.open();
      note(`last is first ${last(a) === first}`);
      second.open();
      a.createChannel(noted("q", { protocol: "q" })).open();
      note(`last is second ${last(a) === second} ${a.isIdle()} "${names(a)}"`);
      await deliver();
      note(`after rejection ${last(a)} ${a.isIdle()} "${names(a)}"`);
      b.pair({ protocol: "p" }, () => {
        for (let i = 0; i < 2; i++) b.createChannel(noted(`b${i}`, options))?.open();
      });
      const third = a.createChannel(noted("third", options));
      third.open();
      await deliver();
      note(`last is third ${last(a) === third} "${names(b)}"`);
      third.close();
      note(`closed ${last(a)} "${names(a)}"`);
      await deliver();
      note(`idle ${a.isIdle()} ${b.isIdle()}`);
    },
  },
  {
    name: "PM-002 PM-003 PM-010 PM-019 one muxer per stream, destroying it",
    async run({ a, b, c, Protomux, streams, noted, note, deliver, settle }) {
      note(`same ${Protomux.from(streams.a) === a} ${Protomux.from(a) === a} ${streams.a.userData === a}`);
      note(`is ${Protomux.isProtomux(a)} ${Protomux.isProtomux({})} ${a.isProtomux} ${Protomux.isProtomux("a")}`);
      note(`stream ${a.stream === streams.a}`);
      let finish;
      const onmessage = () => new Promise((resolve) => finish = resolve).then(() => note("handler done"));
      const messages = [{ encoding: c.uint, onmessage }];
      const left = a.createChannel(noted("a", { protocol: "p", messages }));
      const right = b.createChannel(noted("b", { protocol: "p", messages }));
      const unanswered = a.createChannel(noted("unanswered", { protocol: "q" }));
      left.open();
      right.open();
      await deliver();
      unanswered.open();
      unanswered.fullyOpened().then((isOpen) => note(`unanswered ${isOpen}`));
      right.messages[0].send(1);
      await deliver("b");
      a.destroy(new Error("enough"));
      note(`state ${left.closed} ${left.destroyed} ${a.createChannel({ protocol: "z" })}`);
      streams.a.outbox.length = 0;
      finish();
      await settle();
      note(`state ${left.destroyed}`);
      streams.b.emit("end");
      b.destroy();
    },
  },
  {
    name: "PM-022 the stream is paused while too much is held",
    async run({ a, b, c, noted, deliver, settle, note }) {
      const messages = [{ encoding: c.buffer }];
      let accept;
      b.pair({ protocol: "p" }, () => new Promise((resolve) => accept = resolve));
      const left = a.createChannel(noted("a", { protocol: "p", messages }));
      left.open();
      // 512 for each message, its bytes and one or three of length: 32768 in all is not too much.
      left.messages[0].send(Buffer.alloc(31740));
      await deliver("a");
      left.messages[0].send(Buffer.alloc(0));
      left.messages[0].send(Buffer.alloc(0));
      await deliver("a");
      note("accepting");
      b.createChannel(noted("b", { protocol: "p", messages })).open();
      await settle();
      accept();
      await settle();
      b.pair({ protocol: "q" }, () => new Promise((resolve) => accept = resolve));
      const rejected = a.createChannel(noted("rejected", { protocol: "q", messages }));
      rejected.open();
      rejected.messages[0].send(Buffer.alloc(40000));
      await deliver("a");
      note("rejecting");
      accept();
      await deliver();
    },
  },
  {
    name: "PM-W01 empty frames, unknown channels and unknown control messages mean nothing",
    async run({ a, b, c, streams, noted, deliver }) {
      const messages = [{ encoding: c.uint }];
      const left = a.createChannel(noted("a", { protocol: "p", messages }));
      b.createChannel(noted("b", { protocol: "p", messages })).open();
      left.open();
      await deliver();
      for (const hex of ["", "0500", "fdffff0101", "000901", "0004", "000300", "00030a", "000001", "0000010005"]) {
        streams.b.emit("data", Buffer.from(hex, "hex"));
      }
      left.messages[0].send(5);
      await deliver();
    },
  },
];

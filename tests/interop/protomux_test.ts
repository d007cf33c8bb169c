/**
 * Our muxer and that of the npm package over TCP on 127.0.0.1, in both roles and over two framings. The same actor
 * runs on both sides.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import c from "../../src/compact_encoding/mod.ts";
import Protomux, { type FramedStream } from "../../src/protomux/mod.ts";
import SecretStream from "../../src/secret_stream/mod.ts";
import { NodePeer, type PeerMessage } from "../helpers/node_peer.ts";
import { Actor } from "./peers/protomux/actor.mjs";
import { LengthFramed } from "./peers/protomux/length_framed.mjs";

const WAIT_TIMEOUT_MS = 30_000;

type Framing = "length" | "secret";
type Command = { readonly do: string; readonly [field: string]: unknown };

/** One end: ours in this process or the npm package's in Node. */
interface Side {
  act(...commands: Command[]): Promise<void>;
  next(event: string): Promise<PeerMessage>;
}

/** Our end, with the events that its actor reports. */
class OurSide implements Side {
  readonly mux: Protomux;
  readonly #actor: Actor;
  readonly #unread: PeerMessage[] = [];
  #wake: (() => void) | null = null;

  constructor(stream: FramedStream) {
    this.mux = new Protomux(stream);
    this.#actor = new Actor(
      this.mux,
      c,
      (event: string, fields: Record<string, unknown> = {}) => {
        this.#unread.push({ event, ...fields });
        this.#wake?.();
      },
    );
  }

  act(...commands: Command[]): Promise<void> {
    this.#actor.act(...commands);
    return Promise.resolve();
  }

  async next(event: string): Promise<PeerMessage> {
    const deadline = Promise.withResolvers<void>();
    const timer = setTimeout(() => deadline.reject(this.#lateError(event)), WAIT_TIMEOUT_MS);
    try {
      while (true) {
        const index = this.#unread.findIndex((message) => message.event === event);
        if (index >= 0) return this.#unread.splice(index, 1)[0]!;
        await Promise.race([new Promise<void>((resolve) => this.#wake = resolve), deadline.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #lateError(event: string): Error {
    return new Error(
      `We reported no ${event} in ${WAIT_TIMEOUT_MS} ms, only ${JSON.stringify(this.#unread)}`,
    );
  }
}

class NpmSide implements Side {
  constructor(readonly peer: NodePeer) {}

  async act(...commands: Command[]): Promise<void> {
    await this.peer.send(commands);
    await this.peer.next("acted");
  }

  next(event: string): Promise<PeerMessage> {
    return this.peer.next(event);
  }
}

interface Connection {
  readonly ours: OurSide;
  readonly npms: NpmSide;
}

/** Connects both, runs `talk` and tears everything down. */
async function connected(
  framing: Framing,
  isOursListening: boolean,
  talk: (connection: Connection) => Promise<void>,
): Promise<void> {
  const server = isOursListening ? net.createServer() : null;
  if (server !== null) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
  const port = server === null ? undefined : (server.address() as AddressInfo).port;
  await using peer = NodePeer.start("protomux/peer.mjs", {
    args: [{ framing, port }],
  });
  const socket = server === null
    ? net.connect((await peer.next("listening")).port as number, "127.0.0.1")
    : (await once(server, "connection"))[0] as net.Socket;
  const stream = framing === "secret" ? new SecretStream(!isOursListening, socket) : new LengthFramed(socket);
  const ours = new OurSide(stream as FramedStream);
  try {
    await peer.next("connected");
    await talk({ ours, npms: new NpmSide(peer) });
  } finally {
    const isGone = socket.destroyed ? Promise.resolve() : once(socket, "close");
    await ours.mux[Symbol.asyncDispose]();
    await isGone;
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }
}

/**
 * Creates and opens `name` on both sides. The peer's opening is held until ours is on its way: neither may come before
 * the other side knows the name.
 */
async function openBoth({ ours, npms }: Connection, name: string): Promise<void> {
  const create: Command = { do: "create", name, protocol: name };
  await npms.act({ do: "cork" }, create, { do: "open", name, handshake: "npm's" });
  await ours.act(create, { do: "open", name, handshake: "ours" });
  await npms.act({ do: "uncork" });
  assert.deepEqual(await ours.next("open"), { event: "open", name, handshake: "npm's" });
  assert.deepEqual(await npms.next("open"), { event: "open", name, handshake: "ours" });
}

function sides({ ours, npms }: Connection): [from: Side, to: Side][] {
  return [[ours, npms], [npms, ours]];
}

/** The digest of `count` values of `byteLength` bytes, each full of its index. */
function digestOf(count: number, byteLength: number): string {
  const hash = createHash("sha256");
  for (let i = 0; i < count; i++) hash.update(Buffer.alloc(byteLength, i));
  return hash.digest("hex");
}

async function talkBothWays(connection: Connection): Promise<void> {
  await openBoth(connection, "p");
  for (const [from, to] of sides(connection)) {
    await from.act({ do: "send", name: "p", type: 0, value: "héllo" }, {
      do: "send",
      name: "p",
      type: 3,
      value: "x",
    });
    assert.deepEqual(await to.next("message"), {
      event: "message",
      name: "p",
      type: 0,
      value: "héllo",
    });
    assert.deepEqual(await from.next("message"), {
      event: "message",
      name: "p",
      type: 0,
      value: "echo x",
    });
  }
}

async function refuseUnknown(connection: Connection): Promise<void> {
  for (const [from, to] of sides(connection)) {
    for (const name of ["unknown", "again"]) {
      await from.act({ do: "create", name, protocol: name, id: "id" }, {
        do: "open",
        name,
      });
      assert.deepEqual(await from.next("close"), {
        event: "close",
        name,
        isRemote: true,
      });
      await from.next("destroy");
    }
    for (const side of [from, to]) {
      await side.act({ do: "state" });
      assert.equal((await side.next("state")).isIdle, true);
    }
  }
}

async function closeInTurn(connection: Connection): Promise<void> {
  for (const [from, to] of sides(connection)) {
    await openBoth(connection, "p");
    await from.act({ do: "send", name: "p", type: 0, value: "last words" }, {
      do: "close",
      name: "p",
    });
    assert.equal((await to.next("message")).value, "last words");
    assert.deepEqual(await to.next("close"), {
      event: "close",
      name: "p",
      isRemote: true,
    });
    assert.deepEqual(await from.next("close"), {
      event: "close",
      name: "p",
      isRemote: false,
    });
    for (const side of [from, to]) {
      await side.act({ do: "state", protocol: "p" });
      assert.deepEqual(await side.next("state"), {
        event: "state",
        isIdle: true,
        names: [],
        isOpened: false,
      });
    }
  }
}

async function corkedRun(connection: Connection): Promise<void> {
  const count = 20_000;
  await openBoth(connection, "p");
  await openBoth(connection, "q");
  for (const [from, to] of sides(connection)) {
    await to.act({ do: "expect", name: "p", type: 1, count }, {
      do: "expect",
      name: "q",
      type: 2,
      count: 300,
    });
    await from.act(
      { do: "cork" },
      { do: "send", name: "q", type: 2, value: 100, count: 100 },
      { do: "send", name: "p", type: 1, value: 0, count: count / 2 },
      { do: "send", name: "q", type: 2, value: 100, count: 200 },
      { do: "send", name: "p", type: 1, value: count / 2, count: count / 2 },
      { do: "uncork" },
    );
    const tallies = [await to.next("tallied"), await to.next("tallied")];
    const p = tallies.find(({ name }) => name === "p")!;
    const q = tallies.find(({ name }) => name === "q")!;
    assert.deepEqual([p.isInOrder, p.sum], [true, count * (count - 1) / 2]);
    assert.equal(q.bytes, 30_000);
  }
}

async function largeBatches(connection: Connection): Promise<void> {
  const [count, byteLength] = [10, 3 * 1024 * 1024];
  await openBoth(connection, "p");
  for (const [from, to] of sides(connection)) {
    await to.act({ do: "expect", name: "p", type: 2, count });
    await from.act({ do: "cork" }, {
      do: "send",
      name: "p",
      type: 2,
      value: byteLength,
      count,
    }, { do: "uncork" });
    const tally = await to.next("tallied");
    assert.deepEqual([tally.bytes, tally.digest], [
      count * byteLength,
      digestOf(count, byteLength),
    ]);
  }
}

async function pairByCallback(connection: Connection): Promise<void> {
  let round = 0;
  for (const [from, to] of sides(connection)) {
    round++;
    await to.act(
      { do: "pair", protocol: `now${round}`, mode: "accept" },
      { do: "pair", protocol: `no${round}`, mode: "refuse" },
    );
    for (const id of ["1", "2"]) {
      const name = `now${round} ${id}`;
      await from.act(
        { do: "create", name, protocol: `now${round}`, id },
        { do: "open", name, handshake: "please" },
        { do: "send", name, type: 0, value: "sent before the answer" },
      );
      assert.deepEqual(await to.next("request"), {
        event: "request",
        protocol: `now${round}`,
        id,
      });
      assert.deepEqual(await to.next("open"), {
        event: "open",
        name,
        handshake: "please",
      });
      assert.equal((await to.next("message")).value, "sent before the answer");
      assert.deepEqual(await from.next("open"), {
        event: "open",
        name,
        handshake: `paired ${name}`,
      });
    }
    await from.act({ do: "create", name: "no", protocol: `no${round}` }, {
      do: "open",
      name: "no",
    });
    assert.deepEqual(await from.next("close"), {
      event: "close",
      name: "no",
      isRemote: true,
    });
    assert.deepEqual(await to.next("request"), {
      event: "request",
      protocol: `no${round}`,
      id: null,
    });
  }
}

async function holdBack(connection: Connection): Promise<void> {
  const [count, byteLength] = [400, 1000];
  let round = 0;
  for (const [from, to] of sides(connection)) {
    const name = `held${++round}`;
    await to.act({ do: "pair", protocol: name, mode: "hold" });
    await from.act(
      { do: "create", name, protocol: name },
      { do: "open", name },
      { do: "send", name, type: 2, value: byteLength, count },
    );
    await to.next("request");
    await to.act({ do: "release", protocol: name });
    await to.next("open");
    await to.act({ do: "expect", name, type: 2, count });
    const tally = await to.next("tallied");
    assert.deepEqual([tally.bytes, tally.digest], [
      count * byteLength,
      digestOf(count, byteLength),
    ]);
    await from.next("open");
  }
}

async function manyChannels(connection: Connection): Promise<void> {
  const count = 300;
  const names = Array.from({ length: count }, (_, i) => `c${i}`);
  const { ours, npms } = connection;
  const create = (name: string): Command[] => [{ do: "create", name, protocol: name }, { do: "open", name }];
  await npms.act({ do: "cork" }, ...names.toReversed().flatMap(create));
  await ours.act({ do: "cork" }, ...names.flatMap(create), { do: "uncork" });
  await npms.act({ do: "uncork" });
  for (const side of [ours, npms]) {
    const opened = new Set<unknown>();
    for (let i = 0; i < count; i++) opened.add((await side.next("open")).name);
    assert.equal(opened.size, count);
  }
  for (const [from, to] of sides(connection)) {
    await from.act(
      ...names.map((name) => ({ do: "send", name, type: 0, value: name })),
    );
    for (let i = 0; i < count; i++) {
      const message = await to.next("message");
      assert.equal(message.value, message.name);
    }
  }
}

async function aliases({ ours, npms }: Connection): Promise<void> {
  const open: Command = { do: "open", name: "p" };
  await npms.act({ do: "cork" }, { do: "create", name: "p", protocol: "old", aliases: ["new"] }, open);
  await ours.act({ do: "create", name: "p", protocol: "new", aliases: ["old"] }, open);
  await npms.act({ do: "uncork" });
  await Promise.all([ours.next("open"), npms.next("open")]);
  for (const [from, to] of sides({ ours, npms })) {
    await from.act({ do: "send", name: "p", type: 0, value: "hello" });
    assert.equal((await to.next("message")).value, "hello");
  }
}

async function ourHandlerThrows(connection: Connection): Promise<void> {
  const { ours, npms } = connection;
  await openBoth(connection, "good");
  await openBoth(connection, "bad");
  await ours.act({
    do: "throwOn",
    name: "bad",
    type: 0,
    reason: "handler failed",
  });
  await npms.act({ do: "send", name: "bad", type: 0, value: "x" }, {
    do: "send",
    name: "good",
    type: 3,
    value: "y",
  });
  assert.deepEqual(await npms.next("close"), {
    event: "close",
    name: "bad",
    isRemote: true,
  });
  assert.deepEqual(await ours.next("close"), {
    event: "close",
    name: "bad",
    isRemote: false,
  });
  assert.equal((await npms.next("message")).value, "echo y");
  await openBoth(connection, "bad");
}

async function theirHandlerThrows(connection: Connection): Promise<void> {
  const { ours, npms } = connection;
  await openBoth(connection, "p");
  await npms.act({
    do: "throwOn",
    name: "p",
    type: 0,
    reason: "handler failed",
  });
  await ours.act({ do: "send", name: "p", type: 0, value: "x" });
  assert.equal((await npms.next("error")).message, "handler failed");
  assert.deepEqual(await ours.next("close"), {
    event: "close",
    name: "p",
    isRemote: true,
  });
}

async function malformed(connection: Connection): Promise<void> {
  const { ours, npms } = connection;
  await openBoth(connection, "p");
  await npms.act({ do: "raw", hex: "00000105" });
  assert.equal((await ours.next("error")).code, "INVALID_BATCH");
  assert.deepEqual(await ours.next("close"), {
    event: "close",
    name: "p",
    isRemote: true,
  });
  await npms.next("closed stream");
}

async function killed(connection: Connection): Promise<void> {
  const { ours, npms } = connection;
  await openBoth(connection, "p");
  await ours.act({ do: "send", name: "p", type: 2, value: 100_000, count: 50 });
  npms.peer.kill();
  assert.deepEqual(await ours.next("close"), {
    event: "close",
    name: "p",
    isRemote: true,
  });
  await ours.next("destroy");
}

const DIALOGUES: [
  name: string,
  talk: (connection: Connection) => Promise<void>,
][] = [
  [
    "PM-001 PM-004 PM-012 PM-013 PM-014 PM-W01 PM-W02 messages and answers both ways",
    talkBothWays,
  ],
  ["PM-010 PM-W02 unknown protocols are rejected", refuseUnknown],
  [
    "PM-006 PM-011 PM-016 PM-019 either side closes, and ids are used again",
    closeInTurn,
  ],
  ["PM-009 PM-W03 corked runs of small messages on two channels", corkedRun],
  ["PM-009 PM-W03 batches beyond 8 MiB", largeBatches],
  [
    "PM-007 PM-021 pairing by callback, with messages sent before the answer",
    pairByCallback,
  ],
  [
    "PM-021 PM-022 a sender is held back until its channel is accepted",
    holdBack,
  ],
  ["PM-W01 three hundred channels", manyChannels],
  ["PM-005 aliases", aliases],
  [
    "PM-020 a handler of ours that throws closes its channel only",
    ourHandlerThrows,
  ],
  [
    "PM-020 a handler of theirs that throws ends their stream",
    theirHandlerThrows,
  ],
  ["a malformed frame ends the stream with a typed error", malformed],
  ["PM-018 a peer that is killed closes all channels", killed],
];

for (const framing of ["length", "secret"] as const) {
  for (const isOursListening of [true, false]) {
    const roles = isOursListening ? "npm connects" : "we connect";
    for (const [name, talk] of DIALOGUES) {
      Deno.test(`${name} (${framing}, ${roles})`, () => connected(framing, isOursListening, talk));
    }
  }
}

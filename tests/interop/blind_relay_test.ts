/** Relays and clients, ours and those of the npm packages, over encrypted UDX streams. */
import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { hexBytes, hexText } from "../../src/base/mod.ts";
import relay, { type BlindRelayError, type RelayLimits } from "../../src/blind_relay/mod.ts";
import { SecretStream } from "../../src/secret_stream/mod.ts";
import UDX, { type UDXStream } from "../../src/udx/mod.ts";
import { NodePeer, type PeerMessage } from "../helpers/node_peer.ts";

const TOKEN = "a5".repeat(32);
const PAIR_BYTES = 1_000_000;

type Make = "ours" | "npm";

interface Link {
  readonly id: number;
  readonly remoteId: number;
  readonly port: number;
}

interface PairRequest {
  readonly isInitiator: boolean;
  readonly token: string;
  readonly id: number;
  readonly byteLength: number;
}

/** A relay or a client, of either make, driven by the same commands as `peers/blind_relay/peer.mjs`. */
interface Peer extends AsyncDisposable {
  readonly port: number;
  send(command: Record<string, unknown>): Promise<void>;
  next(event: string): Promise<PeerMessage>;
}

/** Ours, in this process. */
class OurPeer implements Peer {
  readonly #udx = new UDX();
  readonly #socket = this.#udx.createSocket();
  readonly #server: InstanceType<typeof relay.Server>;
  readonly #streams: UDXStream[] = [];
  readonly #pairs = new Map<number, SecretStream>();
  readonly #unread: PeerMessage[] = [];
  readonly #waiting = new Map<string, (message: PeerMessage) => void>();
  #lastRelayId = 1000;
  #client: InstanceType<typeof relay.Client> | null = null;
  #relayPort = 0;

  constructor(limits?: Partial<RelayLimits>) {
    this.#socket.bind(0, "127.0.0.1");
    this.#server = new relay.Server({
      createStream: (options) => this.#add(this.#udx.createStream(++this.#lastRelayId, options)),
      limits,
    });
  }

  get port(): number {
    return this.#socket.address()!.port;
  }

  send(command: Record<string, unknown>): Promise<void> {
    const [[name, options]] = Object.entries(command) as [[string, unknown]];
    switch (name) {
      case "accept":
        this.#accept(options as Link);
        break;
      case "join":
        this.#join(options as Link);
        break;
      case "pair":
        this.#pair(options as PairRequest);
        break;
      case "finish":
        this.#pairs.get(options as number)!.end();
        break;
      case "abort":
        this.#pairs.get(options as number)!.destroy();
        break;
      case "unpair":
        this.#client!.unpair(hexBytes(options as string));
        break;
      case "leave":
        this.#client!.destroy();
        break;
      case "stats":
        this.#report("stats", { stats: this.#server.stats });
        break;
    }
    return Promise.resolve();
  }

  next(event: string): Promise<PeerMessage> {
    const index = this.#unread.findIndex((message) => message.event === event);
    if (index >= 0) return Promise.resolve(this.#unread.splice(index, 1)[0]!);
    return new Promise((resolve) => this.#waiting.set(event, resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    for (const stream of this.#streams) stream.destroy();
    await this.#socket.close();
  }

  #report(event: string, fields: Record<string, unknown> = {}): void {
    const message = { event, ...fields };
    const resolve = this.#waiting.get(event);
    this.#waiting.delete(event);
    if (resolve) resolve(message);
    else this.#unread.push(message);
  }

  #add(stream: UDXStream): UDXStream {
    this.#streams.push(stream);
    stream.on("error", () => {});
    return stream;
  }

  #connect(isInitiator: boolean, { id, remoteId, port }: Link): SecretStream {
    const raw = this.#add(this.#udx.createStream(id, { framed: true }));
    raw.connect(this.#socket, remoteId, port);
    const stream = new SecretStream(isInitiator, raw);
    stream.on("error", () => {});
    return stream;
  }

  #accept(link: Link): void {
    const stream = this.#connect(false, link);
    stream.on("open", () => {
      const session = this.#server.accept(stream, { id: stream.remotePublicKey });
      session.on("error", (error) => this.#report("sessionError", { code: (error as BlindRelayError).code }));
      session.on("pair", (isInitiator, token, _stream, remoteId) => {
        this.#report("relayPair", { isInitiator, token: hexText(token), remoteId });
      });
      session.on("unpair", (token, { code }) => this.#report("relayUnpair", { token: hexText(token), code }));
      session.on("close", () => this.#report("sessionClose"));
    });
  }

  #join(link: Link): void {
    this.#relayPort = link.port;
    const stream = this.#connect(true, link);
    stream.on("open", () => {
      this.#client = relay.Client.from(stream, { id: stream.publicKey });
      this.#client.on("open", () => this.#report("joined"));
      this.#client.on("unpair", (token, { code }) => this.#report("unpair", { token: hexText(token), code }));
      this.#client.on("close", () => this.#report("clientClose"));
    });
  }

  #pair({ isInitiator, token, id, byteLength }: PairRequest): void {
    const raw = this.#add(this.#udx.createStream(id, { framed: true }));
    const request = this.#client!.pair(isInitiator, hexBytes(token), raw);
    request.on("open", () => this.#report("asked"));
    request.on("error", (error) => this.#report("pairError", { code: (error as BlindRelayError).code }));
    request.on("data", (remoteId) => {
      raw.connect(this.#socket, remoteId, this.#relayPort);
      // Whoever waits for the other's handshake has to show the relay where it is.
      raw.trySend(new Uint8Array(1));
      const stream = new SecretStream(isInitiator, raw);
      this.#pairs.set(id, stream);
      const received = createHash("sha256");
      let receivedBytes = 0;
      stream.on("data", (data) => {
        received.update(data);
        receivedBytes += data.byteLength;
        if (receivedBytes === byteLength) this.#report("received", { sha256: received.digest("hex") });
      });
      let code: string | null = null;
      stream.on("error", (error) => (code = (error as BlindRelayError).code));
      stream.on("close", () => this.#report("pairClose", { id, code }));
      const sent = createHash("sha256");
      for (let offset = 0; offset < byteLength; offset += 32768) {
        const chunk = new Uint8Array(Math.min(32768, byteLength - offset)).fill((offset >> 15) + id);
        sent.update(chunk);
        stream.write(chunk);
      }
      this.#report("paired", { remoteId, sha256: sent.digest("hex") });
    });
  }
}

/** The npm packages', in a process of their own. */
async function startNpmPeer(): Promise<Peer> {
  const peer = NodePeer.start("blind_relay/peer.mjs");
  const port = (await peer.next("bound")).port as number;
  return {
    port,
    send: (command) => peer.send(command),
    next: (event) => peer.next(event),
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

function start(make: Make, limits?: Partial<RelayLimits>): Peer | Promise<Peer> {
  return make === "ours" ? new OurPeer(limits) : startNpmPeer();
}

type RelayStats = Readonly<Record<"sessions" | "pairings" | "streams", Readonly<Record<string, number>>>>;

/** A relay and two clients that have joined it. */
class Net implements AsyncDisposable {
  readonly relay: Peer;
  readonly a: Peer;
  readonly b: Peer;

  private constructor(relayPeer: Peer, a: Peer, b: Peer) {
    [this.relay, this.a, this.b] = [relayPeer, a, b];
  }

  static async start(
    relayMake: Make,
    makes: readonly [Make, Make],
    limits?: Partial<RelayLimits>,
  ): Promise<Net> {
    const [relayPeer, a, b] = await Promise.all([
      start(relayMake, limits),
      ...makes.map((make) => start(make)),
    ]);
    for (const [index, client] of [a!, b!].entries()) {
      await relayPeer!.send({ accept: { id: 10 + index, remoteId: 20 + index, port: client.port } });
      await client.send({ join: { id: 20 + index, remoteId: 10 + index, port: relayPeer!.port } });
      await client.next("joined");
    }
    return new Net(relayPeer!, a!, b!);
  }

  /** Both ask for the pair. */
  async pair(byteLength: number): Promise<void> {
    await this.a.send({ pair: { isInitiator: true, token: TOKEN, id: 31, byteLength } });
    await this.b.send({ pair: { isInitiator: false, token: TOKEN, id: 32, byteLength } });
  }

  /** What the relay has counted so far. */
  async relayStats(): Promise<RelayStats> {
    await this.relay.send({ stats: true });
    const { stats } = await this.relay.next("stats");
    return stats as RelayStats;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of [this.a, this.b, this.relay]) await peer[Symbol.asyncDispose]();
  }
}

const MIXES: readonly [relay: Make, a: Make, b: Make][] = [
  ["ours", "npm", "npm"],
  ["ours", "ours", "npm"],
  ["ours", "npm", "ours"],
  ["npm", "ours", "ours"],
  ["npm", "ours", "npm"],
  ["npm", "npm", "ours"],
];

for (const [relayMake, ...makes] of MIXES) {
  const clients = makes.join(" and ");
  Deno.test(`BR-001 BR-007 BR-W01 BR-W02 BR-W03 a relay (${relayMake}) joins ${clients}`, async () => {
    await using net = await Net.start(relayMake, makes as [Make, Make]);
    const { a, b } = net;
    await net.pair(PAIR_BYTES);
    const told = [await net.relay.next("relayPair"), await net.relay.next("relayPair")];
    assert.deepEqual(told, [
      { event: "relayPair", isInitiator: false, token: TOKEN, remoteId: 32 },
      { event: "relayPair", isInitiator: true, token: TOKEN, remoteId: 31 },
    ]);
    const [fromA, fromB] = [await a.next("paired"), await b.next("paired")];
    assert.deepEqual([fromA.remoteId, fromB.remoteId], [1002, 1001]);
    assert.equal((await a.next("received")).sha256, fromB.sha256);
    assert.equal((await b.next("received")).sha256, fromA.sha256);
    await a.send({ finish: 31 });
    await b.send({ finish: 32 });
    assert.deepEqual([(await a.next("pairClose")).code, (await b.next("pairClose")).code], [null, null]);
    await a.send({ leave: true });
    await a.next("clientClose");
    await net.relay.next("sessionClose");
    await b.send({ leave: true });
    await b.next("clientClose");
    await net.relay.next("sessionClose");
    const stats = await net.relayStats();
    assert.deepEqual(stats.sessions, { accepted: 2, opened: 2, closed: 2, active: 0 });
    assert.deepEqual(stats.streams, { opened: 2, closed: 2, errors: 0, active: 0 });
    assert.partialDeepStrictEqual(stats.pairings, {
      requested: 2,
      matched: 1,
      cancelled: 0,
      pending: 0,
      active: 0,
    });
  });
}

for (const [relayMake, clientMake] of [["ours", "npm"], ["npm", "ours"]] as const) {
  Deno.test(`BR-008 BR-012 unpair() of a client (${clientMake}) takes its request back at a relay (${relayMake})`, async () => {
    await using net = await Net.start(relayMake, [clientMake, clientMake]);
    await net.a.send({ pair: { isInitiator: true, token: TOKEN, id: 31, byteLength: 1 } });
    await net.a.next("asked");
    await net.a.send({ unpair: TOKEN });
    assert.equal((await net.a.next("pairError")).code, "PAIRING_CANCELLED");
    // The second request would match the first if it came before the first was taken back.
    while ((await net.relayStats()).pairings.cancelled !== 1) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await net.b.send({ pair: { isInitiator: false, token: TOKEN, id: 32, byteLength: 1 } });
    await net.b.next("asked");
    await net.b.send({ leave: true });
    assert.equal((await net.b.next("pairError")).code, "CHANNEL_DESTROYED");
    await net.relay.next("sessionClose");
    const stats = await net.relayStats();
    assert.partialDeepStrictEqual(stats.pairings, {
      requested: 2,
      matched: 0,
      cancelled: 2,
      pending: 0,
      active: 0,
    });
  });

  Deno.test(`BR-008 unpair() of a client (${clientMake}) ends its pair at a relay (${relayMake})`, async () => {
    await using net = await Net.start(relayMake, [clientMake, clientMake]);
    await net.pair(1000);
    await Promise.all([net.a.next("received"), net.b.next("received")]);
    await net.a.send({ unpair: TOKEN });
    await net.a.send({ leave: true });
    await net.relay.next("sessionClose");
    const stats = await net.relayStats();
    assert.partialDeepStrictEqual(stats.pairings, { matched: 1, cancelled: 1, active: 0 });
    assert.partialDeepStrictEqual(stats.streams, { opened: 2, closed: 2, active: 0 });
  });

  Deno.test(`BR-W03 a destroyed stream of a client (${clientMake}) passes a relay (${relayMake}) as ECONNRESET`, async () => {
    await using net = await Net.start(relayMake, [clientMake, relayMake]);
    await net.pair(1000);
    await Promise.all([net.a.next("received"), net.b.next("received")]);
    await net.a.send({ abort: 31 });
    assert.equal((await net.b.next("pairClose")).code, "ECONNRESET");
    assert.equal((await net.relay.next("sessionError")).code, "ECONNRESET");
  });
}

Deno.test("BR-W02 a limit ends the pair of an npm client and of ours; ours is told why", async () => {
  await using net = await Net.start("ours", ["ours", "npm"], { pairBytesMax: 200_000 });
  await net.pair(PAIR_BYTES);
  assert.deepEqual(await net.a.next("unpair"), { event: "unpair", token: TOKEN, code: "TRAFFIC_EXCEEDED" });
  await net.relay.next("relayUnpair");
  // The npm client ignores what it is told, and goes on.
  await net.b.send({ unpair: TOKEN });
  await net.b.send({ leave: true });
  await net.b.next("clientClose");
  assert.equal((await net.relay.next("relayUnpair")).code, "TRAFFIC_EXCEEDED");
});

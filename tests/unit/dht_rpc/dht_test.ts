/** The class DHT over the loopback: options, methods, events, lifecycle. */
import { strict as assert } from "node:assert";
import { hexText, utf8Bytes, utf8Text } from "../../../src/base/mod.ts";
import { blake2b } from "../../../src/crypto/mod.ts";
import { DELAYED_PING } from "../../../src/dht_rpc/commands.ts";
import DHT, {
  type DHTOptions,
  type IncomingRequest,
  peerId,
  type Query,
  type Reply,
  type TraceEvent,
} from "../../../src/dht_rpc/mod.ts";
import UDX from "../../../src/udx/mod.ts";
import { freePort } from "../../helpers/dht_nodes.ts";
import { VirtualClock } from "../../helpers/virtual_clock.ts";

const HOST = "127.0.0.1";

/** Nodes that end together: a bootstrapper and some that know it. */
class Nodes implements AsyncDisposable {
  readonly all: DHT[] = [];

  static async start(count: number): Promise<Nodes> {
    const nodes = new Nodes();
    const bootstrapper = DHT.bootstrapper(freePort(), HOST, { host: HOST });
    nodes.all.push(bootstrapper);
    await bootstrapper.fullyBootstrapped();
    while (nodes.all.length < count) await nodes.add({ ephemeral: false }).fullyBootstrapped();
    return nodes;
  }

  get first(): DHT {
    return this.all[0]!;
  }

  get bootstrap(): string[] {
    return [`${HOST}:${this.first.address()!.port}`];
  }

  add(options: DHTOptions = {}): DHT {
    const node = new DHT({ host: HOST, bootstrap: this.bootstrap, ...options });
    this.all.push(node);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((node) => node.destroy()));
  }
}

function to(node: DHT): { host: string; port: number } {
  return { host: HOST, port: node.io.serverSocket!.address()!.port };
}

const TARGET = blake2b(utf8Bytes("target"));

Deno.test("RPC-001 RPC-015 RPC-031 new DHT() binds, bootstraps and says so", async () => {
  await using nodes = await Nodes.start(3);
  const node = nodes.add({ ephemeral: false });
  const events: string[] = [];
  for (const event of ["listening", "persistent", "ready", "close"] as const) {
    node.on(event, () => events.push(event));
  }
  assert.equal(node.bootstrapped, false);
  assert.equal(node.address(), null);
  assert.equal(node.localAddress(), null);
  await node.ready();
  assert.equal(node.bootstrapped, true);
  assert.deepEqual(events, ["listening", "persistent", "ready"]);
  assert.equal(node.destroyed, false);
  await node.destroy();
  await node.destroy();
  assert.equal(node.destroyed, true);
  assert.deepEqual(events.at(-1), "close");
  assert.equal(events.length, 4);
});

Deno.test("RPC-002 bootstrap takes host:port, ip@host:port, a port, and objects", async () => {
  await using nodes = await Nodes.start(1);
  const { port } = to(nodes.first);
  for (
    const form of [`${HOST}:${port}`, `localhost:${port}`, `${HOST}@nowhere.invalid:${port}`, port, {
      host: HOST,
      port,
    }]
  ) {
    await using node = new DHT({ host: HOST, bootstrap: [form] });
    await node.fullyBootstrapped();
    assert.equal(node.nodes.length, 1, JSON.stringify(form));
  }
  for (const node of ["nowhere", "nowhere:", "nowhere:0", "nowhere:70000", "nowhere:x", ":1"]) {
    assert.throws(() => new DHT({ bootstrap: [node] }), /Bootstrap node format is host:port/, node);
  }
});

Deno.test("RPC-002 a suggested address that does not answer falls back to the name", async () => {
  await using nodes = await Nodes.start(1);
  const { port } = to(nodes.first);
  const adaptiveTimeout = { jitter: 0, fallback: [20, 20, 20, 20] };
  await using node = new DHT({ host: HOST, bootstrap: [`127.0.0.9@localhost:${port}`], adaptiveTimeout });
  await node.fullyBootstrapped();
  assert.equal(node.nodes.length, 1);
});

Deno.test("RPC-002 RPC-015 a node without anybody to ask is ready at once", async () => {
  await using node = new DHT({ host: HOST, bootstrap: false });
  await node.fullyBootstrapped();
  assert.equal(node.nodes.length, 0);
  assert.equal(node.id, null);
});

Deno.test("RPC-002 port takes a range, and a udx instance can be shared", async () => {
  const udx = new UDX();
  const taken = udx.createSocket();
  const port = freePort();
  taken.bind(port, HOST);
  await using node = new DHT({ host: HOST, port: [port, port + 20], udx });
  await node.bind();
  const bound = node.io.serverSocket!.address()!.port;
  assert(bound > port && bound < port + 20);
  assert.equal(node.udx, udx);
  assert.deepEqual(node.io.portRange, [port, port + 20]);
  await taken.close();
});

Deno.test("RPC-006 anyPort false: a taken port is an error that fullyBootstrapped() and bind() tell", async () => {
  const udx = new UDX();
  const taken = udx.createSocket();
  taken.bind(0, HOST);
  const { port } = taken.address()!;
  await using other = new DHT({ host: HOST, port });
  await other.bind();
  assert.notEqual(other.io.serverSocket!.address()!.port, port);
  await using node = new DHT({ host: HOST, port, anyPort: false });
  await assert.rejects(node.bind(), { code: "EADDRINUSE" });
  await assert.rejects(node.fullyBootstrapped(), { code: "EADDRINUSE" });
  await assert.rejects(node.ping({ host: HOST, port }), { code: "EADDRINUSE" });
  await taken.close();
});

Deno.test("RPC-006 requests and walks of a node that cannot bind end", async () => {
  const udx = new UDX();
  const taken = udx.createSocket();
  taken.bind(0, HOST);
  const { port } = taken.address()!;
  await using node = new DHT({ host: HOST, port, anyPort: false, bootstrap: [`${HOST}:${port}`] });
  const pinging = node.ping({ host: HOST, port });
  const walk = node.findNode(new Uint8Array(32));
  await assert.rejects(pinging, { code: "EADDRINUSE" });
  await walk.finished();
  assert.deepEqual(walk.closestNodes, []);
  await taken.close();
});

Deno.test({
  name:
    "RPC-018 RPC-022 requests to where the process may not send fail at once, and walks pass over such nodes",
  permissions: { net: [HOST] },
  fn: async () => {
    await using nodes = await Nodes.start(2);
    const outside = { host: "127.0.0.2", port: 9 };
    const node = nodes.add({ nodes: [outside] });
    await node.fullyBootstrapped();
    await assert.rejects(node.ping(outside), { code: "ERR_PERMISSION", flag: "--allow-net" });
    const walk = node.findNode(TARGET, { nodes: [outside, to(nodes.first)] });
    await walk.finished();
    assert.equal((walk.refusal as { code?: string } | null)?.code, "ERR_PERMISSION");
    assert.ok(walk.closestReplies.length > 0);
    const allowed = node.findNode(TARGET, { nodes: [to(nodes.first)], onlyClosestNodes: true });
    await allowed.finished();
    assert.equal(allowed.refusal, null);
    assert.equal(node.stats.requests.timeouts, 0);
  },
});

Deno.test("RPC-008 bootstrapper() insists on a port and a public IPv4 host", () => {
  assert.throws(() => DHT.bootstrapper(0, "1.2.3.4"), /Port is required/);
  assert.throws(() => DHT.bootstrapper(1, ""), /Host is required/);
  assert.throws(() => DHT.bootstrapper(1, "0.0.0.0"), /Invalid host/);
  assert.throws(() => DHT.bootstrapper(1, "::1"), /Host must be a IPv4 address/);
});

Deno.test("RPC-003 RPC-010 RPC-012 firewalled false: addresses of a node that is reachable by declaration", async () => {
  await using nodes = await Nodes.start(2);
  const node = nodes.add({ firewalled: false });
  await node.fullyBootstrapped();
  const { port } = node.io.serverSocket!.address()!;
  assert.equal(node.firewalled, false);
  assert.equal(node.ephemeral, true);
  assert.equal(node.randomized, false);
  assert.deepEqual([node.host, node.port], [HOST, port]);
  assert.equal(node.socket, node.io.serverSocket);
  assert.equal(node.address()!.port, port);
  assert.deepEqual(node.remoteAddress(), { host: HOST, port });
  assert.equal(node.localAddress()!.port, port);
  assert.equal(node.stats.commands.pingNat.tx, 0);
});

Deno.test("RPC-003 RPC-012 a node takes itself for firewalled first, and has no remote address then", async () => {
  await using node = new DHT({ host: HOST });
  await node.bind();
  assert.equal(node.firewalled, true);
  assert.equal(node.socket, node.io.clientSocket);
  assert.equal(node.address()!.port, node.io.clientSocket!.address()!.port);
  assert.equal(node.remoteAddress(), null);
});

Deno.test("RPC-007 RPC-014 config and DEFAULTS tell the settings", async () => {
  assert.deepEqual(DHT.DEFAULTS, { concurrency: 10, maxWindow: 80, maxPingDelay: 10_000 });
  await using plain = new DHT({ host: HOST });
  assert.deepEqual(plain.config, {
    concurrency: 10,
    maxWindow: 80,
    sendDownHints: true,
    downHintsRateLimit: 50,
  });
  await using tuned = new DHT({
    host: HOST,
    concurrency: 3,
    maxWindow: 7,
    maxPingDelay: 50,
    sendDownHints: false,
    downHintsRateLimit: -1,
    adaptiveTimeout: { min: 100 },
  });
  assert.deepEqual(tuned.config, {
    concurrency: 3,
    maxWindow: 7,
    sendDownHints: false,
    downHintsRateLimit: -1,
  });
  assert.throws(() => tuned.delayedPing({ host: HOST, port: 1 }, 51), /Delay exceeds max delay: 50ms/);
});

Deno.test("RPC-007 adaptive timeouts wait as long for an unknown node as they are told", async () => {
  const clock = new VirtualClock();
  const failedMs: number[] = [];
  await using node = new DHT({
    host: HOST,
    clock,
    adaptiveTimeout: { jitter: 0, fallback: [20, 30, 40, 50] },
    trace: ({ kind }) => {
      if (kind === "request-failed") failedMs.push(clock.nowMs());
    },
  });
  await node.bind();
  const failed = assert.rejects(node.ping({ host: HOST, port: freePort() }), { code: "REQUEST_TIMEOUT" });
  clock.advance(1000);
  await failed;
  assert.deepEqual(failedMs, [140]);
});

Deno.test("RPC-013 RPC-032 addNode() and toArray() seed and export the table", async () => {
  await using nodes = await Nodes.start(1);
  await using node = new DHT({ host: HOST, nodes: [{ host: HOST, port: 1001 }, { host: HOST, port: 1002 }] });
  assert.deepEqual(node.toArray(), [{ host: HOST, port: 1001 }, { host: HOST, port: 1002 }]);
  const added: number[] = [];
  node.on("add-node", ({ port }) => added.push(port));
  node.addNode(to(nodes.first));
  node.addNode(to(nodes.first));
  assert.deepEqual(added, [to(nodes.first).port]);
  assert.deepEqual(node.toArray({ limit: 1 }), [to(nodes.first)]);
  assert.deepEqual(node.toArray({ limit: 0 }), []);
  assert.equal(hexText(node.nodes.latest!.id), hexText(peerId(HOST, to(nodes.first).port)));
  assert.throws(() => node.addNode({ host: "example.com", port: 1 }), TypeError);
});

Deno.test("RPC-032 a node that went away leaves the table with an event", async () => {
  const clockless = { sendDownHints: false };
  await using nodes = await Nodes.start(3);
  const gone = nodes.all[2]!;
  const { port } = to(gone);
  await gone.destroy();
  const node = nodes.all[1]!;
  const removed = new Promise<number>((resolve) => node.on("remove-node", (left) => resolve(left.port)));
  await node.findNode(TARGET, { ...clockless, retries: 0 }).finished();
  assert.equal(await removed, port);
});

Deno.test("RPC-016 RPC-020 RPC-021 query() streams replies and ends with the closest nodes", async () => {
  await using nodes = await Nodes.start(8);
  for (const node of nodes.all) {
    node.on("request", (request) => request.reply(utf8Bytes(String(to(node).port))));
  }
  const node = nodes.add();
  await node.fullyBootstrapped();
  const query = node.query({ target: TARGET, command: 3, value: utf8Bytes("hi") });
  assert.equal(query.target, TARGET);
  assert.deepEqual([query.command, query.internal, query.k], [3, false, 20]);
  const ports: string[] = [];
  for await (const reply of query) ports.push(utf8Text(reply.value!));
  const expected = nodes.all.slice(0, 8).map((other) => String(to(other).port)).sort();
  assert.deepEqual([...ports].sort(), expected);
  assert.equal(query.successes, 8);
  assert.equal(query.errors, 0);
  assert.equal(query.inflight, 0);
  const distance = (reply: { id: Uint8Array | null }): string =>
    hexText(reply.id!.map((byte, i) => byte ^ TARGET[i]!));
  const distances = query.closestNodes.map(distance);
  assert.deepEqual(distances, [...distances].sort());
  assert.deepEqual(query.closestReplies.map((reply) => reply.from), query.closestNodes);
  await query.finished();
  for (const length of [0, 31, 33]) {
    assert.throws(() => node.findNode(new Uint8Array(length)), RangeError);
    assert.throws(() => node.query({ target: new Uint8Array(length), command: 1 }), RangeError);
  }
  const { closestNodes } = node.findNode(TARGET);
  assert.deepEqual(closestNodes, [], "a query begins when it is read");
});

Deno.test("RPC-017 commit: true stores at the closest nodes with their tokens, a function does as it likes", async () => {
  await using nodes = await Nodes.start(4);
  const stored: string[] = [];
  for (const node of nodes.all) {
    node.on("request", (request) => {
      if (request.token) stored.push(utf8Text(request.value!));
      request.reply(null);
    });
  }
  const node = nodes.add();
  await node.query({ target: TARGET, command: 3, value: utf8Bytes("v") }, { commit: true }).finished();
  assert.deepEqual(stored, ["v", "v", "v", "v"]);

  const asked: Reply[] = [];
  const query: Query = node.query({ target: TARGET, command: 3 }, {
    commit(reply, dht, self): Promise<void> {
      assert.equal(dht, node);
      assert.equal(self, query);
      asked.push(reply);
      return Promise.resolve();
    },
  });
  await query.finished();
  assert.deepEqual(asked, query.closestReplies);
});

Deno.test("RPC-017 a commit fails when nobody is there, or when all of it fails", async () => {
  await using lonely = new DHT({ host: HOST, bootstrap: false });
  await assert.rejects(lonely.query({ target: TARGET, command: 3 }, { commit: true }).finished(), {
    code: "TOO_FEW_NODES",
  });
  await using nodes = await Nodes.start(2);
  for (const node of nodes.all) node.on("request", (request) => request.reply(null, { token: false }));
  const node = nodes.add();
  await assert.rejects(node.query({ target: TARGET, command: 3 }, { commit: true }).finished(), {
    code: "NO_TOKEN",
  });
  let count = 0;
  const commit = (): Promise<void> => (++count === 1 ? Promise.resolve() : Promise.reject(new Error("no")));
  await node.query({ target: TARGET, command: 3 }, { commit }).finished();
  assert.equal(count, 2, "one that succeeds is enough");
});

Deno.test("RPC-018 nodes, replies and map change where a query begins and what it gives", async () => {
  await using nodes = await Nodes.start(5);
  for (const node of nodes.all) node.on("request", (request) => request.reply(utf8Bytes("x")));
  await using node = new DHT({ host: HOST, bootstrap: false });
  const begin = [to(nodes.all[2]!)];
  const first = node.query({ target: TARGET, command: 3 }, { nodes: begin, map: (reply) => reply.from.port });
  const ports: number[] = [];
  for await (const port of first) ports.push(port);
  assert.equal(ports[0], begin[0]!.port);
  assert.equal(ports.length, 5);
  const again = node.query({ target: TARGET, command: 3 }, {
    replies: first.closestReplies,
    onlyClosestNodes: true,
    map: (reply) => (reply.from.port === begin[0]!.port ? null : reply.from.port),
  });
  const rest: number[] = [];
  for await (const port of again) rest.push(port);
  assert.equal(rest.length, 4, "null leaves a reply out");
});

Deno.test("RPC-019 onlyClosestNodes, retries, force and concurrency", async () => {
  await using nodes = await Nodes.start(4);
  const node = nodes.add();
  await node.fullyBootstrapped();
  const dead = { host: HOST, port: freePort() };
  const before = node.stats.requests.retries;
  const query = node.findNode(TARGET, {
    nodes: [to(nodes.first), dead],
    onlyClosestNodes: true,
    retries: 0,
    concurrency: 1,
  });
  await query.finished();
  assert.deepEqual([query.successes, query.errors], [1, 1]);
  assert.equal(node.stats.requests.retries, before, "asked once each");
  const forced = node.findNode(TARGET, { nodes: [dead], onlyClosestNodes: true, force: true });
  await forced.finished();
  assert.equal(node.stats.requests.retries, before, "asked once");
  assert.equal(forced.force, true);
});

Deno.test("RPC-019 RPC-020 a query that is destroyed ends its requests, those of a session stay", async () => {
  await using nodes = await Nodes.start(1);
  const node = nodes.add({ quickFirewall: false });
  await node.fullyBootstrapped();
  const { requests: { active }, queries: { active: activeQueries } } = structuredClone(node.stats);
  const dead = [{ host: HOST, port: freePort() }];
  const query = node.query({ target: TARGET, command: 3 }, { nodes: dead, onlyClosestNodes: true });
  query.resume();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(node.stats.requests.active, active + 1);
  assert.equal(node.stats.queries.active, activeQueries + 1);
  query.destroy();
  await query.finished();
  assert.equal(node.stats.requests.active, active);
  assert.equal(node.stats.queries.active, activeQueries);
  const controller = new AbortController();
  const aborted = node.query({ target: TARGET, command: 3 }, { nodes: dead, signal: controller.signal });
  const over = aborted.finished();
  controller.abort(new Error("enough"));
  await assert.rejects(over, /^Error: enough$/);
});

Deno.test("RPC-022 RPC-016 a request that no node would read is a mistake of the caller, one byte less is answered", async () => {
  await using nodes = await Nodes.start(1);
  const node = nodes.add();
  await node.fullyBootstrapped();
  const echo = nodes.add({ ephemeral: false });
  await echo.fullyBootstrapped();
  echo.on("request", (request) => request.reply(Uint8Array.of(request.value!.byteLength >> 8)));
  const { port } = echo.address()!;
  // 2048 less type, flags, number, address, command, target and the length of the value.
  const fitting = new Uint8Array(2048 - 10 - 1 - 32 - 3);
  const content = { command: 7, target: TARGET };
  const reply = await node.request({ ...content, value: fitting }, { host: HOST, port });
  assert.deepEqual(Array.from(reply.value!), [fitting.byteLength >> 8]);
  const value = new Uint8Array(fitting.byteLength + 1);
  const refusal = { name: "RangeError", message: "Cannot send a request of 2049 bytes, nodes read 2048" };
  await assert.rejects(node.request({ ...content, value }, { host: HOST, port }), refusal);
  assert.throws(() => node.query({ ...content, value }), refusal);
  await assert.rejects(node.ping({ host: HOST, port }, { size: 2048 }), RangeError);
});

Deno.test("RPC-022 request() rejects with codes, retries unless told otherwise, and heeds signals", async () => {
  await using node = new DHT({ host: HOST });
  await node.bind();
  const dead = { host: HOST, port: freePort() };
  await assert.rejects(node.request({ command: 3 }, dead, { retry: false }), {
    code: "REQUEST_TIMEOUT",
    message: `REQUEST_TIMEOUT: Request timed out, ${HOST}:${dead.port} did not answer in 1 attempt`,
  });
  assert.equal(node.stats.requests.retries, 0);
  const controller = new AbortController();
  const request = node.request({ command: 3 }, dead, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(request, /enough/);
  await assert.rejects(node.ping(dead, { signal: AbortSignal.abort(new Error("late")) }), /late/);
  assert.equal(node.stats.requests.active, 0);
  await assert.rejects(node.request({ command: 3, target: new Uint8Array(31) }, dead), RangeError);
  await assert.rejects(node.request({ command: 3 }, { host: "example.com", port: 1 }), TypeError);
});

Deno.test("RPC-022 RPC-023 requests go through a given socket, with a TTL where it has one", async () => {
  await using nodes = await Nodes.start(1);
  const node = nodes.add();
  await node.fullyBootstrapped();
  const socket = node.udx.createSocket({ backend: "node" });
  socket.bind(0, HOST);
  socket.on("message", (bytes, from) => node.onmessage(socket, bytes, from));
  const reply = await node.ping(to(nodes.first), { socket, ttl: 3, size: 10 });
  assert.equal(reply.to.port, socket.address()!.port);
  assert(reply.rtt >= 0);
  await socket.close();
});

Deno.test("RPC-023 RPC-024 ping() and delayedPing() are answered", async () => {
  await using nodes = await Nodes.start(1);
  const clock = new VirtualClock();
  const asked = Promise.withResolvers<void>();
  const answering = nodes.add({
    clock,
    trace: (event) => {
      if (event.kind === "request" && event.command === DELAYED_PING) asked.resolve();
    },
  });
  const node = nodes.add();
  await Promise.all([answering.fullyBootstrapped(), node.bind()]);
  const reply = await node.ping(to(nodes.first));
  assert.equal(hexText(reply.from.id!), hexText(nodes.first.id!));
  let isAnswered = false;
  const late = node.delayedPing(to(answering), 60).finally(() => isAnswered = true);
  await asked.promise;
  clock.advance(59);
  // What is asked later is answered first.
  assert.equal((await node.ping(to(answering))).error, 0);
  assert.equal(isAnswered, false);
  clock.advance(1);
  assert.equal((await late).error, 0);
});

Deno.test("RPC-025 session() ends its requests together, others go on", async () => {
  await using nodes = await Nodes.start(1);
  const node = nodes.add();
  await node.fullyBootstrapped();
  const dead = { host: HOST, port: freePort() };
  const session = node.session();
  assert.equal(session.dht, node);
  const results = [
    session.request({ command: 3 }, dead),
    session.ping(dead),
    session.query({ target: TARGET, command: 3 }, { nodes: [dead], onlyClosestNodes: true }).finished(),
  ];
  const other = node.ping(dead, { retry: false });
  await new Promise((resolve) => setTimeout(resolve, 0));
  session.destroy();
  await assert.rejects(results[0]!, { code: "REQUEST_DESTROYED" });
  await assert.rejects(results[1]!, { code: "REQUEST_DESTROYED" });
  await results[2];
  await assert.rejects(other, { code: "REQUEST_TIMEOUT" });
  const again = session.ping(dead);
  session.destroy(new Error("mine"));
  await assert.rejects(again, /mine/);
  assert.equal((await session.ping(to(nodes.first))).error, 0, "a session can be used again");
});

Deno.test("RPC-026 refresh() walks in the background", async () => {
  await using nodes = await Nodes.start(3);
  const node = nodes.add();
  await node.fullyBootstrapped();
  const { total } = node.stats.queries;
  node.refresh();
  assert.equal(node.stats.queries.total, total + 1);
});

Deno.test("RPC-027 bind() gives sockets before anything is sent", async () => {
  await using node = new DHT({ host: HOST });
  const bound = node.bind();
  assert.equal(node.bind(), bound);
  await bound;
  assert.notEqual(node.io.serverSocket!.address()!.port, node.io.clientSocket!.address()!.port);
});

Deno.test("RPC-028 rttStats() surveys latencies, and is empty without nodes", async () => {
  await using lonely = new DHT({ host: HOST });
  assert.deepEqual(await lonely.rttStats(), {
    successes: 0,
    errors: 0,
    responses: { avgRtt: 0, errors: 0, avgCloserNodes: 0 },
    closestReplies: { avgRtt: 0, errors: 0, avgCloserNodes: 0 },
  });
  await using nodes = await Nodes.start(4);
  const node = nodes.add({ clock: new VirtualClock() });
  await node.fullyBootstrapped();
  const stats = await node.rttStats();
  assert.equal(stats.successes, 4);
  assert.equal(stats.errors, 0);
  assert.equal(stats.responses.avgRtt, 0);
  assert.equal(stats.closestReplies.errors, 0);
  assert(stats.responses.avgCloserNodes >= 3);
});

Deno.test("RPC-029 RPC-032 suspend() and resume() keep the ports, requests between fail", async () => {
  await using nodes = await Nodes.start(2);
  const node = nodes.all[1]!;
  const events: string[] = [];
  for (const event of ["suspend", "resume", "wakeup"] as const) node.on(event, () => events.push(event));
  const before = to(node);
  const underWay = node.ping({ host: HOST, port: freePort() });
  const log: string[] = [];
  const suspended = Promise.all([
    assert.rejects(underWay, { code: "IO_SUSPENDED" }),
    node.suspend({ log: (line) => log.push(line) }),
  ]);
  await suspended;
  await node.suspend();
  assert.equal(node.suspended, true);
  assert.equal(log.at(-1), "Done, dht suspended");
  await assert.rejects(node.ping(before), { code: "IO_SUSPENDED" });
  await node.resume();
  await node.resume();
  assert.equal(node.suspended, false);
  assert.deepEqual(to(node), before);
  assert.deepEqual(events, ["suspend", "wakeup", "resume"]);
  assert.equal((await nodes.first.ping(before)).error, 0);
});

Deno.test("RPC-029 destroy() ends all waits, also while bootstrapping or suspended", async () => {
  const dead = { host: HOST, port: freePort() };
  const node = new DHT({ host: HOST, bootstrap: [dead] });
  const ready = node.fullyBootstrapped();
  await node.bind();
  const ping = node.ping(dead);
  const rejected = Promise.all([
    assert.rejects(ping, { code: "REQUEST_DESTROYED" }),
    assert.rejects(ready, { code: "NODE_DESTROYED" }),
  ]);
  await node.destroy();
  await rejected;
  await assert.rejects(node.ping(dead), { code: "NODE_DESTROYED" });
  assert.throws(() => node.findNode(TARGET), { code: "NODE_DESTROYED" });
  assert.throws(() => node.query({ target: TARGET, command: 1 }), { code: "NODE_DESTROYED" });
  node.refresh();

  const early = new DHT({ host: HOST });
  await early.destroy();
  assert.equal(early.address(), null);

  const asleep = new DHT({ host: HOST });
  await asleep.suspend();
  await asleep.destroy();
});

Deno.test("RPC-015 fullyBootstrapped() heeds a signal", async () => {
  await using node = new DHT({ host: HOST, bootstrap: [{ host: HOST, port: freePort() }] });
  const controller = new AbortController();
  const ready = node.fullyBootstrapped({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(ready, /enough/);
});

Deno.test("RPC-030 a request has its fields, and is answered, refused, or not handled", async () => {
  await using nodes = await Nodes.start(1);
  const requests: IncomingRequest[] = [];
  const node = nodes.add();
  await node.fullyBootstrapped();
  assert.equal((await node.request({ command: 6 }, to(nodes.first))).error, DHT.ERROR_UNKNOWN_COMMAND);
  nodes.first.on("request", (request) => {
    requests.push(request);
    if (request.command === 7) request.reply(utf8Bytes("ok"));
    else request.error(16, { token: true, closerNodes: false });
  });
  const value = utf8Bytes("value");
  const reply = await node.request({ command: 7, target: TARGET, value }, to(nodes.first));
  const { tid, from, to: seenAs, token, internal, command, target, socket } = requests[0]!;
  assert.equal(tid, reply.tid);
  assert.deepEqual(from, { id: null, host: HOST, port: node.address()!.port });
  assert.deepEqual(seenAs, { id: null, ...to(nodes.first) });
  assert.deepEqual([token, internal, command], [null, false, 7]);
  assert.deepEqual([hexText(target!), hexText(requests[0]!.value!)], [hexText(TARGET), hexText(value)]);
  assert.equal(socket, nodes.first.io.serverSocket);
  assert.equal(reply.error, DHT.OK);
  assert.equal(utf8Text(reply.value!), "ok");
  const refusal = await node.request({ command: 8, target: TARGET, token: reply.token }, to(nodes.first));
  assert.deepEqual([refusal.error, refusal.token?.byteLength, refusal.closerNodes], [16, 32, null]);
  assert.equal(hexText(requests[1]!.token!), hexText(reply.token!));
});

Deno.test("RPC-030 a subclass answers requests in onrequest()", async () => {
  class Answering extends DHT {
    override onrequest(request: IncomingRequest): boolean {
      if (request.command !== 1) return false;
      request.reply(utf8Bytes("mine"));
      return true;
    }
  }
  await using server = Answering.bootstrapper(freePort(), HOST, { host: HOST });
  assert.equal(server.constructor, Answering);
  await server.fullyBootstrapped();
  await using node = new DHT({ host: HOST, bootstrap: [server.address()!.port] });
  assert.equal(utf8Text((await node.request({ command: 1 }, to(server))).value!), "mine");
  assert.equal((await node.request({ command: 2 }, to(server))).error, 1);
});

Deno.test("RPC-014 stats and metrics() count", async () => {
  await using nodes = await Nodes.start(2);
  const node = nodes.add();
  await node.fullyBootstrapped();
  const { stats } = node;
  const { responses } = stats.requests;
  await node.ping(to(nodes.first));
  assert.equal(stats.requests.responses, responses + 1);
  assert.equal(stats.commands.ping.tx, 1);
  assert.equal(stats.commands.ping.rx, 1);
  assert(stats.commands.findNode.rx > 0);
  assert.equal(stats.requests.active, node.io.inflightCount);
  const metrics = node.metrics();
  assert.deepEqual(metrics.stats, stats);
  assert.notEqual(metrics.stats.requests, stats.requests);
  assert.deepEqual(
    [metrics.nodes, metrics.host, metrics.bootstrapped, metrics.droppedRequests, metrics.ephemeral],
    [2, HOST, true, 0, true],
  );
  assert.deepEqual(metrics.health, node.health.stats);
});

Deno.test("RPC-014 trace tells every step, when asked for", async () => {
  await using nodes = await Nodes.start(1);
  const events: TraceEvent[] = [];
  const node = nodes.add({ quickFirewall: false, trace: (event) => events.push(event) });
  await node.fullyBootstrapped();
  events.length = 0;
  const { tid, rtt } = await node.ping(to(nodes.first));
  assert.deepEqual(events, [
    { kind: "request-sent", to: to(nodes.first), tid, command: 0, internal: true, attempt: 1 },
    { kind: "reply", from: to(nodes.first), tid, error: 0, rttMs: rtt },
  ]);
  await node.findNode(TARGET).finished();
  assert.equal(events[2]!.kind, "query-start");
  assert.equal(events.at(-1)!.kind, "query-end");
});

Deno.test("RPC-031 RPC-032 changes of the network interfaces are told, after a resumption too", async () => {
  await using node = new DHT({ host: HOST });
  await node.bind();
  const told: unknown[] = [];
  node.on("network-change", (interfaces) => told.push(interfaces));
  node.on("network-update", () => told.push("update"));
  const before = node.io.networkInterfaces!;
  before.emit("change", []);
  assert.deepEqual(told, [[], "update"]);
  await node.suspend();
  assert.equal(node.io.networkInterfaces, null);
  await node.resume();
  assert.notEqual(node.io.networkInterfaces, before);
  node.io.networkInterfaces!.emit("change", []);
  assert.deepEqual(told, [[], "update", [], "update"]);
});

Deno.test("RPC-002 nodes that are known already do without bootstrap nodes", async () => {
  await using nodes = await Nodes.start(3);
  await using node = new DHT({ host: HOST, bootstrap: false, nodes: [to(nodes.all[2]!)] });
  await node.fullyBootstrapped();
  assert.equal(node.nodes.length, 3);
});

Deno.test("RPC-002 RPC-023 a node works on the runtime's other sockets, which heed the TTL", async () => {
  await using nodes = await Nodes.start(2);
  const node = nodes.add({ udx: new UDX({ backend: "node" }), ephemeral: false });
  await node.fullyBootstrapped();
  assert.equal(node.ephemeral, false);
  const reply = await node.ping(to(nodes.first), { ttl: 5 });
  assert.equal(hexText(reply.from.id!), hexText(nodes.first.id!));
  assert.equal((await nodes.first.ping(to(node))).error, 0);
});

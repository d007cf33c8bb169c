// Records tests/vectors/dht_rpc/vectors.json from the npm package dht-rpc and what it is made of.
//
//   node tests/vectors/record/dht_rpc.mjs
//
// `traffic` is what npm nodes said to each other, with what each of them made of it; `tokens` come from
// dht-rpc/lib/io.js with known secrets, `ids` from lib/peer.js, `health` from lib/health.js; `nat`, `table` and
// `timeouts` are dialogues with nat-sampler, kademlia-routing-table and adaptive-timeout.
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
import dgram from "node:dgram";

const require = createRequire(new URL("../../interop/peers/package.json", import.meta.url));
const DHT = require("dht-rpc");
const IO = require("dht-rpc/lib/io.js");
const Health = require("dht-rpc/lib/health.js");
const peer = require("dht-rpc/lib/peer.js");
const NatSampler = require("nat-sampler");
const Table = require("kademlia-routing-table");
const AdaptiveTimeout = require("adaptive-timeout");
const UDX = require("udx-native");

const hex = (bytes) => (bytes ? Buffer.from(bytes).toString("hex") : null);
const address = ({ host, port }) => ({ host, port });
const packages = new URL("../../interop/peers/node_modules/", import.meta.url);
const versionOf = (name) => JSON.parse(readFileSync(new URL(`${name}/package.json`, packages))).version;

/** The generator of src/base/random.ts, so that dialogues can be replayed. */
function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

async function recordTraffic() {
  const bound = { host: "127.0.0.1" };
  const bootstrapper = DHT.bootstrapper(24_871, "127.0.0.1", bound);
  await bootstrapper.fullyBootstrapped();
  const bootstrap = ["127.0.0.1:24871"];
  const server = new DHT({ ...bound, bootstrap, ephemeral: false, port: 24_872, anyPort: false });
  await server.fullyBootstrapped();
  const client = new DHT({ ...bound, bootstrap, ephemeral: true });
  await client.fullyBootstrapped();

  // Datagrams pass a proxy, which is whom the client thinks that it talks to.
  const proxy = dgram.createSocket("udp4");
  await new Promise((resolve) => proxy.bind(24_873, "127.0.0.1", resolve));
  const packets = [];
  let back = 0;
  proxy.on("message", (bytes, from) => {
    const isReply = from.port === 24_872;
    packets.push({ kind: isReply ? "reply" : "request", bytes: Buffer.from(bytes) });
    if (!isReply) back = from.port;
    proxy.send(bytes, isReply ? back : 24_872, "127.0.0.1");
  });

  const traffic = [];
  const to = { host: "127.0.0.1", port: 24_873 };
  const target = Buffer.alloc(32, 0xab);
  let seen = null;
  server.on("request", (request) => {
    seen = request;
    if (request.command === 300) request.error(17, { token: true });
    else if (request.command === 9) request.reply(null, { token: false, closerNodes: false });
    else request.reply(request.value);
  });
  async function ask(name, run) {
    packets.length = 0;
    seen = null;
    const reply = await run();
    const [request, answer] = packets;
    traffic.push({
      name,
      request: hex(request.bytes),
      reply: hex(answer.bytes),
      seen: seen && {
        tid: seen.tid,
        to: address(seen.to),
        token: hex(seen.token),
        internal: seen.internal,
        command: seen.command,
        target: hex(seen.target),
        value: hex(seen.value),
      },
      answer: {
        tid: reply.tid,
        to: address(reply.to),
        token: hex(reply.token),
        closerNodes: reply.closerNodes?.map(address) ?? null,
        error: reply.error,
        value: hex(reply.value),
      },
      serverId: hex(server.id),
    });
    return reply;
  }
  await ask("ping", () => client.ping(to));
  await ask("ping with padding", () => client.ping(to, { size: 3 }));
  await ask("delayed ping", () => client.delayedPing(to, 1));
  const { token } = await ask("request", () => client.request({ command: 2, target, value: Buffer.from("hi") }, to));
  await ask("request with a token", () => client.request({ command: 2, target, token, value: Buffer.alloc(300) }, to));
  await ask("request without anything", () => client.request({ command: 9 }, to));
  await ask("request with an empty value", () => client.request({ command: 2, value: Buffer.alloc(0) }, to));
  await ask("error, command of three bytes", () => client.request({ command: 300, target }, to));
  await ask("bad token", () => client.request({ command: 2, token: Buffer.alloc(32), target }, to));
  proxy.close();
  await Promise.all([client.destroy(), server.destroy(), bootstrapper.destroy()]);
  return traffic;
}

function recordTokens() {
  const io = new IO(new Table(Buffer.alloc(32)), new UDX(), { onrequest() {} });
  io._secrets = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  const hosts = ["127.0.0.1", "203.0.113.77"];
  const rounds = [];
  for (let round = 0; round < 3; round++) {
    rounds.push(hosts.map((host) => ({ host, older: hex(io.token({ host }, 0)), newer: hex(io.token({ host }, 1)) })));
    for (let i = 0; i < 10; i++) io._drain();
  }
  io.networkInterfaces.destroy();
  return { seed: hex(Buffer.concat([Buffer.alloc(32, 1), Buffer.alloc(32, 2)])), rounds };
}

function recordNat() {
  return [1, 2, 3, 4].map((seed) => {
    const random = seeded(seed);
    const sampler = new NatSampler();
    const steps = [];
    for (let i = 0; i < 60; i++) {
      const host = random() < 0.1 * seed ? `10.0.0.${Math.floor(random() * 3)}` : "1.2.3.4";
      const port = random() < 0.1 * seed ? 1000 + Math.floor(random() * 4) : 5000;
      const hits = sampler.add(host, port);
      steps.push([host, port, hits, sampler.host, sampler.port, sampler.size]);
    }
    return steps;
  });
}

function recordTable() {
  const random = seeded(7);
  const draw = () => Buffer.from(Array.from({ length: 32 }, (_, i) => Math.floor(random() * (i === 0 ? 8 : 256))));
  const id = draw();
  const table = new Table(id);
  const steps = [];
  const known = [];
  for (let i = 0; i < 200; i++) {
    const action = random();
    if (action < 0.7 || known.length === 0) {
      const node = { id: draw() };
      const added = table.add(node);
      if (added) known.push(node);
      steps.push({ kind: "add", id: hex(node.id), result: added });
    } else if (action < 0.8) {
      const node = known.splice(Math.floor(random() * known.length), 1)[0];
      steps.push({ kind: "remove", id: hex(node.id), result: table.remove(node.id) });
    } else {
      const target = draw();
      steps.push({ kind: "closest", id: hex(target), result: table.closest(target).map((node) => hex(node.id)) });
    }
  }
  return { id: hex(id), steps, size: table.size, all: table.toArray().map((node) => hex(node.id)) };
}

function recordTimeouts() {
  const random = seeded(9);
  const timeouts = new AdaptiveTimeout({ jitter: 0, maxAge: Infinity });
  const steps = [];
  for (let i = 0; i < 40; i++) {
    const rtt = Math.floor(random() * (i < 20 ? 200 : 1500));
    const before = [1, 2, 5].map((attempt) => timeouts.get("a", attempt));
    timeouts.put("a", rtt);
    steps.push({ before, rtt });
  }
  return steps;
}

function recordHealth() {
  const random = seeded(11);
  const events = [];
  const requests = { responses: 0, timeouts: 0 };
  const health = new Health({
    stats: { requests },
    _online: () => events.push("online"),
    _degraded: () => events.push("degraded"),
    _offline: () => events.push("offline"),
  });
  const steps = [];
  for (let i = 0; i < 60; i++) {
    const mood = Math.floor(i / 10) % 3;
    const responses = mood === 0 ? 20 : mood === 1 ? 3 : 0;
    const timeouts = mood === 0 ? 1 : Math.floor(random() * 4) + 6;
    requests.responses += responses;
    requests.timeouts += timeouts;
    health.update();
    steps.push({ responses, timeouts, stats: health.stats });
  }
  return steps;
}

const ids = [["127.0.0.1", 10001], ["1.2.3.4", 65535], ["255.0.0.254", 256]].map(([host, port]) => ({
  host,
  port,
  id: hex(peer.id(host, port)),
}));

const vectors = {
  origin: Object.fromEntries(
    ["dht-rpc", "nat-sampler", "kademlia-routing-table", "adaptive-timeout"].map((name) => [name, versionOf(name)]),
  ),
  traffic: await recordTraffic(),
  tokens: recordTokens(),
  ids,
  nat: recordNat(),
  table: recordTable(),
  timeouts: recordTimeouts(),
  health: recordHealth(),
};
writeFileSync(
  new URL("../dht_rpc/vectors.json", import.meta.url),
  JSON.stringify(vectors, null, 1) + "\n",
);

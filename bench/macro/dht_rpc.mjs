// Measures one DHT node, npm's in Node or ours in Deno, and prints its result as a line of JSON. Whom it talks to is the
// same for both sides: a process of npm nodes, or a client that sends prepared datagrams.
//   dht_rpc.mjs ours|npm "lookups of one DHT node" | dht_rpc.mjs npm network PORT | dht_rpc.mjs npm client PORT COUNT
import { spawn } from "node:child_process";
import dgram from "node:dgram";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const HOST = "127.0.0.1";
const NETWORK_NODES = 20;
const LOOKUPS = 1500;
const LOOKUPS_IN_FLIGHT = 4;
const REQUESTS = 200_000;
const REQUESTS_IN_FLIGHT = 64;

const [side, role, ...parameters] = process.argv.slice(2);
const { default: Ours } = side === "ours" ? await import("../../src/dht_rpc/mod.ts") : { default: null };
const NPM = "../npm/dht_rpc.mjs"; // by a name: Deno looks for what a literal imports, and these packages are Node's
const npm = side === "ours" ? null : await import(NPM);
const DHT = Ours ?? npm.DHT;
const report = (value) => process.stdout.write(JSON.stringify(value) + "\n");

const roles = {
  "lookups of one DHT node": lookups,
  "requests a DHT node serves": requests,
  network,
  client,
};
await roles[role](...parameters);
process.exit(0);

/** Lookups of random targets from one of 20 nodes. */
async function lookups() {
  const port = await freePort();
  const others = start("network", port);
  await others.next();
  const node = new DHT({ host: HOST, bootstrap: [`${HOST}:${port}`], ephemeral: false });
  await node.fullyBootstrapped();
  let seed = 1;
  const lookUp = async () => {
    const target = Buffer.alloc(32);
    for (let i = 0; i < 32; i++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      target[i] = seed >>> 24;
    }
    const query = node.findNode(target);
    await query.finished();
    if (query.closestNodes.length !== NETWORK_NODES - 1) {
      throw new Error(`A lookup found ${query.closestNodes.length} nodes`);
    }
  };
  for (let i = 0; i < 200; i++) await lookUp();
  let left = LOOKUPS;
  const startCpu = process.cpuUsage();
  const startMs = performance.now();
  await Promise.all(Array.from({ length: LOOKUPS_IN_FLIGHT }, async () => {
    while (left-- > 0) await lookUp();
  }));
  const value = LOOKUPS / (performance.now() - startMs) * 1000;
  report({ value, unit: "lookups/s", cpuMs: cpuMsSince(startCpu) });
  others.end();
}

/** Requests that one node answers with a value, a token and the nodes near a target. */
async function requests() {
  const port = await freePort();
  const others = start("network", port);
  await others.next();
  const node = new DHT({ host: HOST, bootstrap: [`${HOST}:${port}`], ephemeral: false });
  node.on("request", (request) => request.reply(request.value));
  await node.fullyBootstrapped();
  const asker = start("client", node.io.serverSocket.address().port, REQUESTS);
  const startCpu = process.cpuUsage();
  report({ ...await asker.next(), cpuMs: cpuMsSince(startCpu) });
  asker.end();
  others.end();
}

/** A bootstrapper and enough nodes that they are 20 with the measured one. */
async function network(port) {
  const options = { host: HOST };
  const bootstrapper = DHT.bootstrapper(Number(port), HOST, options);
  await bootstrapper.fullyBootstrapped();
  for (let i = 2; i < NETWORK_NODES; i++) {
    const node = new DHT({ ...options, bootstrap: [`${HOST}:${port}`], ephemeral: false });
    await node.fullyBootstrapped();
  }
  report("ready");
  await new Promise((resolve) => process.stdin.once("end", resolve).resume());
}

/** Keeps as many requests under way as given, each a prepared datagram, and counts the answers. */
async function client(port, count) {
  const socket = new npm.UDX().createSocket();
  socket.bind(0, HOST);
  const request = Buffer.alloc(1 + 1 + 2 + 6 + 1 + 32 + 1 + 32, 7);
  request.set([0x03, 8 | 16, 0, 0, 127, 0, 0, 1, Number(port) & 255, Number(port) >> 8, 5]);
  request[43] = 32;
  let sent = 0;
  let answered = 0;
  const pending = new Set();
  const sendNext = () => {
    const bytes = Buffer.from(request);
    bytes.writeUInt16LE(sent & 0xffff, 2);
    pending.add(sent & 0xffff);
    sent++;
    socket.trySend(bytes, Number(port), HOST);
  };
  const done = new Promise((resolve) => {
    socket.on("message", (bytes) => {
      if (bytes[0] !== 0x13 || !pending.delete(bytes.readUInt16LE(2))) return;
      if (!(bytes[1] & 2) || !(bytes[1] & 4) || !(bytes[1] & 16)) throw new Error("An answer lacks a field");
      if (++answered >= Number(count)) return resolve();
      if (sent < Number(count)) sendNext();
    });
  });
  // What is lost is asked again.
  const retry = setInterval(() => {
    for (const tid of pending) {
      const bytes = Buffer.from(request);
      bytes.writeUInt16LE(tid, 2);
      socket.trySend(bytes, Number(port), HOST);
    }
  }, 500);
  const startMs = performance.now();
  for (let i = 0; i < REQUESTS_IN_FLIGHT; i++) sendNext();
  await done;
  report({ value: Number(count) / (performance.now() - startMs) * 1000, unit: "requests/s" });
  clearInterval(retry);
  await socket.close();
}

/** Starts another role in a process of its own, always in Node. */
function start(...args) {
  const child = spawn("node", [fileURLToPath(import.meta.url), "npm", ...args.map(String)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    next: async () => JSON.parse((await lines.next()).value),
    end: () => child.stdin.end(),
  };
}

/** Processor time of the measured node's process. */
function cpuMsSince(startCpu) {
  const { user, system } = process.cpuUsage(startCpu);
  return (user + system) / 1000;
}

function freePort() {
  return new Promise((resolve) => {
    const socket = dgram.createSocket("udp4");
    socket.bind(0, HOST, () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

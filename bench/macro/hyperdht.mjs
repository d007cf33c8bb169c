// Measures connecting by key, npm's in Node or ours in Deno, and prints the result as a line of JSON. The network is the
// same for both sides: a process of npm nodes. Server and client are of the measured make, each in a process of its own.
//   hyperdht.mjs ours|npm "connect by key" | hyperdht.mjs npm network | hyperdht.mjs ours|npm server PORT
import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const HOST = "127.0.0.1";
const NETWORK_NODES = 20;
const WARM_UP = 30;
const CONNECTS = 200;

const [side, role, ...parameters] = process.argv.slice(2);
const { default: DHT } = await import(
  side === "ours" ? "../../src/hyperdht/mod.ts" : "../npm/hyperdht.mjs"
);
const report = (value) => process.stdout.write(JSON.stringify(value) + "\n");

const roles = { "connect by key": connects, network, server };
await roles[role](...parameters);
process.exit(0);

/** The median time until a message of the server has come over a fresh connection, and what both took for all. */
async function connects() {
  const others = start("npm", "network");
  const port = await others.next();
  const peer = start(side, "server", port);
  const publicKey = Buffer.from(await peer.next(), "hex");
  const node = createNode(port);
  await node.fullyBootstrapped();
  const times = [];
  const cpuMsOfBoth = async () => {
    peer.ask();
    return cpuMs() + await peer.next();
  };
  let cpuBefore = 0;
  for (let i = 0; i < WARM_UP + CONNECTS; i++) {
    if (i === WARM_UP) cpuBefore = await cpuMsOfBoth();
    const startMs = performance.now();
    const socket = node.connect(publicKey);
    const text = await new Promise((resolve, reject) => {
      socket.once("data", resolve);
      socket.once("error", reject);
    });
    if (i >= WARM_UP) times.push(performance.now() - startMs);
    if (String(text) !== "hello") throw new Error(`The server said ${text}`);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.end();
    await closed;
  }
  times.sort((a, b) => a - b);
  const value = times[times.length >> 1];
  report({ value, unit: "ms", lessIsBetter: true, cpuMs: await cpuMsOfBoth() - cpuBefore });
  peer.end();
  others.end();
}

/** All nodes but those of the server and the client. */
async function network() {
  const nodes = [];
  for (let i = 2; i < NETWORK_NODES; i++) {
    const node = new DHT({
      host: HOST,
      ephemeral: false,
      firewalled: false,
      bootstrap: nodes.slice(0, 1).map((first) => ({ host: HOST, port: first.address().port })),
    });
    await node.fullyBootstrapped();
    nodes.push(node);
  }
  report(nodes[0].address().port);
  await ended();
}

async function server(port) {
  const node = createNode(port);
  const server = node.createServer((socket) => {
    socket.on("error", () => {});
    socket.write("hello");
    socket.on("end", () => socket.end());
    socket.resume();
  });
  await server.listen();
  report(Buffer.from(server.publicKey).toString("hex"));
  process.stdin.on("data", () => report(cpuMs()));
  await ended();
}

function createNode(port) {
  return new DHT({ host: HOST, ephemeral: true, bootstrap: [{ host: HOST, port: Number(port) }] });
}

/** Processor time of this process so far. */
function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function ended() {
  return new Promise((resolve) => process.stdin.once("end", resolve).resume());
}

/** Starts another role in a process of its own. */
function start(side, ...args) {
  const command = side === "ours" ? [process.execPath, "run", "-A"] : ["node"];
  const child = spawn(command[0], [
    ...command.slice(1),
    fileURLToPath(import.meta.url),
    side,
    ...args.map(String),
  ], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    next: async () => JSON.parse((await lines.next()).value),
    ask: () => child.stdin.write("cpu\n"),
    end: () => child.stdin.end(),
  };
}

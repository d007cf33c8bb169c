// Runs one task on drives or swarms, in Node with npm's or in Deno with ours, and prints its result as a line of JSON.
//   drives_worker.mjs ours|npm TASK [serve|network FOLDER [PORT]]
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { swarmsOf, tasks } from "./drives_tasks.mjs";

const NETWORK_NODES = 3;

const [side, name, role = "measure", given, port] = process.argv.slice(2);
const classes = await import(side === "ours" ? "./drives_ours.ts" : "../npm/drives.mjs");
const report = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const task = tasks[name];

await { measure, network, serve }[role]();
process.exit(0);

async function measure() {
  const root = await mkdtemp(join(tmpdir(), "quince-bench-"));
  const context = { ...classes, folder: join(root, "measured"), cpuMs: () => Promise.resolve(ownCpuMs()) };
  const others = [];
  try {
    if (task.serve !== undefined) {
      // The nodes are npm's for both sides, and their time is nobody's.
      const network = start(others, "npm", "network", root);
      const bootstrapPort = await network.next();
      const server = start(others, side, "serve", join(root, "served"), bootstrapPort);
      context.served = await server.next();
      context.joinSwarm = swarmsOf(classes, bootstrapOf(bootstrapPort));
      context.cpuMs = async () => ownCpuMs() + await server.ask();
    }
    report(await task.run(context));
  } finally {
    for (const other of others) await other.end();
    await rm(root, { recursive: true, force: true });
  }
}

async function network() {
  const testnet = await classes.createTestnet(NETWORK_NODES);
  report(testnet.bootstrap[0].port);
  await answers();
}

async function serve() {
  const joinSwarm = swarmsOf(classes, bootstrapOf(port));
  await task.serve({ ...classes, folder: given, report, joinSwarm });
  await answers();
}

/** Tells the processor time taken so far, for each line that comes in. */
async function answers() {
  for await (const _ of createInterface({ input: process.stdin })) report(ownCpuMs());
}

function bootstrapOf(port) {
  return [{ host: "127.0.0.1", port: Number(port) }];
}

function ownCpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function start(others, side, ...parameters) {
  const command = side === "ours" ? [process.execPath, "run", "-A"] : ["node"];
  const child = spawn(command[0], [
    ...command.slice(1),
    fileURLToPath(import.meta.url),
    side,
    name,
    ...parameters.map(String),
  ], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value);
  const other = {
    next,
    ask: () => {
      child.stdin.write("\n");
      return next();
    },
    end: () =>
      new Promise((resolve) => {
        child.once("exit", resolve);
        child.stdin.end();
      }),
  };
  others.push(other);
  return other;
}

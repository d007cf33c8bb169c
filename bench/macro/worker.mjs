// Runs one task, in Node with npm's hypercore or in Deno with ours, and prints its result as a line of JSON.
//   worker.mjs ours|npm run TASK | worker.mjs ours|npm serve JSON
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { serve, tasks } from "./tasks.mjs";

const [side, role, argument] = process.argv.slice(2);
const { default: Hypercore } = await import(
  side === "ours" ? "../../src/hypercore/mod.ts" : "../npm/hypercore.mjs"
);
const transport = await import(
  side === "ours" ? "./transport.ts" : "../npm/transport.mjs"
);
const folder = await mkdtemp(join(tmpdir(), "quince-bench-"));
let server = null;
let serverLines = null;
const report = (value) => process.stdout.write(JSON.stringify(value) + "\n");

if (role === "serve") {
  process.on(
    "SIGTERM",
    () => rm(folder, { recursive: true, force: true }).finally(() => process.exit(0)),
  );
  await serve({ Hypercore, transport, folder, report, ...JSON.parse(argument) });
  for await (const _ of createInterface({ input: process.stdin })) {
    report({ cpuMs: ownCpuMs(), memory: memoryBytes() });
  }
} else {
  try {
    report(
      await tasks[argument]({
        Hypercore,
        transport,
        folder,
        startServer,
        cpuMs,
        memoryBytes,
        serverMemoryBytes: async () => (await askServer()).memory,
      }),
    );
  } finally {
    if (server !== null) await ended(server);
    await rm(folder, { recursive: true, force: true });
  }

  process.exit(0);
}

async function startServer(parameters) {
  const script = fileURLToPath(import.meta.url);
  const args = side === "ours" ? ["run", "-A", script] : [script];
  server = spawn(process.execPath, [
    ...args,
    side,
    "serve",
    JSON.stringify(parameters),
  ], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  serverLines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  return JSON.parse((await serverLines.next()).value);
}

// Processor time that both processes have taken, all threads together.
async function cpuMs() {
  return ownCpuMs() + (server === null ? 0 : (await askServer()).cpuMs);
}

async function askServer() {
  server.stdin.write("\n");
  return JSON.parse((await serverLines.next()).value);
}

// What is resident, and the greatest it ever was.
function memoryBytes() {
  const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"));
  return { now: process.memoryUsage().rss, peak: Number(peak[1]) * 1024 };
}

function ownCpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function ended(child) {
  return new Promise((resolve) => {
    child.once("exit", resolve);
    child.kill("SIGTERM");
  });
}

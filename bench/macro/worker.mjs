// Runs one task, in Node with npm's hypercore or in Deno with ours, and prints its result as a line of JSON.
//   worker.mjs ours|npm run TASK | worker.mjs ours|npm serve JSON
import { spawn } from "node:child_process";
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
  for await (const _ of createInterface({ input: process.stdin })) report(ownCpuMs());
} else {
  try {
    report(
      await tasks[argument]({
        Hypercore,
        transport,
        folder,
        startServer,
        cpuMs,
        residentBytes: () => process.memoryUsage().rss,
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
  if (server === null) return ownCpuMs();
  server.stdin.write("\n");
  return ownCpuMs() + JSON.parse((await serverLines.next()).value);
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

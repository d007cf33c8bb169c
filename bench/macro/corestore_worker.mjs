// Runs one task on a store of cores, in Node with npm's or in Deno with ours, and prints its result as a line of JSON.
//   corestore_worker.mjs ours|npm TASK [prepare|serve FOLDER]
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { tasks, tasksByHand } from "./corestore_tasks.mjs";

const [side, name, role, given] = process.argv.slice(2);
const { default: Corestore } = await import(
  side === "ours" ? "../../src/corestore/mod.ts" : "../npm/corestore.mjs"
);
const task = tasks[name] ?? tasksByHand[name];
const report = (value) => process.stdout.write(JSON.stringify(value) + "\n");

if (role !== undefined) {
  // What is prepared may be longer than a pipe takes before the process ends.
  const tell = (value) => writeFile(`${given}.json`, JSON.stringify(value)).then(() => report("done"));
  await task[role]({ Corestore, folder: given, report: tell });
  if (role === "prepare") process.exit(0);
} else {
  const root = await mkdtemp(join(tmpdir(), "quince-bench-"));
  const folder = join(root, "measured");
  let server = null;
  try {
    const isServed = task.serve !== undefined;
    const preparing = isServed ? join(root, "served") : folder;
    server = start(isServed ? "serve" : "prepare", preparing);
    await createInterface({ input: server.stdout })[Symbol.asyncIterator]().next();
    const prepared = JSON.parse(await readFile(`${preparing}.json`, "utf8"));
    if (!isServed) await ended(server);
    report(await task.run({ Corestore, folder, prepared, memoryBytes }));
  } finally {
    if (server !== null && server.exitCode === null) {
      server.kill("SIGTERM");
      await ended(server);
    }
    await rm(root, { recursive: true, force: true });
  }
  process.exit(0);
}

function start(role, folder) {
  const script = fileURLToPath(import.meta.url);
  const args = side === "ours" ? ["run", "-A", script] : [script];
  return spawn(process.execPath, [...args, side, name, role, folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", resolve));
}

// What is resident, and the most that ever was.
function memoryBytes() {
  const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"));
  return { now: process.memoryUsage().rss, peak: Number(peak[1]) * 1024 };
}

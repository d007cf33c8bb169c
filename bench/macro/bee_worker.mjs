// Runs one task, in Node with npm's bees and blobs or in Deno with ours, and prints its result as a line of JSON.
//   bee_worker.mjs ours|npm TASK
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { tasks } from "./bee_tasks.mjs";

const [side, task] = process.argv.slice(2);
const load = async (name) =>
  (await import(side === "ours" ? `../../src/${name}/mod.ts` : `../npm/${name}.mjs`)).default;
const [Hypercore, Hyperbee, Hyperblobs] = await Promise.all(
  ["hypercore", "hyperbee", "hyperblobs"].map(load),
);
const folder = await mkdtemp(join(tmpdir(), "quince-bench-"));
let key = null;
let opened = null;

const context = {
  openBee: () => open((core) => new Hyperbee(core, { keyEncoding: "utf-8", valueEncoding: "utf-8" })),
  openBlobs: () => open((core) => new Hyperblobs(core)),
  close: () => opened.close(),
};

async function open(make) {
  const core = key === null ? new Hypercore(folder) : new Hypercore(folder, key);
  opened = make(core);
  await opened.ready();
  key = core.key;
  return opened;
}

try {
  const result = await tasks[task](context);
  await context.close();
  process.stdout.write(JSON.stringify(result) + "\n");
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);

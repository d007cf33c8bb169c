// deno-lint-ignore-file no-console -- a program that prints
/**
 * Measures ours beside the npm packages, in one run, and prints the ratios.
 *
 *     deno task bench [--only WORDS] [--rounds N] [--json FILE]
 *
 * @module
 */
import { parseArgs } from "node:util";
import { compare, type Comparison, type Measure, type Result, table } from "./harness.ts";
import { beeComparisons } from "./macro/bee.ts";
import { corestoreComparisons } from "./macro/corestore.ts";
import { driveComparisons } from "./macro/drives.ts";
import { cryptoComparisons } from "./micro/crypto.ts";

const BARS: Readonly<Record<string, number>> = {
  "append 100 B singly": 5,
  "append 100 B in batches of 1000": 3,
  "append 64 KiB": 1.5,
  "get 100 B sequential": 4,
  "get 100 B, 100 in flight": 3,
  "get 64 KiB": 2,
  "replicate 64 KiB over TCP": 2,
  "replicate 100 B over TCP": 5,
  "replicate 64 KiB over UDX": 2,
  "replicate 100 B over UDX": 8,
};

const WORKER = new URL("macro/worker.mjs", import.meta.url).pathname;
const DHT_WORKER = new URL("macro/dht_rpc.mjs", import.meta.url).pathname;

const DHT_BARS: Readonly<Record<string, number>> = {
  "lookups of one DHT node": 1.5,
  "requests a DHT node serves": 1,
};

const HYPERDHT_WORKER = new URL("macro/hyperdht.mjs", import.meta.url).pathname;
const CONNECT = "connect by key";

const { values: flags } = parseArgs({
  args: Deno.args,
  options: {
    only: { type: "string" },
    rounds: { type: "string", default: "3" },
    json: { type: "string" },
  },
});

await installOtherSide();
const { tasks } = await import("./macro/tasks.mjs");
const hypercore: Comparison[] = Object.keys(tasks).map((name) => ({
  name,
  bar: BARS[name],
  ours: () => runTask(Deno.execPath(), ["run", "-A", WORKER, "ours", "run", name]),
  theirs: () => runTask("node", [WORKER, "npm", "run", name]),
}));

const dht: Comparison[] = Object.entries(DHT_BARS).map(([name, bar]) => ({
  name,
  bar,
  ours: () => runTask(Deno.execPath(), ["run", "-A", DHT_WORKER, "ours", name]),
  theirs: () => runTask("node", [DHT_WORKER, "npm", name]),
}));

const hyperdht: Comparison = {
  name: CONNECT,
  bar: 1,
  ours: () => runTask(Deno.execPath(), ["run", "-A", HYPERDHT_WORKER, "ours", CONNECT]),
  theirs: () => runTask("node", [HYPERDHT_WORKER, "npm", CONNECT]),
};

const results: Result[] = [];
for (
  const comparison of [
    ...cryptoComparisons(),
    ...hypercore,
    ...corestoreComparisons(runTask),
    ...beeComparisons(runTask),
    ...driveComparisons(runTask),
    ...dht,
    hyperdht,
  ]
) {
  if (flags.only !== undefined && !comparison.name.includes(flags.only)) {
    continue;
  }
  const result = await compare(comparison, Number(flags.rounds));
  console.error(`${result.name}: ${result.ratio.toFixed(2)}`);
  results.push(result);
}
console.log(table(results));
if (flags.json !== undefined) {
  await Deno.writeTextFile(flags.json, JSON.stringify(results, null, 2) + "\n");
}

async function runTask(command: string, args: string[]): Promise<Measure> {
  const output = await new Deno.Command(command, { args, stderr: "inherit" })
    .output();
  const text = new TextDecoder().decode(output.stdout);
  if (!output.success) {
    throw new Error(
      `"${command} ${args.join(" ")}" ended with code ${output.code}: ${text}`,
    );
  }
  return JSON.parse(text);
}

async function installOtherSide(): Promise<void> {
  const folder = new URL("npm/", import.meta.url);
  try {
    await Deno.stat(new URL("node_modules", folder));
  } catch {
    const { success } = await new Deno.Command("npm", {
      args: ["ci", "--no-audit", "--no-fund"],
      cwd: folder,
    }).output();
    if (!success) throw new Error('"npm ci" in bench/npm failed');
  }
}

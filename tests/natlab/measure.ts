/**
 * Measures everything in the laboratory and writes the tables of `docs/interop.md`. Needs root, and an hour.
 *
 * Arguments name parts (`direct`, `relayed`, `scenarios`, `lostNodes`, `tables`) and pairs of makes (`quince-npm`); without,
 * all of them. `--tries=N` sets the tries of each pair of NATs. What is not measured stays as it was.
 *
 * @module
 */
import { PAIRS_OF_MAKES, readFigures, writeFigures, writeTables } from "./figures.ts";
import type { Make } from "./lab.ts";
import { allPairs, type Makes, runMatrices, type Try } from "./matrix.ts";
import { runLostNodes, runScenarios } from "./scenarios.ts";

const PARTS = ["direct", "relayed", "scenarios", "lostNodes", "tables"] as const;
const TRIES = 10;
const RELAYED_TRIES = 2;

/** A direct path between consistent NATs is there by then. */
const RELAY_HOLD_MS = 2000;

type PairOfMakes = typeof PAIRS_OF_MAKES[number];

function makesOf(pair: PairOfMakes): { client: Make; server: Make } {
  const [client, server] = pair.split("-") as [Make, Make];
  return { client, server };
}

/** The npm packages among themselves are the measure; everything else runs in a mixed network. */
function nodesOf(pair: PairOfMakes): Make[] {
  return Array.from({ length: 8 }, (_, i) => pair === "npm-npm" || i % 2 === 1 ? "npm" : "quince");
}

/** Tries after which what was measured is kept, in case the rest comes to nothing. */
const KEEP_EVERY = 50;

/** All pairs of makes by turns, so that they meet the same load. */
async function measureMatrix(part: "direct" | "relayed", tries: number): Promise<void> {
  const results: Try[][] = chosenPairs.map(() => []);
  let count = 0;
  let keeping = Promise.resolve();
  const keep = async (): Promise<void> => {
    for (const [i, pair] of chosenPairs.entries()) figures[part][pair] = results[i]!;
    await writeFigures(figures);
  };
  const makes = chosenPairs.map((pair): Makes => {
    const relay = pair === "npm-npm" ? "npm" : "quince";
    return { ...makesOf(pair), nodes: nodesOf(pair), ...(part === "relayed" ? { relay } : {}) };
  });
  await runMatrices(makes, {
    tries,
    pairs: allPairs(),
    ...(part === "relayed" ? { holdMs: RELAY_HOLD_MS } : {}),
    onTry: (result, i) => {
      results[i]!.push(result);
      Deno.stderr.writeSync(new TextEncoder().encode("."));
      if (++count % KEEP_EVERY === 0) keeping = keeping.then(keep);
    },
  });
  await keeping;
  await keep();
}

async function measure(part: typeof PARTS[number]): Promise<void> {
  switch (part) {
    case "direct":
      return await measureMatrix(part, tries);
    case "relayed":
      return await measureMatrix(part, Math.min(tries, RELAYED_TRIES));
    case "scenarios":
    case "lostNodes":
      for (const pair of chosenPairs) {
        const makes = { ...makesOf(pair), nodes: nodesOf(pair) };
        if (part === "scenarios") figures.scenarios[pair] = await runScenarios(makes);
        else figures.lostNodes[pair] = await runLostNodes(makes);
        await writeFigures(figures);
      }
  }
}

const tries = Number(Deno.args.find((arg) => arg.startsWith("--tries="))?.slice(8) ?? TRIES);
const namedParts = PARTS.filter((part) => Deno.args.includes(part));
const namedPairs = PAIRS_OF_MAKES.filter((pair) => Deno.args.includes(pair));
const chosenPairs = namedPairs.length > 0 ? namedPairs : PAIRS_OF_MAKES;
const figures = await readFigures();
for (const part of namedParts.length > 0 ? namedParts : PARTS) await measure(part);
await writeTables(figures);

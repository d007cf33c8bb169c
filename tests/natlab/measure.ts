/**
 * Measures everything in the laboratory and writes the tables of `docs/interop.md`. Needs root, and an hour.
 *
 * Arguments name parts (`direct`, `relayed`, `scenarios`, `lostNodes`, `tables`) and pairs of makes (`quince-npm`); without,
 * all of them. `--tries=N` sets the tries of each pair of NATs. What is not measured stays as it was.
 *
 * @module
 */
import { type Figures, PAIRS_OF_MAKES, readFigures, writeFigures, writeTables } from "./figures.ts";
import type { Make } from "./lab.ts";
import { allPairs, runMatrix } from "./matrix.ts";
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

async function measure(figures: Figures, part: typeof PARTS[number], pair: PairOfMakes, tries: number) {
  const makes = makesOf(pair);
  const nodes = nodesOf(pair);
  const onTry = (): void => void Deno.stderr.writeSync(new TextEncoder().encode("."));
  switch (part) {
    case "direct":
      figures.direct[pair] = await runMatrix({ ...makes, nodes, tries, onTry, pairs: allPairs() });
      return;
    case "relayed": {
      const relay = pair === "npm-npm" ? "npm" : "quince";
      const options = { ...makes, nodes, relay, holdMs: RELAY_HOLD_MS, onTry, pairs: allPairs() } as const;
      figures.relayed[pair] = await runMatrix({ ...options, tries: Math.min(tries, RELAYED_TRIES) });
      return;
    }
    case "scenarios":
      figures.scenarios[pair] = await runScenarios({ ...makes, nodes });
      return;
    case "lostNodes":
      figures.lostNodes[pair] = await runLostNodes({ ...makes, nodes });
  }
}

const tries = Number(Deno.args.find((arg) => arg.startsWith("--tries="))?.slice(8) ?? TRIES);
const chosenParts = PARTS.filter((part) => Deno.args.includes(part));
const chosenPairs = PAIRS_OF_MAKES.filter((pair) => Deno.args.includes(pair));
const figures = await readFigures();
for (const part of chosenParts.length > 0 ? chosenParts : PARTS) {
  if (part === "tables") continue;
  for (const pair of chosenPairs.length > 0 ? chosenPairs : PAIRS_OF_MAKES) {
    await measure(figures, part, pair, tries);
    await writeFigures(figures);
  }
}
await writeTables(figures);

/**
 * What was measured in the laboratory, and the tables of it in `docs/interop.md`.
 *
 * @module
 */
import { KINDS, MATRIX_KINDS, type Try } from "./matrix.ts";
import type { LostNodesResult, ScenarioResult } from "./scenarios.ts";

/** Measurements of one pair of makes, client first, by their names as in `"quince-npm"`. */
export interface Figures {
  /** Without a relay. */
  direct: Record<string, readonly Try[]>;
  /** With a blind relay. */
  relayed: Record<string, readonly Try[]>;
  /** Connections in changing networks. */
  scenarios: Record<string, readonly ScenarioResult[]>;
  /** Public nodes lost one by one. */
  lostNodes: Record<string, readonly LostNodesResult[]>;
}

const FIGURES = new URL("figures.json", import.meta.url);
const DOCUMENT = new URL("../../docs/interop.md", import.meta.url);
const BEGIN = "<!-- natlab: begin, written by `deno task natlab:measure` -->";
const END = "<!-- natlab: end -->";

/** Names of pairs of makes in the order of the tables. */
export const PAIRS_OF_MAKES = ["npm-npm", "quince-quince", "quince-npm", "npm-quince"] as const;

/** Reads what was measured before. */
export async function readFigures(): Promise<Figures> {
  try {
    return JSON.parse(await Deno.readTextFile(FIGURES));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { direct: {}, relayed: {}, scenarios: {}, lostNodes: {} };
  }
}

/** Keeps what was measured, rounded to whole ms. */
export async function writeFigures(figures: Figures): Promise<void> {
  const text = JSON.stringify(
    figures,
    (_key, value) => typeof value === "number" ? Math.round(value) : value,
  );
  // One line per measurement keeps differences readable.
  await Deno.writeTextFile(FIGURES, text.replaceAll("},{", "},\n{") + "\n");
}

/** Writes the tables into the document. */
export async function writeTables(figures: Figures): Promise<void> {
  const text = await Deno.readTextFile(DOCUMENT);
  const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (start < 0 || end < 0) throw new Error(`docs/interop.md lacks "${BEGIN}" or "${END}"`);
  const tables = renderTables(figures);
  await Deno.writeTextFile(
    DOCUMENT,
    `${text.slice(0, start + BEGIN.length)}\n\n${tables}\n\n${text.slice(end)}`,
  );
}

/** All tables as Markdown. */
export function renderTables({ direct, relayed, scenarios, lostNodes }: Figures): string {
  const present = PAIRS_OF_MAKES.filter((pair) => direct[pair]);
  return [
    "Connects without a relay; a pair is the client's make, then the server's. Times are until the connection is open.",
    table(
      ["Pair", "Connected", "Two random NATs", "No random NAT: median, 95 %", "One random NAT: median, 95 %"],
      present.map((pair) => [pair, ...summary(direct[pair]!)]),
    ),
    ...present.flatMap((pair) => [`### ${pair}`, CELLS, matrixTable(direct[pair]!)]),
    "### With a blind relay",
    "Times until the connection is open over the relay, and until it takes a direct path within the time held.",
    table(
      ["Pair", "Connected", "Open: median, 95 %", "Upgraded", "Upgraded: median"],
      PAIRS_OF_MAKES.filter((pair) => relayed[pair]).map((pair) => [pair, ...relaySummary(relayed[pair]!)]),
    ),
    "### Networks that change",
    "One connection with bytes each 100 ms; when it is lost, the client connects again.",
    scenarioTable(scenarios),
    "### Public nodes lost one by one",
    "The bootstrap node first, one each 10 s; then a new connect.",
    lostNodesTable(lostNodes),
  ].join("\n\n");
}

const CELLS = "Rows are the client's home, columns the server's: connected of tries, and the median in ms.";

function matrixTable(tries: readonly Try[]): string {
  const cell = (client: string, server: string): string => {
    const some = tries.filter((one) => one.client === client && one.server === server);
    const times = openTimes(some);
    return `${times.length}/${some.length}${times.length > 0 ? ` ${quantile(times, 0.5)}` : ""}`;
  };
  return table(
    ["", ...MATRIX_KINDS],
    MATRIX_KINDS.map((client) => [client, ...MATRIX_KINDS.map((server) => cell(client, server))]),
  );
}

function summary(tries: readonly Try[]): string[] {
  const randomCount = ({ client, server }: Try): number =>
    Number(KINDS[client]!.isRandom ?? false) + Number(KINDS[server]!.isRandom ?? false);
  const of = (count: number): Try[] => tries.filter((one) => randomCount(one) === count);
  const possible = tries.filter((one) => randomCount(one) < 2);
  return [ratio(possible), ratio(of(2)), spread(of(0)), spread(of(1))];
}

function relaySummary(tries: readonly Try[]): string[] {
  const upgraded = tries.flatMap(({ upgradedMs }) => upgradedMs === null ? [] : [upgradedMs]);
  const median = upgraded.length > 0 ? `${quantile(upgraded, 0.5)} ms` : "";
  return [ratio(tries), spread(tries), `${upgraded.length}`, median];
}

function scenarioTable(scenarios: Figures["scenarios"]): string {
  const present = PAIRS_OF_MAKES.filter((pair) => scenarios[pair]);
  const names = [...new Set(present.flatMap((pair) => scenarios[pair]!.map(({ name }) => name)))];
  const cell = (pair: string, name: string): string => {
    const result = scenarios[pair]!.find((one) => one.name === name);
    if (!result) return "";
    if (!result.isBack) return `lost (${result.error})`;
    const silence = result.silentMs === null
      ? "no silence"
      : `silent ${(result.silentMs / 1000).toFixed(1)} s`;
    return `${result.hasSurvived ? "survives" : "comes back"}, ${silence}`;
  };
  return table(
    ["What happens", ...present],
    names.map((name) => [name, ...present.map((pair) => cell(pair, name))]),
  );
}

function lostNodesTable(lostNodes: Figures["lostNodes"]): string {
  const present = PAIRS_OF_MAKES.filter((pair) => lostNodes[pair]);
  const counts = [...new Set(present.flatMap((pair) => lostNodes[pair]!.map(({ left }) => left)))];
  const cell = (pair: string, left: number): string => {
    const result = lostNodes[pair]!.find((one) => one.left === left);
    if (!result) return "";
    const old = result.isAlive ? "alive" : "lost";
    return `${old}, ${result.isConnected ? `new one in ${Math.round(result.ms!)} ms` : "no new one"}`;
  };
  return table(
    ["Nodes left", ...present],
    counts.map((left) => [`${left}`, ...present.map((pair) => cell(pair, left))]),
  );
}

function openTimes(tries: readonly Try[]): number[] {
  return tries.flatMap(({ isOk, openMs }) => isOk && openMs !== null ? [openMs] : []);
}

function ratio(tries: readonly Try[]): string {
  return `${tries.filter(({ isOk }) => isOk).length} of ${tries.length}`;
}

function spread(tries: readonly Try[]): string {
  const times = openTimes(tries);
  return times.length === 0 ? "" : `${quantile(times, 0.5)} ms, ${quantile(times, 0.95)} ms`;
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/**
 * What was measured in the laboratory, and the tables of it in `docs/interop.md`.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { KINDS, MATRIX_KINDS, type Try } from "./matrix.ts";
import type { LostNodesResult, ScenarioResult } from "./scenarios.ts";

/** What is kept of a try: of one that went well only its times. */
export type KeptTry = Omit<Try, "ms"> & { readonly ms: number | null };

/** Measurements of one pair of makes, client first, by their names as in `"quince-npm"`. */
export interface Figures {
  /** Without a relay. */
  direct: Record<string, readonly KeptTry[]>;
  /** With a blind relay. */
  relayed: Record<string, readonly KeptTry[]>;
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

/**
 * A try in the file: `openMs`, or `[openMs, upgradedMs]`, or of one that failed
 * `[openMs, upgradedMs, error, ms, remote]`.
 */
type Row = number | readonly [openMs: number, upgradedMs: number] | FailureRow;

type FailureRow = readonly [
  openMs: number | null,
  upgradedMs: number | null,
  error: string | null,
  ms: number | null,
  remote: string | null,
];

/** The rows of one pair of makes, by the client's and the server's home as in `"open, double"`. */
type Rows = Record<string, Row[]>;

/** What lies in the file. */
type File = Omit<Figures, "direct" | "relayed"> & Record<"direct" | "relayed", Record<string, Rows>>;

const KINDS_SEPARATOR = ", ";

/** Reads what was measured before. */
export async function readFigures(): Promise<Figures> {
  try {
    const file: File = JSON.parse(await Deno.readTextFile(FIGURES));
    return { ...file, direct: mapValues(file.direct, triesOf), relayed: mapValues(file.relayed, triesOf) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { direct: {}, relayed: {}, scenarios: {}, lostNodes: {} };
  }
}

/** Keeps what was measured, rounded to whole ms. */
export async function writeFigures(figures: Figures): Promise<void> {
  const { direct, relayed, scenarios, lostNodes } = figures;
  const file: File = {
    direct: mapValues(direct, rowsOf),
    relayed: mapValues(relayed, rowsOf),
    scenarios,
    lostNodes,
  };
  const text = JSON.stringify(file, (_key, value) => typeof value === "number" ? Math.round(value) : value);
  // One line for each pair of homes, and for each measurement of the others, keeps differences readable.
  await Deno.writeTextFile(
    FIGURES,
    text.replaceAll(/(\]|\}|\{),?(?="[\w-]+, |"\w+-\w+":|\{)/g, "$&\n") + "\n",
  );
}

function rowsOf(tries: readonly KeptTry[]): Rows {
  const rows: Rows = {};
  for (const { client, server, isOk, openMs, upgradedMs, error, ms, remote } of tries) {
    const ofHomes = rows[client + KINDS_SEPARATOR + server] ??= [];
    if (!isOk || openMs === null) ofHomes.push([openMs, upgradedMs, error, ms, remote]);
    else ofHomes.push(upgradedMs === null ? openMs : [openMs, upgradedMs]);
  }
  return rows;
}

function triesOf(rows: Rows): KeptTry[] {
  return Object.entries(rows).flatMap(([homes, ofHomes]) => {
    const [client, server] = homes.split(KINDS_SEPARATOR) as [string, string];
    return ofHomes.map((row): KeptTry => {
      const times: Partial<FailureRow> = typeof row === "number" ? [row] : row;
      const [openMs = null, upgradedMs = null, error = null, ms = null, remote = null] = times;
      return { client, server, isOk: times.length < 3, openMs, upgradedMs, error, ms, remote };
    });
  });
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

/** Writes the tables into the document, formatted. */
export async function writeTables(figures: Figures): Promise<void> {
  const text = await Deno.readTextFile(DOCUMENT);
  const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (start < 0 || end < 0) throw new Error(`docs/interop.md lacks "${BEGIN}" or "${END}"`);
  const tables = renderTables(figures);
  await Deno.writeTextFile(
    DOCUMENT,
    `${text.slice(0, start + BEGIN.length)}\n\n${tables}\n\n${text.slice(end)}`,
  );
  const format = new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", fileURLToPath(DOCUMENT)] });
  const { success } = await format.spawn().status;
  if (!success) throw new Error("docs/interop.md could not be formatted");
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

function matrixTable(tries: readonly KeptTry[]): string {
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

function summary(tries: readonly KeptTry[]): string[] {
  const randomCount = ({ client, server }: KeptTry): number =>
    Number(KINDS[client]!.isRandom ?? false) + Number(KINDS[server]!.isRandom ?? false);
  const of = (count: number): KeptTry[] => tries.filter((one) => randomCount(one) === count);
  const possible = tries.filter((one) => randomCount(one) < 2);
  return [ratio(possible), ratio(of(2)), spread(of(0)), spread(of(1))];
}

function relaySummary(tries: readonly KeptTry[]): string[] {
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

function openTimes(tries: readonly KeptTry[]): number[] {
  return tries.flatMap(({ isOk, openMs }) => isOk && openMs !== null ? [openMs] : []);
}

function ratio(tries: readonly KeptTry[]): string {
  return `${tries.filter(({ isOk }) => isOk).length} of ${tries.length}`;
}

function spread(tries: readonly KeptTry[]): string {
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

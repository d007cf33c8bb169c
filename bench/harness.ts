/**
 * Runs both sides of each measurement in turn and compares them: ratios within a round, then their median and spread.
 *
 * @module
 */

/** One result of one side. */
export interface Measure {
  readonly value: number;
  readonly unit: string;
  /** True for sizes; rates are better when greater. */
  readonly lessIsBetter?: boolean;
  /** Processor time it took, all threads and processes together, ms. */
  readonly cpuMs?: number;
}

/** Something that both sides do. */
export interface Comparison {
  readonly name: string;
  /** Lowest ratio that is good enough, if there is one. */
  readonly bar?: number;
  readonly ours: () => Promise<Measure>;
  readonly theirs: () => Promise<Measure>;
}

/** What came out of a {@linkcode Comparison}. */
export interface Result {
  readonly name: string;
  readonly unit: string;
  /** Medians over the rounds. */
  readonly ours: number;
  readonly theirs: number;
  /** How many times better ours is: median, lowest and highest over the rounds. */
  readonly ratio: number;
  readonly lowest: number;
  readonly highest: number;
  /** How many times less processor time ours took: median, or null where it was not measured. */
  readonly cpuRatio: number | null;
  readonly bar: number | null;
}

/** Runs a comparison for `rounds` rounds, the sides taking turns in who goes first. */
export async function compare(
  comparison: Comparison,
  rounds: number,
): Promise<Result> {
  const ours: number[] = [];
  const theirs: number[] = [];
  const ratios: number[] = [];
  const cpuRatios: number[] = [];
  let unit = "";
  for (let round = 0; round < rounds; round++) {
    const oursFirst = round % 2 === 0;
    const first = await (oursFirst ? comparison.ours() : comparison.theirs());
    const second = await (oursFirst ? comparison.theirs() : comparison.ours());
    const [mine, other] = oursFirst ? [first, second] : [second, first];
    unit = mine.unit;
    ours.push(mine.value);
    theirs.push(other.value);
    ratios.push(
      mine.lessIsBetter ? other.value / mine.value : mine.value / other.value,
    );
    if (mine.cpuMs !== undefined && other.cpuMs !== undefined) cpuRatios.push(other.cpuMs / mine.cpuMs);
  }
  return {
    name: comparison.name,
    unit,
    ours: median(ours),
    theirs: median(theirs),
    ratio: median(ratios),
    lowest: Math.min(...ratios),
    highest: Math.max(...ratios),
    cpuRatio: cpuRatios.length > 0 ? median(cpuRatios) : null,
    bar: comparison.bar ?? null,
  };
}

/** Formats results as a Markdown table. */
export function table(results: readonly Result[]): string {
  const rows = results.map((result) => [
    result.name,
    `${round(result.ours)}`,
    `${round(result.theirs)}`,
    result.unit,
    result.ratio.toFixed(2),
    `${result.lowest.toFixed(2)} to ${result.highest.toFixed(2)}`,
    result.cpuRatio === null ? "" : result.cpuRatio.toFixed(2),
    result.bar === null ? "" : `${result.bar} ${result.ratio >= result.bar ? "met" : "missed"}`,
  ]);
  const all = [
    ["what", "ours", "theirs", "unit", "ratio", "spread", "CPU ratio", "bar"],
    ...rows,
  ];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [line(all[0]!), rule, ...all.slice(1).map(line)].join("\n");
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function round(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

/** Runs a worker's command and gives what it measured. */
export type RunWorker = (command: string, args: string[]) => Promise<Measure>;

/** One comparison for each task of `worker`, which takes a side and the task's name. */
export function taskComparisons(
  names: readonly string[],
  bars: Readonly<Record<string, number>>,
  worker: string,
  run: RunWorker,
): Comparison[] {
  return names.map((name) => ({
    name,
    bar: bars[name],
    ours: () => run(Deno.execPath(), ["run", "-A", worker, "ours", name]),
    theirs: () => run("node", [worker, "npm", name]),
  }));
}

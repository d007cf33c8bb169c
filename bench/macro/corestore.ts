/**
 * Stores of many cores, and cores of many blocks, beside those of npm.
 *
 * @module
 */
import { type Comparison, type RunWorker, taskComparisons } from "../harness.ts";
import { tasks } from "./corestore_tasks.mjs";

const WORKER = new URL("corestore_worker.mjs", import.meta.url).pathname;

const BARS: Readonly<Record<string, number>> = {
  "open a store of 10 000 cores and read one block of each": 2,
  // Not more than 0.7 of theirs.
  "memory of a core of 1 million blocks, replicated": 1 / 0.7,
};

/** One for each task; `run` starts a worker. */
export function corestoreComparisons(run: RunWorker): Comparison[] {
  return taskComparisons(Object.keys(tasks), BARS, WORKER, run);
}

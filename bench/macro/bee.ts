/**
 * Bees and blobs beside those of npm.
 *
 * @module
 */
import { type Comparison, type RunWorker, taskComparisons } from "../harness.ts";
import { tasks } from "./bee_tasks.mjs";

const WORKER = new URL("bee_worker.mjs", import.meta.url).pathname;

const BARS: Readonly<Record<string, number>> = {
  "bee put singly": 4,
  "bee put in batches of 1000": 3,
  "bee get": 4,
  "bee iterate": 2,
  "bee bulk load of 1 million sorted keys": 5,
  "bee diff, 1 million entries, 100 changes": 2,
  "blob 64 MiB in": 1.5,
  "blob 64 MiB out": 1.5,
};

/** One for each task; `run` starts a worker. */
export function beeComparisons(run: RunWorker): Comparison[] {
  return taskComparisons(Object.keys(tasks), BARS, WORKER, run);
}

/**
 * Drives, and cores over swarms, beside those of npm.
 *
 * @module
 */
import { type Comparison, type RunWorker, taskComparisons } from "../harness.ts";
import { tasks } from "./drives_tasks.mjs";

const WORKER = new URL("drives_worker.mjs", import.meta.url).pathname;

const BARS: Readonly<Record<string, number>> = {
  "drive: put 4 KiB files": 4,
  "drive: get 4 KiB files": 3,
  "drive: a file of 64 MiB in": 1.5,
  "drive: a file of 64 MiB out": 1.5,
  "drive: mirror 20 000 files of 4 KiB from a folder": 3,
  "drive: mirror 256 MiB over a swarm": 2,
  "drive: mirror 2 GiB over a swarm": 2,
  "replicate 64 KiB over Hyperswarm": 2,
  "replicate 100 B over Hyperswarm": 8,
};

/** One for each task; `run` starts a worker. */
export function driveComparisons(run: RunWorker): Comparison[] {
  return taskComparisons(Object.keys(tasks), BARS, WORKER, run);
}

/**
 * Which network an example is on: the public one, unless its arguments name another.
 *
 * @module
 */
import { HyperDHT, type HyperDHTOptions } from "@quince/quince";
import process from "node:process";
import { parseArgs } from "node:util";

/** What an example was started with. */
export interface ExampleArguments {
  /** The arguments that are no flags. */
  readonly positionals: readonly string[];
  /** A node on the network that the flags name: `--bootstrap HOST:PORT,…` and `--host ADDRESS` to bind to. */
  createNode(options?: HyperDHTOptions): HyperDHT;
}

/** Reads the arguments of the process. */
export function exampleArguments(): ExampleArguments {
  const { values: { bootstrap, host }, positionals } = parseArgs({
    args: process.argv.slice(2),
    allowPositionals: true,
    options: { bootstrap: { type: "string" }, host: { type: "string" } },
  });
  return {
    positionals,
    createNode: (options) => new HyperDHT({ bootstrap: bootstrap?.split(","), host, ...options }),
  };
}

/** Runs `end` when the process is asked to stop, then ends it. */
export function atTheEnd(end: () => Promise<unknown>): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void end().finally(() => process.exit(0)));
  }
}

/**
 * The program `quince`: `deno run -A jsr:@quince/quince/cli <command>`.
 *
 * @module
 */
import process from "node:process";
import { runCommandLine } from "./program.ts";
import type { Terminal } from "./terminal.ts";

const FALLBACK_COLUMNS = 80;

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // The second one ends the process as if nobody listened.
  process.once(signal, () => stopping.abort());
}

// A reader that has seen enough, such as "head", ends the command.
process.stdout.on("error", (error: Error & { code?: string }) => {
  if (error.code !== "EPIPE") throw error;
  stopping.abort();
});

const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  outBytes: (bytes) => void process.stdout.write(bytes),
  err: (text) => void process.stderr.write(text),
  isInteractive: process.stdout.isTTY === true && process.stderr.isTTY === true,
  get columns() {
    return process.stdout.columns || FALLBACK_COLUMNS; // a window may change its size
  },
  signal: stopping.signal,
};

process.exitCode = await runCommandLine(process.argv.slice(2), terminal);

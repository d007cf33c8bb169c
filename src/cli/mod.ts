/**
 * The command line as a function, for programs that want to embed it; `main.ts` is the program.
 *
 * @module
 */
export { runCommandLine } from "./program.ts";
export type { Terminal } from "./terminal.ts";

/**
 * The command line: which commands there are, and what they share.
 *
 * @module
 */
import { Command, CommanderError } from "commander";
import { QuinceError } from "../base/mod.ts";
import { addDhtCommand } from "./commands/dht.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addDrivesCommands } from "./commands/drives/mod.ts";
import { addRelayCommand } from "./commands/relay.ts";
import { addTopicCommands } from "./commands/topics.ts";
import { CommandError, type Terminal, USAGE } from "./terminal.ts";
import { VERSION } from "./version.ts";

/** What to do about errors of the system that flags can cure. */
const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: "give another port, or end the program that has it",
  EADDRNOTAVAIL: "give an address of this machine",
  EACCES: "ports below 1024 are for the superuser, and files for those who own them",
};

/** Runs one command line, for example `["dht", "--port", "49737"]`, and resolves with the exit code. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = createProgram(terminal);
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    // Commander has printed help or what is wrong with the arguments.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    if (terminal.signal.aborted && error === terminal.signal.reason) {
      terminal.err("Stopped\n");
      return 1;
    }
    if (!isForUsers(error)) throw error;
    const advice = ADVICE[codeOf(error)];
    terminal.err(advice === undefined ? `${error.message}\n` : `${error.message}; ${advice}\n`);
    return error instanceof CommandError ? error.exitCode : 1;
  }
}

/** Whether an error's message says all there is to say; others are mistakes of ours, and thrown with their stack. */
function isForUsers(error: unknown): error is Error {
  if (error instanceof CommandError || error instanceof QuinceError) return true;
  // What the system says, of a file or an address: `EACCES`, `EADDRINUSE`.
  return error instanceof Error && /^E[A-Z0-9]+$/.test(codeOf(error));
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : "";
}

function createProgram(terminal: Terminal): Command {
  const program = new Command("quince")
    .description("The Pear peer-to-peer stack from the command line")
    .version(VERSION, "--version", "print the version")
    .enablePositionalOptions() // "drives mirror" has a --version of its own
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
      // Asking the environment would need a permission.
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  addDhtCommand(program, terminal);
  addRelayCommand(program, terminal);
  addTopicCommands(program, terminal);
  addDoctorCommand(program, terminal);
  addDrivesCommands(program, terminal);
  return program;
}

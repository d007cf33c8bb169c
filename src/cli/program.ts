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
    terminal.err(`${error.message}\n`);
    return error instanceof CommandError ? error.exitCode : 1;
  }
}

/** Whether an error's message says all there is to say; others are mistakes of ours, and thrown with their stack. */
function isForUsers(error: unknown): error is Error {
  if (error instanceof CommandError || error instanceof QuinceError) return true;
  // What the system says, of a file or an address: `EACCES`, `EADDRINUSE`.
  return error instanceof Error && "code" in error && /^E[A-Z0-9]+$/.test(String(error.code));
}

function createProgram(terminal: Terminal): Command {
  const program = new Command("quince")
    .description("The Pear peer-to-peer stack from the command line")
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

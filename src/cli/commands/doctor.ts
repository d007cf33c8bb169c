/**
 * `quince doctor`: says in plain words what works and what to do about what does not.
 *
 * @module
 */
import type { Command } from "commander";
import { HyperDHT } from "../../hyperdht/mod.ts";
import { examine, type Finding } from "../../tools/doctor/mod.ts";
import {
  bootstrapArgument,
  keyArgument,
  type NetworkFlags,
  nodeOptions,
  portArgument,
} from "../arguments.ts";
import { CommandError, Output, type Terminal } from "../terminal.ts";

interface DoctorFlags extends NetworkFlags {
  readonly peer?: Uint8Array;
  readonly relay?: Uint8Array;
  readonly json?: boolean;
}

const MARKS: Readonly<Record<Finding["status"], string>> = {
  ok: "  ok   ",
  warning: " warn  ",
  failed: "failed ",
  skipped: "   -   ",
};

/** Adds the command to `program`. */
export function addDoctorCommand(program: Command, terminal: Terminal): void {
  program.command("doctor")
    .description("Check what of the network works here: sockets, bootstrapping, NAT, LAN, peers, relays")
    .option("--peer <key>", "a peer to connect to", keyArgument)
    .option("--relay <key>", "a blind relay to connect to", keyArgument)
    .option("--bootstrap <list>", "bootstrap nodes, host:port separated by commas", bootstrapArgument)
    .option("--host <ip>", "address to bind to")
    .option("--port <number>", "port to bind to", portArgument)
    .option("--json", "print one JSON value per line")
    .action(async (flags: DoctorFlags) => {
      const output = new Output(terminal, flags.json === true);
      let failureCount = 0;
      const findings = examine({
        createNode: () => new HyperDHT(nodeOptions(flags)),
        peer: flags.peer,
        relay: flags.relay,
      });
      for await (const finding of findings) {
        if (finding.status === "failed") failureCount++;
        output.tell(findingText(finding), { ...finding });
      }
      if (failureCount > 0) {
        throw new CommandError(`${failureCount} of the checks failed`);
      }
    });
}

function findingText({ stage, status, summary, advice }: Finding): string {
  const line = `${MARKS[status]} ${stage.padEnd(10)} ${summary}`;
  return advice === null ? line : `${line}\n${" ".repeat(MARKS.ok.length + 12)}${advice}`;
}

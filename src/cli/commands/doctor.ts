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
  hostArgument,
  keyArgument,
  type NetworkFlags,
  nodeOptions,
  portArgument,
} from "../arguments.ts";
import { CommandError, Output, type Terminal, wrapped } from "../terminal.ts";

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
    .option("--host <ip>", "address to bind to", hostArgument)
    .option("--port <number>", "port to bind to", portArgument)
    .option("--json", "print one JSON value per line")
    .action(async (flags: DoctorFlags) => {
      const output = new Output(terminal, flags.json === true);
      let failureCount = 0;
      const findings = examine({
        createNode: (use) =>
          new HyperDHT(nodeOptions(use === "examined" ? flags : { ...flags, port: undefined })),
        peer: flags.peer,
        relay: flags.relay,
        signal: terminal.signal,
      });
      for await (const finding of findings) {
        if (finding.status === "failed") failureCount++;
        output.tell(findingText(finding, terminal), { ...finding });
      }
      if (failureCount > 0) {
        throw new CommandError(`${failureCount} of the checks failed`);
      }
    });
}

function findingText({ stage, status, summary, advice }: Finding, terminal: Terminal): string {
  const head = `${MARKS[status]} ${stage.padEnd(10)} `;
  // A file gets whole lines, which are easier to search.
  const charCount = terminal.isInteractive ? terminal.columns - head.length : Infinity;
  const lines = [summary, ...(advice === null ? [] : [advice])].flatMap((text) => wrapped(text, charCount));
  return head + lines.join(`\n${" ".repeat(head.length)}`);
}

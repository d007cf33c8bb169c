/**
 * `quince drives …`: sharing folders. Source of commands and flags: `drives` 2.9.1 (bin.js).
 *
 * @module
 */
import type { Command } from "commander";
import type { Terminal } from "../../terminal.ts";
import { addReading } from "./reading.ts";
import { addSharing } from "./sharing.ts";
import { addWriting } from "./writing.ts";

/** Adds the commands to `program`. */
export function addDrivesCommands(program: Command, terminal: Terminal): void {
  const drives = program.command("drives").description(
    "Share folders: mirror, seed, download and serve drives",
  );
  addSharing(drives, terminal);
  addReading(drives, terminal);
  addWriting(drives, terminal);
}

/**
 * What the commands on drives share: flags, a session, drives that are opened and found.
 *
 * @module
 */
import type { Command } from "commander";
import { HyperDHT } from "../../../hyperdht/mod.ts";
import { Hyperdrive } from "../../../hyperdrive/mod.ts";
import { Hyperswarm } from "../../../hyperswarm/mod.ts";
import {
  type Drive,
  DrivesError,
  DrivesSession,
  findStore,
  type OpenKeyOptions,
  parseDrive,
  type StoreUse,
} from "../../../tools/drives/mod.ts";
import {
  bootstrapArgument,
  hostArgument,
  keyText,
  type NetworkFlags,
  nodeOptions,
  portArgument,
} from "../../arguments.ts";
import { StatusLine } from "../../status_line.ts";
import { Output, type Terminal } from "../../terminal.ts";

/** Exit code where a file is not there. */
export const NOT_FOUND = 2;

/** Flags that all commands take. */
export interface DriveFlags extends NetworkFlags {
  readonly storage?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly silent?: boolean;
}

/** What a command works with. */
export interface Work {
  readonly session: DrivesSession;
  readonly output: Output;
  readonly status: StatusLine;
  readonly terminal: Terminal;
}

/** A command with the flags that all take; one without network has no more than `--json`. */
export function command(drives: Command, name: string, isOnNetwork = true): Command {
  const added = drives.command(name).option("--json", "print one JSON value per line");
  if (!isOnNetwork) return added;
  return added
    .option("--storage <path>", "where drives are kept (default: the nearest .drives, or that of the home)")
    .option("--bootstrap <list>", "bootstrap nodes, host:port separated by commas", bootstrapArgument)
    .option("--host <ip>", "address to bind to", hostArgument)
    .option("--port <number>", "port to bind to", portArgument);
}

/** How a command uses its store. */
export interface StoreFlags {
  /** Where it is, whatever the flags say. */
  readonly storage?: string;
  /** What is done with its drives (default `"write"`). */
  readonly use?: StoreUse;
}

/** Runs a command with a session, which is closed at the end. */
export async function withSession(
  flags: DriveFlags,
  terminal: Terminal,
  run: (work: Work) => Promise<void>,
  { storage, use }: StoreFlags = {},
): Promise<void> {
  using status = new StatusLine(terminal, flags.json !== true);
  const output = new Output(terminal, flags.json === true, () => status.clear());
  await using session = new DrivesSession({
    storage: storage ?? (() => findStore(flags.storage)),
    use,
    onunkept(holder) {
      status.clear();
      terminal.err(`The store is in use by ${holder}: the drive is fetched from its peers and not kept\n`);
    },
    createSwarm: () => {
      const swarm = new Hyperswarm({ dht: new HyperDHT(nodeOptions(flags)) });
      if (flags.verbose) {
        swarm.on("connection", (connection) => {
          const key = keyText(connection.remotePublicKey!);
          output.tell(`Peer opened ${key}`, { event: "peer-open", key });
          connection.on("close", () => output.tell(`Peer closed ${key}`, { event: "peer-close", key }));
        });
      }
      return swarm;
    },
  });
  try {
    await run({ session, output, status, terminal });
  } finally {
    status.show(() => "Closing"); // withdrawing an announcement takes a moment, where nobody answers some seconds
  }
}

/** Opens a drive by its key. @throws {DrivesError} `BAD_DRIVE`. */
export async function openHyperdrive(
  session: DrivesSession,
  text: string,
  options: OpenKeyOptions = {},
): Promise<Hyperdrive> {
  const argument = parseDrive(text);
  if (argument.kind === "key") return await session.openKey(argument.key, options);
  throw new DrivesError("BAD_DRIVE", `${text} is no key of a drive`);
}

/** Opens a drive to read it: one that others write is looked up, and its newest version asked for. */
export async function openConnected(work: Work, text: string): Promise<Drive> {
  const drive = await work.session.openSource(text);
  if (drive instanceof Hyperdrive) await connectReader(work, drive);
  return drive;
}

/** Looks for peers that have a drive that others write, and waits for its newest version. */
export async function connectReader({ session, status, terminal }: Work, drive: Hyperdrive): Promise<void> {
  if (session.isSettled(drive)) return;
  status.show(() => "Looking for peers that have the drive");
  void session.connect(drive);
  await session.fetchMetadata(drive, terminal.signal);
  status.end();
}

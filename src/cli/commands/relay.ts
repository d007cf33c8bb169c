/**
 * `quince relay`: runs a blind relay.
 *
 * @module
 */
import type { Command } from "commander";
import { HyperDHT } from "../../hyperdht/mod.ts";
import { RelayNode } from "../../tools/relay/mod.ts";
import {
  bootstrapArgument,
  countArgument,
  hostArgument,
  identity,
  keyArgument,
  keyText,
  type NetworkFlags,
  nodeOptions,
  portArgument,
  positiveArgument,
} from "../arguments.ts";
import { tellNetwork } from "../network.ts";
import { Output, type Terminal, untilStopped } from "../terminal.ts";

interface RelayFlags extends NetworkFlags {
  readonly seed?: Uint8Array;
  readonly pairs?: number;
  readonly rate?: number;
  readonly totalRate?: number;
  readonly hours?: number;
  readonly json?: boolean;
}

const KIB = 1024;
const HOUR_MS = 3_600_000;

/** Adds the command to `program`. */
export function addRelayCommand(program: Command, terminal: Terminal): void {
  program.command("relay")
    .description("Run a blind relay for peers that find no direct way; it cannot read what it passes on")
    .option("--seed <seed>", "seed of the relay's key, so that it stays the same", keyArgument)
    .option("--pairs <count>", "pairs of peers at a time (default 512)", countArgument)
    .option("--rate <KiB/s>", "rate of a pair in each direction (default 1024)", positiveArgument)
    .option("--total-rate <KiB/s>", "rate of all pairs together (default 16384)", positiveArgument)
    .option("--hours <number>", "how long a pair may last (default 6)", positiveArgument)
    .option("--bootstrap <list>", "bootstrap nodes, host:port separated by commas", bootstrapArgument)
    .option("--host <ip>", "address to bind to", hostArgument)
    .option("--port <number>", "port to bind to", portArgument)
    .option("--json", "print one JSON value per line")
    .action(async (flags: RelayFlags) => {
      const output = new Output(terminal, flags.json === true);
      await using dht = new HyperDHT({ ...nodeOptions(flags), keyPair: identity(flags.seed) });
      await using relay = new RelayNode({
        dht,
        limits: {
          ...(flags.pairs && { pairsMax: flags.pairs }),
          ...(flags.rate && { pairBytesPerSecond: flags.rate * KIB }),
          ...(flags.totalRate && { bytesPerSecond: flags.totalRate * KIB }),
          ...(flags.hours && { pairMs: flags.hours * HOUR_MS }),
        },
      });
      await tellNetwork(dht, output, terminal);
      await relay.listen();
      const key = keyText(relay.publicKey);
      output.tell(`Relaying as ${key}`, { event: "listening", key });
      await untilStopped(terminal);
      const { pairings: { matched }, traffic: { bytesRelayed } } = relay.stats;
      output.tell(`Relayed pairs: ${matched}, bytes: ${bytesRelayed}`, {
        event: "stopped",
        matched,
        bytesRelayed,
      });
    });
}

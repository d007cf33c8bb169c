/**
 * `quince dht`: runs nodes of the DHT. Source of the flags: `hyperdht` 6.34.0 (bin.js).
 *
 * @module
 */
import type { Command } from "commander";
import { HyperDHT } from "../../hyperdht/mod.ts";
import { bootstrapArgument, countArgument, hostArgument, portArgument } from "../arguments.ts";
import { tellNetwork } from "../network.ts";
import { CommandError, Output, type Terminal, untilStopped } from "../terminal.ts";

interface DhtFlags {
  readonly bootstrap?: readonly string[] | true;
  readonly host?: string;
  readonly port?: number;
  readonly nodes: number;
  readonly node?: boolean;
  readonly json?: boolean;
}

const BOOTSTRAP_PORT = 49_737;

/** Adds the command to `program`. */
export function addDhtCommand(program: Command, terminal: Terminal): void {
  program.command("dht")
    .description("Run a node of the DHT, or with --bootstrap alone the first node of a network of your own")
    .option(
      "--bootstrap [list]",
      "bootstrap nodes, host:port separated by commas; none: be one",
      bootstrapArgument,
    )
    .option("--host <ip>", "address to bind to; a bootstrap node's own address", hostArgument)
    .option("--port <number>", "port to bind to, with a single node", portArgument)
    .option("--nodes <count>", "how many nodes to run", countArgument, 1)
    .option("--node", "run a single node, whatever --nodes says")
    .option("--json", "print one JSON value per line")
    .action(async (flags: DhtFlags) => {
      const output = new Output(terminal, flags.json === true);
      if (flags.bootstrap === true) await runBootstrapNode(flags, terminal, output);
      else await runNodes({ ...flags, bootstrap: flags.bootstrap }, terminal, output);
    });
}

async function runBootstrapNode(flags: DhtFlags, terminal: Terminal, output: Output): Promise<void> {
  if (flags.host === undefined) {
    throw new CommandError(
      "A bootstrap node must know its address: give --host with the one others reach it at",
    );
  }
  await using node = HyperDHT.bootstrapper(flags.port || BOOTSTRAP_PORT, flags.host, { host: flags.host });
  await node.fullyBootstrapped({ signal: terminal.signal });
  const { host, port } = node.address()!;
  output.tell(`Bootstrap node bound to ${host}:${port}`, { event: "bootstrap", host, port });
  await untilStopped(terminal);
}

async function runNodes(
  flags: DhtFlags & { readonly bootstrap?: readonly string[] },
  terminal: Terminal,
  output: Output,
): Promise<void> {
  const count = flags.node ? 1 : flags.nodes;
  if (flags.port && count !== 1) throw new CommandError("--port goes with a single node");
  await using nodes = new AsyncDisposableStack();
  for (let number = 0; number < count && !terminal.signal.aborted; number++) {
    const node = nodes.use(
      new HyperDHT({ bootstrap: flags.bootstrap, host: flags.host, port: flags.port, anyPort: !flags.port }),
    );
    const tell = (event: string, words: string): void => {
      const { host, port } = node.address()!;
      output.tell(`Node #${number} ${words} ${host}:${port}`, { event, node: number, host, port });
    };
    node.on("ephemeral", () => tell("ephemeral", "is ephemeral, at"));
    node.on("persistent", () => tell("persistent", "is persistent and joins the tables of others, at"));
    await node.bind();
    tell("bound", "is bound to");
    await tellNetwork(node, output, terminal);
  }
  output.tell(`${count} ${count === 1 ? "node is" : "nodes are"} running`, { event: "started", count });
  await untilStopped(terminal);
}

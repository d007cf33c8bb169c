/**
 * `quince lookup`, `quince announce` and `quince ping`: asking the DHT by hand.
 *
 * @module
 */
import type { Command } from "commander";
import { utf8Bytes } from "../../base/mod.ts";
import { HyperDHT, type KeyPair } from "../../hyperdht/mod.ts";
import {
  addressArgument,
  bootstrapArgument,
  hostArgument,
  identity,
  keyArgument,
  keyText,
  type NetworkFlags,
  nodeOptions,
  portArgument,
} from "../arguments.ts";
import { requireNetwork } from "../network.ts";
import { CommandError, Output, type Terminal, untilStopped, USAGE } from "../terminal.ts";

interface TopicFlags extends NetworkFlags {
  readonly text?: boolean;
  readonly seed?: Uint8Array;
  readonly json?: boolean;
}

const NO_PEERS = 2;
/** How long an announcement may take to be withdrawn, ms. */
const WITHDRAWAL_MS = 2500;

/** Adds the commands to `program`. */
export function addTopicCommands(program: Command, terminal: Terminal): void {
  withNetworkFlags(program.command("lookup"))
    .description("List the peers that announced a topic; exit code 2 where there are none")
    .argument("<topic>", "a topic as a key, or with --text any text")
    .option("--text", "the topic is the hash of the given text")
    .action(async (topic: string, flags: TopicFlags) => {
      const output = new Output(terminal, flags.json === true);
      const target = topicOf(topic, flags);
      await using dht = new HyperDHT(nodeOptions(flags));
      const known = new Set<string>();
      for await (const { peers } of dht.lookup(target, { signal: terminal.signal })) {
        for (const { publicKey, relayAddresses } of peers) {
          const key = keyText(publicKey);
          if (known.has(key)) continue;
          known.add(key);
          output.tell(key, { event: "peer", key, relayAddresses });
        }
      }
      if (known.size > 0) return;
      await requireNetwork(dht, terminal.signal); // an answer of nobody is no answer
      throw new CommandError("Nobody has announced this topic", NO_PEERS);
    });

  withNetworkFlags(program.command("announce"))
    .description("Announce a topic and stay reachable until stopped; each connection is told and closed")
    .argument("<topic>", "a topic as a key, or with --text any text")
    .option("--text", "the topic is the hash of the given text")
    .option("--seed <seed>", "seed of the key to announce (default: a fresh one)", keyArgument)
    .action(async (topic: string, flags: TopicFlags) => {
      const output = new Output(terminal, flags.json === true);
      const target = topicOf(topic, flags);
      await using dht = new HyperDHT(nodeOptions(flags));
      const keyPair = identity(flags.seed);
      const server = dht.createServer((socket) => {
        const remote = keyText(socket.remotePublicKey!);
        output.tell(`Connection from ${remote}`, { event: "connection", key: remote });
        socket.on("error", () => {}); // it is closed anyway
        socket.end();
      });
      await requireNetwork(dht, terminal.signal);
      await server.listen(keyPair);
      await dht.announce(target, keyPair, server.relayAddresses ?? []).finished();
      const key = keyText(keyPair.publicKey);
      output.tell(`Announced as ${key}`, { event: "announced", key, topic: keyText(target) });
      await untilStopped(terminal);
      await Promise.all([withdraw(dht, target, keyPair, output), server.close()]);
    });

  withNetworkFlags(program.command("ping"))
    .description("Measure how long a node (host:port) or a peer (its key) takes to answer")
    .argument("<target>", "host:port or a key")
    .action(async (target: string, flags: NetworkFlags & { readonly json?: boolean }) => {
      const output = new Output(terminal, flags.json === true);
      const address = target.includes(":") ? addressArgument(target) : null;
      const publicKey = address === null ? keyArgument(target) : null;
      await using dht = new HyperDHT(nodeOptions(flags));
      const startedMs = performance.now();
      if (address !== null) await dht.ping(address, { signal: terminal.signal });
      else await connectOnce(dht, publicKey!, terminal.signal);
      const durationMs = Math.round(performance.now() - startedMs);
      output.tell(`${target} answered in ${durationMs} ms`, { event: "answered", target, durationMs });
    });
}

/** Withdraws an announcement; nodes forget it by themselves where they are not reached any more. */
async function withdraw(dht: HyperDHT, target: Uint8Array, keyPair: KeyPair, output: Output): Promise<void> {
  const query = dht.lookupAndUnannounce(target, keyPair, { signal: AbortSignal.timeout(WITHDRAWAL_MS) });
  await query.finished().catch(() => {}); // how many answered is what counts
  if (query.successes > 0) return;
  output.tell("Not withdrawn, the network does not answer; nodes forget it within 20 minutes", {
    event: "not-withdrawn",
  });
}

function withNetworkFlags(command: Command): Command {
  return command
    .option("--bootstrap <list>", "bootstrap nodes, host:port separated by commas", bootstrapArgument)
    .option("--host <ip>", "address to bind to", hostArgument)
    .option("--port <number>", "port to bind to", portArgument)
    .option("--json", "print one JSON value per line");
}

function topicOf(topic: string, flags: TopicFlags): Uint8Array {
  if (flags.text) return HyperDHT.hash(utf8Bytes(topic));
  try {
    return keyArgument(topic);
  } catch {
    throw new CommandError(`"${topic}" is no key; with --text any text can be a topic`, USAGE);
  }
}

async function connectOnce(dht: HyperDHT, publicKey: Uint8Array, signal: AbortSignal): Promise<void> {
  const socket = dht.connect(publicKey, { signal });
  let failure: Error | null = null;
  socket.on("error", (error: Error) => failure = error);
  const isOpen = await socket.opened;
  socket.destroy();
  if (!isOpen) throw failure ?? new CommandError("The connection was closed at once");
}

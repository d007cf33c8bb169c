/**
 * Whether the network is there, which commands find out before they say that nobody has something.
 *
 * @module
 */
import type { HyperDHT } from "../hyperdht/mod.ts";
import { CommandError, type Output, type Terminal } from "./terminal.ts";

/**
 * Waits until the node knows the network.
 *
 * @throws {CommandError} where no node of it answers.
 * @throws what binding the sockets or sending failed with, or the signal's reason.
 */
export async function requireNetwork(dht: HyperDHT, signal: AbortSignal): Promise<void> {
  await dht.fullyBootstrapped({ signal });
  if (!isAlone(dht)) return;
  throw dht.refusal ??
    new CommandError(`${silenceText(dht)}; "quince doctor" with the same flags tells more`);
}

/** Waits until the node knows the network; where no node answers, says so and that it is tried again. */
export async function tellNetwork(dht: HyperDHT, output: Output, { signal }: Terminal): Promise<void> {
  await dht.fullyBootstrapped({ signal });
  if (!isAlone(dht)) return;
  if (dht.refusal !== null) throw dht.refusal;
  output.tell(`${silenceText(dht)}; it is asked again within a minute`, {
    event: "offline",
    bootstrap: bootstrapTexts(dht),
  });
  dht.once("add-node", () => output.tell("The network answers", { event: "online" }));
}

/** Whether none of the nodes that it was told of has answered. */
function isAlone(dht: HyperDHT): boolean {
  return dht.bootstrapNodes.length > 0 && dht.stats.requests.responses === 0;
}

function silenceText(dht: HyperDHT): string {
  return `No node of the network answers, of ${bootstrapTexts(dht).join(", ")}`;
}

function bootstrapTexts(dht: HyperDHT): string[] {
  return dht.bootstrapNodes.map(({ host, port }) => `${host}:${port}`);
}

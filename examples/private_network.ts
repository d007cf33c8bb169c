/**
 * A network of your own: nothing in it talks to the public one, so it works offline and in closed networks.
 *
 *     deno run --unstable-net --allow-net=127.0.0.1 examples/private_network.ts 127.0.0.1 49737
 *
 * The first node is what others enter by, at an address that all of them can reach; two more keep what is announced.
 * Prints `bootstrap HOST:PORT`, which every node of the network is given:
 *
 *     new DHT({ bootstrap: ["127.0.0.1:49737"] })
 *
 * Runs until interrupted.
 *
 * @module
 */
import process from "node:process";
import DHT from "@quince/quince/hyperdht";

const [host = "127.0.0.1", port = "49737"] = process.argv.slice(2);

const first = DHT.bootstrapper(Number(port), host, { host });
await first.fullyBootstrapped();

const bootstrap = [`${host}:${port}`];
const nodes = [first];
while (nodes.length < 3) {
  // Reachable from everywhere in this network, so there is no need to find out.
  const node = new DHT({ host, bootstrap, ephemeral: false, firewalled: false });
  await node.fullyBootstrapped();
  nodes.push(node);
}
process.stdout.write(`bootstrap ${bootstrap[0]}\n`);

process.once("SIGINT", async () => {
  await Promise.all(nodes.map((node) => node.destroy()));
});

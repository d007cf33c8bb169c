/** Closing when the network is there, and when it is gone. */
import { strict as assert } from "node:assert";
import { COMMANDS } from "../../../src/hyperdht/constants.ts";
import { HyperDHT, type Server } from "../../../src/hyperdht/mod.ts";
import createTestnet, { type Testnet } from "../../../src/hyperdht/testnet/mod.ts";
import { durationOf, settle, VirtualClock } from "../../helpers/virtual_clock.ts";
import { ownKeyPair } from "./support.ts";

/** A network, and a server on a clock of its own. */
async function network(): Promise<
  { testnet: Testnet; clock: VirtualClock; node: HyperDHT; server: Server } & AsyncDisposable
> {
  const testnet = await createTestnet(4);
  const clock = new VirtualClock();
  const node = testnet.createNode({ clock });
  await node.fullyBootstrapped();
  const server = await node.createServer().listen(ownKeyPair(1));
  return { testnet, clock, node, server, [Symbol.asyncDispose]: () => testnet.destroy() };
}

/** All other nodes end: nobody answers any more. */
async function vanish({ testnet, node }: { testnet: Testnet; node: HyperDHT }): Promise<void> {
  await Promise.all(testnet.nodes.filter((other) => other !== node).map((other) => other.destroy()));
}

/** Servers that the network's nodes lead to. */
function routeCount({ nodes }: Testnet): number {
  return nodes.reduce((sum, node) => sum + node.metrics().routes, 0);
}

Deno.test("DHT-041 DHT-079 close() withdraws from every relay, without waiting for time to pass", async () => {
  await using net = await network();
  assert.equal(routeCount(net.testnet), 3 + 1);
  await net.server.close();
  assert.equal(routeCount(net.testnet), 0);
  await net.node.destroy();
  assert.equal(net.clock.pendingCount, 0, "timers are left");
});

Deno.test("DHT-041 DHT-079 close() waits for a relay that is gone as long as another answers", async () => {
  await using net = await network();
  const [gone] = net.testnet.nodes.filter((node) => node.metrics().routes > 0);
  await gone!.destroy();
  const closing = net.server.close();
  while (routeCount(net.testnet) > 0) await settle();
  // Four tries, a second apart.
  assert.equal(await durationOf(closing, net.clock), 4000);
});

Deno.test("DHT-041 DHT-079 close() gives up after 2.5 s where no relay answers, whatever is under way", async () => {
  for (const waitedMs of [0, 3000, 5000]) {
    await using net = await network();
    await vanish(net);
    // Pings leave after three seconds, and again and again.
    net.clock.advance(waitedMs);
    await settle();
    assert.equal(await durationOf(net.server.close(), net.clock), 2500);
    await net.node.destroy();
    assert.equal(net.clock.pendingCount, 0, "timers are left");
  }
});

Deno.test("DHT-068 DHT-069 destroy() and suspend() do not wait longer than close()", async () => {
  for (const end of ["destroy", "suspend"] as const) {
    await using net = await network();
    await vanish(net);
    assert.equal(await durationOf(net.node[end](), net.clock), 2500);
  }
});

Deno.test("DHT-079 an announcement whose answer is not waited for is withdrawn", async () => {
  await using testnet = await createTestnet(4);
  const announced = Promise.withResolvers<void>();
  for (const node of testnet.nodes) {
    node.onrequest = (request) => {
      if (request.command === COMMANDS.ANNOUNCE) {
        request.reply = () => announced.resolve();
      }
      return HyperDHT.prototype.onrequest.call(node, request);
    };
  }
  const clock = new VirtualClock();
  const node = testnet.createNode({ clock });
  await node.fullyBootstrapped();
  const server = node.createServer();
  const listening = server.listen(ownKeyPair(1));
  await announced.promise;
  await server.close();
  await listening;
  assert.equal(routeCount(testnet), 0);
});

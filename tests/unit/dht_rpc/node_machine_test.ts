/** Whole nodes on a virtual clock: bootstrapping, firewalls, becoming persistent, sleep, health, upkeep. */
import { strict as assert } from "node:assert";
import { hexText, utf8Bytes } from "../../../src/base/mod.ts";
import { DELAYED_PING, DOWN_HINT, PING, PING_NAT } from "../../../src/dht_rpc/commands.ts";
import { encodeAddress } from "../../../src/dht_rpc/peer.ts";
import {
  type SimConditions,
  SimNetwork,
  type SimNode,
  type SimNodeOptions,
  type SimRequest,
} from "../../sim/support/dht_network.ts";

const TICK_MS = 5000;
const MINUTE_MS = 60_000;

/** A bootstrapper and `count` persistent nodes, and what others begin with. */
function startNetwork(
  count: number,
  conditions: Partial<SimConditions> = {},
): { network: SimNetwork; options: SimNodeOptions } {
  const network = new SimNetwork(1, conditions);
  const options = { bootstrap: [network.startBootstrapper().server.address] };
  for (let i = 0; i < count; i++) {
    network.start({ ...options, ephemeral: false });
    network.run(2000);
  }
  return { network, options };
}

function isAnswered({ reply }: SimRequest): boolean {
  return reply !== null;
}

function without(events: readonly string[], name: string): string[] {
  return events.filter((event) => event !== name);
}

Deno.test("RPC-008 RPC-031 a bootstrapper is persistent at once, with nobody to ask", () => {
  const { network } = startNetwork(0);
  const [node] = network.nodes as [SimNode];
  assert.deepEqual(node.events, ["persistent", "ready"]);
  assert.equal(node.machine.network.ephemeral, false);
  assert.equal(hexText(node.machine.membership.table.id), hexText(node.id));
  assert.equal(network.sentCount, 0);
});

Deno.test("RPC-005 RPC-031 RPC-035 a node told to be persistent is that before it is ready", () => {
  const { network, options } = startNetwork(5);
  const node = network.start({ ...options, ephemeral: false });
  network.run(2000);
  // The second address is that of the socket which others see from then on.
  assert.deepEqual(node.events, ["nat-update", "nat-update", "persistent", "ready"]);
  assert.equal(node.machine.network.firewalled, false);
  assert.equal(node.machine.requests.commandStats[PING_NAT]!.rx, 5);
  assert.equal(hexText(node.machine.membership.table.id), hexText(node.id));
});

Deno.test("RPC-005 RPC-035 a node told to be persistent stays ephemeral behind a firewall", () => {
  const { network, options } = startNetwork(5);
  const node = network.start({ ...options, ephemeral: false, isFirewalled: true });
  network.run(30_000);
  assert.deepEqual(node.events, ["nat-update", "ready"]);
  assert.equal(node.machine.network.ephemeral, true);
  assert.equal(node.machine.network.firewalled, true);
});

Deno.test("RPC-006 RPC-035 quickFirewall: a node that can be reached knows it when it is ready, and stays ephemeral", () => {
  const { network, options } = startNetwork(12, { latencyMs: 10, spreadMs: 0 });
  const node = network.start(options);
  network.run(5000);
  assert.deepEqual(without(node.events, "nat-update"), ["ready"]);
  assert.equal(node.machine.network.firewalled, false);
  assert.equal(node.machine.network.ephemeral, true);
});

Deno.test("RPC-006 RPC-035 quickFirewall: an answer after the first walk changes nothing", () => {
  const { network, options } = startNetwork(0, { latencyMs: 10, spreadMs: 0 });
  const node = network.start(options);
  network.run(5000);
  assert.deepEqual(node.machine.requests.commandStats[PING_NAT], { tx: 1, rx: 1 });
  assert.equal(node.machine.network.firewalled, true);
});

Deno.test("RPC-006 quickFirewall false: the same node takes itself for firewalled", () => {
  const { network, options } = startNetwork(12);
  const node = network.start({ ...options, quickFirewall: false });
  network.run(5000);
  assert.equal(node.machine.network.firewalled, true);
  assert.equal(node.machine.requests.commandStats[PING_NAT]!.tx, 0);
});

Deno.test("RPC-033 an adaptive node becomes persistent after 20 minutes", () => {
  const { network, options } = startNetwork(12);
  const node = network.start({ ...options, quickFirewall: false });
  network.run(19.9 * MINUTE_MS);
  assert.equal(node.machine.network.ephemeral, true);
  network.run(0.5 * MINUTE_MS);
  assert.deepEqual(without(node.events, "nat-update"), ["ready", "persistent"]);
  assert.equal(node.machine.network.firewalled, false);
  assert.equal(hexText(node.machine.membership.table.id), hexText(node.id));
  network.run(5 * MINUTE_MS);
  const knownTo = network.nodes.filter((other) => other.machine.membership.table.has(node.id));
  assert.equal(knownTo.length, 13, "all others have it in their tables");
});

Deno.test("RPC-033 an adaptive node behind a firewall stays ephemeral, and asks again after an hour only when its host changed", () => {
  const { network, options } = startNetwork(12);
  const node = network.start({ ...options, isFirewalled: true });
  network.run(25 * MINUTE_MS);
  assert.equal(node.machine.network.ephemeral, true);
  const asked = node.machine.requests.commandStats[PING_NAT]!.tx;
  assert.equal(asked, 6, "once quickly, five in the test");
  network.run(130 * MINUTE_MS);
  assert.equal(node.machine.requests.commandStats[PING_NAT]!.tx, asked);
});

Deno.test("RPC-005 adaptive false: a node stays ephemeral for good", () => {
  const { network, options } = startNetwork(12);
  const node = network.start({ ...options, adaptive: false });
  network.run(90 * MINUTE_MS);
  assert.equal(node.machine.network.ephemeral, true);
});

Deno.test("RPC-036 RPC-032 a gap of more than 15 s between ticks makes an adaptive node ephemeral again", () => {
  const { network, options } = startNetwork(12);
  const node = network.start({ ...options, quickFirewall: false });
  network.run(21 * MINUTE_MS);
  assert.equal(node.machine.network.ephemeral, false);
  node.events.length = 0;
  const { nowMs } = network.time;
  node.act((machine) => machine.handleTimeout(nowMs + TICK_MS, nowMs + 14_000));
  assert.deepEqual(node.events, []);
  node.act((machine) => machine.handleTimeout(nowMs + 2 * TICK_MS, nowMs + 29_001));
  assert.deepEqual(node.events, ["ephemeral", "wakeup"]);
});

Deno.test("RPC-036 a node that is persistent by order stays so when the machine slept", () => {
  const { network, options } = startNetwork(3);
  const node = network.start({ ...options, ephemeral: false });
  network.run(2000);
  node.events.length = 0;
  node.act((machine, nowMs) => machine.handleTimeout(nowMs + TICK_MS, nowMs + 100_000));
  assert.deepEqual(node.events, ["wakeup"]);
  assert.equal(node.machine.network.ephemeral, false);
});

Deno.test("RPC-029 RPC-032 suspend() fails what is under way, resume() wakes up", () => {
  const { network, options } = startNetwork(3);
  const node = network.start({ ...options, ephemeral: false });
  network.run(2000);
  node.events.length = 0;
  const request = node.request(network.nodes[1]!.server.address, { command: 5 });
  node.act((machine, nowMs) => machine.suspend(nowMs));
  assert.match(request.error!.message, /^IO_SUSPENDED: /);
  assert.throws(() => node.request(network.nodes[1]!.server.address, { command: 5 }), {
    code: "IO_SUSPENDED",
  });
  network.run(60_000);
  node.act((machine, nowMs) => {
    machine.resume(nowMs, nowMs);
    machine.handleBound(
      { server: node.server, client: node.client, serverPort: node.server.address.port },
      nowMs,
    );
  });
  assert.deepEqual(node.events, ["wakeup"]);
  const again = node.request(network.nodes[1]!.server.address, { command: 5 });
  network.run(1000);
  assert.equal(again.reply?.error, 0);
});

Deno.test("RPC-011 RPC-032 RPC-037 a node notices that its network is gone, and that it is back", () => {
  const { network, options } = startNetwork(12);
  const node = network.start(options);
  network.run(MINUTE_MS);
  node.events.length = 0;
  const others = network.nodes.filter((other) => other !== node);
  const ask = (): void => {
    for (const other of others) node.request(other.server.address, { command: PING, internal: true });
    network.run(TICK_MS);
  };
  for (let i = 0; i < 4; i++) ask();
  assert.deepEqual([node.machine.online, node.machine.degraded], [true, false]);
  // Whoever is called something else does not answer.
  const hidden = others.map(({ server }) => ({ server, port: server.address.port }));
  for (const { server } of hidden) server.node.isMuted = true;
  for (let i = 0; i < 4; i++) ask();
  assert.equal(node.machine.online, false);
  assert.deepEqual(node.events, ["network-update"]);
  for (const { server } of hidden) server.node.isMuted = false;
  for (let i = 0; i < 3; i++) ask();
  assert.equal(node.machine.online, true);
  assert.deepEqual(node.events, ["network-update", "network-update"]);
});

Deno.test("RPC-010 RPC-012 RPC-031 the address that nodes tell is ours once they agree", () => {
  const { network, options } = startNetwork(6);
  const node = network.start(options);
  assert.deepEqual([node.machine.network.host, node.machine.network.port], [null, 0]);
  network.run(5000);
  assert.deepEqual(
    [node.machine.network.host, node.machine.network.port],
    [node.server.address.host, node.server.address.port],
  );
  assert.equal(node.events[0], "nat-update");
});

Deno.test("RPC-024 RPC-W04 a delayed ping is answered after its delay, one above 10 s not at all", () => {
  const { network } = startNetwork(1);
  const [asked, asker] = network.nodes as [SimNode, SimNode];
  const delayed = (delayMs: number): ReturnType<SimNode["request"]> =>
    asker.request(asked.server.address, {
      command: DELAYED_PING,
      internal: true,
      value: Uint8Array.of(delayMs, delayMs >> 8, 0, 0),
    });
  const short = delayed(500);
  network.run(490);
  assert.equal(isAnswered(short), false);
  network.run(200);
  assert.equal(isAnswered(short), true);
  const long = delayed(10_001);
  network.run(20_000);
  assert.equal(long.reply, null);
  assert.match(long.error!.message, /^REQUEST_TIMEOUT: /);
});

Deno.test("RPC-004 RPC-W04 a down hint makes a node look, and drop who does not answer", () => {
  const { network } = startNetwork(3);
  const [told, alive, dead, teller] = network.nodes as [SimNode, SimNode, SimNode, SimNode];
  network.remove(dead);
  network.run(TICK_MS);
  for (const { server } of [alive, dead]) {
    teller.request(told.server.address, {
      command: DOWN_HINT,
      internal: true,
      value: encodeAddress(server.address),
    });
  }
  network.run(6000);
  assert.equal(told.machine.membership.table.has(dead.id), false);
  assert.equal(told.machine.membership.table.has(alive.id), true);
});

Deno.test("RPC-004 down hints are sent by queries, at most downHintsRateLimit per tick, or not at all", () => {
  for (
    const [options, expected] of [
      [{}, 3],
      [{ downHintsRateLimit: 2 }, 2],
      [{ downHintsRateLimit: -1 }, 3],
      [{ sendDownHints: false }, 0],
    ] as const
  ) {
    const { network } = startNetwork(5);
    const [bootstrapper, ...others] = network.nodes as [SimNode, ...SimNode[]];
    const nodes = [{ id: bootstrapper.id, ...bootstrapper.server.address }];
    for (const dead of others.slice(0, 3)) network.remove(dead);
    const asker = network.start({ ...options, adaptive: false });
    const lookup = asker.lookup(asker.id, { nodes, retries: 0 });
    network.run(3000);
    assert(lookup.endedAtMs > 0);
    // The nodes that are left named the dead ones as well; who was named first hears of it.
    const sent = asker.machine.requests.commandStats[DOWN_HINT]!.tx;
    assert.equal(Math.min(sent, 3), expected);
    if (options && "downHintsRateLimit" in options && options.downHintsRateLimit === 2) assert.equal(sent, 2);
  }
});

Deno.test("RPC-013 RPC-002 nodes that are given are in the table at once, and asked", () => {
  const { network } = startNetwork(3);
  const node = network.start({ bootstraps: false });
  node.act((machine, nowMs) => {
    for (const other of network.nodes.slice(0, 2)) machine.addNode(other.server.address, nowMs);
    machine.bootstrap(nowMs);
  });
  assert.equal(node.machine.membership.nodes.length, 2);
  network.run(5000);
  assert.equal(node.machine.membership.nodes.length, 4, "they named the others");
});

Deno.test("RPC-006 filterNode keeps nodes out of the table and unasked", () => {
  const { network, options } = startNetwork(4);
  const banned = network.nodes[2]!;
  const node = network.start({ ...options, filterNode: ({ host }) => host !== banned.server.address.host });
  network.run(5000);
  assert.equal(node.machine.membership.table.has(banned.id), false);
  assert.equal(node.machine.membership.nodes.length, 4);
  assert.equal(node.client.contacted.has(`${banned.server.address.host}:49737`), false);
});

Deno.test("RPC-026 RPC-033 nodes that vanish leave the tables of those that stay", () => {
  const { network } = startNetwork(12);
  const gone = network.nodes.slice(5, 9);
  for (const node of gone) network.remove(node);
  network.run(10 * MINUTE_MS);
  for (const node of network.nodes.filter((other) => !other.isGone)) {
    for (const { id } of gone) assert.equal(node.machine.membership.table.has(id), false);
    assert.equal(node.machine.membership.nodes.length, 8);
  }
});

Deno.test("RPC-030 a request nobody handles is an unknown command, one of the protocol's own too", () => {
  const { network } = startNetwork(1);
  const [asked, asker] = network.nodes as [SimNode, SimNode];
  const own = asker.request(asked.server.address, { command: 99, internal: true });
  const user = asker.request(asked.server.address, { command: 99, value: utf8Bytes("hi") });
  network.run(1000);
  assert.equal(own.reply?.error, 1);
  assert.equal(user.reply?.error, 0);
  assert.equal(hexText(user.reply!.value!), "6869");
});

/** Simulated DHT nodes among hostile ones: floods, guesses, forged ids and tokens, poisoned answers. */
import { strict as assert } from "node:assert";
import { concatBytes, equalBytes, hexText, SeededRandom } from "../../src/base/mod.ts";
import { DELAYED_PING, DOWN_HINT, FIND_NODE, PING } from "../../src/dht_rpc/commands.ts";
import { decodeReply, encodeReply, encodeRequest } from "../../src/dht_rpc/messages.ts";
import { encodeAddress, type PeerAddress, peerId } from "../../src/dht_rpc/peer.ts";
import { compareDistance } from "../../src/dht_rpc/routing_table.ts";
import { SimNetwork, type SimNode } from "./support/dht_network.ts";

const ATTACKER: PeerAddress = { host: "66.6.6.6", port: 666 };

/** A network of persistent nodes. */
function grow(seed: number, count: number): SimNetwork {
  const network = new SimNetwork(seed);
  const bootstrap = [network.startBootstrapper().server.address];
  while (network.nodes.length < count) {
    network.start({ bootstrap, ephemeral: false, firewalled: false });
    network.run(200);
  }
  network.run(5000);
  return network;
}

function request(to: PeerAddress, changes: Partial<Parameters<typeof encodeRequest>[0]> = {}): Uint8Array {
  return encodeRequest({
    tid: 1,
    to,
    id: null,
    token: null,
    internal: true,
    command: PING,
    target: null,
    value: null,
    ...changes,
  });
}

/** Requests of all other nodes to `asked`, one every 100 ms each; returns the part that was answered. */
function honestPart(network: SimNetwork, asked: SimNode, forMs: number, attack: () => void): number {
  const others = network.nodes.filter((node) => node !== asked);
  const requests: ReturnType<SimNode["request"]>[] = [];
  for (let passedMs = 0; passedMs < forMs; passedMs += 100) {
    for (const node of others) {
      requests.push(node.request(asked.server.address, { command: PING, internal: true }));
    }
    attack();
    network.run(100);
  }
  network.run(1000);
  return requests.filter(({ reply }) => reply !== null).length / requests.length;
}

/** What a node holds for others, and asks because of them. */
function holdings({ machine }: SimNode) {
  return { nodes: machine.membership.nodes.length, requests: machine.requests.activeCount };
}

Deno.test("RPC-030 a flood from one address: honest nodes are served, the flooder gets its share", () => {
  const network = grow(1, 20);
  const [asked] = network.nodes as [SimNode];
  const flood = request(asked.server.address);
  const before = network.sentCount;
  const held = holdings(asked);
  const part = honestPart(network, asked, 1000, () => {
    for (let i = 0; i < 20_000; i++) network.inject(ATTACKER, asked.server.address, flood);
  });
  assert.equal(part, 1);
  const answered = network.sentCount - before - 200_000;
  assert(asked.machine.service.droppedCount > 140_000, `${asked.machine.service.droppedCount} dropped`);
  assert(answered < 50_000, `${answered} other datagrams`);
  assert.deepEqual(holdings(asked), held);
  assert(asked.machine.service.sourceCount <= 40, `${asked.machine.service.sourceCount} sources`);
});

Deno.test("RPC-030 a flood from 50 000 addresses: nodes that have shown theirs are served", () => {
  const network = grow(2, 20);
  const [asked] = network.nodes as [SimNode];
  for (const node of network.nodes.slice(1)) {
    asked.request(node.server.address, { command: PING, internal: true });
  }
  network.run(1000);
  const flood = request(asked.server.address, { internal: true, command: FIND_NODE, target: asked.id });
  let next = 0;
  const part = honestPart(network, asked, 1000, () => {
    for (let i = 0; i < 20_000; i++) {
      const index = next++ % 50_000;
      network.inject({ host: `66.${index >> 8}.${index & 255}.1`, port: 1 }, asked.server.address, flood);
    }
  });
  assert.equal(part, 1);
  assert(asked.machine.service.droppedCount > 50_000, `${asked.machine.service.droppedCount} dropped`);
  assert(asked.machine.service.sourceCount <= 2 * 4096 + 1, `${asked.machine.service.sourceCount} sources`);
  assert.equal(holdings(asked).nodes, 19);
});

Deno.test("RPC-022 guessed transaction ids change no lookup", () => {
  const network = grow(3, 40);
  const [node] = network.nodes.slice(-1) as [SimNode];
  const target = network.randomBytes(32);
  const lookup = node.lookup(target);
  const poison = concatBytes(
    Array.from({ length: 20 }, (_, i) => encodeAddress({ host: `66.1.1.${i}`, port: 1 })),
  );
  for (let tid = 0; tid < 65_536; tid++) {
    const bytes = encodeReply({
      tid,
      to: node.server.address,
      id: peerId(ATTACKER.host, ATTACKER.port),
      token: null,
      closerNodes: poison,
      error: 0,
      value: null,
    });
    network.inject(ATTACKER, node.server.address, bytes);
    if (tid % 1000 === 0) network.run(2);
  }
  assert(network.runUntil(() => lookup.endedAtMs >= 0, 60_000));
  const expected = network.nodes.filter((other) => other !== node)
    .sort((a, b) => compareDistance(target, a.id, b.id)).slice(0, 20);
  const found = lookup.walk!.query.closestReplies.map((reply) => hexText(reply.from.id));
  const missed = expected.filter((other) => !found.includes(hexText(other.id)));
  assert(missed.length <= 1, `${missed.length} of 20 were not found`);
});

Deno.test("RPC-009 a forged id does not get into a table", () => {
  const network = grow(4, 5);
  const [victim, asked] = network.nodes as [SimNode, SimNode];
  for (const id of [victim.id, network.randomBytes(32), asked.id]) {
    network.inject(ATTACKER, asked.server.address, request(asked.server.address, { id }));
  }
  network.run(1000);
  const hosts = asked.machine.membership.nodes.toArray().map(({ host }) => host);
  assert.equal(hosts.includes(ATTACKER.host), false);
  assert.equal(asked.machine.membership.table.get(victim.id)!.host, victim.server.address.host);
});

Deno.test("RPC-009 RPC-013 a flood of ids of addresses where nobody is takes free room only, for some minutes", () => {
  const network = grow(10, 20);
  const [asked] = network.nodes as [SimNode];
  const held = holdings(asked);
  const pings = asked.machine.requests.commandStats[PING]!.tx;
  let next = 0;
  let requestsMax = 0;
  const part = honestPart(network, asked, 1000, () => {
    for (let i = 0; i < 1000; i++) {
      const index = next++;
      const from = { host: `66.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, port: 1 };
      // Half of them are forged, the others true.
      const id = index % 2 === 0 ? peerId(from.host, from.port) : network.randomBytes(32);
      network.inject(from, asked.server.address, request(asked.server.address, { id }));
    }
    requestsMax = Math.max(requestsMax, asked.machine.requests.activeCount);
  });
  assert.equal(part, 1);
  const asking = asked.machine.requests.commandStats[PING]!.tx - pings;
  assert(asking <= 40 && requestsMax <= 10, `${asking} pings, ${requestsMax} requests at a time`);
  // 20 in each row, and ids that share many bits with a given one are rare.
  assert(holdings(asked).nodes <= 20 * 13, `${holdings(asked).nodes} nodes`);
  const honest = network.nodes.filter((node) => node !== asked);
  assert(honest.every(({ id }) => asked.machine.membership.table.get(id) !== null));
  const lookup = network.nodes[1]!.lookup(network.randomBytes(32));
  assert(network.runUntil(() => lookup.endedAtMs >= 0, 60_000));
  assert.equal(lookup.walk!.query.closestReplies.length, 19);
  network.run(15 * 60_000);
  assert.deepEqual(holdings(asked).nodes, held.nodes);
});

Deno.test("RPC-034 a forged token, or another host's, is refused and reaches nobody", () => {
  const network = grow(5, 3);
  const [asked, owner] = network.nodes as [SimNode, SimNode];
  const seen: (Uint8Array | null)[] = [];
  asked.onRequest = ({ token }) => seen.push(token);
  const handle = owner.request(asked.server.address, { command: 9 });
  asked.onRequest = (inbound) => {
    asked.machine.service.reply(
      inbound,
      { error: 0, value: null, hasToken: true, hasCloserNodes: false },
      network.time.nowMs,
    );
    seen.length = 0;
  };
  network.run(500);
  const stolen = handle.reply!.token!;
  asked.onRequest = ({ token }) => seen.push(token);
  for (const token of [stolen, network.randomBytes(32), new Uint8Array(32)]) {
    network.inject(
      ATTACKER,
      asked.server.address,
      request(asked.server.address, { internal: false, command: 9, token }),
    );
  }
  network.run(500);
  assert.deepEqual(seen, []);
  network.inject(
    owner.server.address,
    asked.server.address,
    request(asked.server.address, { internal: false, command: 9, token: stolen }),
  );
  network.run(500);
  assert.equal(seen.length, 1);
});

Deno.test("RPC-016 poisoned answers: with 30 % of the nodes lying, lookups end and find the honest nodes", () => {
  const network = grow(6, 200);
  const random = new SeededRandom(7);
  const liars = new Set(network.nodes.filter(() => random.next() < 0.3));
  liars.delete(network.nodes[0]!);
  let next = 0;
  for (const liar of liars) {
    // A liar names 20 addresses whose ids are as close to the target as a thousand tries get, and nobody there.
    liar.intercept = (socket, bytes, from) => {
      if (bytes[0] !== 0x03) return false;
      const target = bytes.subarray(bytes.length - 32);
      const made = Array.from({ length: 60 }, () => {
        const index = next++;
        return {
          host: `66.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`,
          port: 1 + (index & 1023),
        };
      }).sort((a, b) => compareDistance(target, peerId(a.host, a.port), peerId(b.host, b.port))).slice(0, 20);
      const reply = encodeReply({
        tid: bytes[2]! + 256 * bytes[3]!,
        to: from,
        id: liar.id,
        token: null,
        closerNodes: concatBytes(made.map(encodeAddress)),
        error: 0,
        value: null,
      });
      network.send(socket, { socket, host: from.host, port: from.port, bytes: reply, ttl: 0, tid: null });
      return true;
    };
  }
  const honest = network.nodes.filter((node) => !liars.has(node));
  let found = 0;
  for (let i = 0; i < 20; i++) {
    const node = honest[Math.floor(random.next() * honest.length)]!;
    const target = network.randomBytes(32);
    const lookup = node.lookup(target);
    assert(network.runUntil(() => lookup.endedAtMs >= 0, 600_000), "the lookup ends");
    assert(lookup.walk!.query.visits <= 500);
    const [closest] = honest.filter((other) => other !== node).sort((a, b) =>
      compareDistance(target, a.id, b.id)
    );
    if (lookup.walk!.query.closestReplies.some((reply) => equalBytes(reply.from.id, closest!.id))) found++;
  }
  assert(found >= 19, `${found} of 20 lookups found the closest honest node`);
  // Whoever does not answer is in no table, whatever is said of it.
  for (const { machine } of honest) {
    assert.equal(machine.membership.nodes.toArray().some(({ host }) => host.startsWith("66.")), false);
    assert(machine.requests.activeCount <= 100, `${machine.requests.activeCount} requests under way`);
  }
});

Deno.test("RPC-024 delayed pings that wait are bounded, in all and by host", () => {
  const network = grow(8, 2);
  const [asked] = network.nodes as [SimNode];
  const value = Uint8Array.of(0x10, 0x27, 0, 0);
  const answers = new Map<string, number>();
  const original = network.inject.bind(network);
  network.inject = (from, to, bytes) => {
    if (from === asked.server.address && decodeReply(bytes)) {
      answers.set(to.host, (answers.get(to.host) ?? 0) + 1);
    }
    original(from, to, bytes);
  };
  for (let i = 0; i < 500; i++) {
    original(ATTACKER, asked.server.address, request(asked.server.address, { command: DELAYED_PING, value }));
  }
  for (let i = 0; i < 2000; i++) {
    const from = { host: `66.7.${i >> 8}.${i & 255}`, port: 1 };
    original(from, asked.server.address, request(asked.server.address, { command: DELAYED_PING, value }));
  }
  network.run(11_000);
  assert.equal(answers.get(ATTACKER.host), 50);
  let sum = 0;
  for (const [host, count] of answers) if (host.startsWith("66.")) sum += count;
  assert.equal(sum, 1000);
});

Deno.test("RPC-004 a flood of down hints removes nobody who lives, and asks few", () => {
  const network = grow(9, 30);
  const [told] = network.nodes as [SimNode];
  const before = told.machine.membership.nodes.length;
  const pings = told.machine.requests.commandStats[PING]!.tx;
  for (let round = 0; round < 10; round++) {
    for (const { server } of network.nodes.slice(1)) {
      const value = encodeAddress(server.address);
      network.inject(
        ATTACKER,
        told.server.address,
        request(told.server.address, { command: DOWN_HINT, value }),
      );
    }
    network.run(100);
  }
  network.run(10_000);
  assert.equal(told.machine.membership.nodes.length, before);
  const asked = told.machine.requests.commandStats[PING]!.tx - pings;
  assert(asked <= 60, `${asked} pings`);
});

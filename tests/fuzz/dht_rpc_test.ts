/** Seeded mutations of everything that a node reads: nothing throws, nothing grows without bound. */
import { strict as assert } from "node:assert";
import { hexBytes, hexText, SeededRandom } from "../../src/base/mod.ts";
import { decodeReply, decodeRequest, encodeReply, encodeRequest } from "../../src/dht_rpc/messages.ts";
import { decodeAddresses } from "../../src/dht_rpc/peer.ts";
import vectors from "../vectors/dht_rpc/vectors.json" with { type: "json" };
import { SimNetwork, type SimNode } from "../sim/support/dht_network.ts";

const DECODER_RUNS = 20_000;
const NODE_SEEDS = 20;

/** Datagrams that nodes really sent. */
const SEEN = vectors.traffic.flatMap(({ request, reply }) => [hexBytes(request), hexBytes(reply)]);

function pick<Item>(random: SeededRandom, list: readonly Item[]): Item {
  return list[Math.floor(random.next() * list.length)]!;
}

function byte(random: SeededRandom): number {
  return Math.floor(random.next() * 256);
}

/** Changes bytes, cuts, extends, joins, or makes all of it up. */
function mutate(random: SeededRandom, seen: readonly Uint8Array[]): Uint8Array {
  const bytes = Uint8Array.from(pick(random, seen));
  switch (Math.floor(random.next() * 5)) {
    case 0:
      for (let i = 0; i < 4; i++) bytes[Math.floor(random.next() * bytes.length)] = byte(random);
      return bytes;
    case 1:
      return bytes.subarray(0, Math.floor(random.next() * bytes.length));
    case 2:
      return Uint8Array.from([...bytes, ...pick(random, seen)]);
    case 3: {
      // A count or length that lies.
      bytes[10 + Math.floor(random.next() * (bytes.length - 10))] = pick(random, [0xfc, 0xfd, 0xfe, 0xff]);
      return bytes;
    }
    default: {
      const noise = Uint8Array.from({ length: Math.floor(random.next() * 300) }, () => byte(random));
      noise[0] = pick(random, [0x03, 0x13]);
      return noise;
    }
  }
}

Deno.test("RPC-W02 RPC-W03 decoders give null or what can be encoded again, whatever they are given", () => {
  const random = new SeededRandom(1);
  let decoded = 0;
  for (let run = 0; run < DECODER_RUNS; run++) {
    const bytes = mutate(random, SEEN);
    const request = decodeRequest(bytes);
    const reply = decodeReply(bytes);
    assert(request === null || reply === null);
    if (request) {
      const again = encodeRequest(request);
      assert.equal(hexText(encodeRequest(decodeRequest(again)!)), hexText(again), `run ${run}`);
    }
    if (reply) {
      const again = encodeReply(reply);
      assert.equal(hexText(encodeReply(decodeReply(again)!)), hexText(again), `run ${run}`);
      assert(decodeAddresses(reply.closerNodes ?? new Uint8Array(0)).length <= 20, `run ${run}`);
    }
    if (request || reply) decoded++;
  }
  assert(decoded > DECODER_RUNS / 10, `${decoded} were readable`);
});

for (let first = 1; first <= NODE_SEEDS; first += 5) {
  Deno.test(`RPC-030 RPC-016 nodes among mutated datagrams work on, seeds ${first} to ${first + 4}`, () => {
    for (let seed = first; seed < first + 5; seed++) attack(seed);
  });
}

/** Nodes that talk while everything they say is replayed in mutated form, from their addresses and from others. */
function attack(seed: number): void {
  const network = new SimNetwork(seed, { lossRate: 0.02 });
  const seen: Uint8Array[] = [...SEEN];
  const inject = network.inject.bind(network);
  network.inject = (from, to, bytes) => {
    if (seen.length < 200) seen.push(bytes);
    else seen[Math.floor(network.random.next() * 200)] = bytes;
    inject(from, to, bytes);
  };
  const bootstrap = [network.startBootstrapper().server.address];
  for (let i = 0; i < 9; i++) network.start({ bootstrap, ephemeral: i % 3 === 0 ? undefined : false });
  for (let step = 0; step < 100; step++) {
    for (let i = 0; i < 10; i++) {
      const { server, client } = pick(network.random, network.nodes);
      const from = network.random.next() < 0.5
        ? pick(network.random, network.nodes).server.address
        : { host: `66.6.6.${byte(network.random)}`, port: 1 + byte(network.random) };
      const to = network.random.next() < 0.7 ? server.address : client.address;
      inject(from, to, mutate(network.random, seen));
    }
    if (step % 10 === 0) pick(network.random, network.nodes).lookup(network.randomBytes(32));
    network.run(100);
  }
  network.run(30_000);
  for (const node of network.nodes) check(node, seed);
  const lookup = network.nodes[1]!.lookup(network.randomBytes(32));
  assert(network.runUntil(() => lookup.endedAtMs >= 0, 60_000), `seed ${seed}: a lookup ends`);
  assert(lookup.replies.length >= 5, `seed ${seed}: ${lookup.replies.length} nodes answer`);
}

function check({ machine }: SimNode, seed: number): void {
  assert.equal(machine.bootstrapped, true, `seed ${seed}`);
  assert(machine.membership.nodes.length <= 20, `seed ${seed}: ${machine.membership.nodes.length} nodes`);
  assert(machine.requests.activeCount <= 40, `seed ${seed}: ${machine.requests.activeCount} requests`);
  assert.equal(machine.membership.table.size, machine.membership.nodes.length);
}

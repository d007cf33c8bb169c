import { strict as assert } from "node:assert";
import { FIREWALL } from "../../../../src/hyperdht/constants.ts";
import { NatClassifier } from "../../../../src/hyperdht/holepunch/nat_classifier.ts";
import { createEnvironment, node, seenAt } from "./support.ts";

function pings(nat: NatClassifier): string[] {
  const hosts: string[] = [];
  for (let to = nat.pollPing(); to !== null; to = nat.pollPing()) hosts.push(to.host);
  return hosts;
}

/** Samples in order, each by another node: ports, or hosts and ports. */
function judge(...seen: (number | [string, number])[]): NatClassifier {
  const nat = new NatClassifier(createEnvironment());
  seen.forEach((at, i) =>
    nat.handleSample(typeof at === "number" ? seenAt(at) : seenAt(at[1], at[0]), node(i))
  );
  return nat;
}

const CASES: readonly {
  readonly name: string;
  readonly seen: (number | [string, number])[];
  readonly firewall: number;
  readonly addresses: string[] | null;
  readonly isAnalyzed: boolean;
}[] = [
  { name: "nothing", seen: [], firewall: FIREWALL.UNKNOWN, addresses: null, isAnalyzed: false },
  { name: "two samples", seen: [5, 5], firewall: FIREWALL.UNKNOWN, addresses: null, isAnalyzed: false },
  {
    name: "three equal samples",
    seen: [5, 5, 5],
    firewall: FIREWALL.CONSISTENT,
    addresses: ["198.51.100.1:5"],
    isAnalyzed: true,
  },
  {
    name: "three different samples",
    seen: [5, 6, 7],
    firewall: FIREWALL.RANDOM,
    addresses: ["198.51.100.1:0"],
    isAnalyzed: false,
  },
  {
    name: "four different samples",
    seen: [5, 6, 7, 8],
    firewall: FIREWALL.RANDOM,
    addresses: ["198.51.100.1:0"],
    isAnalyzed: true,
  },
  {
    name: "two of three equal samples",
    seen: [5, 6, 5],
    firewall: FIREWALL.UNKNOWN,
    addresses: null,
    isAnalyzed: false,
  },
  {
    name: "two of four equal samples of one host",
    seen: [5, 6, 5, 7],
    firewall: FIREWALL.RANDOM,
    addresses: ["198.51.100.1:0"],
    isAnalyzed: true,
  },
  {
    name: "three of four equal samples",
    seen: [5, 6, 5, 5],
    firewall: FIREWALL.CONSISTENT,
    addresses: ["198.51.100.1:5", "198.51.100.1:6"],
    isAnalyzed: true,
  },
  {
    name: "two hosts with two equal samples each",
    seen: [["198.51.100.1", 5], ["198.51.100.2", 6], ["198.51.100.1", 5], ["198.51.100.2", 6]],
    firewall: FIREWALL.CONSISTENT,
    addresses: ["198.51.100.1:5", "198.51.100.2:6"],
    isAnalyzed: true,
  },
  {
    name: "two hosts, one of them with two equal samples, of four",
    seen: [["198.51.100.1", 5], ["198.51.100.2", 6], ["198.51.100.1", 5], ["198.51.100.2", 7]],
    firewall: FIREWALL.UNKNOWN,
    addresses: null,
    isAnalyzed: true,
  },
  {
    name: "two hosts, one of them with two equal samples, of five",
    seen: [["198.51.100.1", 5], ["198.51.100.2", 6], ["198.51.100.1", 5], ["198.51.100.2", 7], [
      "198.51.100.2",
      8,
    ]],
    firewall: FIREWALL.RANDOM,
    addresses: ["198.51.100.2:0"],
    isAnalyzed: true,
  },
];

for (const { name, seen, firewall, addresses, isAnalyzed } of CASES) {
  Deno.test(`DHT-071 NatClassifier judges ${name}`, () => {
    const nat = judge(...seen);
    assert.equal(nat.firewall, firewall);
    assert.deepEqual(nat.addresses?.map(({ host, port }) => `${host}:${port}`) ?? null, addresses);
    assert.equal(nat.isAnalyzed, isAnalyzed);
  });
}

Deno.test("DHT-071 NatClassifier takes a node without a firewall for open", () => {
  const environment = createEnvironment();
  environment.isBehindNat = false;
  const nat = new NatClassifier(environment);
  assert.equal(nat.firewall, FIREWALL.OPEN);
  nat.handleSample(seenAt(5), node(0));
  assert.equal(nat.firewall, FIREWALL.OPEN);
  assert.equal(nat.isAnalyzed, true);
  environment.isBehindNat = true;
  nat.handleSample(seenAt(5), node(1));
  nat.handleSample(seenAt(5), node(2));
  assert.equal(nat.firewall, FIREWALL.CONSISTENT);
});

Deno.test("DHT-071 NatClassifier asks four nodes and spares those heard of last in a large table", () => {
  const nat = new NatClassifier(createEnvironment(12));
  assert.deepEqual(pings(nat), ["203.0.113.6", "203.0.113.7", "203.0.113.8", "203.0.113.9"]);
  const small = new NatClassifier(createEnvironment(7));
  assert.deepEqual(pings(small), ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"]);
});

Deno.test("DHT-071 NatClassifier asks others once when some do not answer, then makes do", () => {
  const nat = new NatClassifier(createEnvironment(12));
  assert.equal(pings(nat).length, 4);
  nat.handlePong(seenAt(5), node(5));
  nat.handlePingFailure();
  nat.handlePingFailure();
  assert.equal(nat.pollPing(), null);
  nat.handlePingFailure();
  assert.deepEqual(pings(nat), ["203.0.113.10", "203.0.113.11", "203.0.113.12"]);
  nat.handlePingFailure();
  nat.handlePingFailure();
  assert.equal(nat.isAnalyzed, false);
  nat.handlePingFailure();
  assert.equal(nat.isAnalyzed, true);
  assert.equal(nat.firewall, FIREWALL.UNKNOWN);
  assert.deepEqual(pings(nat), []);
});

Deno.test("DHT-071 NatClassifier makes do with two nodes when there are no more", () => {
  for (const [port, firewall] of [[5, FIREWALL.CONSISTENT], [6, FIREWALL.RANDOM]] as const) {
    const nat = new NatClassifier(createEnvironment(2));
    assert.equal(pings(nat).length, 2);
    nat.handlePong(seenAt(5), node(0));
    assert.equal(nat.isAnalyzed, false);
    nat.handlePong(seenAt(port), node(1));
    assert.equal(nat.isAnalyzed, true);
    assert.equal(nat.firewall, firewall);
    assert.deepEqual(nat.addresses, [seenAt(firewall === FIREWALL.RANDOM ? 0 : 5)]);
  }
  const one = new NatClassifier(createEnvironment(1));
  one.handlePong(seenAt(5), node(0));
  assert.deepEqual([one.isAnalyzed, one.firewall], [true, FIREWALL.UNKNOWN]);
});

Deno.test("DHT-071 NatClassifier without nodes is done at once", () => {
  const nat = new NatClassifier(createEnvironment(0));
  assert.equal(nat.isAnalyzed, true);
  assert.equal(nat.firewall, FIREWALL.UNKNOWN);
});

Deno.test("DHT-071 NatClassifier counts a node's word once, and 64 words in all", () => {
  const nat = new NatClassifier(createEnvironment());
  for (let i = 0; i < 5; i++) nat.handleSample(seenAt(5), node(0));
  assert.equal(nat.firewall, FIREWALL.UNKNOWN);
  for (let i = 1; i < 63; i++) nat.handleSample(seenAt(5), node(i));
  nat.handleSample(seenAt(5), node(63));
  assert.deepEqual(nat.addresses, [seenAt(5)]);
  for (let i = 64; i < 200; i++) nat.handleSample(seenAt(6), node(i));
  assert.deepEqual(nat.addresses, [seenAt(5)]);
});

Deno.test("DHT-071 NatClassifier keeps its judgement once it is frozen", () => {
  const nat = judge(5, 5, 5);
  nat.freeze();
  for (let i = 3; i < 20; i++) nat.handleSample(seenAt(i), node(i));
  assert.equal(nat.firewall, FIREWALL.CONSISTENT);
  assert.deepEqual(nat.addresses, [seenAt(5)]);
});

/** Punches between all kinds of NATs on simulated networks. */
import { strict as assert } from "node:assert";
import type { DHTError } from "../../src/hyperdht/errors.ts";
import { type Home, type PunchConditions, type PunchOutcome, runPunch } from "./support/punch_network.ts";

const FULL_CONE = { mapping: "independent", filter: "anyone", keepsPorts: true } as const;
const RESTRICTED_CONE = { mapping: "independent", filter: "host", keepsPorts: true } as const;
const PORT_RESTRICTED = { mapping: "independent", filter: "endpoint", keepsPorts: true } as const;
const REMAP = { mapping: "independent", filter: "endpoint" } as const;
const LINUX = { mapping: "independent", filter: "endpoint", keepsPorts: true, isPoisoned: true } as const;
const SYMMETRIC = { mapping: "random", filter: "endpoint" } as const;

const CONSISTENT: Readonly<Record<string, Home>> = {
  "full-cone": [FULL_CONE],
  "restricted-cone": [RESTRICTED_CONE],
  "port-restricted": [PORT_RESTRICTED],
  "remap": [REMAP],
  "double": [PORT_RESTRICTED, PORT_RESTRICTED],
};
const RANDOM: Readonly<Record<string, Home>> = {
  "symmetric": [SYMMETRIC],
  "cgn-symmetric": [PORT_RESTRICTED, SYMMETRIC],
};

const CALM = { latencyMs: 10, jitterMs: 5, lossRate: 0 };
const LOSSY = { latencyMs: 30, jitterMs: 20, lossRate: 0.1 };

type Homes = Pick<PunchConditions, "client" | "server">;

function* pairs(
  clients: Readonly<Record<string, Home>>,
  servers: Readonly<Record<string, Home>>,
): Generator<Homes & { name: string }> {
  for (const [clientName, client] of Object.entries(clients)) {
    for (const [serverName, server] of Object.entries(servers)) {
      yield { client, server, name: `${clientName} to ${serverName}` };
    }
  }
}

/** Runs `seeds` punches; every one of them gives all its sockets back. */
function runSeeds(conditions: Omit<PunchConditions, "seed">, seeds: number, name: string): PunchOutcome[] {
  return Array.from({ length: seeds }, (_, i) => {
    const outcome = runPunch({ ...conditions, seed: i + 1 });
    assert.equal(outcome.socketCount, 0, `${name}, seed ${i + 1}, leaves sockets open`);
    return outcome;
  });
}

function assertAllConnect(outcomes: readonly PunchOutcome[], withinMs: number, name: string): void {
  for (const [i, { isConnected, ms, error }] of outcomes.entries()) {
    assert.ok(isConnected, `${name}, seed ${i + 1}: ${error?.message ?? "stuck"}`);
    assert.ok(ms <= withinMs, `${name}, seed ${i + 1}, took ${ms} ms`);
  }
}

function median(outcomes: readonly PunchOutcome[]): number {
  return outcomes.map(({ ms }) => ms).sort((a, b) => a - b)[outcomes.length >> 1]!;
}

Deno.test("DHT-073 consistent NATs find each other within two round trips, by seed", () => {
  for (const { name, ...homes } of pairs(CONSISTENT, CONSISTENT)) {
    assertAllConnect(runSeeds({ ...CALM, ...homes }, 20, name), 100, name);
  }
});

Deno.test("DHT-073 consistent NATs find each other with a tenth of all datagrams lost, by seed", () => {
  for (const { name, ...homes } of pairs(CONSISTENT, CONSISTENT)) {
    assertAllConnect(runSeeds({ ...LOSSY, ...homes }, 20, name), 12_000, name);
  }
});

Deno.test("DHT-073 consistent NATs find each other without fast open, by seed", () => {
  for (const { name, ...homes } of pairs(CONSISTENT, CONSISTENT)) {
    assertAllConnect(runSeeds({ ...CALM, ...homes, fastOpen: false }, 5, name), 2000, name);
  }
});

Deno.test("DHT-074 a random and a consistent NAT find each other, both ways, by seed", () => {
  for (const { name, ...homes } of [...pairs(CONSISTENT, RANDOM), ...pairs(RANDOM, CONSISTENT)]) {
    for (const conditions of [CALM, LOSSY]) {
      const outcomes = runSeeds({ ...conditions, ...homes }, 10, name);
      assertAllConnect(outcomes, 40_000, name);
      // The client may be through before it begins.
      for (const { stats } of outcomes) assert.equal(stats.server.random, 1);
    }
  }
});

Deno.test("DHT-074 a random NAT reaches one that filters by host at most at once, by seed", () => {
  const easy = { "full-cone": [FULL_CONE], "restricted-cone": [RESTRICTED_CONE] };
  for (const { name, ...homes } of [...pairs(easy, RANDOM), ...pairs(RANDOM, easy)]) {
    assertAllConnect(runSeeds({ ...CALM, ...homes }, 10, name), 300, name);
  }
});

Deno.test("DHT-075 two random NATs are told so at once, by seed", () => {
  for (const { name, ...homes } of pairs(RANDOM, RANDOM)) {
    for (const { isConnected, error, ms, stats } of runSeeds({ ...CALM, ...homes }, 10, name)) {
      assert.equal(isConnected, false);
      const { code, cause } = error as DHTError;
      assert.deepEqual([code, (cause as DHTError).code], [
        "HOLEPUNCH_ABORTED",
        "HOLEPUNCH_DOUBLE_RANDOMIZED_NATS",
      ]);
      assert.ok(ms < 400, `${name} took ${ms} ms`);
      assert.deepEqual([stats.client.random, stats.server.random], [0, 0]);
    }
  }
});

Deno.test("DHT-073 low TTLs spare routers that remember what nobody asked for, by seed", () => {
  const linux = { linux: [LINUX] };
  for (const { name, ...homes } of [...pairs(CONSISTENT, linux), ...pairs(linux, linux)]) {
    assertAllConnect(runSeeds({ ...CALM, ...homes }, 20, name), 100, name);
  }
  const without = runSeeds({ ...CALM, client: [LINUX], server: [LINUX], hasNoTtl: true }, 20, "without TTL");
  assert.equal(without.filter(({ isConnected }) => isConnected).length, 0);
});

Deno.test("DHT-074 a random NAT and one that filters by port find each other in a few seconds, by seed", () => {
  for (const { name, ...homes } of [...pairs({ "port-restricted": [PORT_RESTRICTED] }, RANDOM)]) {
    for (const conditions of [homes, { client: homes.server, server: homes.client }]) {
      const outcomes = runSeeds({ ...CALM, ...conditions }, 60, name);
      assertAllConnect(outcomes, 40_000, name);
      const ms = median(outcomes);
      // 256 of 64 536 ports are open and 100 are tried a second: half of the searches end within 1.75 s.
      assert.ok(ms > 1000 && ms < 2600, `the median of ${name} is ${ms} ms`);
    }
  }
});

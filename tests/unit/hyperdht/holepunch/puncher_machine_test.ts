import { strict as assert } from "node:assert";
import { FIREWALL } from "../../../../src/hyperdht/constants.ts";
import { PuncherMachine } from "../../../../src/hyperdht/holepunch/puncher_machine.ts";
import { createEnvironment, drain, node, seenAt, type TestEnvironment } from "./support.ts";

const CLIENT = true;
const SERVER = false;
const REMOTE = { host: "198.51.100.9", port: 7000 };

interface Setup {
  readonly isInitiator: boolean;
  readonly local: "consistent" | "random" | "unknown";
  readonly remoteFirewall: number;
  readonly isVerified?: boolean;
}

/** A puncher that knows both NATs and has done all that it wanted done so far. */
function createPuncher(setup: Setup, environment: TestEnvironment = createEnvironment()): PuncherMachine {
  const { isInitiator, local, remoteFirewall, isVerified = true } = setup;
  const puncher = new PuncherMachine(environment, isInitiator, remoteFirewall);
  judge(puncher, 0, local);
  puncher.updateRemote({
    punching: true,
    firewall: remoteFirewall,
    addresses: [REMOTE],
    verifiedHost: isVerified ? REMOTE.host : null,
  });
  drain(puncher);
  return puncher;
}

/** Answers the four pings through `slot`. */
function judge(puncher: PuncherMachine, slot: number, local: Setup["local"]): void {
  for (let i = 0; i < 4; i++) {
    if (local === "unknown") puncher.handlePingFailure(slot);
    else puncher.handlePong(slot, seenAt(local === "random" ? 5 + i : 5), node(5 + i));
  }
}

Deno.test("DHT-071 PuncherMachine opens a socket and asks nodes how they see it", () => {
  const puncher = new PuncherMachine(createEnvironment(), CLIENT, FIREWALL.UNKNOWN);
  assert.deepEqual(drain(puncher), [
    "open 0",
    "ping 203.0.113.6 through 0",
    "ping 203.0.113.7 through 0",
    "ping 203.0.113.8 through 0",
    "ping 203.0.113.9 through 0",
  ]);
  assert.equal(puncher.analysis(false), null);
  judge(puncher, 0, "consistent");
  assert.equal(puncher.firewall, FIREWALL.CONSISTENT);
  assert.equal(puncher.analysis(false), true);
  assert.equal(puncher.deadlineMs, Infinity);
});

Deno.test("DHT-073 PuncherMachine of a client punches at once, then each second, ten times", () => {
  const environment = createEnvironment();
  const puncher = createPuncher(
    { isInitiator: CLIENT, local: "consistent", remoteFirewall: FIREWALL.CONSISTENT },
    environment,
  );
  puncher.punch(500);
  assert.equal(puncher.punchResult, true);
  for (let round = 0; round < 10; round++) {
    assert.deepEqual(drain(puncher), ["punch 198.51.100.9:7000 through 0 ttl 64"]);
    assert.equal(puncher.deadlineMs, 1500 + 1000 * round);
    puncher.handleTimeout(1500 + 1000 * round);
  }
  assert.deepEqual(drain(puncher), ["release 0"]);
  assert.equal(puncher.isDestroyed, true);
  assert.deepEqual(environment.limits, []);
  assert.equal(environment.stats.consistent, 1);
});

Deno.test("DHT-073 PuncherMachine of a server waits a second first: it has just punched", () => {
  const puncher = createPuncher({ isInitiator: SERVER, local: "consistent", remoteFirewall: FIREWALL.OPEN });
  puncher.punch(0);
  assert.deepEqual(drain(puncher), []);
  assert.equal(puncher.deadlineMs, 1000);
  puncher.handleTimeout(1000);
  assert.deepEqual(drain(puncher), ["punch 198.51.100.9:7000 through 0 ttl 64"]);
});

Deno.test("DHT-073 PuncherMachine probes addresses that nobody vouched for in each fourth round", () => {
  const puncher = createPuncher({
    isInitiator: CLIENT,
    local: "consistent",
    remoteFirewall: FIREWALL.CONSISTENT,
  });
  puncher.updateRemote({
    punching: true,
    firewall: FIREWALL.CONSISTENT,
    addresses: [REMOTE, { host: "192.0.2.7", port: 1 }, { host: "192.0.2.8", port: 0 }],
    verifiedHost: null,
  });
  puncher.punch(0);
  const rounds = [drain(puncher)];
  for (let round = 1; round < 10; round++) {
    puncher.handleTimeout(1000 * round);
    rounds.push(drain(puncher));
  }
  const verified = "punch 198.51.100.9:7000 through 0 ttl 64";
  const all = [verified, "punch 192.0.2.7:1 through 0 ttl 64"];
  const expected = Array.from({ length: 10 }, (_, i) => i === 3 || i === 7 ? all : [verified]);
  assert.deepEqual(rounds, expected);
});

Deno.test("DHT-073 PuncherMachine of a client takes the first way that opens and gives other sockets back", () => {
  const puncher = createPuncher({
    isInitiator: CLIENT,
    local: "consistent",
    remoteFirewall: FIREWALL.CONSISTENT,
  });
  puncher.punch(0);
  drain(puncher);
  puncher.handlePunch(0, REMOTE);
  assert.deepEqual(puncher.connection?.from, REMOTE);
  assert.equal(puncher.deadlineMs, Infinity);
  puncher.handlePunch(0, { host: "192.0.2.7", port: 1 });
  assert.deepEqual(puncher.connection?.from, REMOTE);
  assert.deepEqual(drain(puncher), []);
  puncher.destroy();
  assert.deepEqual(drain(puncher), ["release 0"]);
});

Deno.test("DHT-073 PuncherMachine of a server answers each punch where it came from", () => {
  const puncher = createPuncher({
    isInitiator: SERVER,
    local: "consistent",
    remoteFirewall: FIREWALL.CONSISTENT,
  });
  puncher.handlePunch(0, REMOTE);
  assert.deepEqual(drain(puncher), ["punch 198.51.100.9:7000 through 0 ttl 64"]);
  assert.equal(puncher.connection, null);
  puncher.handlePunch(3, REMOTE);
  puncher.destroy();
  puncher.handlePunch(0, REMOTE);
  assert.deepEqual(drain(puncher), ["release 0"]);
});

Deno.test("DHT-074 PuncherMachine tries ports of a random NAT, 100 a second for 5 s, then 50 for 30 s", () => {
  const environment = createEnvironment();
  const puncher = createPuncher(
    { isInitiator: CLIENT, local: "consistent", remoteFirewall: FIREWALL.RANDOM },
    environment,
  );
  puncher.punch(0);
  assert.deepEqual(drain(puncher), ["punch 198.51.100.9:17134 through 0 ttl 64"]);
  assert.deepEqual(environment.limits, ["begin"]);
  const timesMs = [0];
  let nowMs = 0;
  while (puncher.deadlineMs !== Infinity) {
    nowMs = puncher.deadlineMs;
    puncher.handleTimeout(nowMs);
    for (const word of drain(puncher)) {
      if (word === "release 0") continue;
      const port = Number(word.match(/:(\d+)/)![1]);
      assert.ok(port >= 1000 && port <= 65_535);
      timesMs.push(nowMs);
    }
  }
  assert.equal(nowMs, 35_000);
  assert.equal(timesMs.length, 2000);
  assert.deepEqual(timesMs.slice(498, 503), [4980, 4990, 5000, 5020, 5040]);
  assert.equal(puncher.isDestroyed, true);
  assert.deepEqual(environment.limits, ["begin", "end"]);
  assert.equal(environment.stats.random, 1);
});

Deno.test("DHT-074 PuncherMachine sends five late probes at once, and no more", () => {
  const puncher = createPuncher({
    isInitiator: CLIENT,
    local: "consistent",
    remoteFirewall: FIREWALL.RANDOM,
  });
  puncher.punch(0);
  drain(puncher);
  puncher.handleTimeout(30);
  assert.equal(drain(puncher).length, 3);
  puncher.handleTimeout(10_000);
  assert.equal(drain(puncher).length, 6);
  assert.equal(puncher.deadlineMs, 10_010);
});

Deno.test("DHT-074 PuncherMachine with a random NAT opens 256 sockets with a low TTL and keeps them open", () => {
  const environment = createEnvironment();
  const puncher = createPuncher(
    { isInitiator: SERVER, local: "random", remoteFirewall: FIREWALL.CONSISTENT },
    environment,
  );
  puncher.punch(0);
  assert.equal(puncher.punchResult, true, "the peer does not wait for all sockets");
  assert.deepEqual(drain(puncher).slice(0, 4), [
    "open 1",
    "punch 198.51.100.9:7000 through 1 ttl 5",
    "open 2",
    "punch 198.51.100.9:7000 through 2 ttl 5",
  ]);
  let nowMs = 0;
  let opened = 16;
  while (opened < 255) {
    puncher.handleTimeout(++nowMs);
    opened += drain(puncher).filter((word) => word.startsWith("open")).length;
  }
  assert.equal(nowMs, 15);
  assert.equal(opened, 255);
  assert.equal(puncher.deadlineMs, nowMs + 100);
  const sent: string[] = [];
  for (let i = 0; i < 300; i++) {
    puncher.handleTimeout(puncher.deadlineMs);
    sent.push(...drain(puncher));
  }
  const low = sent.slice(0, 256).filter((word) => word.endsWith("ttl 5"));
  assert.equal(low.length, 248);
  assert.equal(sent[0], "punch 198.51.100.9:7000 through 0 ttl 64");
  assert.equal(sent[1], "punch 198.51.100.9:7000 through 1 ttl 5");
  assert.ok(sent.slice(256).every((word) => word.endsWith("ttl 64")));
  while (puncher.deadlineMs < 50_000) puncher.handleTimeout(puncher.deadlineMs);
  assert.equal(puncher.isPunching, true);
  drain(puncher);
  puncher.destroy();
  assert.equal(drain(puncher).length, 256);
  assert.deepEqual(environment.limits, ["begin", "end"]);
});

Deno.test("DHT-074 PuncherMachine makes do with the sockets that it gets", () => {
  const puncher = createPuncher({
    isInitiator: CLIENT,
    local: "random",
    remoteFirewall: FIREWALL.CONSISTENT,
  });
  const refuse = (): void => {
    for (let action = puncher.pollAction(); action !== null; action = puncher.pollAction()) {
      if (action.kind === "open" && action.slot > 100) puncher.handleOpenFailure(action.slot);
    }
  };
  puncher.punch(0);
  for (let nowMs = 1; nowMs <= 15; nowMs++) {
    refuse();
    puncher.handleTimeout(nowMs);
  }
  refuse();
  puncher.handlePunch(100, REMOTE);
  assert.equal(puncher.connection?.slot, 100);
  assert.equal(drain(puncher).length, 100);
});

Deno.test("DHT-074 PuncherMachine sends nothing at random to a host that nobody vouched for", () => {
  for (const local of ["consistent", "random"] as const) {
    const environment = createEnvironment();
    const remoteFirewall = local === "random" ? FIREWALL.CONSISTENT : FIREWALL.RANDOM;
    const puncher = createPuncher(
      { isInitiator: CLIENT, local, remoteFirewall, isVerified: false },
      environment,
    );
    puncher.punch(0);
    assert.equal(puncher.punchResult, false);
    assert.deepEqual(drain(puncher), []);
    assert.deepEqual(environment.limits, []);
  }
});

Deno.test("DHT-075 PuncherMachine does not punch between two random NATs", () => {
  const puncher = createPuncher({ isInitiator: CLIENT, local: "random", remoteFirewall: FIREWALL.RANDOM });
  assert.equal(puncher.isDoubleRandom, true);
  puncher.punch(0);
  assert.equal(puncher.punchResult, false);
  assert.deepEqual(drain(puncher), []);
});

Deno.test("DHT-071 PuncherMachine tries three other sockets when its NAT is unstable", () => {
  const puncher = createPuncher({ isInitiator: CLIENT, local: "random", remoteFirewall: FIREWALL.RANDOM });
  assert.equal(puncher.analysis(false), false);
  assert.equal(puncher.analysis(true), null);
  for (let slot = 1; slot <= 3; slot++) {
    const words = drain(puncher);
    assert.deepEqual([words[0], words.at(-1)], [`open ${slot}`, `release ${slot - 1}`]);
    assert.equal(puncher.analysis(true), null);
    judge(puncher, slot, "random");
  }
  assert.deepEqual(drain(puncher), []);
  assert.equal(puncher.analysis(true), false);
  assert.equal(puncher.slot, 3);
});

Deno.test("DHT-071 PuncherMachine stays with the first other socket that is stable", () => {
  const puncher = createPuncher({
    isInitiator: CLIENT,
    local: "unknown",
    remoteFirewall: FIREWALL.CONSISTENT,
  });
  // The second pass of pings was not answered either.
  for (let i = 0; i < 4; i++) puncher.handlePingFailure(0);
  assert.equal(puncher.analysis(true), null);
  judge(puncher, 0, "random");
  assert.equal(puncher.analysis(true), null, "what is said of the old socket does not count");
  judge(puncher, 1, "consistent");
  assert.equal(puncher.analysis(true), true);
  assert.equal(puncher.firewall, FIREWALL.CONSISTENT);
});

Deno.test("PuncherMachine probes eight addresses of a peer at most", () => {
  const puncher = createPuncher({
    isInitiator: CLIENT,
    local: "consistent",
    remoteFirewall: FIREWALL.CONSISTENT,
  });
  const addresses = Array.from({ length: 5000 }, (_, i) => ({ host: REMOTE.host, port: 1 + i }));
  puncher.updateRemote({
    punching: true,
    firewall: FIREWALL.CONSISTENT,
    addresses,
    verifiedHost: REMOTE.host,
  });
  puncher.punch(0);
  assert.equal(drain(puncher).length, 8);
  assert.equal(puncher.remoteAddresses.length, 8);
});

Deno.test("PuncherMachine trusts a host until its address changes", () => {
  const puncher = createPuncher({
    isInitiator: CLIENT,
    local: "consistent",
    remoteFirewall: FIREWALL.CONSISTENT,
  });
  const update = (host: string): boolean => {
    const addresses = [{ host, port: 1 }];
    puncher.updateRemote({ punching: true, firewall: FIREWALL.CONSISTENT, addresses, verifiedHost: null });
    return puncher.remoteAddresses[0]!.isVerified;
  };
  assert.equal(update(REMOTE.host), true);
  assert.equal(update("192.0.2.7"), false);
  assert.equal(update(REMOTE.host), false);
});

Deno.test("PuncherMachine that lost its only socket is over", () => {
  const puncher = new PuncherMachine(createEnvironment(), CLIENT, FIREWALL.UNKNOWN);
  puncher.handleOpenFailure(0);
  assert.equal(puncher.isDestroyed, true);
  puncher.punch(0);
  assert.equal(puncher.punchResult, false);
  assert.equal(puncher.deadlineMs, Infinity);
});

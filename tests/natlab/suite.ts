/**
 * What has to hold in the laboratory of NATs, run by `deno task natlab`: a selection that takes a few minutes. The
 * whole matrix is measured by `deno task natlab:measure`.
 */
import { strict as assert } from "node:assert";
import { fileURLToPath } from "node:url";
import { Lab, type Make } from "./lab.ts";
import { allPairs, ask, KINDS, runMatrix, startNodes, type Try } from "./matrix.ts";
import { runLostNodes, runScenarios, SCENARIOS } from "./scenarios.ts";

const MIXED_NODES: readonly Make[] = Array.from({ length: 8 }, (_, i) => i % 2 === 0 ? "quince" : "npm");

const PAIRS_OF_MAKES = [["quince", "quince"], ["quince", "npm"], ["npm", "quince"]] as const;

/** One of each sort: no NAT, one that is reached at once, two in a row that filter by port, one with random ports. */
const SOME_KINDS = ["open", "restricted-cone", "double", "symmetric"];

function randomCount({ client, server }: Pick<Try, "client" | "server">): number {
  return Number(KINDS[client]!.isRandom ?? false) + Number(KINDS[server]!.isRandom ?? false);
}

function describe({ client, server, error, ms }: Try): string {
  return `${client} to ${server}: ${error} after ${Math.round(ms)} ms`;
}

Deno.test("a datagram's own TTL reaches the wire, those sent beside it keep theirs", async () => {
  const program = fileURLToPath(new URL("ttl_program.ts", import.meta.url));
  const run = [Deno.execPath(), "run", "-A", "--unstable-net", program];
  await using lab = await Lab.up("public=2");
  const receiver = lab.startProgram("pub1", [...run, "receive", "4000"]);
  await receiver.next("ready");
  const sender = lab.startProgram("pub2", [...run, "send", lab.publicAddress("pub1"), "4000"]);
  const texts: unknown[] = [];
  for (let i = 0; i < 4; i++) texts.push((await receiver.next("received")).text);
  assert.deepEqual(texts, ["ordinary 1", "high 1", "ordinary 2", "settled"]);
  await sender.ended();
});

for (const [client, server] of PAIRS_OF_MAKES) {
  Deno.test(`DHT-071 to DHT-075 homes of all sorts connect, ${client} to ${server}`, async () => {
    const tries = await runMatrix({
      client,
      server,
      nodes: MIXED_NODES,
      tries: 1,
      pairs: allPairs(SOME_KINDS),
    });
    const failed = tries.filter(({ isOk }) => !isOk);
    const isDouble = (one: Try): boolean => randomCount(one) === 2;
    assert.deepEqual(failed.filter(isDouble).map(({ error }) => error), ["HOLEPUNCH_ABORTED"]);
    assert.deepEqual(failed.filter((one) => randomCount(one) === 0).map(describe), []);
    // With one random NAT there is a chance of 1 in 1000 that 1750 probes hit none of 256 ports.
    const unlucky = failed.filter((one) => randomCount(one) === 1).map(describe);
    assert.ok(unlucky.length <= 1, unlucky.join("; "));
  });

  Deno.test(`DHT-075 DHT-077 two random NATs connect over a relay, ${client} to ${server}`, async () => {
    const pairs = [["symmetric", "symmetric"], ["double", "restricted-cone"]] as const;
    const options = { client, server, nodes: MIXED_NODES, tries: 1, pairs, holdMs: 2000 } as const;
    const tries = await runMatrix({ ...options, relay: "quince" });
    assert.deepEqual(tries.filter(({ isOk }) => !isOk).map(describe), []);
    const [consistent] = tries.filter((one) => randomCount(one) === 0);
    assert.ok(
      consistent!.upgradedMs !== null || !consistent!.remote!.startsWith("203.0.113."),
      "consistent NATs leave the relay, or never need it",
    );
  });
}

Deno.test("DHT-076 two hosts of one home connect over their own network, whatever the NAT before it", async () => {
  await using lab = await Lab.up(`public=${MIXED_NODES.length} flat=symmetric,hosts=2`);
  const bootstrap = await startNodes(lab, MIXED_NODES);
  const [client, server] = await Promise.all([lab.start("flat1", "quince"), lab.start("flat2", "quince")]);
  await ask(server, { command: "start", id: "s", options: { bootstrap } }, "started");
  const { key } = await ask(server, { command: "listen", id: "s" }, "listening");
  await ask(client, { command: "start", id: "c", options: { bootstrap } }, "started");
  const { isOk, error, remote } = await ask(client, { command: "connect", id: "c", key }, "connected");
  assert.ok(isOk, String(error));
  assert.match(String(remote), /^192\.168\./);
});

Deno.test("DHT-073 low TTLs spare routers that remember what nobody asked for", async () => {
  const pairs = [["answering", "answering"]] as const;
  const [one] = await runMatrix({ client: "quince", server: "quince", nodes: MIXED_NODES, tries: 1, pairs });
  assert.ok(one!.isOk, describe(one!));
});

Deno.test("connections survive, or come back by themselves, when the network changes", async () => {
  const makes = { client: "quince", server: "quince" } as const;
  const chosen = SCENARIOS.filter(({ name }) =>
    !name.startsWith("cut of 60") && !name.startsWith("cut of 20")
  );
  const [results, lost] = await Promise.all([
    runScenarios({ ...makes, nodes: MIXED_NODES }, chosen),
    runLostNodes({ ...makes, nodes: MIXED_NODES }),
  ]);
  assert.deepEqual(results.filter(({ isBack }) => !isBack), []);
  const surviving = ["cut of 5 s", "the client's router restarts", "the server's router restarts"];
  const survived = results.filter(({ hasSurvived }) => hasSurvived).map(({ name }) => name);
  assert.deepEqual(surviving.filter((name) => !survived.includes(name)), []);
  assert.deepEqual(lost.filter(({ isAlive, isConnected }) => !isAlive || !isConnected), []);
});

/** DHT nodes against dht-rpc 6.27.0 on 127.0.0.1: in every role, in networks of 3 and of 20 mixed nodes. */
import { strict as assert } from "node:assert";
import { hexBytes, hexText, utf8Bytes } from "../../src/base/mod.ts";
import { peerId } from "../../src/dht_rpc/mod.ts";
import { blake2b } from "../../src/crypto/mod.ts";
import { type Address, type AnyNode, freePort, MixedNodes } from "../helpers/dht_nodes.ts";

type Make = AnyNode["make"];
const MAKES: readonly Make[] = ["ours", "npm"];

/** A network of a bootstrapper and persistent nodes, by make. */
async function network(nodes: MixedNodes, makes: readonly Make[]): Promise<AnyNode[]> {
  const started = [await nodes.bootstrapper(makes[0]!, freePort())];
  const bootstrap = [`127.0.0.1:${(await addressOf(started[0]!)).port}`];
  for (const make of makes.slice(1)) {
    started.push(await nodes.start(make, { ephemeral: false, bootstrap }));
  }
  return started;
}

async function addressOf(node: AnyNode): Promise<Address> {
  const { serverPort } = await node.state();
  return { host: "127.0.0.1", port: serverPort };
}

function targetOf(text: string): string {
  return hexText(blake2b(utf8Bytes(text)));
}

function hexOf(text: string): string {
  return hexText(utf8Bytes(text));
}

/** The addresses in order of their ids' distance to `target`. */
function byDistance(target: string, addresses: readonly Address[]): Address[] {
  const wanted = hexBytes(target);
  const key = ({ host, port }: Address): string =>
    hexText(peerId(host, port).map((byte, i) => byte ^ wanted[i]!));
  return [...addresses].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

for (const first of MAKES) {
  for (const second of MAKES) {
    Deno.test(`RPC-008 RPC-009 RPC-W05 bootstrapper ${first}: a ${second} node gets its address and becomes persistent`, async () => {
      await using nodes = new MixedNodes();
      const [bootstrapper, node] = await network(nodes, [first, second]);
      const { id, ephemeral, firewalled, host, port, serverPort, remoteAddress, address } = await node!
        .state();
      assert.deepEqual({ ephemeral, firewalled, host }, {
        ephemeral: false,
        firewalled: false,
        host: "127.0.0.1",
      });
      assert.equal(port, serverPort);
      assert.equal(id, hexText(peerId("127.0.0.1", serverPort)));
      assert.deepEqual(remoteAddress, { host: "127.0.0.1", port: serverPort });
      assert.equal(address.port, serverPort);
      assert.deepEqual((await bootstrapper!.state()).nodes, [{ host: "127.0.0.1", port: serverPort }]);
    });

    Deno.test(`RPC-W01 RPC-W02 RPC-W03 RPC-W04 RPC-022 RPC-023 RPC-024 RPC-030 ${first} asks ${second}`, async () => {
      await using nodes = new MixedNodes();
      const [asked] = await network(nodes, [second]);
      const to = await addressOf(asked!);
      const asker = await nodes.start(first, { bootstrap: [`127.0.0.1:${to.port}`], ephemeral: true });
      const { address } = await asker.state();
      const own = { host: "127.0.0.1", port: address.port };
      const id = hexText(peerId(to.host, to.port));

      const pong = await asker.ping(to);
      assert.deepEqual(pong, {
        from: { ...to, id },
        to: own,
        token: null,
        closerNodes: null,
        error: 0,
        value: null,
      });
      assert.deepEqual(await asker.ping(to, { size: 500, ttl: 32 }), pong);
      assert.deepEqual(await asker.delayedPing(to, 50), pong);

      const answer = await asker.request({ command: 2 }, to);
      assert.equal(answer.value, hexOf(`127.0.0.1:${own.port}`));
      assert.equal(answer.token?.length, 64);
      assert.equal(answer.closerNodes, null, "no target, no nodes");

      const failure = await asker.request({ command: 4, target: targetOf("x") }, to);
      assert.equal(failure.error, 20);
      assert.equal(failure.token?.length, 64);

      assert.equal((await asker.request({ command: 77 }, to)).error, 1);
    });

    Deno.test(`RPC-034 tokens of ${second}: ${first} stores with a good one, a bad one is refused`, async () => {
      await using nodes = new MixedNodes();
      const [asked] = await network(nodes, [second]);
      const to = await addressOf(asked!);
      const asker = await nodes.start(first, { bootstrap: [`127.0.0.1:${to.port}`], ephemeral: true });
      const target = targetOf("key");

      const { token } = await asker.request({ command: 1, target }, to);
      const stored = await asker.request({ command: 1, target, token, value: hexOf("value") }, to);
      assert.equal(stored.error, 0);
      assert.equal((await asker.request({ command: 1, target }, to)).value, hexOf("value"));

      const refused = await asker.request(
        { command: 1, target, token: "00".repeat(32), value: hexOf("bad") },
        to,
      );
      assert.equal(refused.error, 2);
      assert.equal(refused.token, token, "the right one comes with the refusal");
      assert.equal((await asker.request({ command: 1, target }, to)).value, hexOf("value"));
    });
  }

  const other: Make = first === "ours" ? "npm" : "ours";

  Deno.test(`RPC-035 PING_NAT: ${other} nodes reach the other socket of a ${first} node`, async () => {
    await using nodes = new MixedNodes();
    const [bootstrapper] = await network(nodes, new Array(6).fill(other));
    const { port } = await addressOf(bootstrapper!);
    const node = await nodes.start(first, { bootstrap: [`127.0.0.1:${port}`], ephemeral: false });
    const { firewalled, stats, clientPort, serverPort } = await node.state();
    assert.equal(firewalled, false);
    assert.notEqual(clientPort, serverPort);
    assert.deepEqual(stats.commands.pingNat, { tx: 5, rx: 5 });
  });

  Deno.test(`RPC-030 ${first} relays a request, the answer comes from elsewhere`, async () => {
    await using nodes = new MixedNodes();
    const [relay, end] = await network(nodes, [first, other]);
    const [to, via] = [await addressOf(relay!), await addressOf(end!)];
    for (const make of MAKES) {
      const asker = await nodes.start(make, { bootstrap: [`127.0.0.1:${to.port}`], ephemeral: true });
      const answer = await asker.request({ command: 3, value: hexOf(JSON.stringify({ via })) }, to);
      assert.equal(answer.value, hexOf("relayed"));
      assert.deepEqual({ host: answer.from.host, port: answer.from.port }, via);
    }
  });

  Deno.test(`RPC-004 DOWN_HINT: ${other} drops a node that ${first} found dead`, async () => {
    await using nodes = new MixedNodes();
    const started = await network(nodes, [other, other, first]);
    const [teller, dead, asker] = started as [AnyNode, AnyNode, AnyNode];
    const address = await addressOf(dead);
    const knows = async (): Promise<boolean> =>
      (await teller.state()).nodes.some(({ port }) => port === address.port);
    assert.equal(await knows(), true);
    await dead.destroy();
    const { errors } = await asker.query({ target: targetOf("x"), command: 2 }, {
      nodes: [await addressOf(teller)],
      retries: 0,
    });
    assert.equal(errors, 1);
    const givenUpAt = Date.now() + 10_000;
    while (await knows()) {
      assert(Date.now() < givenUpAt, "the dead node stays in the table");
      await asker.delayedPing(await addressOf(teller), 200);
    }
  });

  Deno.test(`RPC-029 a ${first} node is suspended and resumed between ${other} nodes`, async () => {
    await using nodes = new MixedNodes();
    const [bootstrapper, node] = await network(nodes, [other, first]) as [AnyNode, AnyNode];
    const to = await addressOf(node);
    await node.suspend();
    await assert.rejects(bootstrapper.ping(to, { retry: false }), { code: "REQUEST_TIMEOUT" });
    await node.resume();
    assert.deepEqual(await addressOf(node), to, "the port is the same");
    assert.equal((await bootstrapper.ping(to)).error, 0);
    assert.equal((await node.ping(await addressOf(bootstrapper))).error, 0);
  });
}

Deno.test("RPC-024 a delay above 10 s is answered by neither make", async () => {
  await using nodes = new MixedNodes();
  const [ours, theirs] = await network(nodes, ["ours", "npm"]) as [AnyNode, AnyNode];
  await assert.rejects(ours.delayedPing(await addressOf(theirs), 10_001), /Delay exceeds max delay: 10000ms/);
  await assert.rejects(theirs.delayedPing(await addressOf(ours), 10_001), /Delay exceeds max delay: 10000ms/);
});

for (const [size, makes] of [[3, ["ours", "npm", "ours"]], [20, undefined]] as const) {
  Deno.test(`RPC-016 RPC-017 RPC-018 RPC-020 ${size} mixed nodes: values are stored and found across makes`, async () => {
    await using nodes = new MixedNodes();
    const drawn = makes ?? Array.from({ length: size }, (_, i): Make => (i % 2 === 0 ? "npm" : "ours"));
    const started = await network(nodes, drawn);
    const addresses = await Promise.all(started.map(addressOf));
    const bootstrap = [`127.0.0.1:${addresses[0]!.port}`];
    const ephemeral = [
      await nodes.start("ours", { bootstrap, ephemeral: true }),
      await nodes.start("npm", { bootstrap, ephemeral: true }),
    ] as const;

    for (const [i, writer] of ephemeral.entries()) {
      const target = targetOf(`key of ${writer.make}`);
      const value = hexOf(`value of ${writer.make}`);
      const written = await writer.query({ target, command: 1, value }, { commit: true });
      assert.equal(written.errors, 0);
      assert.deepEqual(written.closestNodes, byDistance(target, addresses), `${writer.make} finds all nodes`);

      for (const reader of [ephemeral[1 - i]!, started.at(-1)!, started[1]!]) {
        const read = await reader.query({ target, command: 1 });
        // A node does not ask itself.
        const expected = started.includes(reader) ? size - 1 : size;
        assert.deepEqual(
          read.values,
          new Array(expected).fill(value),
          `${reader.make} reads of ${writer.make}`,
        );
      }

      const nodesGiven = written.closestNodes.slice(0, 2);
      const few = await ephemeral[1 - i]!.query({ target, command: 1 }, {
        nodes: nodesGiven,
        onlyClosestNodes: true,
      });
      assert.deepEqual(few.values, [value, value]);
    }
  });
}

/** What dht-rpc 6.27.0, nat-sampler, kademlia-routing-table and adaptive-timeout do, replayed. */
import { strict as assert } from "node:assert";
import { concatBytes, hexBytes, hexText, SeededRandom } from "../../../src/base/mod.ts";
import { AdaptiveTimeout } from "../../../src/dht_rpc/adaptive_timeout.ts";
import { NetworkHealth } from "../../../src/dht_rpc/health.ts";
import { decodeReply, decodeRequest, encodeReply, encodeRequest } from "../../../src/dht_rpc/messages.ts";
import { NatSampler } from "../../../src/dht_rpc/nat_sampler.ts";
import { decodeAddresses, encodeAddress, peerId } from "../../../src/dht_rpc/peer.ts";
import { RoutingTable } from "../../../src/dht_rpc/routing_table.ts";
import { Tokens } from "../../../src/dht_rpc/tokens.ts";
import vectors from "../../vectors/dht_rpc/vectors.json" with { type: "json" };

const optional = (text: string | null): Uint8Array | null => (text === null ? null : hexBytes(text));
const optionalHex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : hexText(bytes));

for (const { name, request, reply, seen, answer, serverId } of vectors.traffic) {
  Deno.test(`RPC-W01 RPC-W02 decodeRequest() and encodeRequest() agree with dht-rpc on a ${name}`, () => {
    const message = decodeRequest(hexBytes(request))!;
    assert.equal(hexText(encodeRequest(message)), request);
    if (!seen) return;
    const { tid, to, token, internal, command, target, value } = seen;
    assert.deepEqual({ host: message.to.host, port: message.to.port }, to);
    assert.deepEqual(
      {
        tid: message.tid,
        internal: message.internal,
        command: message.command,
        token: optionalHex(message.token),
        target: optionalHex(message.target),
        value: optionalHex(message.value),
      },
      { tid, internal, command, token, target, value },
    );
    assert.equal(
      hexText(
        encodeRequest({
          tid,
          to,
          id: null,
          token: optional(token),
          internal,
          command,
          target: optional(target),
          value: optional(value),
        }),
      ),
      request,
    );
  });

  Deno.test(`RPC-W01 RPC-W03 decodeReply() and encodeReply() agree with dht-rpc on the answer to a ${name}`, () => {
    const message = decodeReply(hexBytes(reply))!;
    const { tid, to, token, closerNodes, error, value } = answer;
    assert.equal(optionalHex(message.id), serverId);
    assert.deepEqual({ host: message.to.host, port: message.to.port }, to);
    assert.deepEqual(
      {
        tid: message.tid,
        token: optionalHex(message.token),
        closerNodes: message.closerNodes && decodeAddresses(message.closerNodes),
        error: message.error,
        value: optionalHex(message.value),
      },
      { tid, token, closerNodes, error, value },
    );
    const id = hexBytes(serverId!);
    const named = closerNodes && concatBytes(closerNodes.map(encodeAddress));
    const again = { tid, to, id, token: optional(token), closerNodes: named, error, value: optional(value) };
    assert.equal(hexText(encodeReply(again)), reply);
  });
}

Deno.test("RPC-034 tokens are those of dht-rpc, and change with their secrets", () => {
  const { seed, rounds } = vectors.tokens;
  const tokens = new Tokens(hexBytes(seed), 0);
  for (const [round, hosts] of rounds.entries()) {
    const nowMs = round * 7500 + 1;
    for (const { host, older, newer } of hosts) {
      assert.equal(hexText(tokens.issue(host, nowMs)), newer);
      assert.equal(tokens.isValid(hexBytes(newer), host, nowMs), true);
      assert.equal(tokens.isValid(hexBytes(older), host, nowMs), true);
    }
  }
});

for (const { host, port, id } of vectors.ids) {
  Deno.test(`RPC-009 RPC-W05 peerId() of ${host}:${port} is that of dht-rpc`, () => {
    assert.equal(hexText(peerId(host, port)), id);
  });
}

for (const [i, steps] of vectors.nat.entries()) {
  Deno.test(`RPC-010 RPC-035 NatSampler concludes what nat-sampler does, dialogue ${i + 1}`, () => {
    const sampler = new NatSampler();
    for (const [host, port, hits, expectedHost, expectedPort, size] of steps) {
      assert.equal(sampler.add(host as string, port as number), hits);
      assert.deepEqual([sampler.host, sampler.port, sampler.size], [expectedHost, expectedPort, size]);
    }
  });
}

Deno.test("RPC-013 RPC-W06 RoutingTable holds and names what kademlia-routing-table does", () => {
  const table = new RoutingTable<{ id: Uint8Array }>(hexBytes(vectors.table.id));
  const hex = (nodes: { id: Uint8Array }[]): string[] => nodes.map((node) => hexText(node.id));
  for (const step of vectors.table.steps) {
    const id = hexBytes(step.id);
    if (step.kind === "add") assert.equal(table.add({ id }).kind === "added", step.result);
    else if (step.kind === "remove") assert.equal(table.remove(id), step.result);
    else assert.deepEqual(hex(table.closest(id)), step.result);
  }
  assert.equal(table.size, vectors.table.size);
  assert.deepEqual(hex(table.toArray()), vectors.table.all);
});

Deno.test("RPC-007 AdaptiveTimeout waits as long as adaptive-timeout does", () => {
  const timeouts = new AdaptiveTimeout({ jitter: 0 }, new SeededRandom(1));
  for (const { before, rtt } of vectors.timeouts) {
    assert.deepEqual([1, 2, 5].map((attempt) => timeouts.get("a", attempt, 0)), before);
    timeouts.put("a", rtt, 0);
  }
});

Deno.test("RPC-037 RPC-011 NetworkHealth judges as dht-rpc does", () => {
  const health = new NetworkHealth();
  const counters = { responses: 0, timeouts: 0 };
  for (const [i, { responses, timeouts, stats }] of vectors.health.entries()) {
    counters.responses += responses;
    counters.timeouts += timeouts;
    health.update(counters);
    assert.deepEqual(health.stats, stats, `tick ${i}`);
  }
});

/** The parts of a node by themselves: messages, windows, limits, requests, queries. */
import { strict as assert } from "node:assert";
import { hexBytes, hexText, SeededRandom } from "../../../src/base/mod.ts";
import { AdaptiveTimeout } from "../../../src/dht_rpc/adaptive_timeout.ts";
import { CongestionWindow } from "../../../src/dht_rpc/congestion_window.ts";
import { DHTError } from "../../../src/dht_rpc/errors.ts";
import { Membership } from "../../../src/dht_rpc/membership.ts";
import { decodeReply, decodeRequest } from "../../../src/dht_rpc/messages.ts";
import {
  addressNumber,
  encodeAddress,
  isReachable,
  type Peer,
  type PeerAddress,
  peerId,
  type PersistentPeer,
  writeAddressNumber,
} from "../../../src/dht_rpc/peer.ts";
import { type NamedNode, QueryMachine, type Reply } from "../../../src/dht_rpc/query_machine.ts";
import { Queue } from "../../../src/dht_rpc/queue.ts";
import { RequestLimiter } from "../../../src/dht_rpc/request_limiter.ts";
import { RequestGroup, type RequestInit, RequestMachine } from "../../../src/dht_rpc/request_machine.ts";
import { compareDistance } from "../../../src/dht_rpc/routing_table.ts";
import { Tokens } from "../../../src/dht_rpc/tokens.ts";

const REQUEST = "031f" + "3412" + "7f000001" + "1127" + "11".repeat(32) + "22".repeat(32) + "05" +
  "33".repeat(32) + "0161";
const REPLY = "131f" + "3412" + "7f000001" + "1127" + "11".repeat(32) + "22".repeat(32) +
  "02" + "010203045000" + "050607085100" + "02" + "0161";

// Messages

Deno.test("RPC-W02 decodeRequest() refuses a request that is cut off anywhere, or of another kind", () => {
  const bytes = hexBytes(REQUEST);
  assert.notEqual(decodeRequest(bytes), null);
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(decodeRequest(bytes.subarray(0, length)), null);
  }
  for (const first of [0x13, 0x02, 0x04, 0x00]) {
    bytes[0] = first;
    assert.equal(decodeRequest(bytes), null);
  }
});

Deno.test("RPC-W03 decodeReply() refuses a reply that is cut off anywhere, or of another kind", () => {
  const bytes = hexBytes(REPLY);
  assert.notEqual(decodeReply(bytes), null);
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(decodeReply(bytes.subarray(0, length)), null);
  }
  bytes[0] = 0x03;
  assert.equal(decodeReply(bytes), null);
});

Deno.test("RPC-W02 each flag of a request says whether its field is there", () => {
  const fields = ["id", "token", "internal", "target", "value"] as const;
  for (const [bit, field] of fields.entries()) {
    const bytes = hexBytes(
      "03" + (1 << bit).toString(16).padStart(2, "0") + "0100" + "01020304" + "5000" + "07".repeat(80),
    );
    const message = decodeRequest(bytes)!;
    for (const other of fields) {
      const isSet = other === "internal" ? message.internal : message[other] !== null;
      assert.equal(isSet, other === field, `${field}: ${other}`);
    }
  }
});

Deno.test("RPC-W03 RPC-W06 of more than 20 closer nodes the first 20 are taken, a false count is refused", () => {
  const named = (count: number): Uint8Array =>
    hexBytes(
      "1304" + "0100" + "01020304" + "5000" + count.toString(16).padStart(2, "0") + "010203045000".repeat(30),
    );
  assert.equal(decodeReply(named(20))!.closerNodes!.byteLength, 120);
  assert.equal(decodeReply(named(21))!.closerNodes!.byteLength, 120);
  assert.equal(decodeReply(named(30))!.closerNodes!.byteLength, 120);
  assert.equal(decodeReply(named(31)), null);
});

Deno.test("RPC-W05 an address is the same as bytes and as a number", () => {
  for (const [host, port] of [["255.254.253.252", 65_535], ["1.2.3.4", 256], ["127.0.0.1", 1]] as const) {
    const bytes = encodeAddress({ host, port });
    const again = new Uint8Array(6);
    writeAddressNumber(addressNumber(bytes), again, 0);
    assert.equal(hexText(again), hexText(bytes));
  }
});

Deno.test("RPC-016 isReachable() refuses port 0 and what is no single host", () => {
  const hosts = {
    "1.2.3.4": true,
    "0.0.0.0": false,
    "224.0.0.1": false,
    "255.255.255.255": false,
    "127.0.0.1": true,
  };
  for (const [host, expected] of Object.entries(hosts)) {
    assert.equal(isReachable({ host, port: 1 }), expected, host);
  }
  assert.equal(isReachable({ host: "1.2.3.4", port: 0 }), false);
});

// Windows, timeouts, tokens, limits

Deno.test("RPC-007 CongestionWindow takes 80 requests in 750 ms, 160 in all, until they are over or forgotten", () => {
  const window = new CongestionWindow(80, 0);
  const fill = (nowMs: number): number => {
    let count = 0;
    for (; !window.isFull(nowMs); count++) window.handleSent(nowMs);
    return count;
  };
  assert.equal(fill(0), 80);
  window.handleOver(0);
  assert.equal(fill(749), 1);
  assert.equal(fill(750), 80);
  assert.equal(fill(1500), 0, "160 are under way");
  assert.equal(window.endsAtMs, 2250);
  assert.equal(fill(3000), 80, "the first window is forgotten");
  assert.equal(fill(1_000_000), 80, "all of them are");
  window.clear();
  assert.equal(window.total, 0);
});

Deno.test("RPC-007 AdaptiveTimeout forgets after maxAge, and the least used beyond maxSize", () => {
  const timeouts = new AdaptiveTimeout({ jitter: 0, maxAge: 1000, maxSize: 2, min: 0 }, new SeededRandom(1));
  timeouts.put("a", 40, 0);
  assert.equal(timeouts.get("a", 1, 999), 80);
  assert.equal(timeouts.get("a", 1, 1000), 250);
  timeouts.put("a", 40, 1000);
  timeouts.put("b", 40, 1000);
  timeouts.put("a", 40, 1000);
  timeouts.put("c", 40, 1000);
  assert.deepEqual(["a", "b", "c"].map((key) => timeouts.get(key, 1, 1000) === 250), [false, true, false]);
});

Deno.test("RPC-034 a token is good for one host, and for 7.5 to 15 s", () => {
  const tokens = new Tokens(new Uint8Array(64).fill(7), 0);
  const token = tokens.issue("1.2.3.4", 0).slice();
  assert.equal(tokens.isValid(token, "1.2.3.5", 0), false);
  assert.equal(tokens.isValid(token, "1.2.3.4", 14_999), true);
  assert.equal(tokens.isValid(token, "1.2.3.4", 15_000), false);
  const late = tokens.issue("1.2.3.4", 22_499).slice();
  assert.equal(tokens.isValid(late, "1.2.3.4", 29_999), true);
  assert.equal(tokens.isValid(late, "1.2.3.4", 30_000), false);
  assert.notEqual(hexText(tokens.issue("1.2.3.4", 1e9)), hexText(late));
});

function askTimes(limiter: RequestLimiter, source: PeerAddress, count: number, nowMs: number): number {
  let served = 0;
  for (let i = 0; i < count; i++) if (limiter.admit(source, nowMs)) served++;
  return served;
}

Deno.test("RPC-030 RequestLimiter serves everybody below half of its bound, then by shares", () => {
  const limiter = new RequestLimiter(1000);
  const [flooder, peer] = [{ host: "1.1.1.1", port: 1 }, { host: "2.2.2.2", port: 1 }];
  assert.equal(askTimes(limiter, flooder, 500, 0), 500);
  assert.equal(askTimes(limiter, flooder, 10_000, 0), 1000, "alone it has all there is to share");
  assert.equal(limiter.droppedCount, 9000);
  assert.equal(askTimes(limiter, flooder, 500, 100), 500);
  assert.equal(askTimes(limiter, peer, 100, 100), 100);
  assert.equal(askTimes(limiter, flooder, 10_000, 100), 500, "its share of two");
  assert.equal(askTimes(limiter, peer, 500, 100), 400);
  const ports = [1, 2].map((port) => askTimes(limiter, { host: "127.0.0.1", port }, 700, 300));
  assert.deepEqual(ports, [700, 500], "on the loopback a port is a source");
});

Deno.test("RPC-030 RequestLimiter counts beyond 4096 sources as one, those that are proven never", () => {
  const limiter = new RequestLimiter(10_000);
  const proven = { host: "1.2.3.4", port: 1 };
  limiter.handleProof(proven);
  let served = 0;
  for (let i = 0; i < 20_000; i++) {
    if (limiter.admit({ host: `9.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, port: 1 }, 0)) served++;
  }
  assert.equal(served, 5000 + 4096 + 4, "half to anybody, one to each source, four to all others");
  assert.equal(askTimes(limiter, { host: "5.5.5.5", port: 1 }, 1, 0), 0);
  assert.equal(askTimes(limiter, proven, 10, 0), 4);
  for (let i = 0; i < 10_000; i++) limiter.handleProof({ host: `8.8.${i >> 8}.${i & 255}`, port: 1 });
  assert.equal(limiter.sourceCount, 4097 + 4096);
});

Deno.test("RPC-030 Queue gives in order, whatever its length", () => {
  const queue = new Queue<number>();
  assert.equal(queue.shift(), null);
  for (let i = 0; i < 5000; i++) queue.push(i);
  for (let i = 0; i < 3000; i++) assert.equal(queue.shift(), i);
  queue.push(5000);
  assert.equal(queue.first, 3000);
  for (let i = 3000; i <= 5000; i++) assert.equal(queue.shift(), i);
  queue.push(1);
  queue.clear();
  assert.equal(queue.first, null);
});

// Membership

Deno.test("RPC-013 a full row challenges its oldest node, at most three at a time", () => {
  const membership = new Membership(new Uint8Array(32), 10_000);
  membership.isSettled = true;
  const node = (index: number): PersistentPeer => {
    const id = new Uint8Array(32).fill(0x80);
    id[31] = index;
    return { id, host: "1.2.3.4", port: 1 + index };
  };
  for (let i = 0; i < 20; i++) membership.add(node(i), null);
  while (membership.pollEvent() !== null);
  membership.tick += 400;
  for (let i = 20; i < 26; i++) membership.add(node(i), null);
  const challenged: [number, number][] = [];
  for (let event = membership.pollEvent(); event !== null; event = membership.pollEvent()) {
    if (event.kind === "challenge") challenged.push([event.oldest.port, event.replacement.port]);
  }
  assert.deepEqual(challenged, [[1, 21], [2, 22], [3, 23]]);
  assert.equal(membership.nodes.length, 20);
});

// Requests

type TestRequests = RequestMachine<string, string>;

function requests(maxWindow = 80): TestRequests {
  return new RequestMachine<string, string>({ maxWindow, random: new SeededRandom(1), idOf: () => null }, 0);
}

function ping(changes: Partial<RequestInit<string, string>> = {}): RequestInit<string, string> {
  return {
    socket: "socket",
    to: { id: null, host: "1.2.3.4", port: 5 },
    internal: true,
    command: 0,
    purpose: "test",
    ...changes,
  };
}

function replyTo(tid: number): { readonly tid: number } & Parameters<TestRequests["handleReply"]>[0] {
  return {
    tid,
    to: { host: "9.9.9.9", port: 9 },
    id: null,
    token: null,
    closerNodes: null,
    error: 0,
    value: null,
  };
}

const FROM: Peer = { id: null, host: "1.2.3.4", port: 5 };

Deno.test("RPC-022 a request is sent four times, a second apart, then given up", () => {
  const machine = requests();
  const request = machine.create(ping(), 100);
  const sentAt: number[] = [];
  const told: string[] = [];
  for (let nowMs = 100; nowMs !== Infinity; nowMs = machine.deadlineMs) {
    machine.handleTimeout(nowMs);
    while (machine.pollTransmit()) sentAt.push(nowMs);
    for (let event = machine.pollEvent(); event !== null; event = machine.pollEvent()) {
      told.push(event.kind === "failed" ? (event.error as DHTError).code : event.kind);
    }
  }
  assert.deepEqual(sentAt, [100, 1100, 2100, 3100]);
  assert.deepEqual(told, ["cycle", "cycle", "cycle", "cycle", "REQUEST_TIMEOUT"]);
  assert.equal(request.isOver, true);
  assert.deepEqual(machine.stats, { active: 0, total: 1, responses: 0, timeouts: 1, retries: 3 });
});

Deno.test("RPC-007 requests wait for room in the window", () => {
  const machine = requests(2);
  const made = [0, 1, 2, 3, 4].map(() => machine.create(ping(), 0));
  const drain = (): number[] => {
    const tids: number[] = [];
    for (let next = machine.pollTransmit(); next !== null; next = machine.pollTransmit()) {
      tids.push(next.bytes[2]! + 256 * next.bytes[3]!);
    }
    return tids;
  };
  assert.deepEqual(drain(), [made[0]!.tid, made[1]!.tid]);
  machine.cancel(made[2]!, new DHTError("REQUEST_DESTROYED", "x"), 0);
  assert.equal(machine.deadlineMs, 750);
  machine.handleTimeout(750);
  assert.deepEqual(drain(), [made[3]!.tid, made[4]!.tid]);
  machine.create(ping({ force: true }), 750);
  assert.equal(drain().length, 1, "force does not wait");
});

Deno.test("RPC-022 transaction ids are drawn at random and never used twice at the same time", () => {
  const machine = requests();
  const tids = Array.from({ length: 32_768 }, () => machine.create(ping({ socket: null }), 0).tid);
  assert.equal(new Set(tids).size, 32_768);
  assert.notEqual(tids[1], tids[0]! + 1);
  assert.throws(() => machine.create(ping(), 0), { code: "TOO_MANY_REQUESTS" });
});

Deno.test("RPC-022 an answer from elsewhere counts, unless somebody guesses transaction ids", () => {
  const machine = requests();
  const elsewhere: Peer = { id: null, host: "6.6.6.6", port: 6 };
  assert.equal(machine.handleReply(replyTo(machine.create(ping(), 0).tid), elsewhere, 1)?.isOver, true);
  const request = machine.create(ping(), 0);
  for (let i = 0; i < 101; i++) machine.handleReply(replyTo((request.tid + 1 + i) % 65_536), elsewhere, 1);
  assert.equal(machine.handleReply(replyTo(request.tid), elsewhere, 1), null);
  assert.equal(machine.handleReply(replyTo(request.tid), FROM, 1), request);
  const later = machine.create(ping(), 2);
  assert.equal(machine.handleReply(replyTo(later.tid), elsewhere, 1000), later, "it is over after 750 ms");
});

Deno.test("RPC-022 an answer to a request that waits to be sent is none", () => {
  const machine = requests();
  const request = machine.create(ping({ socket: null }), 0);
  assert.equal(machine.handleReply(replyTo(request.tid), FROM, 0), null);
  machine.handleBound("late", 5);
  assert.equal(machine.pollTransmit()?.socket, "late");
  assert.equal(machine.handleReply(replyTo(request.tid), FROM, 6), request);
});

Deno.test("RPC-025 a group ends together", () => {
  const machine = requests();
  const group = new RequestGroup();
  for (let i = 0; i < 3; i++) machine.create(ping({ group }), 0);
  const other = machine.create(ping(), 0);
  machine.cancelGroup(group, new DHTError("REQUEST_DESTROYED", "x"), 0);
  assert.equal(group.requests.size, 0);
  assert.deepEqual(Array.from(machine.active), [other]);
});

// Queries

function peerAt(index: number): PersistentPeer {
  const address = { host: `7.0.${index >> 8}.${index & 255}`, port: 7000 };
  return { id: peerId(address.host, address.port), ...address };
}

function named(nodes: readonly PeerAddress[]): Uint8Array {
  return Uint8Array.from(nodes.flatMap((node) => Array.from(encodeAddress(node))));
}

const TARGET = new Uint8Array(32).fill(0x55);

/** A query that begins with `nodes` of the table. */
function queryOf(
  nodes: readonly PersistentPeer[],
  changes: Partial<ConstructorParameters<typeof QueryMachine>[0]> = {},
) {
  const query = new QueryMachine({
    target: TARGET,
    k: 20,
    concurrency: 10,
    ownId: new Uint8Array(32),
    ...changes,
  });
  if (nodes.length > 0) query.addFromTable(nodes);
  query.start();
  return query;
}

function visits(query: QueryMachine): NamedNode[] {
  const found: NamedNode[] = [];
  for (let next = query.pollVisit(); next !== null; next = query.pollVisit()) found.push(next);
  return found;
}

function answer(
  query: QueryMachine,
  visited: NamedNode,
  closer: readonly PeerAddress[] = [],
  error = 0,
): void {
  const names = query.nameNodes(named(closer));
  const reply: Reply = {
    tid: 0,
    rtt: 1,
    from: visited.node,
    to: FROM,
    token: null,
    closerNodes: names.map(({ node }) => node),
    error,
    value: null,
  };
  query.handleReply(reply, names, visited, false);
}

Deno.test("RPC-016 RPC-007 a query asks the closest nodes first, ten at a time", () => {
  const nodes = Array.from({ length: 15 }, (_, i) => peerAt(i));
  const query = queryOf(nodes);
  const sorted = [...nodes].sort((a, b) => compareDistance(TARGET, a.id, b.id));
  const first = visits(query);
  assert.deepEqual(first.map(({ node }) => node), sorted.slice(0, 10));
  answer(query, first[0]!);
  assert.deepEqual(visits(query).map(({ node }) => node), sorted.slice(10, 11));
  assert.equal(query.settle(), "waiting");
});

Deno.test("RPC-016 a query ends when nobody closer is left, with the 20 closest replies in order", () => {
  const nodes = Array.from({ length: 60 }, (_, i) => peerAt(i));
  const query = queryOf(nodes.slice(0, 3));
  for (let round = visits(query); round.length > 0; round = visits(query)) {
    for (const visited of round) answer(query, visited, nodes.slice(0, 20).concat(nodes.slice(40)));
    query.settle();
  }
  assert.equal(query.settle(), "finished");
  const expected = nodes.slice(0, 20).concat(nodes.slice(40)).sort((a, b) =>
    compareDistance(TARGET, a.id, b.id)
  );
  assert.deepEqual(
    query.closestReplies.map((reply) => hexText(reply.from.id)),
    expected.slice(0, 20).map((node) => hexText(node.id)),
  );
});

Deno.test("RPC-018 given nodes are asked in their order, three at a time at first, the table helps when they fail", () => {
  const given = Array.from({ length: 6 }, (_, i) => ({ id: null, host: "7.0.0.1", port: i + 1 }));
  const query = queryOf([], { nodes: given });
  // The first three show whether given nodes are any good; until one answers no more are asked.
  query.settle();
  const first = visits(query);
  assert.deepEqual(first.map(({ node }) => node.port), [1, 2, 3]);
  for (const visited of first) query.handleFailure(visited, true, false);
  for (let round = visits(query); round.length > 0; round = visits(query)) {
    for (const visited of round) query.handleFailure(visited, true, false);
  }
  assert.equal(query.errors, 6);
  assert.equal(query.settle(), "needs-table");
  query.addFromTable([peerAt(1)]);
  const [last] = visits(query);
  answer(query, last!);
  assert.equal(query.settle(), "finished");
});

Deno.test("RPC-016 slow requests make room for others, and are not waited for with 20 replies", () => {
  const nodes = Array.from({ length: 40 }, (_, i) => peerAt(i)).sort((a, b) =>
    compareDistance(TARGET, a.id, b.id)
  );
  const query = queryOf(nodes);
  const first = visits(query);
  for (let i = 0; i < 10; i++) query.handleSlow();
  const second = visits(query);
  assert.deepEqual([first.length, second.length], [10, 10]);
  for (const visited of second) answer(query, visited);
  const third = visits(query);
  for (const visited of third) answer(query, visited);
  assert.equal(query.closestReplies.length, 20);
  visits(query);
  assert.equal(query.settle(), "finished");
  assert.equal(query.inflight, 10);
});

Deno.test("RPC-004 who named a dead node is told, who names it later too", () => {
  const [teller, other, dead] = [peerAt(1), peerAt(2), peerAt(3)];
  const query = queryOf([teller, other]);
  const asked = new Map(visits(query).map((visited) => [visited.node.port + visited.node.host, visited]));
  const at = (peer: PeerAddress): NamedNode => asked.get(peer.port + peer.host)!;
  answer(query, at(teller), [dead]);
  const [visited] = visits(query);
  query.handleFailure(visited!, true, false);
  assert.deepEqual(query.pollHint(), { to: teller, down: dead });
  assert.equal(query.pollHint(), null);
  answer(query, at(other), [dead]);
  assert.deepEqual(query.pollHint(), { to: other, down: dead });
});

Deno.test("RPC-016 a query asks 500 nodes at most, and remembers 2000", () => {
  const query = queryOf([peerAt(0)]);
  let next = 1;
  let asked = 0;
  for (let round = visits(query); round.length > 0; round = visits(query)) {
    for (const visited of round) {
      asked++;
      // Answers of nodes without ids never fill the list, so that there is no end to it.
      const closer = Array.from({ length: 20 }, () => peerAt(next++));
      const names = query.nameNodes(named(closer));
      const reply = {
        tid: 0,
        rtt: 1,
        from: FROM,
        to: FROM,
        token: null,
        closerNodes: null,
        error: 0,
        value: null,
      };
      query.handleReply(reply, names, visited, false);
    }
  }
  assert.equal(asked, 500);
  assert.equal(query.settle(), "finished");
});

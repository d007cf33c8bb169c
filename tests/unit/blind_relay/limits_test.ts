/**
 * What clients and programs notice of a relay's limits.
 *
 * @module
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { hexBytes, hexText } from "../../../src/base/mod.ts";
import type { BlindRelayError } from "../../../src/blind_relay/mod.ts";
import { UNREAD_REPLIES_MAX } from "../../../src/blind_relay/limits.ts";
import relay from "../../../src/blind_relay/mod.ts";
import type UDX from "../../../src/udx/mod.ts";
import { VirtualClock } from "../../helpers/virtual_clock.ts";
import { SinkStream } from "../protomux/mux_pair.ts";
import { allClosed, errorCodeOf, nextText, RelayNet, type RelayUser, settle } from "./relay_net.ts";

const TOKEN = new Uint8Array(32).fill(7);

/** Resolves with what the relay says of the end of a pair. */
async function unpairOf({ client }: Pick<RelayUser, "client">): Promise<[string, string]> {
  const [token, error] = await once(client, "unpair") as [Uint8Array, BlindRelayError];
  return [hexText(token), error.code];
}

Deno.test("past sessionsMax a session closes at once, with SESSIONS_EXCEEDED", async () => {
  await using net = new RelayNet({ limits: { sessionsMax: 1 } });
  const [first, second] = [net.connect(), net.connect()];
  const request = second.client.pair(true, TOKEN, second.stream).resume();
  assert.equal(await errorCodeOf(request), "CHANNEL_CLOSED");
  assert.equal((second.session.error as BlindRelayError).code, "SESSIONS_EXCEEDED");
  assert.deepEqual([second.client.closed, first.client.closed], [true, false]);
});

Deno.test("a request past pairsPerSessionMax fails with PAIRS_EXCEEDED, on both sides", async () => {
  await using net = new RelayNet({ limits: { pairsPerSessionMax: 1 } });
  const { client, session } = net.connect();
  client.pair(true, new Uint8Array(32), { id: 1 }).on("error", () => {}).resume();
  const told = once(session, "unpair");
  assert.equal(await errorCodeOf(client.pair(true, TOKEN, { id: 2 }).resume()), "PAIRS_EXCEEDED");
  const [token, error] = await told as [Uint8Array, BlindRelayError];
  assert.deepEqual([hexText(token), error.code], ["07".repeat(32), "PAIRS_EXCEEDED"]);
});

Deno.test("a request that nobody answers in pendingMs fails with PAIRING_TIMED_OUT", async () => {
  const clock = new VirtualClock();
  await using net = new RelayNet({ clock, limits: { pendingMs: 5000 } });
  const { client } = net.connect();
  const request = client.pair(true, TOKEN, { id: 1 }).resume();
  const code = errorCodeOf(request);
  await settle();
  clock.advance(4999);
  await settle();
  assert.equal(request.destroying, false);
  clock.advance(1);
  assert.equal(await code, "PAIRING_TIMED_OUT");
  assert.equal(clock.pendingCount, 0);
});

Deno.test("pairs end by pairMs and idleMs, and both clients are told why", async () => {
  const clock = new VirtualClock();
  await using net = new RelayNet({ clock, limits: { pairMs: 60_000, idleMs: 10_000 } });
  for (const [waitMs, code] of [[10_000, "PAIR_IDLE"], [60_000, "PAIR_EXPIRED"]] as const) {
    const [a, b] = [net.connect(), net.connect()];
    const [left, right] = await Promise.all([a.pair(true, TOKEN), b.pair(false, TOKEN)]);
    const told = Promise.all([unpairOf(a), unpairOf(b)]);
    for (let passedMs = 0; passedMs < waitMs; passedMs += 5000) {
      if (code === "PAIR_EXPIRED") {
        const heard = Promise.all([nextText(left), nextText(right)]);
        left.write("still");
        right.write("here");
        await heard;
      }
      clock.advance(5000);
    }
    assert.deepEqual(await told, [["07".repeat(32), code], ["07".repeat(32), code]]);
    await settle();
    assert.equal(net.server.stats.streams.active, 0);
    assert.equal(net.server.stats.pairings.active, 0);
  }
});

Deno.test("a pair that relays more than pairBytesMax ends with TRAFFIC_EXCEEDED", async () => {
  await using net = new RelayNet({ limits: { pairBytesMax: 100_000 } });
  const [a, b] = [net.connect(), net.connect()];
  const told = Promise.all([unpairOf(a), unpairOf(b)]);
  const [left, right] = await Promise.all([a.pair(true, TOKEN), b.pair(false, TOKEN)]);
  const closed = allClosed(...net.streams);
  right.resume().write("open the path");
  left.resume().write(new Uint8Array(200_000));
  assert.deepEqual((await told).map(([, code]) => code), ["TRAFFIC_EXCEEDED", "TRAFFIC_EXCEEDED"]);
  await closed;
  const { bytesRelayed } = net.server.stats.traffic;
  assert.ok(bytesRelayed <= 100_000 && bytesRelayed > 98_000, `${bytesRelayed} bytes`);
});

Deno.test("a client that does not read its answers is dropped after UNREAD_REPLIES_MAX of them", () => {
  const stream = new (class extends SinkStream {
    override write(frame: Uint8Array): boolean {
      super.write(frame);
      return false;
    }
  })();
  const server = new relay.Server({
    createStream: (): ReturnType<UDX["createStream"]> => assert.fail("no pair"),
    limits: { pairsPerSessionMax: 0 },
  });
  const session = server.accept(stream);
  stream.emit("data", hex("000101", "0b626c696e642d72656c6179", "00"));
  for (let i = 0; i < UNREAD_REPLIES_MAX; i++) {
    stream.emit("data", hex("010001", i.toString(16).padStart(64, "0"), "0100"));
  }
  assert.deepEqual([session.closed, stream.frames.length], [false, UNREAD_REPLIES_MAX + 1]);
  stream.emit("data", hex("010001", "f".repeat(64), "0100"));
  assert.deepEqual([session.closed, (session.error as BlindRelayError).code], [true, "REPLIES_EXCEEDED"]);
});

function hex(...parts: string[]): Uint8Array {
  return hexBytes(parts.join(""));
}

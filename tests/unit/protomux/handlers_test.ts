/**
 * Handlers that throw, or whose promises reject: they cost their own channel and nothing else.
 *
 * @module
 */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { string } from "../../../src/compact_encoding/mod.ts";
import type { Channel, ChannelOptions } from "../../../src/protomux/mod.ts";
import { MuxPair, settle } from "./mux_pair.ts";

const failure = new TypeError("handler failed");

function fail(): never {
  throw failure;
}

async function failLater(): Promise<never> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  throw failure;
}

/** Opens `bad` with the given handlers at b, and `good` that echoes; returns what both sides need. */
async function openTwo(pair: MuxPair, options: Partial<ChannelOptions>) {
  const log: string[] = [];
  const messages = [{ encoding: string }];
  const remoteBad = pair.a.createChannel({
    protocol: "bad",
    messages,
    onclose: (isRemote) => log.push(`a closed ${isRemote}`),
  })!;
  const bad = pair.b.createChannel({
    protocol: "bad",
    messages,
    onclose: (isRemote) => log.push(`b closed ${isRemote}`),
    ondestroy: () => log.push("b destroyed"),
    ...options,
  })!;
  const heard: string[] = [];
  const remoteGood = pair.a.createChannel({ protocol: "good", messages })!;
  const good = pair.b.createChannel({ protocol: "good" })!;
  good.addMessage({ encoding: string, onmessage: (text) => heard.push(text) });
  for (const channel of [remoteBad, bad, remoteGood, good]) channel.open();
  await good.fullyOpened();
  return { log, heard, bad, remoteBad, remoteGood, good };
}

/** The other channel still works, and the stream lives. */
async function assertOthersLive(
  pair: MuxPair,
  { heard, remoteGood }: { heard: string[]; remoteGood: Channel },
) {
  remoteGood.messages[0]!.send("still here");
  await settle();
  assert.deepEqual(heard.slice(-1), ["still here"]);
  assert.deepEqual([pair.a.stream.destroying, pair.b.stream.destroying], [false, false]);
}

for (const [kind, onmessage] of [["throws", fail], ["rejects", failLater]] as const) {
  Deno.test(`PM-020 a message handler that ${kind} closes its own channel`, async () => {
    await using pair = new MuxPair();
    const told: [unknown, Channel][] = [];
    const two = await openTwo(pair, {
      messages: [{ encoding: string, onmessage }],
      onerror: (error, channel) => told.push([error, channel]),
    });
    two.remoteBad.messages[0]!.send("x");
    await Promise.all([two.bad.fullyClosed(), two.remoteBad.fullyClosed()]);
    assert.deepEqual(two.log.toSorted(), ["a closed true", "b closed false", "b destroyed"]);
    assert.equal(two.bad.error, failure);
    assert.equal(two.remoteBad.error, null);
    assert.equal(told.length, 1);
    assert.deepEqual([told[0]![0] === failure, told[0]![1] === two.bad], [true, true]);
    await assertOthersLive(pair, two);
  });

  Deno.test(`PM-020 onopen that ${kind} closes its own channel`, async () => {
    await using pair = new MuxPair();
    const two = await openTwo(pair, { onopen: onmessage });
    await Promise.all([two.bad.fullyClosed(), two.remoteBad.fullyClosed()]);
    assert.equal(two.bad.error, failure);
    assert.equal(await two.bad.fullyOpened(), kind === "rejects");
    await assertOthersLive(pair, two);
  });

  Deno.test(`PM-020 onclose that ${kind} leaves the channel closed and destroyed`, async () => {
    await using pair = new MuxPair();
    const two = await openTwo(pair, { onclose: onmessage });
    two.remoteBad.close();
    await two.bad.fullyClosed();
    assert.equal(two.bad.error, failure);
    assert.deepEqual(two.log, ["a closed false", "b destroyed"]);
    await assertOthersLive(pair, two);
  });

  Deno.test(`PM-020 ondestroy that ${kind} is told and changes nothing`, async () => {
    await using pair = new MuxPair();
    const told: unknown[] = [];
    const two = await openTwo(pair, { ondestroy: onmessage, onerror: (error) => told.push(error) });
    two.bad.close();
    await two.bad.fullyClosed();
    await settle();
    assert.deepEqual(told, [failure]);
    await assertOthersLive(pair, two);
  });

  Deno.test(`PM-020 ondrain that ${kind} closes its own channel`, async () => {
    await using pair = new MuxPair();
    const two = await openTwo(pair, { ondrain: onmessage });
    for (let hasRoom = true; hasRoom;) hasRoom = two.bad.messages[0]!.send("x".repeat(1000));
    await Promise.all([two.bad.fullyClosed(), two.remoteBad.fullyClosed()]);
    assert.equal(two.bad.error, failure);
    await assertOthersLive(pair, two);
  });

  Deno.test(`PM-007 PM-020 a pair callback that ${kind} rejects the channel that was asked for`, async () => {
    const told: [unknown, unknown][] = [];
    await using pair = new MuxPair({ onerror: (error, channel) => told.push([error, channel]) });
    const two = await openTwo(pair, {});
    pair.b.pair({ protocol: "asked" }, onmessage);
    const asked = pair.a.createChannel({ protocol: "asked" })!;
    asked.open();
    assert.equal(await asked.fullyOpened(), false);
    assert.deepEqual(told, [[failure, null]]);
    await assertOthersLive(pair, two);
  });
}

Deno.test("PM-020 the rest of a batch is dropped for the failed channel and delivered for others", async () => {
  await using pair = new MuxPair();
  let count = 0;
  const onmessage = () => {
    count++;
    fail();
  };
  const two = await openTwo(pair, { messages: [{ encoding: string, onmessage }] });
  pair.a.cork();
  for (let i = 0; i < 3; i++) two.remoteBad.messages[0]!.send("x");
  two.remoteGood.messages[0]!.send("in the same batch");
  pair.a.uncork();
  await settle();
  assert.deepEqual([count, two.heard], [1, ["in the same batch"]]);
  await assertOthersLive(pair, two);
});

Deno.test("PM-020 the muxer is told when the channel has no onerror, and no error makes no call", async () => {
  const told: unknown[] = [];
  await using pair = new MuxPair({ onerror: (error, channel) => told.push(error, channel?.protocol) });
  const two = await openTwo(pair, { messages: [{ encoding: string, onmessage: fail }] });
  two.remoteGood.messages[0]!.send("fine");
  two.remoteBad.messages[0]!.send("x");
  await two.remoteBad.fullyClosed();
  assert.deepEqual(told, [failure, "bad"]);
});

Deno.test("PM-020 an onerror that throws destroys the stream, since nobody is left to be told", async () => {
  for (const options of [{ onerror: fail }, {}]) {
    await using pair = new MuxPair({ onerror: fail });
    const two = await openTwo(pair, { messages: [{ encoding: string, onmessage: fail }], ...options });
    const closed = Promise.all([two.bad.fullyClosed(), two.good.fullyClosed()]);
    two.remoteBad.messages[0]!.send("x");
    await closed;
    assert.equal(pair.b.stream.destroying, true);
  }
});

Deno.test("PM-020 a remote that fails is seen as a closing, and the protocol can be opened again", async () => {
  await using pair = new MuxPair();
  const two = await openTwo(pair, { messages: [{ encoding: string, onmessage: fail }] });
  two.remoteBad.messages[0]!.send("x");
  await two.remoteBad.fullyClosed();
  await settle();
  const again = [pair.a, pair.b].map((mux) => mux.createChannel({ protocol: "bad" })!);
  for (const channel of again) channel.open();
  assert.deepEqual(await Promise.all(again.map((channel) => channel.fullyOpened())), [true, true]);
});

Deno.test("PM-018 ondestroy waits for the promises of handlers", async () => {
  await using pair = new MuxPair();
  const work = Promise.withResolvers<void>();
  const two = await openTwo(pair, { messages: [{ encoding: string, onmessage: () => work.promise }] });
  two.remoteBad.messages[0]!.send("x");
  await settle();
  two.bad.close();
  await settle();
  assert.deepEqual([two.bad.closed, two.bad.destroyed, two.log.includes("b destroyed")], [
    true,
    false,
    false,
  ]);
  work.resolve();
  await two.bad.fullyClosed();
  assert.deepEqual(two.log.slice(-1), ["b destroyed"]);
});

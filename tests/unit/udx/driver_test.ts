/** Turns of streams that could send for ever, on a clock that moves by a millisecond each time it is read. */
import { strict as assert } from "node:assert";
import { runtimeRandom } from "../../../src/base/mod.ts";
import { createTraffic, Driver, type SocketHost, type StreamHost } from "../../../src/udx/driver.ts";

interface Continuation {
  readonly delayMs: number;
  readonly callback: () => void;
}

function createScene() {
  const sent: string[] = [];
  const continuations: Continuation[] = [];
  let nowMs = 0;
  const clock = {
    nowMs: () => nowMs++,
    wallMs: () => 0,
    schedule: (delayMs: number, callback: () => void) => {
      continuations.push({ delayMs, callback });
      return () => {};
    },
  };
  const room = { isWritable: true };
  const socket = {
    datagrams: {
      get isWritable(): boolean {
        return room.isWritable;
      },
      sendMany(datagrams: readonly { bytes: Uint8Array }[], count: number) {
        for (let i = 0; i < count; i++) sent.push(String.fromCharCode(datagrams[i]!.bytes[0]!));
      },
    },
    traffic: createTraffic(),
  } as unknown as SocketHost;
  const driver = new Driver(clock, runtimeRandom);
  const addEndless = (name: string): StreamHost => {
    const path = { socket, address: { host: "127.0.0.1", port: 1, family: 4 as const }, overheadBytes: 48 };
    const bytes = new Uint8Array([name.charCodeAt(0)]);
    const host = {
      id: name.charCodeAt(0),
      machine: { pollTransmit: () => ({ bytes, path }), deadlineMs: Infinity, isClosed: false },
      traffic: createTraffic(),
      path,
      relayTarget: null,
      handleOutputs() {},
    } as unknown as StreamHost;
    driver.add(host);
    driver.schedule(host);
    return host;
  };
  return { driver, socket, room, sent, continuations, addEndless };
}

/** Packets in a row of the same stream, as "a16". */
function runsOf(sent: readonly string[]): string[] {
  const runs = sent.join("").match(/(.)\1*/g) ?? [];
  return runs.map((run) => `${run[0]}${run.length}`);
}

Deno.test("UDX-016 streams on one socket take turns of 16 packets", async () => {
  const { sent, continuations, addEndless } = createScene();
  addEndless("a");
  addEndless("b");
  await Promise.resolve();
  assert.deepEqual(runsOf(sent).slice(0, 4), ["a16", "b16", "a16", "b16"]);
  assert.equal(continuations.length, 1);
});

Deno.test("UDX-016 a stream that could send for ever holds the event loop for 4 ms, then goes on later", async () => {
  const { sent, continuations, addEndless } = createScene();
  addEndless("a");
  await Promise.resolve();
  // The clock moves once per turn.
  assert.equal(sent.length, 5 * 16);
  assert.deepEqual(continuations.map(({ delayMs }) => delayMs), [0]);
  continuations[0]!.callback();
  assert.equal(sent.length, 10 * 16);
  assert.equal(continuations.length, 2);
});

Deno.test("UDX-016 a socket without room stops its streams, and all go on when there is some", async () => {
  const { driver, socket, room, sent, addEndless } = createScene();
  room.isWritable = false;
  addEndless("a");
  addEndless("b");
  await Promise.resolve();
  assert.equal(sent.length, 0);
  room.isWritable = true;
  driver.handleWritable(socket);
  assert.deepEqual(runsOf(sent).slice(0, 2), ["a16", "b16"]);
});

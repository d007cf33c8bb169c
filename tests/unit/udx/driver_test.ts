/** Turns of streams that could send for ever, on a clock that moves by a millisecond each time it is read. */
import { strict as assert } from "node:assert";
import { runtimeRandom } from "../../../src/base/mod.ts";
import { SharedPath } from "../../../src/udx/shared_path.ts";
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
  /** A stream that sends whatever it may and shares the path with others. */
  const addSharing = (name: string, shared: SharedPath): StreamHost => {
    const host = addEndless(name);
    const { bytes, path } = host.machine.pollTransmit(0)!;
    let isWaitingForTurn = false;
    const machine = {
      pollTransmit: (_nowMs: number, hasTurn: boolean) => {
        isWaitingForTurn = !hasTurn;
        if (!hasTurn) return null;
        shared.changeFlight(1);
        return { bytes, path };
      },
      get isWaitingForTurn(): boolean {
        return isWaitingForTurn;
      },
      deadlineMs: Infinity,
      isClosed: false,
      epitaph: null,
    };
    return Object.assign(host, { machine, path: { ...path, shared } });
  };
  return { driver, socket, room, sent, continuations, addEndless, addSharing };
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

Deno.test("UDX-016 streams that share a path wait for room on it, and get turns in the order in which they wait", async () => {
  const { driver, sent, addSharing } = createScene();
  const shared = new SharedPath();
  shared.join();
  shared.join();
  for (const name of ["a", "b", "c", "d", "e", "f"]) addSharing(name, shared);
  await Promise.resolve();
  assert.deepEqual(runsOf(sent), ["a16", "b16", "c16", "d16"]);
  sent.length = 0;
  shared.changeFlight(-7);
  driver.flush();
  assert.deepEqual(sent, []);
  shared.changeFlight(-1);
  driver.flush();
  assert.deepEqual(runsOf(sent), ["e16"]);
  sent.length = 0;
  shared.changeFlight(-32);
  driver.flush();
  assert.deepEqual(runsOf(sent), ["f16", "a16"]);
});

Deno.test("UDX-016 a stream that leaves while it waits for room does not hold up the others", async () => {
  const { driver, sent, addSharing } = createScene();
  const shared = new SharedPath();
  shared.join();
  shared.join();
  const streams = ["a", "b", "c", "d", "e", "f"].map((name) => addSharing(name, shared));
  await Promise.resolve();
  for (const stream of streams.slice(2)) {
    Object.assign(stream.machine, { pollTransmit: () => null });
    driver.remove(stream);
  }
  sent.length = 0;
  shared.changeFlight(-64);
  driver.flush();
  assert.deepEqual(runsOf(sent).slice(0, 2), ["a16", "b16"]);
});

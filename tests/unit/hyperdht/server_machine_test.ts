/** The table of a server's handshakes: deadlines, duplicates, and ten thousand that lead nowhere. */
import { strict as assert } from "node:assert";
import { type ServerEvent, ServerMachine } from "../../../src/hyperdht/server_machine.ts";
import { addressOf } from "./support.ts";

const CLIENT = addressOf(1);

function events(machine: ServerMachine): ServerEvent[] {
  const list: ServerEvent[] = [];
  for (let event = machine.pollEvent(); event !== null; event = machine.pollEvent()) list.push(event);
  return list;
}

function begin(machine: ServerMachine, key: string, nowMs = 0): number {
  const begun = machine.begin(key, CLIENT, nowMs);
  assert.equal(begun.kind, "new");
  return (begun as { id: number }).id;
}

Deno.test("DHT-033 a handshake that comes again is the same one until it is forgotten", () => {
  const machine = new ServerMachine({ clearWaitMs: 500 });
  const id = begin(machine, "a");
  assert.deepEqual(machine.begin("a", CLIENT, 0), { kind: "known", id });
  assert.equal(machine.stateOf(id), "deciding");
  assert.equal(machine.pollDeadline(), null);
  machine.finish(id, 1000);
  assert.deepEqual(machine.begin("a", CLIENT, 0), { kind: "known", id });
  assert.equal(machine.pollDeadline(), 1500);
  machine.handleTimeout(1499);
  assert.deepEqual(events(machine), []);
  machine.handleTimeout(1500);
  assert.deepEqual(events(machine), [{ kind: "forgotten", id }]);
  assert.equal(machine.stateOf(id), null);
  assert.notEqual(begin(machine, "a"), id);
});

Deno.test("DHT-025 a client has ten seconds to show itself", () => {
  const machine = new ServerMachine({ clearWaitMs: 500 });
  const id = begin(machine, "a");
  machine.wait(id, 100);
  assert.equal(machine.stateOf(id), "waiting");
  assert.equal(machine.pollDeadline(), 10_100);
  machine.handleTimeout(10_099);
  assert.deepEqual(events(machine), []);
  machine.handleTimeout(10_100);
  assert.deepEqual(events(machine), [{ kind: "timeout", id }]);
  assert.equal(machine.pollDeadline(), null);
  machine.finish(id, 10_100);
  assert.equal(machine.pollDeadline(), 10_600);
});

Deno.test("DHT-025 punching, relayed and finished handshakes have other deadlines or none", () => {
  const machine = new ServerMachine({ clearWaitMs: 500 });
  const [punching, relayed, finished] = ["a", "b", "c"].map((key) => begin(machine, key)) as [
    number,
    number,
    number,
  ];
  for (const id of [punching, relayed, finished]) machine.wait(id, 0);
  machine.punch(punching);
  machine.relay(relayed);
  machine.finish(finished, 0);
  assert.equal(machine.pollDeadline(), 500);
  assert.equal(machine.halfOpenCount, 1);
  machine.handleTimeout(1e9);
  assert.deepEqual(events(machine), [{ kind: "forgotten", id: finished }]);
  // Finished is final; what is not known is of no interest.
  machine.finish(relayed, 0);
  machine.punch(relayed);
  machine.wait(relayed, 0);
  assert.equal(machine.stateOf(relayed), "finished");
  machine.finish(999, 0);
  assert.equal(machine.halfOpenCount, 1);
  machine.clear();
  assert.equal(machine.size, 0);
  assert.equal(machine.halfOpenCount, 0);
  assert.equal(machine.pollDeadline(), null);
  assert.equal(events(machine).length, 2);
});

Deno.test("DHT-025 ten thousand half-open handshakes take the room of 512: the oldest give way", () => {
  const machine = new ServerMachine({ clearWaitMs: 500 });
  let timeouts = 0;
  for (let i = 0; i < 10_000; i++) {
    const id = begin(machine, `${i}`, 3 * i);
    machine.wait(id, 3 * i);
    for (const event of events(machine)) if (event.kind === "timeout") timeouts++;
    assert.ok(machine.halfOpenCount <= 512);
    assert.ok(machine.size <= 512);
  }
  assert.equal(timeouts, 10_000 - 512);
  // The newest are those that are still there.
  assert.equal(machine.begin("9999", CLIENT, 0).kind, "known");
  assert.equal(machine.begin("9488", CLIENT, 0).kind, "known");
  assert.equal(machine.begin("9487", CLIENT, 40_000).kind, "new");
});

Deno.test("DHT-025 handshakes that are being decided or punched do not give way to new ones", () => {
  const machine = new ServerMachine({ clearWaitMs: 500, halfOpenMax: 3 });
  begin(machine, "deciding");
  machine.punch(begin(machine, "punching"));
  machine.wait(begin(machine, "waiting"), 0);
  begin(machine, "new");
  assert.deepEqual(events(machine).map(({ kind }) => kind), ["timeout", "forgotten"]);
  assert.deepEqual(machine.begin("too many", CLIENT, 0), { kind: "full" });
  assert.equal(machine.begin("punching", CLIENT, 0).kind, "known");
});

Deno.test("DHT-033 finished handshakes are forgotten early when there are too many", () => {
  const machine = new ServerMachine({ clearWaitMs: 500, handshakesMax: 100 });
  for (let i = 0; i < 1000; i++) {
    machine.finish(begin(machine, `${i}`, 3 * i), 3 * i);
    assert.ok(machine.size <= 100);
  }
  machine.clear();
  for (let i = 0; i < 100; i++) machine.relay(begin(machine, `relayed ${i}`, 10_000));
  assert.deepEqual(machine.begin("one more", CLIENT, 10_000), { kind: "full" });
});

Deno.test("DHT-025 new handshakes are taken at 500 a second, known ones always", () => {
  const machine = new ServerMachine({ clearWaitMs: 500, halfOpenMax: 10_000 });
  let count = 0;
  const take = (asked: number, nowMs: number, source = addressOf(1)): number =>
    Array.from({ length: asked }, () => machine.begin(`${count++}`, source, nowMs).kind)
      .filter((kind) => kind === "new").length;
  const takeFromMany = (nowMs: number): number =>
    Array.from({ length: 200 }, (_, i) => take(10, nowMs, addressOf(i))).reduce((sum, taken) => sum + taken);
  assert.equal(takeFromMany(1000), 150);
  assert.equal(machine.begin("0", CLIENT, 1000).kind, "known");
  assert.equal(takeFromMany(1299), 0);
  assert.equal(takeFromMany(1300), 150);
  // A clock that goes back gives nothing away.
  assert.equal(takeFromMany(1200), 0);
});

Deno.test("DHT-025 a flood of handshakes from one source leaves room for others", () => {
  const machine = new ServerMachine({ clearWaitMs: 500, halfOpenMax: 10_000 });
  const [flooder, honest] = [addressOf(1), addressOf(2)];
  let flooded = 0;
  let served = 0;
  for (let nowMs = 0; nowMs < 10_000; nowMs++) {
    for (let i = 0; i < 10; i++) {
      if (machine.begin(`flood ${nowMs} ${i}`, flooder, nowMs).kind === "new") flooded++;
    }
    if (nowMs % 100 === 0 && machine.begin(`honest ${nowMs}`, honest, nowMs).kind === "new") served++;
  }
  assert.equal(served, 100);
  assert.ok(flooded <= 10 * 375, `${flooded} of a flood of 100 000`);
});

Deno.test("DHT-025 a flood of handshakes from many sources: who asks four times, a second apart, gets in", () => {
  const machine = new ServerMachine({ clearWaitMs: 500, halfOpenMax: 20_000, handshakesMax: 20_000 });
  let flooded = 0;
  let served = 0;
  for (let nowMs = 0; nowMs < 20_000; nowMs++) {
    const source = { host: `66.1.${(nowMs >> 8) & 255}.${nowMs & 255}`, port: 1 };
    if (machine.begin(`flood ${nowMs}`, source, nowMs).kind === "new") flooded++;
    // One client begins each 100 ms, so that all phases occur.
    for (let tries = 0; tries < 4; tries++) {
      const beganMs = nowMs - 1000 * tries;
      if (beganMs < 0 || beganMs % 107 !== 0 || beganMs >= 16_000) continue;
      const client = addressOf(beganMs);
      if (machine.begin(`honest ${beganMs}`, client, nowMs).kind === "new") served++;
    }
  }
  assert.ok(flooded <= 20 * 500 + 150, `${flooded} of a flood of 20 000`);
  assert.equal(served, 150);
});

/** The steps of an announcer, as dialogues. */
import { strict as assert } from "node:assert";
import {
  type Announced,
  AnnouncerMachine,
  type AnnouncerStep,
} from "../../../src/hyperdht/announcer_machine.ts";
import { addressOf } from "./support.ts";

type Machine = AnnouncerMachine<number>;

const announcedTo = (...numbers: number[]): Announced[] =>
  numbers.map((i) => ({ relayAddress: addressOf(i), peerAddress: addressOf(100 + i) }));

/** Runs a whole update that announces to `numbers`, up to the pings. */
function update(
  machine: Machine,
  numbers: number[],
  ownAddress: Announced["relayAddress"] | null = null,
): void {
  assert.equal(machine.nextStep(true).kind, "find");
  machine.handleFound([...numbers, 50, 51], numbers.map(addressOf));
  assert.deepEqual(machine.nextStep(true), { kind: "announce", replies: [...numbers, 50, 51].slice(0, 3) });
  machine.handleAnnounced(announcedTo(...numbers), ownAddress);
  assert.equal(machine.nextStep(true).kind, "unannounce");
  machine.handleUnannounced();
}

/** One round of pings, answered by all. */
function ping(machine: Machine): AnnouncerStep<number> {
  const step = machine.nextStep(true);
  assert.equal(step.kind, "ping");
  machine.handlePonged((step as { nodes: readonly unknown[] }).nodes.length);
  return machine.nextStep(true);
}

Deno.test("DHT-079 an announcer keeps three relays, pings them every 3 s, and begins anew after 100 rounds", () => {
  const machine: Machine = new AnnouncerMachine();
  assert.deepEqual(machine.nextStep(true), { kind: "find", nodes: null });
  machine.handleFound([1, 2, 3, 4], [1, 2, 3, 4].map(addressOf));
  assert.deepEqual(machine.nextStep(true), { kind: "announce", replies: [1, 2, 3] });
  machine.handleAnnounced(announcedTo(1, 2, 3), null);
  assert.deepEqual(machine.nextStep(true), { kind: "unannounce", nodes: [] });
  machine.handleUnannounced();
  assert.deepEqual(machine.relays, announcedTo(1, 2, 3));
  assert.deepEqual(machine.relayAddresses, [1, 2, 3].map(addressOf));
  for (let round = 0; round < 100; round++) assert.deepEqual(ping(machine), { kind: "pause", delayMs: 3000 });
  assert.deepEqual(machine.nextStep(true), { kind: "find", nodes: [1, 2, 3, 4].map(addressOf) });
});

Deno.test("DHT-039 DHT-047 a reachable server names itself first, and three addresses in all", () => {
  const machine: Machine = new AnnouncerMachine();
  update(machine, [1, 2, 3], addressOf(9));
  assert.deepEqual(machine.relayAddresses, [9, 1, 2].map(addressOf));
  assert.equal(machine.relays.length, 3);
});

Deno.test("DHT-079 an announcer that lost a relay begins anew at once, and withdraws from former ones", () => {
  const machine: Machine = new AnnouncerMachine();
  update(machine, [1, 2, 3]);
  assert.equal(machine.nextStep(true).kind, "ping");
  machine.handlePonged(2);
  assert.equal(machine.nextStep(true).kind, "find");
  machine.handleFound([2, 3, 4], [2, 3, 4].map(addressOf));
  machine.nextStep(true);
  machine.handleAnnounced(announcedTo(2, 3, 4), null);
  assert.deepEqual(machine.nextStep(true), { kind: "unannounce", nodes: [addressOf(1)] });
  machine.handleUnannounced();
  // Clients may still come over the former relay for two updates.
  assert.ok(machine.isRelay(addressOf(1)));
  machine.refresh();
  update(machine, [2, 3, 4]);
  assert.ok(machine.isRelay(addressOf(1)));
  machine.refresh();
  update(machine, [2, 3, 4]);
  assert.ok(!machine.isRelay(addressOf(1)));
  assert.deepEqual(machine.takeAnnounced(), [2, 3, 4].map(addressOf));
  assert.deepEqual(machine.takeAnnounced(), []);
});

Deno.test("DHT-079 with fewer than three relays as many must answer as there are", () => {
  const machine: Machine = new AnnouncerMachine();
  update(machine, [1]);
  assert.equal(ping(machine).kind, "pause");
  assert.equal(machine.nextStep(true).kind, "ping");
  machine.handlePonged(0);
  assert.equal(machine.nextStep(true).kind, "find");
  machine.handleFound([], []);
  machine.nextStep(true);
  machine.handleAnnounced([], null);
  machine.nextStep(true);
  machine.handleUnannounced();
  // Nobody to ping: waits, and does not spin.
  assert.equal(ping(machine).kind, "pause");
});

Deno.test("DHT-037 an announcer waits while the node is offline", () => {
  const machine: Machine = new AnnouncerMachine();
  update(machine, [1, 2, 3]);
  assert.deepEqual(machine.nextStep(false), { kind: "offline" });
  assert.deepEqual(machine.nextStep(false), { kind: "offline" });
  assert.equal(machine.nextStep(true).kind, "ping");
});

Deno.test("DHT-040 a suspended announcer rests until it is resumed, and then begins anew", () => {
  const machine: Machine = new AnnouncerMachine();
  update(machine, [1, 2, 3]);
  machine.suspend();
  assert.ok(machine.isSuspended);
  assert.deepEqual(machine.nextStep(true), { kind: "suspended" });
  assert.deepEqual(machine.nextStep(true), { kind: "suspended" });
  machine.resume();
  assert.equal(machine.nextStep(true).kind, "find");

  // In the middle of an update, what was found or announced is no reason to go on.
  machine.suspend();
  machine.handleFound([1], [addressOf(1)]);
  assert.deepEqual(machine.nextStep(true), { kind: "suspended" });
  machine.resume();
  machine.nextStep(true);
  machine.handleFound([1], [addressOf(1)]);
  machine.nextStep(true);
  machine.suspend();
  machine.handleAnnounced(announcedTo(7), null);
  assert.deepEqual(machine.nextStep(true), { kind: "suspended" });
  assert.deepEqual(machine.takeAnnounced(), [1, 2, 3, 7].map(addressOf));
});

Deno.test("DHT-036 refresh() begins anew at the next step, stop() ends everything", () => {
  const machine: Machine = new AnnouncerMachine();
  update(machine, [1, 2, 3]);
  machine.refresh();
  assert.equal(machine.nextStep(true).kind, "find");
  machine.stop();
  assert.deepEqual(machine.nextStep(true), { kind: "stopped" });
  machine.handleFound([1], [addressOf(1)]);
  assert.deepEqual(machine.nextStep(true), { kind: "stopped" });
});

Deno.test("DHT-079 a step that nobody reported on failed: the announcer tries again soon", () => {
  const machine: Machine = new AnnouncerMachine();
  machine.nextStep(true);
  assert.deepEqual(machine.nextStep(true), { kind: "pause", delayMs: 1000 });
  assert.equal(machine.nextStep(true).kind, "find");
  // Reports out of turn change nothing.
  machine.handleAnnounced(announcedTo(1), null);
  machine.handleUnannounced();
  machine.handlePonged(0);
  assert.deepEqual(machine.relays, []);
});

import { strict as assert } from "node:assert";
import { AnnouncerMachine } from "../../../src/hyperdht/announcer_machine.ts";

const RELAYS = [1, 2, 3].map((i) => ({ host: `203.0.113.${i}`, port: 49737 }));

function seenAt(port: number) {
  return RELAYS.map((relayAddress) => ({ relayAddress, peerAddress: { host: "198.51.100.1", port } }));
}

/** An announcer that has announced; its next step is to ping. */
function announced(): AnnouncerMachine<number> {
  const machine = new AnnouncerMachine<number>();
  machine.nextStep(true);
  machine.handleFound([1, 2, 3], RELAYS);
  machine.nextStep(true);
  machine.handleAnnounced(seenAt(5), null);
  machine.nextStep(true);
  machine.handleUnannounced();
  return machine;
}

/** Rounds of pings until the announcer looks for nodes again, at most 100. */
function roundsUntilFind(machine: AnnouncerMachine<number>, portOf: (round: number) => number): number {
  for (let round = 0;; round++) {
    if (machine.nextStep(true).kind === "find") return round;
    machine.handlePonged(3, seenAt(portOf(round)));
    if (machine.nextStep(true).kind === "find") return round + 1;
  }
}

Deno.test("DHT-079 AnnouncerMachine announces anew when its relays see it elsewhere", () => {
  assert.equal(roundsUntilFind(announced(), (round) => round < 10 ? 5 : 6), 11);
  assert.equal(roundsUntilFind(announced(), () => 5), 100);
});

Deno.test("DHT-079 AnnouncerMachine does not announce with each new mapping", () => {
  assert.equal(roundsUntilFind(announced(), (round) => round), 4);
});

Deno.test("DHT-079 AnnouncerMachine takes nobody's word but its relays'", () => {
  const machine = announced();
  const stranger = {
    relayAddress: { host: "192.0.2.1", port: 1 },
    peerAddress: { host: "192.0.2.9", port: 9 },
  };
  for (let round = 0; round < 50; round++) {
    assert.equal(machine.nextStep(true).kind, "ping");
    machine.handlePonged(3, [...seenAt(5), stranger]);
    assert.equal(machine.nextStep(true).kind, "pause");
  }
});

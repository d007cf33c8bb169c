import assert from "node:assert/strict";
import { IdleMachine } from "../../../src/corestore/idle_machine.ts";

Deno.test("CS-039 an idle core is closed at its fourth strike, three ticks of 2 s later", () => {
  const machine = new IdleMachine<string>();
  assert.equal(machine.pollDeadline(), Infinity);
  machine.handleIdle("a", 1000);
  assert.equal(machine.pollDeadline(), 3000);
  for (const nowMs of [3000, 5000]) {
    machine.handleTime(nowMs);
    assert.deepEqual(machine.pollClosable(), []);
    assert.equal(machine.pollDeadline(), nowMs + 2000);
  }
  machine.handleTime(7000);
  assert.deepEqual(machine.pollClosable(), ["a"]);
  assert.deepEqual(machine.pollClosable(), []);
  assert.equal(machine.pollDeadline(), Infinity);
});

Deno.test("CS-039 all idle cores are looked at together; one that comes later waits for its own strikes", () => {
  const machine = new IdleMachine<string>();
  machine.handleIdle("a", 0);
  machine.handleIdle("b", 1999);
  machine.handleTime(2000);
  machine.handleTime(4000);
  machine.handleIdle("c", 4001);
  machine.handleTime(6000);
  assert.deepEqual(machine.pollClosable(), ["a", "b"]);
  assert.equal(machine.size, 1);
  machine.handleTime(8000);
  machine.handleTime(10_000);
  assert.deepEqual(machine.pollClosable(), ["c"]);
});

Deno.test("CS-039 use takes all strikes away, and so does becoming idle again", () => {
  const machine = new IdleMachine<string>();
  machine.handleIdle("a", 0);
  machine.handleTime(2000);
  machine.handleTime(4000);
  machine.handleUse("a");
  assert.equal(machine.pollDeadline(), Infinity);
  machine.handleIdle("a", 5000);
  machine.handleIdle("b", 5000);
  machine.handleTime(7000);
  machine.handleTime(9000);
  machine.handleIdle("a", 9500);
  machine.handleTime(11_000);
  assert.deepEqual(machine.pollClosable(), ["b"]);
});

Deno.test("CS-039 a time that jumps is one tick", () => {
  const machine = new IdleMachine<string>();
  machine.handleIdle("a", 0);
  machine.handleTime(1_000_000);
  assert.deepEqual(machine.pollClosable(), []);
  assert.equal(machine.pollDeadline(), 1_002_000);
});

Deno.test("time before the deadline changes nothing, and clear() forgets everything", () => {
  const machine = new IdleMachine<string>();
  machine.handleTime(5);
  machine.handleIdle("a", 0);
  machine.handleTime(1999);
  assert.equal(machine.pollDeadline(), 2000);
  machine.clear();
  assert.equal(machine.pollDeadline(), Infinity);
  assert.equal(machine.size, 0);
});

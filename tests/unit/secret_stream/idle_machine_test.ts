import { strict as assert } from "node:assert";
import { IdleMachine } from "../../../src/secret_stream/idle_machine.ts";

Deno.test("SS-009 IdleMachine lets the timeout fall due once, counted from the last byte", () => {
  const idle = new IdleMachine();
  idle.set("timeout", 100, 0);
  assert.equal(idle.pollDeadline(), null, "nothing counts before the start");
  idle.start(10);
  assert.equal(idle.pollDeadline(), 110);
  idle.handleActivity("timeout", 50);
  assert.equal(idle.pollDeadline(), 150);
  assert.equal(idle.pollEvent(149), null);
  assert.equal(idle.pollEvent(150), "timeout");
  assert.equal(idle.pollEvent(1000), null);
  assert.equal(idle.pollDeadline(), null);
});

Deno.test("SS-010 IdleMachine lets a heartbeat fall due again and again, counted from the last message", () => {
  const idle = new IdleMachine();
  idle.start(0);
  idle.set("keepAlive", 30, 0);
  assert.equal(idle.pollEvent(30), "keepAlive");
  assert.equal(idle.pollEvent(30), null);
  assert.equal(idle.pollDeadline(), 60);
  idle.handleActivity("keepAlive", 45);
  assert.equal(idle.pollEvent(60), null);
  assert.equal(idle.pollEvent(75), "keepAlive");
  idle.set("keepAlive", 0, 80);
  assert.equal(idle.pollDeadline(), null);
});

Deno.test("SS-009 SS-010 IdleMachine tells what falls due first", () => {
  const idle = new IdleMachine();
  idle.start(0);
  idle.set("timeout", 100, 0);
  idle.set("keepAlive", 40, 0);
  assert.equal(idle.pollDeadline(), 40);
  assert.equal(idle.pollEvent(40), "keepAlive");
  assert.equal(idle.pollDeadline(), 80);
  assert.equal(idle.pollEvent(80), "keepAlive");
  assert.equal(idle.pollDeadline(), 100);
  assert.equal(idle.pollEvent(120), "timeout");
  assert.equal(idle.pollEvent(120), "keepAlive");
  assert.equal(idle.pollEvent(120), null);
});

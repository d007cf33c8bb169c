import { strict as assert } from "node:assert";
import { NodePeer } from "../../helpers/node_peer.ts";
import { VirtualClock } from "../../helpers/virtual_clock.ts";

Deno.test("NodePeer exchanges JSON lines with a script and ends it", async () => {
  await using peer = NodePeer.start("self_check.mjs", { args: ["a", 1, { b: 2 }] });
  assert.deepEqual(await peer.next("ready"), { event: "ready", args: ["a", "1", '{"b":2}'] });
  await peer.send({ echo: "first" });
  await peer.send({ echo: "second" });
  assert.equal((await peer.next("echo")).echo, "first");
  assert.equal((await peer.next()).echo, "second");
  await peer.ended();
});

Deno.test("NodePeer.next() says how a peer ended that ended too early", async () => {
  await using peer = NodePeer.start("self_check.mjs");
  await peer.send({ exitCode: 3 });
  await assert.rejects(peer.next("never"), /ended while waiting for never.*exit code 3[^]*ending as told/);
  await assert.rejects(peer.ended(), /failed \(exit code 3/);
});

Deno.test("NodePeer.next() fails when a peer stays silent", async () => {
  await using peer = NodePeer.start("self_check.mjs", { waitTimeoutMs: 0 });
  await assert.rejects(peer.next("never"), /said nothing of never in 0 ms/);
});

Deno.test("NodePeer.start() refuses a script that is not there", () => {
  assert.throws(() => NodePeer.start("no_such_peer.mjs"), /there is no such peer script/);
});

Deno.test("VirtualClock runs timers in order of their due times, nested ones included", () => {
  const clock = new VirtualClock();
  const ran: string[] = [];
  clock.schedule(20, () => ran.push(`b at ${clock.nowMs()}`));
  clock.schedule(10, () => {
    ran.push(`a at ${clock.nowMs()}`);
    clock.schedule(5, () => ran.push(`nested at ${clock.nowMs()}`));
  });
  const cancel = clock.schedule(12, () => ran.push("cancelled"));
  cancel();
  clock.advance(19);
  assert.deepEqual(ran, ["a at 10", "nested at 15"]);
  assert.equal(clock.pendingCount, 1);
  clock.advance(1);
  assert.deepEqual(ran, ["a at 10", "nested at 15", "b at 20"]);
  assert.equal(clock.nowMs(), 20);
});

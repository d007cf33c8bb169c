import { strict as assert } from "node:assert";
import { HypercoreError } from "../../../../src/hypercore/errors.ts";
import { blockData, Harness, MANIFEST, request, sync } from "./harness.ts";
import type { FakeLog } from "./harness.ts";

const full10 = (log: FakeLog): void => log.setFull(10);
const block = (index: number) => ({ index, nodes: 0 });

Deno.test("HC-155 a request is proved and answered", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  const message = request({ id: 9, block: block(4) });
  h.receive(peer, { kind: "request", message });
  const [job] = h.takeJobs("prove");
  assert.deepEqual(job?.entries, [{ peer, message }]);
  const { request: _, ...proof } = blockData(message, Uint8Array.of(1, 2));
  h.machine.handleProved(job.entries, [{ kind: "proof", proof }], h.nowMs);
  assert.deepEqual(h.sent(peer), [{ kind: "data", message: blockData(message, Uint8Array.of(1, 2)) }]);
  assert.deepEqual(h.takeEvents("upload"), [{ kind: "upload", peer, index: 4, byteLength: 2 }]);
});

Deno.test("requests that arrive in one turn, from any peer, are proved in one job", () => {
  const h = new Harness({}, full10);
  const peers = [h.open(), h.open()];
  for (const peer of peers) {
    for (const index of [1, 2, 3]) {
      h.receive(peer, { kind: "request", message: request({ id: index, block: block(index) }) });
    }
  }
  const jobs = h.takeJobs("prove");
  assert.deepEqual(jobs.map(({ entries }) => entries.length), [6]);
});

Deno.test("requests that arrive while a job is under way wait for the next", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  h.receive(peer, { kind: "request", message: request({ id: 1, block: block(1) }) });
  const [first] = h.takeJobs("prove");
  h.receive(peer, { kind: "request", message: request({ id: 2, block: block(2) }) });
  assert.deepEqual(h.takeJobs("prove"), []);
  h.machine.handleProved(first!.entries, [{ kind: "unavailable" }], h.nowMs);
  assert.equal(h.takeJobs("prove").length, 1);
});

Deno.test("HC-198 urgent requests go first, the latest of them first of all", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  for (const [id, priority] of [[1, 0], [2, 1], [3, 0], [4, 1]] as const) {
    h.receive(peer, { kind: "request", message: request({ id, priority, block: block(id) }) });
  }
  const [job] = h.takeJobs("prove");
  assert.deepEqual(job?.entries.map(({ message }) => message.id), [4, 2, 1, 3]);
});

Deno.test("HC-198 a request that is taken back is not answered, waiting or under way", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  h.receive(peer, { kind: "request", message: request({ id: 1, block: block(1) }) });
  h.receive(peer, { kind: "cancel", message: { request: 1 } });
  assert.deepEqual(h.takeJobs("prove"), []);
  h.receive(peer, { kind: "request", message: request({ id: 2, block: block(2) }) });
  const [job] = h.takeJobs("prove");
  h.receive(peer, { kind: "cancel", message: { request: 2 } });
  h.machine.handleProved(job!.entries, [{ kind: "unavailable" }], h.nowMs);
  assert.deepEqual(h.sent(peer), []);
});

Deno.test("a request whose id is used again is forgotten", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  h.receive(peer, { kind: "request", message: request({ id: 1, block: block(1) }) });
  h.receive(peer, { kind: "request", message: request({ id: 1, block: block(2) }) });
  const [job] = h.takeJobs("prove");
  assert.deepEqual(job?.entries.map(({ message }) => message.block?.index), [2]);
});

Deno.test("one run is proved ahead for a peer whose stream is full, and sent once it drains", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  h.machine.handleDrained(peer, false);
  h.receive(peer, { kind: "request", message: request({ id: 1, block: block(1) }) });
  h.settleProve();
  h.receive(peer, { kind: "request", message: request({ id: 2, block: block(2) }) });
  assert.deepEqual(h.takeJobs("prove"), []);
  assert.deepEqual(h.sent(peer), []);
  h.machine.handleDrained(peer, true);
  assert.deepEqual(h.sent(peer).map(({ kind }) => kind), ["data"]);
  assert.equal(h.takeJobs("prove").length, 1);
});

Deno.test("refusals too wait for a stream that is full", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  h.machine.handleDrained(peer, false);
  for (let id = 1; id <= 1000; id++) {
    h.receive(peer, { kind: "request", message: request({ id, fork: 1, block: block(1) }) });
    assert.deepEqual(h.sent(peer), []);
  }
  assert.equal(peer.uploads.size, 1000);
  h.machine.handleDrained(peer, true);
  assert.equal(h.sent(peer).length, 1000);
});

Deno.test("a run of answers ends where its blocks pass 1 MiB", () => {
  const h = new Harness({}, (log) => {
    log.setLength(100, 0, 65536);
    log.bitfield.setRange(0, 100, true);
  });
  const peer = h.open();
  for (let id = 1; id <= 40; id++) {
    h.receive(peer, { kind: "request", message: request({ id, block: block(id) }) });
  }
  assert.equal(h.takeJobs("prove")[0]?.entries.length, 16);
});

Deno.test("runs shrink when blocks are larger than the average said, and grow again", () => {
  const h = new Harness({}, (log) => log.setFull(10_000));
  const peer = h.open();
  for (let id = 1; id <= 2000; id++) {
    h.receive(peer, { kind: "request", message: request({ id, block: block(id) }) });
  }
  const sizes: number[] = [];
  for (const byteLength of [100, 65536, 65536, 100, 100]) {
    const [job] = h.takeJobs("prove");
    sizes.push(job!.entries.length);
    const results = job!.entries.map(({ message }) => {
      const { request: _, ...proof } = blockData(message, new Uint8Array(byteLength));
      return { kind: "proof", proof } as const;
    });
    h.machine.handleProved(job!.entries, results, h.nowMs);
  }
  assert.deepEqual(sizes, [64, 128, 16, 16, 32]);
});

Deno.test("a block asked for twice is read twice, but not in one run", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  for (let id = 1; id <= 3; id++) {
    h.receive(peer, { kind: "request", message: request({ id, block: block(5) }) });
  }
  const order: number[] = [];
  for (let i = 0; i < 3; i++) {
    const [job] = h.takeJobs("prove");
    order.push(...job!.entries.map(({ message }) => message.id));
    h.machine.handleProved(job!.entries, job!.entries.map(() => ({ kind: "unavailable" })), h.nowMs);
  }
  assert.deepEqual(order, [1, 2, 3]);
});

Deno.test("HC-198 a block that is not here is answered so", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  h.receive(peer, { kind: "request", message: request({ id: 5, block: block(50) }) });
  const [job] = h.takeJobs("prove");
  h.machine.handleProved(job!.entries, [{ kind: "unavailable" }], h.nowMs);
  assert.deepEqual(h.sent(peer), [{ kind: "noData", message: { request: 5, reason: 1 } }]);
});

Deno.test("HC-067 a request for another fork is answered without looking", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  h.receive(peer, { kind: "request", message: request({ id: 5, fork: 1, block: block(5) }) });
  assert.deepEqual(h.sent(peer), [{ kind: "noData", message: { request: 5, reason: 1 } }]);
  assert.deepEqual(h.takeJobs("prove"), []);
});

Deno.test("HC-198 a request that cannot be proved is refused after a pause that grows", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  const error = new HypercoreError("INVALID_OPERATION", "Invalid upgrade");
  for (const [count, delayMs] of [[1, 200], [2, 500], [3, 500], [4, 500], [5, 1000]] as const) {
    const message = request({ id: count, upgrade: { start: 5, length: 100 } });
    h.receive(peer, { kind: "request", message });
    const [job] = h.takeJobs("prove");
    h.machine.handleProved(job!.entries, [{ kind: "invalid", error }], h.nowMs);
    assert.deepEqual(h.takeEvents("invalid-request"), [{
      kind: "invalid-request",
      peer,
      error,
      request: message,
    }]);
    h.advance(delayMs - 1);
    assert.deepEqual(h.sent(peer), []);
    assert.equal(h.machine.pollDeadline(), h.nowMs + 1);
    h.advance(1);
    assert.deepEqual(h.sent(peer), [{ kind: "noData", message: { request: count, reason: 2 } }]);
  }
});

Deno.test("HC-198 a peer with 64 requests that cannot be proved is cut off", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  const error = new HypercoreError("INVALID_OPERATION", "Invalid upgrade");
  for (let id = 1; id <= 64; id++) {
    assert.deepEqual(h.takeEvents("close"), [], `after ${id - 1}`);
    h.receive(peer, { kind: "request", message: request({ id, upgrade: { start: 5, length: 100 } }) });
    const [job] = h.takeJobs("prove");
    h.machine.handleProved(job!.entries, [{ kind: "invalid", error }], h.nowMs);
  }
  assert.deepEqual(h.takeEvents("close"), [{ kind: "close", peer, error }]);
  assert.equal(h.machine.stats.invalidRequests, 64);
});

Deno.test("a peer with 8192 open requests is served, one with more is cut off", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  h.machine.handleDrained(peer, false);
  for (let id = 1; id <= 8192; id++) {
    h.receive(peer, { kind: "request", message: request({ id, block: block(1), manifest: true }) });
  }
  assert.deepEqual(h.takeEvents("close"), []);
  h.receive(peer, { kind: "request", message: request({ id: 8193, block: block(1), manifest: true }) });
  const [close] = h.takeEvents("close");
  assert.equal(close?.error?.code, "INVALID_OPERATION");
});

Deno.test("HC-132 the manifest goes along when asked for, alone when that is all", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  h.receive(peer, { kind: "request", message: request({ id: 1, manifest: true }) });
  const alone = h.sent(peer)[0];
  assert.ok(alone?.kind === "data");
  assert.deepEqual([alone.message.manifest, alone.message.upgrade], [MANIFEST, null]);
  h.receive(peer, { kind: "request", message: request({ id: 2, manifest: true, block: block(1) }) });
  h.settleProve();
  const along = h.sent(peer)[0];
  assert.ok(along?.kind === "data");
  assert.deepEqual([along.message.manifest, along.message.block?.index], [MANIFEST, 1]);
});

Deno.test("HC-030 a log whose key is the signer's public key has no manifest to give", () => {
  const h = new Harness({}, (log) => {
    log.setFull(10);
    log.compat = true;
  });
  const peer = h.machine.handlePeerOpen({ seeks: true, capability: new Uint8Array(32) }, h.nowMs);
  const [greeting] = h.sent(peer);
  assert.ok(greeting?.kind === "sync" && !greeting.message.hasManifest);
  h.receive(peer, { kind: "request", message: request({ id: 2, manifest: true, block: block(1) }) });
  h.settleProve();
  const [answer] = h.sent(peer);
  assert.ok(answer?.kind === "data");
  assert.equal(answer.message.manifest, null);
});

Deno.test("a log that cannot be read answers that there is nothing", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  h.receive(peer, { kind: "request", message: request({ id: 1, block: block(1) }) });
  const [job] = h.takeJobs("prove");
  h.machine.handleProveFailed(job!.entries, h.nowMs);
  assert.deepEqual(h.sent(peer), [{ kind: "noData", message: { request: 1, reason: 1 } }]);
});

Deno.test("nothing is sent to a peer that is gone while its requests were proved", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  h.receive(peer, { kind: "request", message: request({ id: 1, block: block(1) }) });
  const [job] = h.takeJobs("prove");
  h.machine.handlePeerClosed(peer, h.nowMs);
  h.machine.handleProved(job!.entries, [{ kind: "unavailable" }], h.nowMs);
  assert.deepEqual(h.sent(peer), []);
  h.receive(peer, sync());
  assert.deepEqual(h.sent(peer), []);
});

Deno.test("HC-121 the name of an extension is sent once while it stays the same, and remembered", () => {
  const h = new Harness({}, full10);
  const peer = h.open();
  const bytes = Uint8Array.of(1);
  for (const name of ["a", "a", "b"]) h.machine.sendExtension(peer, name, bytes);
  assert.deepEqual(h.sent(peer).map(({ message }) => (message as { name: string }).name), ["a", "", "b"]);
  for (const name of ["x", "", "y"]) {
    h.receive(peer, { kind: "extension", message: { name, message: bytes } });
  }
  assert.deepEqual(h.takeEvents("extension").map(({ name }) => name), ["x", "x", "y"]);
});

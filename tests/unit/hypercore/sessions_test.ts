/**
 * Sessions and snapshots of one core.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText, utf8Text } from "../../../src/base/mod.ts";
import { signKeyPair } from "../../../src/crypto/mod.ts";
import { collect } from "../../helpers/collect.ts";
import { Hypercore, HypercoreError } from "../../../src/hypercore/mod.ts";

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof HypercoreError && error.code === code;
}

Deno.test("HC-040 session() is another handle; the core closes with the last", async () => {
  const core = new Hypercore<string>({ valueEncoding: "utf-8" });
  const session = core.session({ valueEncoding: "utf-8" });
  await session.append("through the session");
  assert.equal(await core.get(0), "through the session");
  assert.equal(hexText(session.key!), hexText(core.key!));
  await core.close();
  assert.equal(await session.get(0), "through the session");
  await session.close();
  await assert.rejects(session.get(0), hasCode("SESSION_CLOSED"));
});

Deno.test("HC-040 every session hears of an append, whoever made it", async () => {
  await using core = new Hypercore<string>();
  await using session = core.session();
  await session.ready();
  const heard: string[] = [];
  core.on("append", () => heard.push("core"));
  session.on("append", () => heard.push("session"));
  await core.append("a");
  assert.deepEqual(heard.toSorted(), ["core", "session"]);
});

Deno.test("HC-042 wait, timeout and writable are taken over unless given", async () => {
  await using core = new Hypercore({ wait: false, timeout: 7 });
  await using same = core.session();
  await using other = core.session({ wait: false, timeout: 9, writable: false });
  await Promise.all([same.ready(), other.ready()]);
  assert.deepEqual([same.wait, same.timeout, same.writable], [false, 7, true]);
  assert.deepEqual([other.wait, other.timeout, other.writable], [false, 9, false]);
  assert.equal(await same.get(3), null);
  await assert.rejects(other.append(new Uint8Array(1)), hasCode("SESSION_NOT_WRITABLE"));
});

Deno.test("a session has an encoding of its own", async () => {
  await using core = new Hypercore<unknown>({ valueEncoding: "json" });
  await core.append({ a: 1 });
  await using raw = core.session<Uint8Array>();
  assert.equal(utf8Text((await raw.get(0))!), '{"a":1}');
});

Deno.test("a session of a read-only core signs with the key pair it is given", async () => {
  const keyPair = signKeyPair(new Uint8Array(32).fill(9));
  await using core = new Hypercore<string>(null, keyPair.publicKey);
  await core.ready();
  assert.equal(core.writable, false);
  await using writer = core.session<string>({ keyPair });
  await writer.append("signed");
  assert.equal(core.length, 1);
});

Deno.test("HC-129 setKeyPair() makes a session writable", async () => {
  const keyPair = signKeyPair(new Uint8Array(32).fill(9));
  await using core = new Hypercore<string>(null, keyPair.publicKey);
  await core.ready();
  core.setKeyPair(keyPair);
  assert.equal(core.writable, true);
  await core.append("signed");
  core.setKeyPair(null);
  assert.equal(core.writable, false);
});

Deno.test("HC-041 HC-072 HC-099 a snapshot keeps its length while the core grows", async () => {
  await using core = new Hypercore<string>({ valueEncoding: "utf-8" });
  await core.append(["a", "b"]);
  await using snapshot = core.snapshot<string>({ valueEncoding: "utf-8" });
  await snapshot.ready();
  await core.append(["c", "d"]);
  assert.equal(snapshot.snapshotted, true);
  assert.equal(snapshot.length, 2);
  assert.equal(snapshot.byteLength, 2);
  assert.equal(core.length, 4);
  assert.equal(await snapshot.get(1), "b");
  assert.equal(await snapshot.update(), false);
  assert.deepEqual(await collect(snapshot.createReadStream()), ["a", "b"]);
});

Deno.test("HC-199 a read past a snapshot rejects with SNAPSHOT_NOT_AVAILABLE", async () => {
  await using core = new Hypercore<string>();
  await core.append("a");
  await using snapshot = core.snapshot();
  await assert.rejects(snapshot.get(5), hasCode("SNAPSHOT_NOT_AVAILABLE"));
});

Deno.test("a snapshot cannot be appended to", async () => {
  await using core = new Hypercore<string>();
  await core.append("a");
  await using snapshot = core.snapshot<string>();
  await assert.rejects(snapshot.append("b"), hasCode("SESSION_NOT_WRITABLE"));
});

Deno.test("a snapshot of a snapshot is pinned to the same length", async () => {
  await using core = new Hypercore<string>();
  await core.append("a");
  await using first = core.snapshot();
  await first.ready();
  await core.append("b");
  await using second = first.snapshot();
  await second.ready();
  assert.equal(second.length, 1);
});

Deno.test("closing one session leaves the reads of others waiting", async () => {
  const waits = Promise.withResolvers<void>();
  const core = new Hypercore<string>();
  const session = core.session<string>({ onwait: () => waits.resolve() });
  const other = core.session<string>();
  await Promise.all([session.ready(), other.ready()]);
  const reading = assert.rejects(session.get(0), hasCode("REQUEST_CANCELLED"));
  await waits.promise;
  await other.close();
  assert.equal(session.activeRequests.length, 1);
  await session.close();
  await reading;
  await core.close();
});

Deno.test("HC-046 a session that is closed while it waits for another exclusive one gives its place up", async () => {
  await using core = new Hypercore();
  const first = core.session({ exclusive: true });
  await first.ready();
  const second = core.session({ exclusive: true });
  const third = core.session({ exclusive: true });
  await second.close();
  await assert.rejects(second.ready(), { code: "SESSION_CLOSED" });
  await first.close();
  await third.ready();
  assert.deepEqual([second.closed, third.exclusive], [true, true]);
});

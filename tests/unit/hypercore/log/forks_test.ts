/** Forks and conflicts, as a reader sees them. */
import assert from "node:assert/strict";
import { utf8Bytes, utf8Text } from "../../../../src/base/mod.ts";
import type { LogChange } from "../../../../src/hypercore/log/mod.ts";
import { blocks, code, fetchBlock, keyPair, open, pair, proof } from "./support.ts";

Deno.test("HC-191 an empty log follows to a newer fork at once", async () => {
  const writer = await open({ keyPair });
  await writer.log.append(blocks(5));
  await writer.log.truncate(3);
  await writer.log.append(blocks(1), { durable: true });
  const reader = await open({ key: writer.log.key });
  const whole = await proof(writer.log, { upgrade: { start: 0, length: 4 } });
  assert.deepEqual(await reader.log.verify([whole]), [{ kind: "stale" }]);
  const changes: LogChange[] = [];
  reader.log.subscribe((change) => changes.push(change));
  const reorg = await reader.log.verifyReorg(whole);
  assert.equal(reorg.isFinished, true);
  assert.equal(await reader.log.reorg(reorg), true);
  assert.deepEqual(changes.map((change) => change.kind), ["manifest", "truncate", "upgrade"]);
  assert.equal(reader.log.head.length, 4);
  assert.equal(reader.log.head.fork, 1);
  assert.equal(reader.log.published, reader.log.head);
  await fetchBlock(writer.log, reader.log, 3);
});

Deno.test("HC-191 a reader keeps what both forks have in common, block by block", async () => {
  const { writer, reader } = await pair(20);
  for (let index = 0; index < 20; index++) await fetchBlock(writer.log, reader.log, index);
  await writer.log.truncate(13);
  await writer.log.append(blocks(9), { durable: true });
  const reorg = await reader.log.verifyReorg(await proof(writer.log, { upgrade: { start: 0, length: 22 } }));
  let rounds = 0;
  while (reorg.want !== null) {
    const { start, nodes } = reorg.want;
    await reorg.update(await proof(writer.log, { hash: { index: 2 * start, nodes } }));
    assert.ok(++rounds < 8);
  }
  assert.equal(reorg.ancestors, 13);
  assert.equal(await reader.log.reorg(reorg), true);
  assert.equal(reader.log.contiguousLength, 13);
  assert.equal(utf8Text((await reader.log.getBlock(12))!), "block 12");
  await fetchBlock(writer.log, reader.log, 21);
});

Deno.test("a fork that is not signed, or no newer, or compared with an older state, is not followed", async () => {
  const { writer, reader } = await pair(8);
  await writer.log.truncate(5);
  await writer.log.append(blocks(2), { durable: true });
  const whole = await proof(writer.log, { upgrade: { start: 0, length: 7 } });
  await assert.rejects(reader.log.verifyReorg({ ...whole, fork: 2 }), code("INVALID_SIGNATURE"));
  await assert.rejects(reader.log.verifyReorg({ ...whole, upgrade: null }), code("INVALID_OPERATION"));
  const reorg = await reader.log.verifyReorg(whole);
  const late = await reader.log.verifyReorg(whole);
  assert.equal(await reader.log.reorg(reorg), true);
  assert.equal(await reader.log.reorg(late), false);
  assert.equal(await reader.log.reorg(await reader.log.verifyReorg(whole)), false);
});

Deno.test("HC-192 checkConflict() freezes a log that was signed twice, and only such a one", async () => {
  const { writer, reader } = await pair(6);
  const upgrade = { start: 0, length: 6 };
  assert.equal(await reader.log.checkConflict(await proof(writer.log, { upgrade })), "same");
  const twin = await open({ keyPair });
  await twin.log.append([...blocks(5), utf8Bytes("other"), utf8Bytes("more")], { durable: true });
  const other = await proof(twin.log, { upgrade });
  const signature = new Uint8Array(other.upgrade!.signature!.byteLength);
  assert.equal(
    await reader.log.checkConflict({ ...other, upgrade: { ...other.upgrade!, signature } }),
    "invalid",
  );
  assert.equal(await reader.log.checkConflict({ ...other, fork: 1 }), "unrelated");
  const longer = await proof(twin.log, { upgrade: { start: 0, length: 7 } });
  assert.equal(await reader.log.checkConflict(longer), "unrelated");
  assert.equal(reader.log.isFrozen, false);
  assert.equal(await reader.log.checkConflict(other), "conflict");
  assert.equal(reader.log.isFrozen, true);
  await reader.log.close();
  const again = await open({ key: reader.log.key }, reader.storage.reopened());
  assert.equal(again.log.isFrozen, true);
});

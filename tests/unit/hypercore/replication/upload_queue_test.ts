import assert from "node:assert/strict";
import {
  REMOTE_BLOCK_REQUESTS_MAX,
  REMOTE_REQUESTS_MAX,
} from "../../../../src/hypercore/replication/limits.ts";
import type { RequestMessage } from "../../../../src/hypercore/replication/messages.ts";
import { UploadQueue } from "../../../../src/hypercore/replication/upload_queue.ts";

function request(id: number, fields: Partial<RequestMessage> = {}): RequestMessage {
  const block = { index: 3 * id, nodes: id % 5 };
  return {
    id,
    fork: 0,
    block,
    hash: null,
    seek: null,
    upgrade: null,
    manifest: false,
    priority: 0,
    ...fields,
  };
}

/** Takes everything out; an answer goes out for each. */
function drain(queue: UploadQueue): RequestMessage[] {
  const messages: RequestMessage[] = [];
  for (let next = queue.shift(); next !== null; next = queue.shift()) {
    messages.push(next);
    assert.equal(queue.finish(next), true);
  }
  return messages;
}

Deno.test("UploadQueue gives requests in order, urgent ones first and the latest of them first of all", () => {
  const queue = new UploadQueue();
  const [a, b, c, d] = [request(1), request(2, { priority: 1 }), request(3, { priority: 2 }), request(4)];
  for (const message of [a, b, c, d]) assert.equal(queue.add(message), true);
  assert.deepEqual([queue.size, queue.waiting], [4, 4]);
  assert.deepEqual(drain(queue), [c, b, a, d]);
  assert.equal(queue.size, 0);
});

Deno.test("UploadQueue takes as many requests for blocks as a file of 32 GiB has, in order, and no more", () => {
  const queue = new UploadQueue();
  const count = REMOTE_REQUESTS_MAX / 2 + REMOTE_BLOCK_REQUESTS_MAX;
  for (let id = 1; id <= count; id++) assert.ok(queue.add(request(id)));
  assert.equal(queue.add(request(count + 1)), false);
  assert.deepEqual([queue.size, queue.waiting], [count, count]);
  // Others still get in, and urgent ones come first.
  const urgent = request(count + 2, { priority: 1 });
  const upgrade = request(count + 3, { upgrade: { start: 0, length: 1 } });
  assert.ok(queue.add(urgent) && queue.add(upgrade));
  const first = queue.shift()!;
  assert.equal(first, urgent);
  queue.putBack(first);
  const messages = drain(queue);
  assert.equal(messages.length, count + 2);
  const behind = REMOTE_REQUESTS_MAX / 2 + 1;
  assert.deepEqual(messages.slice(0, 2), [urgent, request(1)]);
  assert.deepEqual(messages.slice(behind, behind + 2), [upgrade, request(behind)]);
  assert.deepEqual(messages.at(-1), request(count));
});

Deno.test("UploadQueue takes 8192 requests that ask for more than a block, and no more", () => {
  const queue = new UploadQueue();
  const upgrade = { start: 0, length: 1 };
  for (let id = 1; id <= REMOTE_REQUESTS_MAX; id++) assert.ok(queue.add(request(id, { upgrade })));
  assert.equal(queue.add(request(REMOTE_REQUESTS_MAX + 1, { upgrade })), false);
  assert.equal(queue.add(request(REMOTE_REQUESTS_MAX + 1)), true);
  assert.equal(queue.size, REMOTE_REQUESTS_MAX + 1);
});

Deno.test("UploadQueue forgets what is taken back, and an id that is used again", () => {
  const queue = new UploadQueue();
  const count = REMOTE_REQUESTS_MAX;
  for (let id = 1; id <= count; id++) queue.add(request(id));
  queue.cancel(1);
  queue.cancel(count - 1);
  queue.cancel(count + 5);
  const again = request(count, { block: { index: 1, nodes: 1 } });
  queue.add(again);
  const otherFork = request(2, { fork: 1 });
  queue.add(otherFork);
  const messages = drain(queue);
  assert.equal(messages.length, count - 2);
  assert.deepEqual(messages[0], request(3));
  assert.deepEqual(messages.at(-1), again);
  assert.ok(messages.includes(otherFork));
  queue.add(request(9));
  queue.clear();
  assert.deepEqual([queue.size, queue.shift()], [0, null]);
});

Deno.test("UploadQueue keeps every field of requests for blocks at the edges of what is packed", () => {
  const queue = new UploadQueue();
  for (let id = 1; id <= REMOTE_REQUESTS_MAX / 2; id++) queue.add(request(id));
  const edges = [[0, 0], [2 ** 46 - 1, 127], [2 ** 46, 0], [5, 128]] as const;
  const messages = edges.map(([index, nodes], edge) =>
    request(10_000 + edge, { fork: 7, block: { index, nodes } })
  );
  for (const message of messages) assert.ok(queue.add(message));
  assert.deepEqual(drain(queue).slice(-4), [messages[2], messages[3], messages[0], messages[1]]);
});

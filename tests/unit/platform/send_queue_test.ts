import { strict as assert } from "node:assert";
import { SendQueue } from "../../../src/platform/send_queue.ts";

const ADDRESS = { host: "192.0.2.1", port: 9, family: 4 } as const;

/** A system that takes a datagram when the test says so. */
function createSystem() {
  const taken: string[] = [];
  const errors: string[] = [];
  const waiting: PromiseWithResolvers<void>[] = [];
  const queue = new SendQueue({
    send(bytes, _address, ttl) {
      taken.push(`${bytes[0]} with ${ttl}`);
      const handed = Promise.withResolvers<void>();
      waiting.push(handed);
      return handed.promise;
    },
    onError: (error) => errors.push((error as Error).message),
    onWritable: () => {},
  });
  return { queue, taken, errors, waiting };
}

function datagram(value: number) {
  return { bytes: new Uint8Array([value]), address: ADDRESS };
}

Deno.test("SendQueue hands over one datagram after the other, each with its own TTL", async () => {
  const { queue, taken, waiting } = createSystem();
  queue.push([datagram(1), datagram(2)], 2);
  const low = queue.pushOne(new Uint8Array([3]), ADDRESS, 5);
  queue.push([datagram(4)], 1);
  for (let i = 0; i < 4; i++) {
    assert.equal(taken.length, i + 1);
    waiting[i]!.resolve();
    await new Promise((resolve) => setTimeout(resolve));
  }
  assert.deepEqual(taken, ["1 with 0", "2 with 0", "3 with 5", "4 with 0"]);
  assert.equal(await low, true);
});

Deno.test("SendQueue tells whoever waits for a datagram of its failure, and nobody else", async () => {
  const { queue, errors, waiting } = createSystem();
  const one = queue.pushOne(new Uint8Array([1]), ADDRESS, 0);
  waiting[0]!.reject(new Error("no route"));
  await assert.rejects(one, { message: "no route" });
  assert.deepEqual(errors, []);
});

Deno.test("SendQueue lets go of whoever waits when it closes", async () => {
  const { queue, taken } = createSystem();
  queue.push([datagram(1)], 1);
  const one = queue.pushOne(new Uint8Array([2]), ADDRESS, 0);
  queue.close();
  assert.equal(await one, false);
  assert.equal(await queue.pushOne(new Uint8Array([3]), ADDRESS, 0), false);
  assert.deepEqual(taken, ["1 with 0"]);
});

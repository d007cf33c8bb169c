import { strict as assert } from "node:assert";
import {
  bindDatagramSocket,
  type DatagramSocket,
  type DatagramSocketHandlers,
  PlatformError,
} from "../../../src/platform/mod.ts";

interface Received {
  readonly bytes: Uint8Array;
  readonly host: string;
  readonly port: number;
  readonly family: number;
}

class Inbox implements DatagramSocketHandlers {
  readonly received: Received[] = [];
  readonly errors: unknown[] = [];
  writableCount = 0;
  batchMax = 0;
  #wanted = 0;
  #wake: () => void = () => {};

  onReceive(
    datagrams: readonly { bytes: Uint8Array; address: Omit<Received, "bytes"> }[],
    count: number,
  ): void {
    this.batchMax = Math.max(this.batchMax, count);
    for (const { bytes, address } of datagrams.slice(0, count)) {
      this.received.push({
        bytes: bytes.slice(),
        host: address.host,
        port: address.port,
        family: address.family,
      });
    }
    if (this.received.length >= this.#wanted) this.#wake();
  }

  onWritable(): void {
    this.writableCount++;
  }

  onSendError(error: unknown): void {
    this.errors.push(error);
  }

  /** Resolves when `count` datagrams have arrived. */
  async take(count: number): Promise<Received[]> {
    this.#wanted = count;
    if (this.received.length < count) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.received.splice(0, count);
  }
}

interface Bound extends AsyncDisposable {
  readonly socket: DatagramSocket;
  readonly inbox: Inbox;
}

function bind(backend: "deno" | "node", host = "127.0.0.1", port = 0): Bound {
  const inbox = new Inbox();
  const socket = bindDatagramSocket({ host, port, backend, handlers: inbox });
  return { socket, inbox, [Symbol.asyncDispose]: () => socket.close() };
}

for (const backend of ["deno", "node"] as const) {
  Deno.test(`DatagramSocket receives 2048 bytes whole and cuts off the rest (${backend})`, async () => {
    await using from = bind(backend);
    await using to = bind(backend);
    const lengths: number[] = [];
    // The first datagram meets a receive that began when the socket was bound.
    for (const length of [1, 1500, 2048, 3000, 9000]) {
      await from.socket.send(new Uint8Array(length), to.socket.address);
      lengths.push((await to.inbox.take(1))[0]!.bytes.length);
    }
    assert.deepEqual(lengths, [1, 1500, 2048, 2048, 2048]);
  });

  Deno.test(`DatagramSocket sends batches in order (${backend})`, async () => {
    await using from = bind(backend);
    await using to = bind(backend);
    assert.equal(from.socket.backend, backend);
    const batch = Array.from(
      { length: 40 },
      (_, i) => ({ bytes: new Uint8Array([i]), address: to.socket.address }),
    );
    from.socket.sendMany(batch, 30);
    const received = await to.inbox.take(30);
    assert.deepEqual(received.map(({ bytes }) => bytes[0]), Array.from({ length: 30 }, (_, i) => i));
    assert.deepEqual(
      { host: received[0]!.host, port: received[0]!.port, family: received[0]!.family },
      from.socket.address,
    );
  });

  Deno.test(`DatagramSocket says when it is full, and when there is room again (${backend})`, async () => {
    await using from = bind(backend);
    await using to = bind(backend);
    const batch = Array.from(
      { length: 96 },
      () => ({ bytes: new Uint8Array(1), address: to.socket.address }),
    );
    from.socket.sendMany(batch, 95);
    assert.equal(from.socket.isWritable, true);
    from.socket.sendMany(batch, 1);
    assert.equal(from.socket.isWritable, false);
    while (from.inbox.writableCount === 0) await from.socket.send(new Uint8Array(1), to.socket.address);
    assert.equal(from.socket.isWritable, true);
  });

  Deno.test(`DatagramSocket on IPv6 talks to IPv4 in plain notation (${backend})`, async () => {
    await using six = bind(backend, "::");
    await using four = bind(backend);
    const { port } = six.socket.address;
    assert.equal(await four.socket.send(new Uint8Array([1]), { host: "127.0.0.1", port, family: 4 }), true);
    assert.deepEqual((await six.inbox.take(1))[0]!.host, "127.0.0.1");
    assert.equal(await six.socket.send(new Uint8Array([2]), four.socket.address), true);
    assert.deepEqual([...(await four.inbox.take(1))[0]!.bytes], [2]);
    await using other = bind(backend, "::1");
    assert.equal(await other.socket.send(new Uint8Array([3]), { host: "::1", port, family: 6 }), true);
    assert.deepEqual((await six.inbox.take(1))[0]!.family, 6);
  });

  Deno.test(`DatagramSocket reports a datagram that is too large as not sent (${backend})`, async () => {
    await using from = bind(backend);
    assert.equal(await from.socket.send(new Uint8Array(70_000), from.socket.address), false);
    from.socket.sendMany([{ bytes: new Uint8Array(70_000), address: from.socket.address }], 1);
    while (from.inbox.errors.length === 0) await from.socket.send(new Uint8Array(1), from.socket.address);
  });

  Deno.test(`DatagramSocket trySend() sends, and tells nobody what fails (${backend})`, async () => {
    await using from = bind(backend);
    await using to = bind(backend);
    from.socket.trySend(new Uint8Array(70_000), to.socket.address);
    from.socket.trySend(new Uint8Array([7]), to.socket.address);
    assert.deepEqual([...(await to.inbox.take(1))[0]!.bytes], [7]);
    assert.deepEqual(from.inbox.errors, []);
    await from.socket.close();
    from.socket.trySend(new Uint8Array([8]), to.socket.address);
  });

  Deno.test(`bindDatagramSocket() tells why it cannot bind (${backend})`, async () => {
    await using taken = bind(backend);
    const { port } = taken.socket.address;
    assert.throws(() => bind(backend, "127.0.0.1", port), { name: "PlatformError", code: "EADDRINUSE" });
    assert.throws(() => bind(backend, "192.0.2.1"), { name: "PlatformError", code: "EADDRNOTAVAIL" });
  });

  Deno.test(`DatagramSocket stays silent after close() (${backend})`, async () => {
    const { socket } = bind(backend);
    const { address } = socket;
    await socket.close();
    await socket.close();
    assert.equal(await socket.send(new Uint8Array(1), address), false);
    socket.sendMany([{ bytes: new Uint8Array(1), address }], 1);
  });

  Deno.test({
    name: `bindDatagramSocket() names the flag that a refusal is about (${backend})`,
    permissions: { net: ["127.0.0.2"] },
    fn: () => {
      assert.throws(
        () => bind(backend),
        (error) =>
          error instanceof PlatformError && error.code === "ERR_PERMISSION" && error.flag === "--allow-net",
      );
    },
  });

  Deno.test({
    name: `DatagramSocket send() to where the process may not send names the flag (${backend})`,
    permissions: { net: ["127.0.0.1"] },
    fn: async () => {
      await using from = bind(backend);
      await assert.rejects(
        from.socket.send(new Uint8Array(1), { host: "127.0.0.2", port: 9, family: 4 }),
        { code: "ERR_PERMISSION", flag: "--allow-net" },
      );
    },
  });
}

Deno.test("bindDatagramSocket() takes Deno's sockets unless they cannot do what is asked", async () => {
  const handlers = new Inbox();
  const fast = bindDatagramSocket({ host: "127.0.0.1", port: 0, handlers });
  assert.equal(fast.backend, "deno");
  const strict = bindDatagramSocket({ host: "::1", port: 0, ipv6Only: true, handlers });
  assert.equal(strict.backend, "node");
  assert.throws(
    () => bindDatagramSocket({ host: "::1", port: 0, ipv6Only: true, backend: "deno", handlers }),
    { code: "ERR_UNSUPPORTED" },
  );
  await Promise.all([fast.close(), strict.close()]);
});

Deno.test("bindDatagramSocket() shares an address when asked to", async () => {
  const handlers = new Inbox();
  for (const backend of ["deno", "node"] as const) {
    const first = bindDatagramSocket({ host: "127.0.0.1", port: 0, reuseAddress: true, backend, handlers });
    const { port } = first.address;
    const second = bindDatagramSocket({ host: "127.0.0.1", port, reuseAddress: true, backend, handlers });
    assert.equal(second.address.port, port);
    await Promise.all([first.close(), second.close()]);
  }
});

Deno.test("DatagramSocket collects what arrives together, in node:dgram too", async () => {
  await using from = bind("deno");
  await using to = bind("node");
  const batch = Array.from(
    { length: 64 },
    (_, i) => ({ bytes: new Uint8Array([i]), address: to.socket.address }),
  );
  from.socket.sendMany(batch, batch.length);
  const received = await to.inbox.take(64);
  assert.deepEqual(received.map(({ bytes }) => bytes[0]), batch.map((_, i) => i));
  assert.ok(to.inbox.batchMax > 1 && to.inbox.batchMax <= 32, `${to.inbox.batchMax} at once`);
});

Deno.test("DatagramSocket settle() loses nothing that arrives meanwhile", async () => {
  const inbox = new Inbox();
  const socket = bindDatagramSocket({ host: "127.0.0.1", port: 0, heedsTtl: true, handlers: inbox });
  await using from = bind("deno");
  assert.equal(socket.backend, "node");
  const { address } = socket;
  const batch = Array.from({ length: 60 }, (_, i) => ({ bytes: new Uint8Array([i]), address }));
  from.socket.sendMany(batch.slice(0, 30), 30);
  for (let sent = 0; sent < 30; sent += 10) {
    from.socket.sendMany(batch.slice(30 + sent), 10);
    if (sent === 10) socket.settle();
    await from.socket.send(new Uint8Array([100]), from.socket.address);
  }
  assert.equal(socket.backend, "deno");
  assert.deepEqual(socket.address, address);
  const received = await inbox.take(60);
  assert.deepEqual(
    received.map(({ bytes }) => bytes[0]!).sort((a, b) => a - b),
    Array.from({ length: 60 }, (_, i) => i),
  );
  await new Promise((resolve) => setTimeout(resolve, 80));
  assert.equal(await socket.send(new Uint8Array([1]), from.socket.address), true);
  await from.socket.send(new Uint8Array([200]), address);
  assert.equal((await inbox.take(1))[0]!.bytes[0], 200);
  await socket.close();
});

Deno.test("DatagramSocket settle() after close(), twice and without a faster way does nothing", async () => {
  for (const socket of [bind("node").socket, bind("deno").socket]) {
    const { backend } = socket;
    socket.settle();
    assert.equal(socket.backend, backend);
    await socket.close();
  }
  const handlers = new Inbox();
  const closed = bindDatagramSocket({ host: "127.0.0.1", port: 0, heedsTtl: true, handlers });
  await closed.close();
  closed.settle();
  assert.equal(closed.backend, "node");
  const settled = bindDatagramSocket({ host: "127.0.0.1", port: 0, heedsTtl: true, handlers });
  settled.settle();
  settled.settle();
  await settled.close();
});

Deno.test("bindDatagramSocket() gives sockets that heed TTLs ports of their own", async () => {
  const handlers = new Inbox();
  const sockets = Array.from(
    { length: 256 },
    () => bindDatagramSocket({ host: "127.0.0.1", port: 0, heedsTtl: true, handlers }),
  );
  assert.equal(new Set(sockets.map(({ address }) => address.port)).size, 256);
  await Promise.all(sockets.map((socket) => socket.close()));
});

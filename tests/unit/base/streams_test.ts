import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { PassThrough as NodePassThrough } from "node:stream";
import {
  destroyOnAbort,
  Duplex,
  PassThrough,
  Readable,
  type StreamCallback,
  Transform,
  utf8Text,
  Writable,
} from "../../../src/base/mod.ts";

/** Compiles, which is the test: nobody calls it. */
export function pipesThatCompile(
  socket: Socket,
  bytes: Duplex<Uint8Array | string, Uint8Array>,
  texts: Writable<string>,
): void {
  const target: Socket = bytes.pipe(socket);
  target.pipe(bytes).destroy();
  const other: Duplex<Uint8Array | string, Uint8Array> = bytes.pipe(bytes).pipe(bytes);
  const asNode: NodeJS.WritableStream = other;
  asNode.end();
  other.on("data", (data) => data.byteLength);
  // @ts-expect-error bytes are no text
  other.pipe(texts);
  // @ts-expect-error there is no such event
  other.on("nothing", () => {});
  // @ts-expect-error neither bytes nor text
  other.write(1);
}

class Countdown extends Readable<number> {
  #next = 3;

  override _read(callback: StreamCallback): void {
    this.push(this.#next === 0 ? null : this.#next--);
    callback(null);
  }
}

class Collector<Item> extends Writable<Item> {
  readonly items: Item[] = [];

  override _writev(batch: Item[], callback: StreamCallback): void {
    this.items.push(...batch);
    callback(null);
  }
}

Deno.test("Readable and Writable are classes to extend; pipe() ends its target and tells of the end", async () => {
  const collector = new Collector<number>();
  const error = await new Promise((resolve) => {
    assert.equal(new Countdown().pipe(collector, resolve), collector);
  });
  assert.equal(error, null);
  assert.deepEqual(collector.items, [3, 2, 1]);
  assert.deepEqual([collector.destroyed, collector.writable], [true, true]);
});

Deno.test("Readable is read by for await, and from() makes one of an array", async () => {
  const items: number[] = [];
  for await (const item of Readable.from([1, 2])) items.push(item);
  for await (const item of new Countdown()) items.push(item);
  assert.deepEqual(items, [1, 2, 3, 2, 1]);
});

Deno.test("Transform changes what is piped through it, PassThrough does not", async () => {
  const doubled = new Transform<number, number>({ transform: (item, done) => done(null, 2 * item) });
  const collector = new Collector<number>();
  await new Promise((resolve) => {
    new Countdown().pipe(doubled).pipe(new PassThrough<number>()).pipe(collector, resolve);
  });
  assert.deepEqual(collector.items, [6, 4, 2]);
});

Deno.test("Duplex pipes into streams of node:stream and is their target", async () => {
  const echo: Duplex<Uint8Array | string, Uint8Array> = new Duplex({
    write(data: Uint8Array, done) {
      this.push(data);
      done(null);
    },
    final(done) {
      this.push(null);
      done(null);
    },
  });
  const source = new NodePassThrough();
  const target = source.pipe(echo).pipe(new NodePassThrough());
  source.end("through both");
  const chunks: Uint8Array[] = [];
  for await (const chunk of target) chunks.push(chunk);
  assert.deepEqual(chunks.map(utf8Text), ["through both"]);
});

Deno.test("destroyOnAbort() destroys with the signal's reason, also one that is aborted already", async () => {
  for (const isEarly of [true, false]) {
    const abortion = new AbortController();
    if (isEarly) abortion.abort(new Error("enough"));
    const stream = new Readable();
    destroyOnAbort(stream, abortion.signal);
    const failed = new Promise<Error>((resolve) => stream.on("error", resolve));
    if (!isEarly) abortion.abort(new Error("enough"));
    assert.equal((await failed).message, "enough");
    assert.equal(stream.destroying, true);
  }
});

Deno.test("destroyOnAbort() lets go of the signal when the stream is closed", async () => {
  const listeners = new Set<unknown>();
  const signal = {
    aborted: false,
    addEventListener: (_: string, listener: unknown) => listeners.add(listener),
    removeEventListener: (_: string, listener: unknown) => listeners.delete(listener),
  } as unknown as AbortSignal;
  const stream = new Readable();
  destroyOnAbort(stream, signal);
  assert.equal(listeners.size, 1);
  const closed = new Promise<void>((resolve) => stream.on("close", () => resolve()));
  stream.destroy();
  await closed;
  assert.equal(listeners.size, 0);
  destroyOnAbort(stream, null);
  destroyOnAbort(stream, undefined);
});

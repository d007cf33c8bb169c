/**
 * A log as streams.
 *
 * @module
 */
import assert from "node:assert/strict";
import { concatBytes, utf8Text } from "../../../src/base/mod.ts";
import { collect } from "../../helpers/collect.ts";
import { Hypercore } from "../../../src/hypercore/mod.ts";

async function coreOf(...values: string[]): Promise<Hypercore<string>> {
  const core = new Hypercore<string>({ valueEncoding: "utf-8" });
  await core.append(values);
  return core;
}

Deno.test("HC-103 createReadStream() reads what is there, or a range of it", async () => {
  await using core = await coreOf("a", "b", "c", "d");
  assert.deepEqual(await collect(core.createReadStream()), ["a", "b", "c", "d"]);
  assert.deepEqual(await collect(core.createReadStream({ start: 1, end: 3 })), ["b", "c"]);
  assert.deepEqual(await collect(core.createReadStream({ start: 4 })), []);
  assert.deepEqual(await collect(core.createReadStream({ snapshot: false, start: 2 })), ["c", "d"]);
});

Deno.test("HC-103 a live stream goes on with what is appended, and ends when it is destroyed", async () => {
  await using core = await coreOf("a");
  const stream = core.createReadStream({ live: true });
  const values: string[] = [];
  for await (const value of stream) {
    values.push(value);
    if (values.length === 4) break;
    if (values.length % 2 === 1) await core.append([`${values.length}`, "x"]);
  }
  assert.deepEqual(values, ["a", "1", "x", "3"]);
});

Deno.test("a core is async iterable over what is there", async () => {
  await using core = await coreOf("a", "b");
  assert.deepEqual(await collect(core), ["a", "b"]);
});

Deno.test("HC-089 createWriteStream() appends what is written, several at once", async () => {
  await using core = new Hypercore<string>({ valueEncoding: "utf-8" });
  let appends = 0;
  core.on("append", () => appends++);
  const stream = core.createWriteStream();
  for (let i = 0; i < 10; i++) stream.write(`${i}`);
  const finished = new Promise<void>((resolve) => stream.on("finish", resolve));
  stream.end();
  await finished;
  assert.equal(core.length, 10);
  assert.equal(await core.get(9), "9");
  assert.ok(appends < 10, `${appends} appends`);
});

Deno.test("HC-105 createByteStream() reads any range of bytes", async () => {
  await using core = await coreOf("abc", "", "defg", "h");
  const read = async (byteOffset: number, byteLength?: number): Promise<string> =>
    utf8Text(concatBytes(await collect(core.createByteStream({ byteOffset, byteLength }))));
  assert.equal(await read(0), "abcdefgh");
  for (let start = 0; start < 8; start++) {
    for (let end = start; end <= 8; end++) {
      assert.equal(await read(start, end - start), "abcdefgh".slice(start, end), `${start} to ${end}`);
    }
  }
  assert.equal(await read(8), "");
});

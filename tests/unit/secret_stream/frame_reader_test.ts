import { strict as assert } from "node:assert";
import { hexBytes, hexText } from "../../../src/base/mod.ts";
import { FrameReader } from "../../../src/secret_stream/frame_reader.ts";

/** Feeds chunks and returns the frames that came out, as hexadecimal digits. */
function framesOf(reader: FrameReader, chunks: readonly Uint8Array[]): string[] {
  const frames: string[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let frame = reader.nextFrame(); frame !== null; frame = reader.nextFrame()) {
      frames.push(hexText(frame));
    }
  }
  return frames;
}

const STREAM = "020000aabb" + "000000" + "040000" + "01020304" + "010000ff";
const FRAMES = ["020000aabb", "000000", "04000001020304", "010000ff"];

Deno.test("SS-W04 FrameReader gives whole frames, wherever the chunks are cut", () => {
  const stream = hexBytes(STREAM);
  for (let first = 0; first <= stream.byteLength; first++) {
    for (let second = first; second <= stream.byteLength; second++) {
      const chunks = [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)];
      assert.deepEqual(framesOf(new FrameReader(), chunks), FRAMES, `cut at ${first} and ${second}`);
    }
  }
  assert.deepEqual(framesOf(new FrameReader(), [...stream].map((byte) => Uint8Array.of(byte))), FRAMES);
});

Deno.test("SS-W04 FrameReader.nextFrame() gives a view of a frame that lies in one chunk", () => {
  const reader = new FrameReader();
  const chunk = hexBytes("020000aabb010000cc");
  reader.push(chunk);
  assert.equal(reader.nextFrame()?.buffer, chunk.buffer);
});

Deno.test("SS-W04 FrameReader.nextRun() gives neighbouring frames in one piece, up to a size", () => {
  const reader = new FrameReader();
  reader.push(hexBytes(STREAM + "0200"));
  assert.equal(hexText(reader.nextRun(8)!), "020000aabb000000");
  assert.equal(hexText(reader.nextRun(1)!), "04000001020304");
  assert.equal(hexText(reader.nextRun(100)!), "010000ff");
  assert.equal(reader.nextRun(100), null);
  reader.push(hexBytes("0011" + "22" + "000000" + "000000"));
  assert.equal(hexText(reader.nextRun(100)!), "0200001122");
  assert.equal(hexText(reader.nextRun(100)!), "000000000000");
  assert.equal(reader.nextRun(100), null);
});

Deno.test("SS-W04 FrameReader refuses lengths out of bounds as soon as it knows them", () => {
  for (const chunks of [["010000"], ["0100", "00"], ["050000"], ["05", "0000ffff"]]) {
    const reader = new FrameReader();
    reader.setBounds(2, 4);
    assert.deepEqual(framesOf(reader, chunks.map(hexBytes)), []);
    assert.equal(reader.invalidBytes, hexBytes(chunks.join(""))[0]);
    reader.push(hexBytes("020000aabb"));
    assert.equal(reader.nextFrame(), null, "nothing follows a refused frame");
    assert.equal(reader.nextRun(100), null);
  }
  const reader = new FrameReader();
  reader.setBounds(2, 4);
  assert.deepEqual(framesOf(reader, [hexBytes("020000aabb" + "0400000102030405")]), [
    "020000aabb",
    "04000001020304",
  ]);
  assert.equal(reader.invalidBytes, null);
});

Deno.test("SS-W04 FrameReader.nextRun() gives the frames before one of refused length", () => {
  const reader = new FrameReader();
  reader.setBounds(1, 4);
  reader.push(hexBytes("020000aabb" + "000000"));
  assert.equal(hexText(reader.nextRun(100)!), "020000aabb");
  assert.equal(reader.nextRun(100), null);
  assert.equal(reader.invalidBytes, 0);
});

Deno.test("SS-W04 FrameReader keeps little for a long frame that has only been announced", () => {
  const reader = new FrameReader();
  reader.push(hexBytes("ffffff"));
  assert.equal(reader.nextFrame(), null);
  assert.equal(reader.missingBytes, 0xffffff);
  assert.ok(reader.reservedBytes <= 3);
  let receivedBytes = 0;
  while (receivedBytes < 0xffffff) {
    const chunk = new Uint8Array(Math.min(50_000, 0xffffff - receivedBytes)).fill(7);
    reader.push(chunk);
    receivedBytes += chunk.byteLength;
    const frame = reader.nextFrame();
    if (frame !== null) {
      assert.equal(receivedBytes, 0xffffff);
      assert.equal(frame.byteLength, 0xffffff + 3);
      assert.ok(frame.subarray(3).every((byte) => byte === 7));
      return;
    }
    assert.equal(reader.missingBytes, 0xffffff - receivedBytes);
    assert.ok(reader.reservedBytes <= Math.max(128 * 1024, 2 * (receivedBytes + 3)));
  }
  assert.fail("the frame never came");
});

import { strict as assert } from "node:assert";
import { hexBytes, hexText, utf8Text } from "../../../src/base/mod.ts";
import { DatagramBox } from "../../../src/secret_stream/datagram_box.ts";
import { bytes } from "./support.ts";

const HASH = new Uint8Array(64).fill(9);

function boxes(counter = "0000000000000000"): [DatagramBox, DatagramBox] {
  return [
    new DatagramBox(HASH, true, hexBytes(counter)),
    new DatagramBox(HASH, false, hexBytes("ffffffffffffffff")),
  ];
}

Deno.test("SS-W05 DatagramBox counts up from its first counter, little-endian, with carry", () => {
  for (
    const [first, next] of [
      ["0000000000000000", "0100000000000000"],
      ["ff00000000000000", "0001000000000000"],
      ["ffffffffffffff00", "0000000000000001"],
      ["ffffffffffffffff", "0000000000000000"],
    ] as const
  ) {
    const [a] = boxes(first);
    assert.equal(hexText(a.seal(bytes("m"))!.subarray(0, 8)), next);
  }
});

Deno.test("SS-W05 DatagramBox opens datagrams in any order, and again", () => {
  const [a, b] = boxes();
  const first = a.seal(bytes("first"))!;
  const second = a.seal(bytes("second"))!;
  assert.equal(utf8Text(b.open(second)!), "second");
  assert.equal(utf8Text(b.open(first)!), "first");
  assert.equal(utf8Text(b.open(first)!), "first");
});

Deno.test("SS-W05 DatagramBox.open() refuses what is truncated or changed at any byte", () => {
  const [a, b] = boxes();
  const sealed = a.seal(bytes("datagram"))!;
  for (let byte = 0; byte < sealed.byteLength; byte++) {
    assert.equal(b.open(sealed.subarray(0, byte)), null, `cut to ${byte}`);
    const changed = sealed.slice();
    changed[byte]! ^= 64;
    assert.equal(b.open(changed), null, `byte ${byte} changed`);
  }
  assert.equal(b.open(new Uint8Array(0)), null);
});

Deno.test("SS-W05 DatagramBox opens an empty datagram", () => {
  const [a, b] = boxes();
  const sealed = a.seal(bytes(""))!;
  assert.equal(sealed.byteLength, 24);
  assert.equal(b.open(sealed)?.byteLength, 0);
});

Deno.test("SS-W05 DatagramBox.seal() gives null once every counter has been used", () => {
  // A counter of one byte stands for one of eight.
  const box = new DatagramBox(HASH, true, Uint8Array.of(7));
  const seen = new Set<number>();
  for (let i = 0; i < 255; i++) seen.add(box.seal(bytes("m"))![0]!);
  assert.equal(seen.size, 255);
  assert.equal(box.seal(bytes("m")), null);
});

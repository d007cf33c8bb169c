import assert from "node:assert/strict";
import { SeededRandom } from "../../../../src/base/mod.ts";
import { Bitfield, BITFIELD_PAGE_BITS, BITFIELD_PAGE_BYTES } from "../../../../src/hypercore/log/bitfield.ts";
import { BITFIELD_WANT_BITS } from "../../../../src/hypercore/log/limits.ts";

const FAR = 2 ** 50;

Deno.test("get() is false on an empty bitfield and beyond its end", () => {
  const bits = new Bitfield();
  assert.equal(bits.get(0), false);
  assert.equal(bits.get(FAR), false);
  assert.equal(bits.isEmpty, true);
});

Deno.test("set() sets and clears single bits on both sides of word, page and branch borders", () => {
  const bits = new Bitfield();
  const indexes = [0, 31, 32, 32767, 32768, 2097151, 2097152, 134217728, FAR];
  for (const index of indexes) bits.set(index, true);
  for (const index of indexes) {
    assert.equal(bits.get(index), true, `${index}`);
    assert.equal(bits.get(index + 5), false, `${index} + 5`);
  }
  for (const index of indexes) bits.set(index, false);
  assert.equal(bits.isEmpty, true);
  assert.equal(bits.pageCount, 0);
});

Deno.test("setRange() over any number of whole pages holds no page", () => {
  const bits = new Bitfield();
  bits.setRange(0, 64 * BITFIELD_PAGE_BITS, true);
  assert.equal(bits.pageCount, 0);
  bits.setRange(0, 2 ** 53 - 1, true);
  assert.equal(bits.pageCount, 1);
  assert.equal(bits.get(FAR), true);
  assert.equal(bits.firstUnset(0), 2 ** 53 - 1);
  bits.setRange(1000, 2 ** 53 - 1, false);
  assert.equal(bits.pageCount, 1);
  assert.equal(bits.firstUnset(0), 1000);
  assert.equal(bits.firstSet(1000), -1);
});

Deno.test("setRange() clearing beyond what was ever set changes nothing", () => {
  const bits = new Bitfield();
  bits.setRange(100, FAR, false);
  assert.equal(bits.isEmpty, true);
  assert.equal(bits.pageCount, 0);
});

Deno.test("pagesMax bounds the pages; bits that need another one are dropped", () => {
  const bits = new Bitfield({ pagesMax: 2 });
  bits.set(0, true);
  bits.set(BITFIELD_PAGE_BITS, true);
  assert.equal(bits.pageCount, 2);
  bits.set(2 * BITFIELD_PAGE_BITS, true);
  assert.equal(bits.get(2 * BITFIELD_PAGE_BITS), false);
  assert.equal(bits.pageCount, 2);
  bits.set(0, false);
  bits.set(2 * BITFIELD_PAGE_BITS, true);
  assert.equal(bits.get(2 * BITFIELD_PAGE_BITS), true);
});

Deno.test("insert() overwrites words and refuses what is not aligned", () => {
  const bits = new Bitfield();
  bits.setRange(0, 96, true);
  assert.equal(bits.insert(32, Uint8Array.of(0b101, 0, 0, 0x80)), true);
  assert.deepEqual([...bits.setRanges(0, 200)], [
    { start: 0, end: 33 },
    { start: 34, end: 35 },
    { start: 63, end: 96 },
  ]);
  assert.equal(bits.insert(1, new Uint8Array(4)), false);
  assert.equal(bits.insert(32, new Uint8Array(3)), false);
  assert.equal(bits.insert(-32, new Uint8Array(4)), false);
  assert.equal(bits.insert(2 ** 53 - 32, new Uint8Array(4)), false);
  assert.equal(bits.insert(0.5, new Uint8Array(4)), false);
});

Deno.test("clear() clears what is set in the given words only", () => {
  const bits = new Bitfield();
  bits.setRange(0, 64, true);
  assert.equal(bits.clear(32, Uint8Array.of(0b11, 0, 0, 0, 255, 255, 255, 255)), true);
  assert.deepEqual([...bits.setRanges(0, 200)], [{ start: 0, end: 32 }, { start: 34, end: 64 }]);
  assert.equal(bits.clear(16, new Uint8Array(4)), false);
});

Deno.test("findFirst() and findLast() cross pages, branches and runs of whole pages", () => {
  const bits = new Bitfield();
  bits.setRange(100, 5_000_000, true);
  bits.set(400_000_000, true);
  assert.equal(bits.firstSet(0), 100);
  assert.equal(bits.firstUnset(100), 5_000_000);
  assert.equal(bits.firstSet(5_000_000), 400_000_000);
  assert.equal(bits.firstSet(400_000_001), -1);
  assert.equal(bits.lastSet(FAR), 400_000_000);
  assert.equal(bits.lastSet(399_999_999), 4_999_999);
  assert.equal(bits.lastUnset(4_999_999), 99);
  assert.equal(bits.lastUnset(FAR), FAR);
  assert.equal(bits.lastSet(99), -1);
  assert.equal(bits.findFirst(false, FAR), FAR);
});

Deno.test("count(), hasSet() and hasUnset() look at the given range only", () => {
  const bits = new Bitfield();
  bits.setRange(10, 70_000, true);
  assert.equal(bits.countSet(0, 100_000), 69_990);
  assert.equal(bits.countUnset(0, 100_000), 30_010);
  assert.equal(bits.count(32768, 32768, true), 32768);
  assert.equal(bits.hasUnset(10, 69_990), false);
  assert.equal(bits.hasUnset(10, 69_991), true);
  assert.equal(bits.hasUnset(10, 0), false);
  assert.equal(bits.hasSet(0, 10), false);
  assert.equal(bits.hasSet(0, 11), true);
});

Deno.test("firstSetNotIn() finds what is here and not there", () => {
  const here = new Bitfield();
  const there = new Bitfield();
  here.setRange(0, 10_000_000, true);
  assert.equal(here.firstSetNotIn(there, 5, 10_000_000), 5);
  there.setRange(0, 9_999_990, true);
  assert.equal(here.firstSetNotIn(there, 0, 20_000_000), 9_999_990);
  assert.equal(here.firstSetNotIn(there, 0, 9_999_990), -1);
  there.set(123_456, false);
  assert.equal(here.firstSetNotIn(there, 0, 20_000_000), 123_456);
  here.set(123_456, false);
  there.setRange(0, 20_000_000, true);
  assert.equal(here.firstSetNotIn(there, 0, FAR), -1);
});

Deno.test("wants() yields the pieces that hold something, aligned to words and segments", () => {
  const bits = new Bitfield();
  bits.set(40, true);
  bits.set(BITFIELD_WANT_BITS * 2 + 5, true);
  const pieces = [...bits.wants(37, 3 * BITFIELD_WANT_BITS)];
  assert.deepEqual(pieces.map((piece) => [piece.start, piece.bitfield.byteLength]), [
    [32, 4],
    [BITFIELD_WANT_BITS * 2, 4],
  ]);
  assert.deepEqual([...pieces[0]!.bitfield], [0, 1, 0, 0]);
  assert.deepEqual([...bits.wants(64, 1000)], []);
  assert.deepEqual([...new Bitfield().wants(0, FAR)], []);
});

Deno.test("wants() given to insert() copies the range", () => {
  const bits = new Bitfield();
  const random = new SeededRandom(7);
  for (let i = 0; i < 500; i++) {
    const start = Math.floor(random.next() * 5_000_000);
    bits.setRange(start, start + Math.floor(random.next() * 20_000), true);
  }
  const copy = new Bitfield();
  for (const piece of bits.wants(0, 6_000_000)) assert.equal(copy.insert(piece.start, piece.bitfield), true);
  assert.deepEqual([...copy.setRanges(0, 6_000_000)], [...bits.setRanges(0, 6_000_000)]);
});

Deno.test("encodePage() and loadPage() carry pages with changes to come", () => {
  const bits = new Bitfield();
  bits.setRange(BITFIELD_PAGE_BITS + 3, BITFIELD_PAGE_BITS + 5, true);
  assert.deepEqual([...bits.encodePage(1)!], [0b11000, 0, 0, 0]);
  assert.equal(bits.encodePage(0), null);
  const full = { start: 0, end: 3 * BITFIELD_PAGE_BITS, value: true };
  assert.deepEqual([...bits.encodePage(1, [full])!], [1]);
  assert.deepEqual([...bits.encodePage(1, [{ ...full, value: false }]) ?? []], []);
  const copy = new Bitfield();
  assert.equal(copy.loadPage(1, bits.encodePage(1)!), true);
  assert.equal(copy.loadPage(2, Uint8Array.of(1)), true);
  assert.deepEqual([...copy.setRanges(0, FAR)], [
    { start: BITFIELD_PAGE_BITS + 3, end: BITFIELD_PAGE_BITS + 5 },
    { start: 2 * BITFIELD_PAGE_BITS, end: 3 * BITFIELD_PAGE_BITS },
  ]);
  assert.equal(copy.loadPage(3, Uint8Array.of(2)), false);
  assert.equal(copy.loadPage(3, new Uint8Array(BITFIELD_PAGE_BYTES + 4)), false);
});

Deno.test("clone() and reset() leave the other alone", () => {
  const bits = new Bitfield();
  bits.setRange(5, 100_000, true);
  const copy = bits.clone();
  bits.reset();
  assert.equal(bits.isEmpty, true);
  assert.equal(bits.pageCount, 0);
  assert.equal(copy.countSet(0, FAR), 99_995);
  copy.set(50, false);
  assert.equal(copy.countSet(0, FAR), 99_994);
});

for (const seed of [1, 2, 3, 4, 5, 6]) {
  Deno.test(`a random bitfield agrees with an array of booleans, seed ${seed}`, () => {
    const random = new SeededRandom(seed);
    const below = (end: number) => Math.floor(random.next() * end);
    const size = 150_000;
    const bits = new Bitfield();
    const other = new Bitfield();
    const model = new Uint8Array(size);
    const otherModel = new Uint8Array(size);
    for (let round = 0; round < 300; round++) {
      const [target, targetModel] = below(2) ? [bits, model] : [other, otherModel];
      const start = below(size);
      const end = Math.min(size, start + (below(3) === 0 ? 1 : below(60_000)));
      const value = below(2) === 1;
      if (below(4) === 0) {
        const aligned = start - (start % 32);
        const words = Math.min(below(3000), Math.floor((size - aligned) / 32));
        const bytes = new Uint8Array(words * 4).map(() => below(3) === 0 ? below(256) : value ? 255 : 0);
        const clears = below(2) === 0;
        if (clears) target.clear(aligned, bytes);
        else target.insert(aligned, bytes);
        for (let i = 0; i < words * 32; i++) {
          const bit = (bytes[i >> 3]! >> (i & 7)) & 1;
          if (!clears) targetModel[aligned + i] = bit;
          else if (bit) targetModel[aligned + i] = 0;
        }
      } else {
        target.setRange(start, end, value);
        targetModel.fill(value ? 1 : 0, start, end);
      }
      const from = below(size);
      const until = Math.min(size, from + below(50_000));
      const context = `seed ${seed} round ${round}`;
      assert.equal(bits.get(from), model[from] === 1, context);
      assert.equal(bits.firstSet(from), model.indexOf(1, from), context);
      assert.equal(bits.lastSet(from), model.lastIndexOf(1, from), context);
      assert.equal(bits.lastUnset(from), model.lastIndexOf(0, from), context);
      const unset = model.indexOf(0, from);
      assert.equal(bits.firstUnset(from), unset === -1 ? size : unset, context);
      let count = 0;
      for (let i = from; i < until; i++) count += model[i]!;
      assert.equal(bits.countSet(from, until - from), count, context);
      let missing = -1;
      for (let i = from; i < until && missing === -1; i++) if (model[i] && !otherModel[i]) missing = i;
      assert.equal(bits.firstSetNotIn(other, from, until), missing, context);
      assert.ok(bits.pageCount <= 5, context);
    }
  });
}

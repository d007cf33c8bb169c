import assert from "node:assert/strict";
import {
  hashLeaf,
  hashLeaves,
  hashParent,
  hashRoots,
  merkleAppend,
  merkleClimb,
  NODE_BYTES,
} from "../../../src/crypto/mod.ts";
import { assertBytes, assertRefused, concat, Dice, LENGTHS, sodium } from "./support.ts";

interface PlainNode {
  readonly index: number;
  readonly size: number;
  readonly hash: Uint8Array;
}

Deno.test("hashLeaf() and hashLeaves() hash blocks of every length", () => {
  const dice = new Dice(1);
  const blocks = LENGTHS.map((byteLength) => dice.bytes(byteLength));
  const hashes = hashLeaves(blocks);
  for (const [i, block] of blocks.entries()) {
    const expected = plainLeaf(block);
    assertBytes(hashLeaf(block), expected, `${block.byteLength} bytes`);
    assertBytes(hashes.subarray(32 * i, 32 * i + 32), expected, `${block.byteLength} bytes, of many`);
  }
  assert.equal(hashLeaves([]).byteLength, 0);
  const out = new Uint8Array(32);
  assert.equal(hashLeaf(blocks[5]!, out), out);
  assertBytes(out, plainLeaf(blocks[5]!), "out");
});

Deno.test("hashLeaves() of more blocks than one call takes", () => {
  const dice = new Dice(2);
  const blocks = Array.from({ length: 3000 }, () => dice.bytes(dice.below(40)));
  const hashes = hashLeaves(blocks);
  for (const [i, block] of blocks.entries()) {
    assertBytes(hashes.subarray(32 * i, 32 * i + 32), plainLeaf(block), `block ${i}`);
  }
});

Deno.test("hashParent() hashes sizes up to 2^53 - 1 and both hashes", () => {
  const dice = new Dice(3);
  for (const [left, right] of [[0, 0], [1, 2], [2 ** 32 - 1, 1], [2 ** 52, 2 ** 52 - 1]] as const) {
    const a = { index: 0, size: left, hash: dice.bytes(32) };
    const b = { index: 2, size: right, hash: dice.bytes(32) };
    assertBytes(hashParent(left, a.hash, right, b.hash), plainParent(a, b).hash, `${left} and ${right}`);
  }
  const hash = new Uint8Array(32);
  assertRefused("BAD_ARGUMENT", () => hashParent(2 ** 53 - 1, hash, 1, hash));
  assertRefused("BAD_ARGUMENT", () => hashParent(1, hash.subarray(1), 1, hash));
  assertRefused("BAD_ARGUMENT", () => hashParent(1, hash, 1, new Uint8Array(33)));
  assertRefused("BAD_ARGUMENT", () => hashParent(1, hash, 1, hash, new Uint8Array(16)));
});

Deno.test("merkleAppend() makes the nodes and roots that one parent after the other gives", () => {
  const dice = new Dice(4);
  for (let round = 0; round < 40; round++) {
    const tree = new PlainTree();
    let roots: Uint8Array = new Uint8Array(0);
    let length = 0;
    let byteLength = 0;
    for (let i = 0; i < 6; i++) {
      const blocks = Array.from({ length: dice.below(40) }, () => dice.bytes(dice.below(200)));
      const expected = blocks.flatMap((block) => tree.push(block));
      const result = merkleAppend(length, roots, blocks);
      length += blocks.length;
      byteLength += blocks.reduce((sum, block) => sum + block.byteLength, 0);
      assertBytes(result.nodes, concat(...expected.map(packed)), `nodes at ${length}`);
      assertBytes(result.roots, concat(...tree.roots.map(packed)), `roots at ${length}`);
      assertBytes(result.rootHash, plainRoots(tree.roots), `root hash at ${length}`);
      assertBytes(hashRoots(result.roots), plainRoots(tree.roots), `root hash at ${length}`);
      assert.equal(result.byteLength, byteLength);
      roots = result.roots;
    }
  }
});

Deno.test("merkleAppend() takes large blocks, many blocks and none", () => {
  const dice = new Dice(5);
  const blocks = [
    ...[300_000, 5, 262_145, 262_144, 131_073, 0, 1_100_003].map((n) => dice.bytes(n)),
    ...Array.from({ length: 2500 }, () => dice.bytes(dice.below(30))),
  ];
  const tree = new PlainTree();
  const expected = blocks.flatMap((block) => tree.push(block));
  const result = merkleAppend(0, new Uint8Array(0), blocks);
  assertBytes(result.nodes, concat(...expected.map(packed)), "nodes");
  assertBytes(result.roots, concat(...tree.roots.map(packed)), "roots");
  const same = merkleAppend(blocks.length, result.roots, []);
  assert.equal(same.nodes.byteLength, 0);
  assertBytes(same.rootHash, result.rootHash, "root hash");
});

Deno.test("merkleAppend() goes on at lengths above 2^32", () => {
  const dice = new Dice(6);
  const length = 2 ** 40 + 2 ** 33 + 1;
  const old = [2 ** 40, 2 ** 33, 1].map((span, i) => ({
    index: [2 ** 40 - 1, 2 ** 41 + 2 ** 33 - 1, 2 ** 41 + 2 ** 34][i]!,
    size: span,
    hash: dice.bytes(32),
  }));
  const block = dice.bytes(9);
  const leaf = { index: 2 * length, size: 9, hash: plainLeaf(block) };
  const parent = plainParent(old[2]!, leaf);
  const result = merkleAppend(length, concat(...old.map(packed)), [block]);
  assertBytes(result.nodes, concat(packed(leaf), packed(parent)), "nodes");
  assert.equal(parent.index, 2 * length - 1);
  assertBytes(result.roots, concat(packed(old[0]!), packed(old[1]!), packed(parent)), "roots");
  assert.equal(result.byteLength, 2 ** 40 + 2 ** 33 + 1 + 9);
});

Deno.test("merkleAppend() refuses roots that do not belong to the length, and too large sizes", () => {
  const root = packed({ index: 0, size: 1, hash: new Uint8Array(32) });
  assertRefused("INVALID_NODE", () => merkleAppend(0, root, []));
  assertRefused("INVALID_NODE", () => merkleAppend(3, root, []));
  assertRefused("BAD_ARGUMENT", () => merkleAppend(1, root.subarray(1), []));
  assertRefused("BAD_ARGUMENT", () => merkleAppend(-1, root, []));
  const full = packed({ index: 0, size: 2 ** 53 - 1, hash: new Uint8Array(32) });
  assertRefused("BAD_ARGUMENT", () => merkleAppend(1, full, [new Uint8Array(1)]));
  assertRefused("BAD_ARGUMENT", () => hashRoots(root.subarray(1)));
  assertRefused("BAD_ARGUMENT", () => hashRoots(new Uint8Array(55 * NODE_BYTES)));
});

Deno.test("merkleClimb() climbs from every block to the root and refuses siblings of other nodes", () => {
  const dice = new Dice(7);
  const tree = new PlainTree();
  const nodes = Array.from({ length: 16 }, () => tree.push(dice.bytes(dice.below(50)))).flat();
  const byIndex = new Map(nodes.map((node) => [node.index, node]));
  for (let block = 0; block < 16; block++) {
    let index = 2 * block;
    const siblings: PlainNode[] = [];
    const parents: PlainNode[] = [];
    for (let step = 2; step < 32; step *= 2) {
      const sibling = (index & step) === 0 ? index + step : index - step;
      siblings.push(byIndex.get(sibling)!);
      index = (index + sibling) / 2;
      parents.push(byIndex.get(index)!);
    }
    const start = packed(byIndex.get(2 * block)!);
    const path = concat(...siblings.map(packed));
    assertBytes(merkleClimb(start, path), concat(...parents.map(packed)), `block ${block}`);
    for (let i = 0; i < 4; i++) {
      const wrong = siblings.map((node, k) => packed(k === i ? { ...node, index: node.index + 1 } : node));
      assertRefused("INVALID_NODE", () => merkleClimb(start, concat(...wrong)), `sibling ${i} of ${block}`);
    }
  }
  assert.equal(merkleClimb(new Uint8Array(48), new Uint8Array(0)).byteLength, 0);
  assertRefused("BAD_ARGUMENT", () => merkleClimb(new Uint8Array(47), new Uint8Array(0)));
  assertRefused("BAD_ARGUMENT", () => merkleClimb(new Uint8Array(48), new Uint8Array(49)));
});

/** A tree that grows block by block, hashed by libsodium: slow and plain. */
class PlainTree {
  roots: PlainNode[] = [];
  #length = 0;

  /** Returns the leaf and the parents it completes. */
  push(block: Uint8Array): PlainNode[] {
    let node: PlainNode = { index: 2 * this.#length, size: block.byteLength, hash: plainLeaf(block) };
    const made = [node];
    this.#length++;
    for (let span = 2; this.#length % span === 0; span *= 2) {
      node = plainParent(this.roots.pop()!, node);
      made.push(node);
    }
    this.roots.push(node);
    return made;
  }
}

function plainLeaf(block: Uint8Array): Uint8Array {
  return sodium.crypto_generichash(32, concat(Uint8Array.of(0), numberBytes(block.byteLength), block), null);
}

function plainParent(left: PlainNode, right: PlainNode): PlainNode {
  const size = left.size + right.size;
  const input = concat(Uint8Array.of(1), numberBytes(size), left.hash, right.hash);
  return {
    index: (left.index + right.index) / 2,
    size,
    hash: sodium.crypto_generichash(32, input, null),
  };
}

function plainRoots(roots: readonly PlainNode[]): Uint8Array {
  const parts = roots.map(({ index, size, hash }) => concat(hash, numberBytes(index), numberBytes(size)));
  return sodium.crypto_generichash(32, concat(Uint8Array.of(2), ...parts), null);
}

function packed({ index, size, hash }: PlainNode): Uint8Array {
  return concat(numberBytes(index), numberBytes(size), hash);
}

function numberBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

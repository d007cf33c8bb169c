/**
 * Random programs on logs, compared with an array of blocks: a writer appends, clears and truncates, readers fetch it in
 * random order by proofs of all shapes, some of them corrupted, and follow it to new forks, with writes that fail and
 * stores that are opened again in between. A failure names the seed of its program and the step.
 *
 * @module
 */
import assert from "node:assert/strict";
import { equalBytes, hexText, SeededRandom } from "../../src/base/mod.ts";
import { signKeyPair } from "../../src/crypto/mod.ts";
import { CoreStore, Log, type Proof, type ProofRequest, type TreeNode } from "../../src/hypercore/log/mod.ts";
import { treeParent } from "../../src/hypercore/log/flat_tree.ts";
import { StorageError } from "../../src/storage/mod.ts";
import { FlakyStorage } from "../helpers/flaky_storage.ts";
import { NaiveLog } from "../helpers/naive_log.ts";

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const STEPS = 160;
const EMPTY: ProofRequest = { block: null, hash: null, seek: null, upgrade: null };

for (const seed of SEEDS) {
  Deno.test(`a log behaves as an array of blocks, seed ${seed}`, async () => {
    const program = await Program.start(seed);
    for (let step = 0; step < STEPS; step++) {
      try {
        await program.step();
      } catch (cause) {
        throw new Error(`Seed ${seed}, step ${step}: ${program.lastStep}`, { cause });
      }
    }
    await program.finish();
  });
}

/** A log with the storage below it and what is expected of it. */
interface Side {
  storage: FlakyStorage;
  log: Log;
  /** The content of the log's fork, which may be longer than the log. */
  model: NaiveLog;
  /** Blocks expected to be stored. */
  readonly blocks: Set<number>;
}

class Program {
  lastStep = "start";
  readonly #random: SeededRandom;
  readonly #writer: Side;
  readonly #readers: Side[];

  private constructor(random: SeededRandom, writer: Side, readers: Side[]) {
    this.#random = random;
    this.#writer = writer;
    this.#readers = readers;
  }

  static async start(seed: number): Promise<Program> {
    const random = new SeededRandom(seed);
    const keyPair = signKeyPair(new Uint8Array(32).fill(seed));
    const writer = await openSide(new FlakyStorage(), { keyPair, compat: seed % 2 === 0 });
    const { key, manifest } = writer.log;
    const first = await openSide(new FlakyStorage(), { key, manifest });
    // Learns the manifest from its first proof.
    const second = await openSide(new FlakyStorage(), { key });
    first.model = second.model = writer.model;
    return new Program(random, writer, [first, second]);
  }

  /** The latest fork. */
  get #model(): NaiveLog {
    return this.#writer.model;
  }

  async step(): Promise<void> {
    const choice = this.#below(24);
    if (choice < 4) return await this.#append();
    if (choice < 5 && this.#below(2) === 0) return await this.#truncate();
    const reader = this.#readers[this.#below(this.#readers.length)]!;
    if (choice < 7) return await this.#reopen(reader);
    if (choice < 9) return await this.#checkCounts(reader);
    if (choice < 10) return await this.#clear(reader);
    if (this.#model.length === 0) return;
    if (reader.model !== this.#model) {
      if (choice < 14) await this.#follow(reader);
      return;
    }
    if (choice < 17) return await this.#exchange(reader, false);
    return await this.#exchange(reader, true);
  }

  /** Everyone fetches everything. */
  async finish(): Promise<void> {
    await this.#append();
    this.lastStep = "finish";
    for (const reader of this.#readers) {
      if (reader.model !== this.#model) await this.#follow(reader);
      if (reader.log.head.length < this.#model.length) {
        const start = reader.log.head.length;
        const upgrade = { start, length: this.#model.length - start };
        await this.#apply(reader, [(await this.#proof({ ...EMPTY, upgrade }))!]);
      }
      const missing = this.#model.blocks.map((_, index) => index).filter((index) =>
        !reader.blocks.has(index)
      );
      const requests: ProofRequest[] = [];
      for (const index of missing) {
        requests.push({ ...EMPTY, block: { index, nodes: await reader.log.missingNodes(2 * index) } });
      }
      const proofs: (Proof | null)[] = [];
      for (const request of requests) proofs.push(await this.#proof(request));
      await this.#apply(reader, proofs.filter((proof) => proof !== null));
      await this.#reopen(reader);
    }
  }

  async #truncate(): Promise<void> {
    const { log, storage, blocks } = this.#writer;
    const length = this.#below(this.#model.length + 1);
    this.lastStep = `truncate ${this.#model.length} to ${length}`;
    if (this.#below(4) === 0) {
      const before = await storage.dump();
      storage.failsNextWrite = true;
      await assert.rejects(log.truncate(length), StorageError);
      assert.deepEqual(await storage.dump(), before);
    }
    await log.truncate(length);
    this.#writer.model = this.#model.truncated(length);
    for (const index of Array.from(blocks)) if (index >= length) blocks.delete(index);
    await log.publish();
    await this.#checkState(this.#writer, length);
  }

  async #clear(reader: Side): Promise<void> {
    const side = this.#below(6) === 0 ? this.#writer : reader;
    const start = this.#below(side.log.head.length + 2);
    const end = start + this.#below(8);
    this.lastStep = `clear ${start} to ${end}`;
    let count = 0;
    for (let index = start; index < end; index++) if (side.blocks.delete(index)) count++;
    assert.equal(await side.log.clear(start, end), count);
    await this.#checkState(side, side.log.head.length);
  }

  /** A reader takes over the latest fork, keeping what both have in common. */
  async #follow(reader: Side): Promise<void> {
    const { log, blocks } = reader;
    const { length } = this.#model;
    this.lastStep = `follow from ${log.head.length}@${log.head.fork} to ${length}@${this.#model.fork}`;
    const whole = await this.#proof({ ...EMPTY, upgrade: { start: 0, length } });
    const reorg = await log.verifyReorg(whole!);
    while (reorg.want !== null && this.#below(6) > 0) {
      const { start, end, nodes } = reorg.want;
      const index = start + this.#below(Math.min(end, length) - start);
      const proof = await this.#proof({ ...EMPTY, hash: { index: 2 * index, nodes } });
      assert.equal(await reorg.update(proof!), reorg.isFinished);
    }
    let common = 0;
    while (common < Math.min(log.head.length, length) && isSameBlock(reader.model, this.#model, common)) {
      common++;
    }
    assert.ok(reorg.ancestors <= common, `${reorg.ancestors} of ${common}`);
    const isWhole = log.contiguousLength === log.head.length;
    if (reorg.isFinished && isWhole) assert.equal(reorg.ancestors, common);
    const { ancestors } = reorg;
    assert.equal(await log.reorg(reorg), true);
    assert.equal(await log.reorg(reorg), false);
    reader.model = this.#model;
    for (const index of Array.from(blocks)) if (index >= ancestors) blocks.delete(index);
    await this.#checkState(reader, length);
  }

  async #append(): Promise<void> {
    const batches = Array.from({ length: 1 + this.#below(3) }, () => this.#blocks(this.#below(9)));
    const fails = this.#below(8) === 0;
    this.lastStep = `append ${batches.map((batch) => batch.length)}${fails ? ", failing" : ""}`;
    const { log, storage } = this.#writer;
    if (fails) {
      const before = await storage.dump();
      storage.failsNextWrite = true;
      await assert.rejects(log.append(this.#blocks(3)), StorageError);
      assert.deepEqual(await storage.dump(), before);
    }
    const start = this.#model.length;
    let length = start;
    const expected = batches.map((batch) => length += batch.length);
    const results = await Promise.all(batches.map((batch) => log.append(batch)));
    this.#model.append(batches.flat());
    for (let i = start; i < this.#model.length; i++) this.#writer.blocks.add(i);
    assert.deepEqual(results.map((result) => result.length), expected);
    assert.equal(results.at(-1)!.byteLength, this.#model.byteLength);
    assert.equal((await log.publish()).length, this.#model.length);
    await this.#checkState(this.#writer, this.#model.length);
  }

  async #reopen(reader: Side): Promise<void> {
    const side = this.#below(4) === 0 ? this.#writer : reader;
    this.lastStep = "reopen";
    const { key, head } = side.log;
    await side.log.close();
    side.storage = side.storage.reopened();
    side.log = await Log.open(new CoreStore(side.storage), { key, createIfMissing: false });
    assert.deepEqual(plain(side.log.head), plain(head));
    await this.#checkState(side, head.length);
  }

  /** Compares what a reader says it lacks with what its store holds. */
  async #checkCounts(reader: Side): Promise<void> {
    this.lastStep = "missingNodes";
    const { log, model } = reader;
    const stored = await storedNodes(reader);
    for (let i = 0; i < 10; i++) {
      const index = this.#below(2 * model.length + 1);
      assert.equal(await log.missingNodes(index), countMissing(model, stored, index, log.head.length));
      const length = this.#below(log.head.length + 1);
      const isWhole = model.roots(length).every((root) => stored.has(root));
      assert.equal(await log.upgradeable(length), isWhole, `upgradeable ${length}`);
    }
  }

  async #exchange(reader: Side, corrupts: boolean): Promise<void> {
    const requests: ProofRequest[] = [];
    // Requests that do not wait for each other, as a replicator has them under way.
    for (let i = 1 + this.#below(4); i > 0; i--) {
      const request = await this.#request(reader);
      if (request !== null) requests.push(request);
    }
    this.lastStep = `${corrupts ? "corrupt" : "exchange"} ${JSON.stringify(requests)}`;
    const proofs: Proof[] = [];
    for (const request of requests) {
      const proof = await this.#proof(request);
      if (proof !== null) proofs.push(proof);
    }
    if (corrupts) await this.#corrupt(reader, proofs);
    else await this.#apply(reader, proofs);
  }

  /** A request whose answer the reader can use, null where there is none. */
  async #request(reader: Side): Promise<ProofRequest | null> {
    const { log } = reader;
    const start = log.head.length;
    const behind = this.#model.length - start;
    const wantsUpgrade = behind > 0 && (start === 0 || this.#below(3) === 0);
    const upgrade = wantsUpgrade ? { start, length: 1 + this.#below(behind) } : null;
    const known = upgrade ? start + upgrade.length : start;
    const shape = this.#below(5);
    const index = this.#below(known);
    if (shape === 0 && upgrade !== null) return { ...EMPTY, upgrade };
    if (shape === 1) {
      const height = this.#below(3);
      const node = (1 + 2 * Math.floor(index / 2 ** height)) * 2 ** height - 1;
      if (this.#model.span(node).end > known) return upgrade && { ...EMPTY, upgrade };
      if (upgrade !== null && this.#model.span(node).end > start && this.#model.span(node).start < start) {
        return null;
      }
      return { ...EMPTY, upgrade, hash: { index: node, nodes: await log.missingNodes(node) } };
    }
    if (shape === 2 && upgrade !== null) {
      return { ...EMPTY, upgrade, seek: { bytes: this.#below(this.#model.byteLength + 1), padding: 0 } };
    }
    const block = { index, nodes: await log.missingNodes(2 * index) };
    if (shape === 3 && (upgrade === null || index < start)) {
      const seek = await this.#seekBeside(reader, block);
      if (seek !== null) return { ...EMPTY, upgrade, hash: { index: 2 * index, nodes: block.nodes }, seek };
    }
    return { ...EMPTY, upgrade, block };
  }

  /** A byte below the node that a request climbs to. */
  #seekBeside(
    reader: Side,
    block: { index: number; nodes: number },
  ): Promise<{ bytes: number; padding: number } | null> {
    if (block.index >= reader.log.head.length) return Promise.resolve(null);
    let top = 2 * block.index;
    for (let i = 0; i < block.nodes; i++) top = treeParent(top);
    const { start } = this.#model.span(top);
    const { size } = this.#model.node(top);
    if (size === 0) return Promise.resolve(null);
    let offset = 0;
    for (let i = 0; i < start; i++) offset += this.#model.blocks[i]!.byteLength;
    return Promise.resolve({ bytes: offset + this.#below(size), padding: 0 });
  }

  /** The writer's answer, null for a block it has cleared. */
  async #proof(request: ProofRequest): Promise<Proof | null> {
    const [result] = await this.#writer.log.prove([request]);
    if (result!.kind === "unavailable") {
      assert.ok(request.block !== null && !this.#writer.blocks.has(request.block.index));
      return null;
    }
    if (result!.kind !== "proof") {
      throw new Error(`No proof of ${JSON.stringify(request)}`, { cause: result });
    }
    return { ...result!.proof, manifest: this.#writer.log.manifest };
  }

  async #apply(reader: Side, proofs: readonly Proof[]): Promise<void> {
    const { log, storage } = reader;
    if (
      this.#below(10) === 0 && proofs.some((proof) => proof.block && !reader.blocks.has(proof.block.index))
    ) {
      const before = await storage.dump();
      const { head } = log;
      storage.failsNextWrite = true;
      await assert.rejects(log.verify(proofs), StorageError);
      assert.deepEqual(await storage.dump(), before);
      assert.equal(log.head, head);
    }
    const results = await log.verify(proofs);
    results.forEach((result, i) => {
      const { block, upgrade } = proofs[i]!;
      // Only the first of several upgrades that start at the same length brings something.
      const isOvertaken = upgrade !== null && proofs.slice(0, i).some((earlier) => earlier.upgrade !== null);
      if (result.kind === "applied") {
        if (block !== null) reader.blocks.add(block.index);
      } else {
        assert.ok(isOvertaken, `${result.kind}: ${result.kind === "invalid" ? result.error.message : ""}`);
        assert.equal(result.kind, "stale");
      }
    });
    await this.#checkState(reader, log.head.length);
  }

  /** A changed proof leaves no trace, or does no harm. */
  async #corrupt(reader: Side, proofs: readonly Proof[]): Promise<void> {
    const { log, storage } = reader;
    for (const proof of proofs) {
      const changed = this.#change(proof);
      const before = await storage.dump();
      const [result] = await log.verify([changed]);
      this.lastStep += ` -> ${result!.kind}`;
      if (result!.kind === "applied") {
        if (changed.block !== null && changed.block.value !== null) reader.blocks.add(changed.block.index);
      } else {
        assert.deepEqual(await storage.dump(), before);
      }
      await this.#checkState(reader, log.head.length);
    }
  }

  #change(proof: Proof): Proof {
    const changed = structuredClone(proof) as Mutable<Proof>;
    const parts = [changed.block, changed.hash, changed.seek, changed.upgrade].filter((part) =>
      part !== null
    );
    const lists: TreeNode[][] = parts.flatMap((part) => {
      return "additionalNodes" in part ? [part.nodes, part.additionalNodes] : [part.nodes];
    });
    const list = lists[this.#below(lists.length)]!;
    const node = list[this.#below(list.length)] as Mutable<TreeNode> | undefined;
    const sizes = [0, 1, -1, 2 ** 53 - 1, NaN, 0.5, this.#below(1000)];
    switch (this.#below(12)) {
      case 0:
        if (node) node.hash[this.#below(32)]! ^= 1 << this.#below(8);
        break;
      case 1:
        if (node) node.index = sizes[this.#below(sizes.length)]!;
        break;
      case 2:
        if (node) node.size = sizes[this.#below(sizes.length)]!;
        break;
      case 3:
        list.splice(this.#below(list.length), 1);
        break;
      case 4:
        list.splice(this.#below(list.length + 1), 0, {
          index: this.#below(300),
          size: 1,
          hash: new Uint8Array(32),
        });
        break;
      case 5:
        list.reverse();
        break;
      case 6:
        if (changed.block?.value?.byteLength) changed.block.value[0]! ^= 1;
        break;
      case 7:
        if (changed.block) changed.block.index = sizes[this.#below(sizes.length)]!;
        if (changed.hash) changed.hash.index = sizes[this.#below(sizes.length)]!;
        break;
      case 8:
        if (changed.upgrade?.signature) changed.upgrade.signature[this.#below(64)]! ^= 1 << this.#below(8);
        break;
      case 9:
        if (changed.upgrade) changed.upgrade.length = sizes[this.#below(sizes.length)]!;
        break;
      case 10:
        if (changed.upgrade) changed.upgrade.start = sizes[this.#below(sizes.length)]!;
        break;
      case 11:
        changed.fork += this.#below(3) - 1;
        break;
    }
    return changed;
  }

  /** Compares everything a log says and holds with the model. */
  async #checkState(side: Side, length: number): Promise<void> {
    const { log, blocks, model } = side;
    const { head } = log;
    assert.equal(head.length, length);
    assert.equal(head.fork, model.fork);
    assert.deepEqual(head.roots.map((root) => root.index), model.roots(length));
    assert.ok(equalBytes(await log.treeHash(), model.treeHash(length)), "tree hash");
    assert.deepEqual(Array.from(setBits(log)), Array.from(blocks).sort((a, b) => a - b));
    let contiguous = 0;
    while (blocks.has(contiguous)) contiguous++;
    assert.equal(log.contiguousLength, contiguous);
    const stored = await log.getBlocks(model.blocks.map((_, index) => index));
    stored.forEach((block, index) => {
      assert.equal(block !== null, blocks.has(index), `block ${index}`);
      if (block !== null) assert.ok(equalBytes(block, model.blocks[index]!), `block ${index}`);
    });
    for (const [index, hash] of await storedNodes(side)) {
      assert.ok(model.span(index).end <= length, `node ${index} of a longer log`);
      assert.ok(equalBytes(hash, model.node(index).hash), `node ${index}`);
    }
  }

  #blocks(count: number): Uint8Array[] {
    return Array.from({ length: count }, () => {
      return Uint8Array.from({ length: this.#below(30) }, () => this.#below(256));
    });
  }

  #below(end: number): number {
    return Math.floor(this.#random.next() * end);
  }
}

type Mutable<T> = T extends Uint8Array ? T
  : T extends readonly (infer Item)[] ? Mutable<Item>[]
  : T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> }
  : T;

function isSameBlock(a: NaiveLog, b: NaiveLog, index: number): boolean {
  return equalBytes(a.blocks[index]!, b.blocks[index]!);
}

/** Bytes as text, whichever kind of byte array they are. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return hexText(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

async function openSide(storage: FlakyStorage, options: Parameters<typeof Log.open>[1]): Promise<Side> {
  const log = await Log.open(new CoreStore(storage), options);
  return { storage, log, model: new NaiveLog(), blocks: new Set() };
}

async function storedNodes({ storage }: Side): Promise<Map<number, Uint8Array>> {
  const nodes = new Map<number, Uint8Array>();
  for await (const { index, value } of storage.rows("node", 1)) nodes.set(index, value.subarray(8));
  return nodes;
}

function countMissing(
  model: NaiveLog,
  stored: ReadonlyMap<number, unknown>,
  index: number,
  length: number,
): number {
  let count = 0;
  for (let at = index; model.span(at).end <= length && !stored.has(at); at = treeParent(at)) count++;
  return count;
}

function* setBits(log: Log): Generator<number> {
  for (const { start, end } of log.bitfield.setRanges(0, Number.MAX_SAFE_INTEGER)) {
    for (let index = start; index < end; index++) yield index;
  }
}

/**
 * Random programs on a core, beside a model of it: arrays of blocks, one for each fork, branch and snapshot.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText, SeededRandom, utf8Bytes } from "../../src/base/mod.ts";
import { signKeyPair } from "../../src/crypto/mod.ts";
import { type Atom, Hypercore } from "../../src/hypercore/mod.ts";
import { FlakyStorage } from "../helpers/flaky_storage.ts";
import { MemoryReplication } from "../helpers/memory_replication.ts";
import { NaiveLog } from "../helpers/naive_log.ts";

const PROGRAMS = 5000;
const STEPS_MAX = 12;
const KEY_PAIR = signKeyPair(new Uint8Array(32).fill(11));
const TEXT = { valueEncoding: "utf-8" } as const;
const NAMES = ["one", "two"];

type Session = Hypercore<string>;

/** Blocks of one log, branch or snapshot; null for what is not stored. */
type Blocks = (string | null)[];

interface Branch {
  session: Session;
  blocks: Blocks;
}

interface Held {
  readonly atom: Atom;
  readonly session: Session;
  blocks: string[];
  fork: number;
  /** Length of the core when the atom was begun or flushed. */
  base: number;
}

/** One program. */
class Program {
  readonly #random: SeededRandom;
  readonly #isEncrypted: boolean;
  #storage = new FlakyStorage();
  #core!: Session;
  /** What is in the core, whether or not it is stored. */
  #values: string[] = [];
  #stored: boolean[] = [];
  #fork = 0;
  /** Blocks of each fork there was. */
  readonly #forks = new Map<number, string[]>();
  readonly #branches = new Map<string, Branch>();
  readonly #closedBranches = new Map<string, Blocks>();
  #snapshots: Branch[] = [];
  #branchSnapshots: Branch[] = [];
  #held: Held | null = null;
  #reader: Session | null = null;
  #connection: MemoryReplication | null = null;
  #nextValue = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#isEncrypted = this.#below(4) === 0;
  }

  async run(): Promise<void> {
    await this.#open();
    const steps = 3 + this.#below(STEPS_MAX - 3);
    for (let step = 0; step < steps; step++) {
      await this.#step();
      assert.equal(this.#core.length, this.#values.length, "length");
      assert.equal(this.#core.fork, this.#fork, "fork");
    }
    await this.#checkAll();
    await this.#close();
  }

  async #step(): Promise<void> {
    switch (this.#below(16)) {
      case 0:
      case 1:
      case 2:
        return await this.#append();
      case 3:
        return await this.#truncate();
      case 4:
        return await this.#clear();
      case 5:
        return await this.#snapshot();
      case 6:
      case 7:
        return await this.#useBranch();
      case 8:
        return await this.#commit();
      case 9:
        return await this.#cutBranch();
      case 10:
        return await this.#hold();
      case 11:
        return await this.#flush();
      case 12:
        return await this.#reopen();
      case 13:
        return await this.#closeOne();
      case 14:
        return await this.#replicate();
      default:
        return await this.#read();
    }
  }

  async #open(): Promise<void> {
    const encryption = this.#isEncrypted ? new Uint8Array(32).fill(3) : null;
    this.#core = new Hypercore<string>(this.#storage, { ...TEXT, keyPair: KEY_PAIR, encryption });
    await this.#core.ready();
  }

  async #append(): Promise<void> {
    if (this.#held !== null) return await this.#appendHeld();
    const values = this.#newValues();
    await this.#core.append(values);
    this.#push(values);
  }

  #push(values: readonly string[]): void {
    this.#values.push(...values);
    this.#stored.push(...values.map(() => true));
    this.#forks.set(this.#fork, this.#values.slice());
  }

  async #truncate(): Promise<void> {
    if (this.#held !== null) return await this.#truncateHeld();
    const length = this.#below(this.#values.length + 1);
    await this.#core.truncate(length);
    this.#cut(length, this.#fork + 1);
  }

  #cut(length: number, fork: number): void {
    this.#values.length = this.#stored.length = length;
    this.#fork = fork;
    this.#forks.set(fork, this.#values.slice());
  }

  async #clear(): Promise<void> {
    if (this.#held !== null || this.#values.length === 0) return;
    const start = this.#below(this.#values.length);
    const end = start + 1 + this.#below(this.#values.length - start);
    const dropped = this.#stored.slice(start, end).filter(Boolean).length;
    assert.deepEqual(await this.#core.clear(start, end, { diff: true }), { blocks: dropped });
    for (let i = start; i < end; i++) {
      this.#stored[i] = false;
      // Branches share the core's blocks up to where they part.
      for (const blocks of this.#branchBlocks()) if (blocks[i] === this.#values[i]) blocks[i] = null;
    }
  }

  *#branchBlocks(): Generator<Blocks, void, void> {
    for (const { blocks } of this.#branches.values()) yield blocks;
    yield* this.#closedBranches.values();
  }

  async #snapshot(): Promise<void> {
    if (this.#below(3) === 0) return await this.#snapshotOfBranch();
    const session = this.#core.snapshot<string>(TEXT);
    await session.ready();
    this.#snapshots.push({ session, blocks: this.#view() });
  }

  async #snapshotOfBranch(): Promise<void> {
    const branch = await this.#openBranch();
    const session = branch.session.snapshot<string>(TEXT);
    await session.ready();
    this.#branchSnapshots.push({ session, blocks: branch.blocks.slice() });
  }

  #view(): Blocks {
    return this.#values.map((value, i) => this.#stored[i] ? value : null);
  }

  async #openBranch(): Promise<Branch> {
    const name = NAMES[this.#below(NAMES.length)]!;
    let branch = this.#branches.get(name);
    if (branch === undefined) {
      const session = this.#core.session<string>({ ...TEXT, name });
      await session.ready();
      branch = { session, blocks: this.#closedBranches.get(name) ?? this.#view() };
      this.#closedBranches.delete(name);
      this.#branches.set(name, branch);
    }
    return branch;
  }

  async #useBranch(): Promise<void> {
    const { session, blocks } = await this.#openBranch();
    const values = this.#newValues();
    await session.append(values);
    blocks.push(...values);
  }

  async #cutBranch(): Promise<void> {
    const { session, blocks } = await this.#openBranch();
    const length = this.#below(blocks.length + 1);
    await session.truncate(length);
    blocks.length = length;
  }

  async #commit(): Promise<void> {
    if (this.#held !== null) return;
    const { session, blocks } = await this.#openBranch();
    if (blocks.slice(this.#values.length).includes(null) || this.#stored.includes(false)) return;
    const isPrefix = blocks.length >= this.#values.length &&
      this.#values.every((value, i) => blocks[i] === null || blocks[i] === value);
    const shared = session.state!.flushedLength();
    if (isPrefix && blocks.slice(shared, this.#values.length).includes(null)) return;
    const result = await this.#core.commit(session);
    if (!isPrefix) return assert.equal(result, null, "a branch that has parted is not committed");
    assert.equal(result?.length, blocks.length);
    this.#push(blocks.slice(this.#values.length) as string[]);
  }

  async #hold(): Promise<void> {
    if (this.#held !== null) return await this.#appendHeld();
    const atom = this.#core.state!.storage.createAtom();
    const session = this.#core.session<string>({ ...TEXT, atom });
    await session.ready();
    this.#held = { atom, session, blocks: this.#values.slice(), fork: this.#fork, base: this.#values.length };
  }

  async #appendHeld(): Promise<void> {
    const held = this.#held!;
    const values = this.#newValues();
    await held.session.append(values);
    held.blocks.push(...values);
    assert.equal(held.session.length, held.blocks.length);
  }

  async #truncateHeld(): Promise<void> {
    const held = this.#held!;
    const length = this.#below(held.blocks.length + 1);
    await held.session.truncate(length);
    held.blocks.length = length;
    held.fork++;
    held.base = Math.min(held.base, length);
  }

  async #flush(): Promise<void> {
    const held = this.#held;
    if (held === null) return;
    await held.atom.flush();
    if (held.base < this.#values.length) this.#cut(held.base, held.fork);
    else this.#fork = held.fork;
    this.#push(held.blocks.slice(held.base));
    held.base = held.blocks.length;
  }

  async #closeOne(): Promise<void> {
    const snapshot = this.#snapshots.pop();
    if (snapshot !== undefined) return await snapshot.session.close();
    if (this.#held !== null) {
      await this.#held.session.close();
      this.#held = null;
    }
  }

  async #closeSessions(): Promise<void> {
    await this.#disconnect();
    for (const { session } of [...this.#snapshots, ...this.#branchSnapshots]) await session.close();
    this.#snapshots = [];
    this.#branchSnapshots = [];
    if (this.#held !== null) await this.#held.session.close();
    this.#held = null;
    for (const [name, { session, blocks }] of this.#branches) {
      await session.close();
      this.#closedBranches.set(name, blocks);
    }
    this.#branches.clear();
  }

  async #reopen(): Promise<void> {
    await this.#closeSessions();
    await this.#core.close();
    this.#storage = this.#storage.reopened();
    await this.#open();
  }

  async #disconnect(): Promise<void> {
    await this.#connection?.[Symbol.asyncDispose]();
    this.#connection = null;
  }

  /** Connects a reader, or cuts it off; while it is connected it reads something. */
  async #replicate(): Promise<void> {
    if (this.#connection !== null && this.#below(2) === 0) return await this.#disconnect();
    if (this.#reader === null) {
      const encryption = this.#isEncrypted ? new Uint8Array(32).fill(3) : null;
      this.#reader = new Hypercore<string>(null, this.#core.key, { ...TEXT, encryption });
      await this.#reader.ready();
    }
    this.#connection ??= new MemoryReplication(this.#reader, this.#core);
    const available = this.#stored.flatMap((isStored, i) => isStored ? [i] : []);
    if (available.length === 0) return;
    const index = available[this.#below(available.length)]!;
    const reader = this.#reader;
    // Of an older fork the reader may have another block there, until it has followed.
    while (reader.fork !== this.#fork || reader.length <= index) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          reader.off("append", done).off("truncate", done);
          resolve();
        };
        reader.on("append", done).on("truncate", done);
      });
    }
    assert.equal(await reader.get(index), this.#values[index]);
    if (this.#below(3) === 0) await reader.clear(index);
  }

  async #read(): Promise<void> {
    if (this.#values.length === 0) return;
    const index = this.#below(this.#values.length);
    const expected = this.#stored[index] ? this.#values[index] : null;
    assert.equal(await this.#core.get(index, { wait: false }), expected);
  }

  async #checkAll(): Promise<void> {
    await check(this.#core, this.#view(), "core");
    for (const [name, { session, blocks }] of this.#branches) await check(session, blocks, name);
    for (const { session, blocks } of this.#snapshots) await check(session, blocks, "snapshot");
    for (const { session, blocks } of this.#branchSnapshots) {
      await check(session, blocks, "branch's snapshot");
    }
    if (this.#held !== null) await check(this.#held.session, this.#held.blocks, "atom", true);
    if (!this.#isEncrypted) {
      const naive = new NaiveLog();
      naive.append(this.#values.map(utf8Bytes));
      assert.equal(
        hexText(await Hypercore.treeHashFromStorage(this.#core)),
        hexText(naive.treeHash()),
        "tree hash",
      );
      const { corrupt, droppedBlocks, droppedBits, droppedTreeNodes } = await this.#core.core!.audit({
        dryRun: true,
      });
      assert.deepEqual([corrupt, droppedBlocks, droppedBits, droppedTreeNodes], [false, 0, 0, 0], "audit");
    }
    const reader = this.#reader;
    if (reader === null) return;
    const known = this.#forks.get(reader.fork) ?? [];
    for (let i = 0; i < reader.length; i++) {
      const block: string | null = await reader.get(i, { wait: false });
      if (block !== null) assert.equal(block, known[i], `reader's block ${i}`);
    }
  }

  async #close(): Promise<void> {
    await this.#closeSessions();
    await this.#reader?.close();
    await this.#core.close();
  }

  #newValues(): string[] {
    return Array.from({ length: 1 + this.#below(4) }, () => `value ${this.#nextValue++}`);
  }

  #below(end: number): number {
    return Math.floor(this.#random.next() * end);
  }
}

async function check(session: Session, blocks: Blocks, name: string, maySkip = false): Promise<void> {
  assert.equal(session.length, blocks.length, `length of ${name}`);
  for (let i = 0; i < blocks.length; i++) {
    const block: string | null = await session.get(i, { wait: false }).catch((error) => {
      if (error.code === "SNAPSHOT_NOT_AVAILABLE") return null;
      throw error;
    });
    // What was cleared of the core is not there for those who share it.
    if (!(maySkip && block === null)) assert.equal(block, blocks[i], `block ${i} of ${name}`);
  }
}

Deno.test(`HC-040 HC-041 HC-047 HC-048 HC-052 HC-083 HC-085 HC-191 ${PROGRAMS} random programs do what a model of arrays says`, async () => {
  const only = Deno.env.get("FUZZ_SEED");
  const seeds = only === undefined ? Array.from({ length: PROGRAMS }, (_, seed) => seed) : [Number(only)];
  for (const seed of seeds) {
    await new Program(seed).run().catch((cause) => {
      throw new Error(`Program with seed ${seed} failed: ${cause.message}`, { cause });
    });
  }
});

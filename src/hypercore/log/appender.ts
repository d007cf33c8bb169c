/**
 * Appending blocks: hashing and signing what waits, one write for all of it.
 *
 * @module
 */
import { isBytes, type Mutex } from "../../base/mod.ts";
import { merkleAppend, NODE_BYTES } from "../../crypto/mod.ts";
import { WriteBatch } from "../../storage/mod.ts";
import { AppendQueue, type PendingAppend } from "./append_queue.ts";
import type { BitfieldRange } from "./bitfield.ts";
import type { LogIdentity } from "./identity.ts";
import { LOG_LENGTH_MAX } from "./limits.ts";
import type { LogState } from "./log_state.ts";
import { packedNodeIndex, packedNodeRow, packNodes, unpackNode } from "./node.ts";
import type { SignableTree } from "./tree_batch.ts";
import type { LogChange, LogKeyPair, Manifest, TreeHead, TreeNode } from "./types.ts";

/** Nodes of an append up to this many bytes go to the cache; more would only push out what is in use. */
const REMEMBERED_BYTES_MAX = 256 * NODE_BYTES;

const NO_ROOTS = { roots: [], bytes: new Uint8Array(0) };

/** Options of `Log.append`. */
export interface LogAppendOptions {
  /** Signs in place of the log's own key pair. */
  readonly keyPair?: LogKeyPair | null;
  /** A ready signature over the result; checked. */
  readonly signature?: Uint8Array | null;
  /** Appends nothing where the log would become longer than this, blocks. */
  readonly maxLength?: number;
  /** Resolves only once the blocks survive a power loss. Default false. */
  readonly durable?: boolean;
  /** Changes the blocks in place once it is known where they will stand; `start` is the index of the first. */
  readonly preappend?: (blocks: readonly Uint8Array[], start: number) => unknown;
  /** Called with the blocks once they are stored, before anybody hears of them. */
  readonly postappend?: (blocks: readonly Uint8Array[]) => unknown;
}

/** Blocks of a branch that the log it branches from takes over. */
export interface CommittedBlocks {
  /** Index of the first new block: the length of the log. */
  readonly start: number;
  /** The new blocks. */
  readonly blocks: readonly Uint8Array[];
  /** Indexes of older blocks that the log did not have. */
  readonly missing: readonly number[];
  /** Those blocks. */
  readonly filled: readonly Uint8Array[];
  /** Signs; null where a signature was passed. */
  readonly keyPair: LogKeyPair | null;
  /** A ready signature. */
  readonly signature: Uint8Array | null;
}

/** What `Log.append` resolves to. */
export interface LogAppendResult {
  /** Blocks after the append. */
  readonly length: number;
  /** Bytes after the append. */
  readonly byteLength: number;
}

/** What an appender works on. */
export interface AppenderContext {
  /** What is stored. */
  readonly state: LogState;
  /** Who signs. */
  readonly identity: LogIdentity;
  /** Held while writing. */
  readonly mutex: Mutex;
  /** Signs a tree, or checks the signature passed for it. */
  sign(
    tree: SignableTree,
    keyPair: LogKeyPair | null,
    signature: Uint8Array | null,
    manifest: Manifest | null,
  ): Uint8Array | null;
  /** Throws once the log is closed. */
  assertOpen(): void;
  /** Called for a manifest that became known, after it is stored. */
  learn(manifest: Manifest): void;
  /** Called for every change, after it is stored. */
  notify(change: LogChange): void;
}

/** Appends to one log. */
export class Appender {
  readonly #context: AppenderContext;
  readonly #queue = new AppendQueue();
  #isRunning = false;
  /** The roots after the last append, packed for the next one. */
  #packed: { readonly roots: readonly TreeNode[]; readonly bytes: Uint8Array } = NO_ROOTS;

  /** Works on `context`. */
  constructor(context: AppenderContext) {
    this.#context = context;
  }

  /** Appends blocks, all or none. Calls that come while a write is under way share the next one. */
  append(
    blocks: readonly Uint8Array[],
    keyPair: LogKeyPair | null,
    options: LogAppendOptions,
  ): Promise<LogAppendResult> {
    let byteLength = 0;
    for (const block of blocks) {
      if (!isBytes(block)) {
        throw this.#context.identity.error("BAD_ARGUMENT", `A block is bytes, got ${typeof block}`);
      }
      byteLength += block.byteLength;
    }
    return new Promise((resolve, reject) => {
      const signature = options.signature ?? null;
      const maxLength = options.maxLength ?? Infinity;
      const { preappend = null, postappend = null } = options;
      const hooks = { preappend, postappend };
      this.#queue.push({ blocks, byteLength, keyPair, signature, maxLength, resolve, reject, ...hooks });
      if (!this.#isRunning) this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#queue.size > 0) {
      await this.#context.mutex.run(async () => {
        const group = this.#queue.take();
        try {
          this.#context.assertOpen();
          await this.#appendGroup(group);
        } catch (error) {
          for (const append of group) append.reject(error);
        }
      });
    }
    this.#isRunning = false;
  }

  async #appendGroup(group: readonly PendingAppend[]): Promise<void> {
    const { length: start, byteLength: startBytes } = this.#context.state.head;
    let length = start;
    let byteLength = startBytes;
    const results: LogAppendResult[] = [];
    const parts: (readonly Uint8Array[])[] = [];
    for (const append of group) {
      if (length + append.blocks.length <= append.maxLength) {
        if (append.preappend !== null) await append.preappend(append.blocks, length);
        parts.push(append.blocks);
        length += append.blocks.length;
        byteLength += append.byteLength;
      }
      results.push({ length, byteLength });
    }
    const { keyPair, signature } = group[0]!;
    if (length > start) {
      const blocks = parts.length === 1 ? parts[0]! : parts.flat();
      const hasHooks = group.some((append) => append.postappend !== null);
      await this.#appendBlocks({ start, blocks, missing: [], filled: [], keyPair, signature }, async () => {
        if (hasHooks) { for (const append of group) await append.postappend?.(append.blocks); }
      });
    }
    group.forEach((append, i) => append.resolve(results[i]!));
  }

  /**
   * Takes over blocks of a branch; the caller holds the mutex.
   *
   * @throws {HypercoreError} as {@linkcode append}.
   * @throws {StorageError} as the storage.
   */
  async appendCommitted(committed: CommittedBlocks): Promise<LogAppendResult> {
    const { state } = this.#context;
    if (committed.blocks.length > 0) {
      await this.#appendBlocks(committed, () => Promise.resolve());
    } else if (committed.missing.length > 0) {
      const batch = new WriteBatch();
      const ranges = fillBlocks(batch, state.owner, committed);
      await state.commit({ batch, ranges });
    }
    for (const start of committed.missing) {
      this.#context.notify({ kind: "blocks", start, length: 1, has: true });
    }
    const { length, byteLength } = state.head;
    return { length, byteLength };
  }

  async #appendBlocks(committed: CommittedBlocks, handleStored: () => Promise<void>): Promise<void> {
    const { state, identity } = this.#context;
    const { blocks, keyPair, signature } = committed;
    const { head: old, owner } = state;
    const start = old.length;
    const length = start + blocks.length;
    if (length > LOG_LENGTH_MAX) {
      throw identity.error("BAD_ARGUMENT", `A log has at most ${LOG_LENGTH_MAX} blocks, got ${length}`);
    }
    const prologue = identity.verifier?.prologue ?? null;
    if (prologue !== null && length < prologue.length) {
      throw identity.error("INVALID_OPERATION", "Append is not consistent with prologue");
    }
    const packed = old.roots === this.#packed.roots ? this.#packed.bytes : packNodes(old.roots);
    const merged = merkleAppend(start, packed, blocks);
    const roots = rootsOf(merged.roots, old.roots);
    const tree: SignableTree = { length, fork: old.fork, roots, hash: () => merged.rootHash };
    const manifest = identity.manifestFor(keyPair);
    const signed = this.#context.sign(tree, keyPair, signature, manifest);
    const batch = new WriteBatch();
    if (manifest !== null) identity.put(batch, { manifest });
    for (let i = 0; i < blocks.length; i++) batch.putRow("block", owner, start + i, blocks[i]!);
    for (let at = 0; at < merged.nodes.byteLength; at += NODE_BYTES) {
      batch.putRow("node", owner, packedNodeIndex(merged.nodes, at), packedNodeRow(merged.nodes, at));
    }
    const head: TreeHead = {
      length,
      byteLength: merged.byteLength,
      fork: old.fork,
      roots,
      signature: signed,
    };
    const ranges = [...fillBlocks(batch, owner, committed), { start, end: length, value: true }];
    await state.commit({ batch, head, rootHash: merged.rootHash, ranges });
    this.#packed = { roots, bytes: merged.roots };
    if (merged.nodes.byteLength <= REMEMBERED_BYTES_MAX) rememberNodes(state, merged.nodes);
    await handleStored();
    if (manifest !== null) this.#context.learn(manifest);
    this.#context.notify({ kind: "append", head, start, blocks: blocks.length });
  }
}

/** Adds older blocks to `batch`; returns what they mean for the bitfield. */
function fillBlocks(batch: WriteBatch, owner: number, { missing, filled }: CommittedBlocks): BitfieldRange[] {
  missing.forEach((index, i) => batch.putRow("block", owner, index, filled[i]!));
  return missing.map((index) => ({ start: index, end: index + 1, value: true }));
}

/** Peers that follow closely ask for what was just written. The rows are views: few nodes, made together. */
function rememberNodes(state: LogState, packed: Uint8Array): void {
  for (let at = 0; at < packed.byteLength; at += NODE_BYTES) {
    state.nodes.put(packedNodeIndex(packed, at), packedNodeRow(packed, at));
  }
}

/** The roots after an append; those that were there before stay the same objects. */
function rootsOf(packed: Uint8Array, old: readonly TreeNode[]): TreeNode[] {
  const roots: TreeNode[] = [];
  for (let at = 0; at < packed.byteLength; at += NODE_BYTES) {
    const known = old[roots.length];
    const index = packedNodeIndex(packed, at);
    roots.push(known !== undefined && known.index === index ? known : unpackNode(packed, at));
  }
  return roots;
}

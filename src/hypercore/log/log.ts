/**
 * A log in a store: append, proofs both ways, and what is known of it. No network.
 *
 * Changes happen one at a time. Each is one atomic write; memory, and everyone who listens, follows once it is stored.
 *
 * @module
 */
import { copyBytes, isBytes } from "../../base/mod.ts";
import { merkleAppend, NODE_BYTES } from "../../crypto/mod.ts";
import { WriteBatch } from "../../storage/mod.ts";
import { HypercoreError } from "../errors.ts";
import { AppendQueue, type PendingAppend } from "./append_queue.ts";
import type { Bitfield } from "./bitfield.ts";
import { type CoreStore, putCoreInfo } from "./core_store.ts";
import { fullRoots, rightSpan, TreeCursor } from "./flat_tree.ts";
import { LOG_LENGTH_MAX } from "./limits.ts";
import { type LogOpenOptions, openCore } from "./log_open.ts";
import { LogState } from "./log_state.ts";
import {
  createManifest,
  defaultSignerManifest,
  isCompat,
  isValidManifest,
  type ManifestInput,
} from "./manifest.ts";
import { Mutex } from "./mutex.ts";
import { packedNodeIndex, packedNodeRow, packNodes, treeHashOf, unpackNode } from "./node.ts";
import { proveAll } from "./prover.ts";
import { type CoreInfo, userKey } from "./records.ts";
import { seekBlock } from "./seek.ts";
import { EMPTY_HEAD, type SignableTree, TreeBatch } from "./tree_batch.ts";
import type {
  LogChange,
  LogKeyPair,
  LogListener,
  Manifest,
  Proof,
  ProofRequest,
  ProveResult,
  SeekResult,
  TreeHead,
  TreeNode,
  VerifyResult,
} from "./types.ts";
import { Verifier } from "./verifier.ts";
import { parseProof, VerifyStage } from "./verify_stage.ts";
import { applyUpgrade, checkPaths } from "./verify.ts";

/** Nodes of an append up to this many bytes go to the cache; more would only push out what is in use. */
const REMEMBERED_BYTES_MAX = 256 * NODE_BYTES;

/** Options of {@linkcode Log.append}. */
export interface LogAppendOptions {
  /** Signs in place of the log's own key pair. */
  readonly keyPair?: LogKeyPair | null;
  /** A ready signature over the result; checked. */
  readonly signature?: Uint8Array | null;
  /** Appends nothing where the log would become longer than this, blocks. */
  readonly maxLength?: number;
  /** Resolves only once the blocks survive a power loss. Default false. */
  readonly durable?: boolean;
}

/** What {@linkcode Log.append} resolves to. */
export interface LogAppendResult {
  /** Blocks after the append. */
  readonly length: number;
  /** Bytes after the append. */
  readonly byteLength: number;
}

/** What {@linkcode Log.verifyFullyRemote} found. */
export interface RemoteTree {
  /** The state that the proof is about. */
  readonly head: TreeHead;
  /** Hash over its roots, 32 bytes. */
  readonly treeHash: Uint8Array;
  /** Whether it is longer than what is stored here. */
  readonly isNewer: boolean;
}

/** One log. */
export class Log {
  readonly #store: CoreStore;
  readonly #state: LogState;
  readonly #legacy: boolean;
  readonly #mutex = new Mutex();
  readonly #appends = new AppendQueue();
  readonly #listeners = new Set<LogListener>();
  #info: CoreInfo;
  #compat: boolean;
  #keyPair: LogKeyPair | null;
  #verifier: Verifier | null;
  #published: TreeHead;
  /** Version of the state that `published` is up to date with. */
  #publishedVersion: number;
  #publishing: Promise<void> | null = null;
  #isAppending = false;
  #closing: Promise<void> | null = null;
  #isClosed = false;

  private constructor(store: CoreStore, info: CoreInfo, state: LogState, compat: boolean, legacy: boolean) {
    this.#store = store;
    this.#state = state;
    this.#info = info;
    this.#compat = compat;
    this.#legacy = legacy;
    this.#keyPair = info.keyPair;
    this.#verifier = info.manifest && new Verifier(info.key, info.manifest, { legacy });
    this.#published = state.head;
    this.#publishedVersion = state.version;
  }

  /**
   * Opens or creates the log that `options` mean.
   *
   * @throws {HypercoreError} `STORAGE_EMPTY`, `STORAGE_CONFLICT` (also for a log that is open already), `BAD_ARGUMENT`.
   * @throws {StorageError} as the storage.
   */
  static async open(store: CoreStore, options: LogOpenOptions = {}): Promise<Log> {
    await store.open();
    const { info, compat } = await openCore(store, options);
    store.acquire(info);
    try {
      const state = await LogState.load(store.storage, info.owner);
      if (info.keyPair?.secretKey && state.head.length > 0) await store.syncOnce();
      return new Log(store, info, state, compat, options.legacy ?? false);
    } catch (error) {
      store.release(info);
      throw error;
    }
  }

  /** 32 bytes. */
  get key(): Uint8Array {
    return this.#info.key;
  }

  /** 32 bytes. */
  get discoveryKey(): Uint8Array {
    return this.#info.discoveryKey;
  }

  /** Who may sign; null while it is not known. */
  get manifest(): Manifest | null {
    return this.#info.manifest;
  }

  /** Whether the key is the signer's public key, as far as is known. */
  get compat(): boolean {
    return this.#compat;
  }

  /** What signs appends; null where we do not write. */
  get keyPair(): LogKeyPair | null {
    return this.#keyPair;
  }

  /** The latest stored state: what the local user sees. */
  get head(): TreeHead {
    return this.#state.head;
  }

  /** The state that peers may be told of: it survives a power loss. */
  get published(): TreeHead {
    return this.#published;
  }

  /** Blocks stored here; read it, do not write it. */
  get bitfield(): Bitfield {
    return this.#state.bitfield;
  }

  /** Blocks stored without a gap from 0. */
  get contiguousLength(): number {
    return this.#state.contiguousLength;
  }

  /** The longest gapless start that a peer was known to have, blocks; kept across restarts as a hint. */
  get remoteContiguousLength(): number {
    return this.#state.remoteContiguousLength;
  }

  /** Changes the hint; it is stored with the next change of the log. */
  set remoteContiguousLength(length: number) {
    this.#state.remoteContiguousLength = length;
  }

  /** Checks and makes the log's signatures; null while its manifest is not known. */
  get verifier(): Verifier | null {
    return this.#verifier;
  }

  /**
   * Appends blocks, all or none. Calls that come while a write is under way share the next one.
   *
   * @throws {HypercoreError} `SESSION_NOT_WRITABLE` without anything to sign with, `BAD_ARGUMENT` for a key pair that may
   *   not sign alone, `INVALID_SIGNATURE`, `INVALID_OPERATION` for what breaks the prologue, `SESSION_CLOSED`.
   * @throws {StorageError} as the storage; nothing was appended then.
   */
  async append(blocks: readonly Uint8Array[], options: LogAppendOptions = {}): Promise<LogAppendResult> {
    this.#assertOpen();
    let byteLength = 0;
    for (const block of blocks) {
      if (!isBytes(block)) throw new HypercoreError("BAD_ARGUMENT", `A block is bytes, got ${typeof block}`);
      byteLength += block.byteLength;
    }
    const result = await new Promise<LogAppendResult>((resolve, reject) => {
      const signature = options.signature ?? null;
      const keyPair = signature === null ? options.keyPair ?? this.#keyPair : null;
      const maxLength = options.maxLength ?? Infinity;
      this.#appends.push({ blocks, byteLength, keyPair, signature, maxLength, resolve, reject });
      if (!this.#isAppending) this.#runAppends();
    });
    if (options.durable) await this.publish();
    return result;
  }

  /**
   * Makes everything written so far survive a power loss, then lets peers know of it. Concurrent calls share the work.
   *
   * @throws {StorageError} as the storage; peers are told nothing then.
   */
  async publish(): Promise<TreeHead> {
    const { version } = this.#state;
    while (this.#publishedVersion < version) {
      this.#assertOpen();
      this.#publishing ??= this.#publishOnce().finally(() => this.#publishing = null);
      await this.#publishing;
    }
    return this.#published;
  }

  /** Proves what is asked for, as of `head`. Results stand in the order of the requests. */
  prove(
    requests: readonly ProofRequest[],
    head: TreeHead = this.#published,
  ): Promise<ProveResult[]> {
    return proveAll(this.#state, requests, head, this.#info.manifest?.prologue ?? null);
  }

  /**
   * Verifies proofs and stores what they bring, all in one write. Results stand in the order of the proofs; one that does
   * not hold leaves no trace and does not harm the others.
   *
   * @throws {StorageError} as the storage; nothing was stored then.
   */
  async verify(proofs: readonly Proof[]): Promise<VerifyResult[]> {
    this.#assertOpen();
    const parsed = proofs.map(parseProof);
    return await this.#mutex.run(async () => {
      const needed = parsed.map(VerifyStage.neededNode).filter((index) => index !== null);
      const { nodes, pending } = this.#state.nodes.gather(needed);
      if (pending !== null) await pending;
      const { key } = this.#info;
      const stage = new VerifyStage(this.#state, { key, verifier: this.#verifier, legacy: this.#legacy });
      const results = parsed.map((proof) => stage.add(proof, nodes));
      if (!stage.isEmpty) await this.#commitStage(stage);
      return results;
    });
  }

  /**
   * Checks a proof of a whole log against the manifest alone, without storing anything.
   *
   * @throws {HypercoreError} `INVALID_OPERATION`, `INVALID_PROOF`, `INVALID_SIGNATURE`.
   */
  verifyFullyRemote(proof: Proof): RemoteTree {
    const paths = checkPaths(proof);
    const batch = new TreeBatch(EMPTY_HEAD);
    if (!proof.upgrade) throw new HypercoreError("INVALID_OPERATION", "Expected upgrade proof");
    const { usedRoot } = applyUpgrade(batch, proof.upgrade, paths.root, this.#verifier?.prologue ?? null);
    if (paths.root !== null && !usedRoot) {
      throw new HypercoreError("INVALID_PROOF", "Block is not covered by the upgrade");
    }
    batch.fork = proof.fork;
    batch.signature = proof.upgrade.signature;
    const verifier = this.#verifier ?? this.#remoteVerifier(proof.manifest);
    if (!verifier.verify(batch, batch.signature)) {
      throw new HypercoreError("INVALID_SIGNATURE", "Proof contains an invalid signature");
    }
    return { head: batch.toHead(), treeHash: batch.hash(), isNewer: batch.length > this.head.length };
  }

  /**
   * How many nodes from `treeIndex` up are not stored: what a request for it has to say. At once where it is known.
   *
   * Source: `hypercore/lib/merkle-tree.js`, `missingNodes`.
   */
  missingNodes(treeIndex: number): number | Promise<number> {
    const { head, nodes, contiguousLength } = this.#state;
    if (rightSpan(treeIndex) >= 2 * head.length || rightSpan(treeIndex) < 2 * contiguousLength) return 0;
    const cursor = new TreeCursor(treeIndex);
    const path: number[] = [];
    while (!cursor.contains(2 * head.length)) {
      const { index } = cursor;
      if (this.#state.rootAt(index) !== undefined || nodes.peek(index) !== undefined) {
        if (path.length === 0 || nodes.isChildless(index)) return path.length;
        break;
      }
      path.push(index);
      cursor.parent();
    }
    return this.#countMissing(path, cursor.index);
  }

  /** Whether the tree of `length` blocks can be proved to grow into ours. At once where it is known. */
  upgradeable(length: number): boolean | Promise<boolean> {
    const { head, nodes, contiguousLength } = this.#state;
    if (length === head.length || length <= contiguousLength) return true;
    const missing = fullRoots(length).filter((index) => this.#state.rootAt(index) === undefined);
    const { nodes: found, pending } = nodes.gather(missing);
    const isWhole = () => missing.every((index) => found.has(index));
    return pending === null ? isWhole() : pending.then(isWhole);
  }

  /** A block; null where it is not stored here. */
  async getBlock(index: number): Promise<Uint8Array | null> {
    const { storage, owner, bitfield } = this.#state;
    return bitfield.get(index) ? await storage.getRow("block", owner, index) : null;
  }

  /** Several blocks, in the order of `indexes`; null for those not stored here. */
  async getBlocks(indexes: readonly number[]): Promise<(Uint8Array | null)[]> {
    const { storage, owner, bitfield } = this.#state;
    const stored = indexes.filter((index) => bitfield.get(index));
    const values = await storage.getRows("block", owner, stored);
    let next = 0;
    return indexes.map((index) => stored[next] === index ? values[next++]! : null);
  }

  /**
   * Hash over the roots that cover `length` blocks, 32 bytes.
   *
   * @throws {HypercoreError} `INVALID_OPERATION` where a root is not stored.
   */
  async treeHash(length: number = this.head.length): Promise<Uint8Array> {
    return treeHashOf(await this.roots(length));
  }

  /**
   * The roots that cover `length` blocks, left to right.
   *
   * @throws {HypercoreError} `INVALID_OPERATION` where one is not stored.
   */
  async roots(length: number): Promise<TreeNode[]> {
    const indexes = fullRoots(length);
    const { nodes, pending } = this.#state.nodes.gather(indexes);
    await pending;
    return indexes.map((index) => {
      const node = this.#state.rootAt(index) ?? nodes.get(index);
      if (node !== undefined) return node;
      const message = `Expected tree node ${index} from storage, got (nil)`;
      throw new HypercoreError("INVALID_OPERATION", message);
    });
  }

  /** Finds the byte at `bytes` as far as what is stored here tells; `padding` is what each block has in front. */
  seek(bytes: number, padding = 0): Promise<SeekResult> {
    return seekBlock(this.head, bytes, padding, (index) => this.#state.nodes.read(index));
  }

  /** A value stored under `name`, for local use; null where there is none. */
  getUserData(name: string): Promise<Uint8Array | null> {
    return this.#store.storage.getRecord("user", userKey(this.#info.owner, name));
  }

  /** Stores a value under `name`, for local use; null deletes it. */
  async setUserData(name: string, value: Uint8Array | null): Promise<void> {
    this.#assertOpen();
    const batch = new WriteBatch();
    const key = userKey(this.#info.owner, name);
    if (value === null) batch.deleteRecord("user", key);
    else batch.putRecord("user", key, value);
    await this.#store.storage.write(batch);
  }

  /**
   * Attaches a manifest to a log opened by key; does nothing where one is known.
   *
   * @throws {HypercoreError} `INVALID_CHECKSUM` unless it hashes to the key.
   */
  async setManifest(input: ManifestInput | Uint8Array): Promise<void> {
    this.#assertOpen();
    await this.#mutex.run(async () => {
      if (this.#info.manifest !== null) return;
      const manifest = createManifest(input);
      if (!isValidManifest(this.key, manifest)) {
        const { discoveryKey } = this;
        throw new HypercoreError("INVALID_CHECKSUM", "Manifest hash does not match", { discoveryKey });
      }
      const batch = new WriteBatch();
      putCoreInfo(batch, { ...this.#info, manifest });
      await this.#store.storage.write(batch);
      this.#applyManifest(manifest);
    });
  }

  /** Changes what signs appends, for as long as the log is open. */
  setKeyPair(keyPair: LogKeyPair | null): void {
    this.#keyPair = keyPair;
  }

  /** Calls `listener` with every change from now on; returns what ends that. */
  subscribe(listener: LogListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Waits for what is under way, then lets go of the log; the store stays open. Idempotent. */
  close(): Promise<void> {
    return this.#closing ??= this.#mutex.run(() => {
      this.#isClosed = true;
      this.#listeners.clear();
      this.#store.release(this.#info);
      return Promise.resolve();
    });
  }

  /** Same as {@linkcode Log.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #runAppends(): Promise<void> {
    this.#isAppending = true;
    while (this.#appends.size > 0) {
      await this.#mutex.run(async () => {
        const group = this.#appends.take();
        try {
          if (this.#isClosed) this.#assertOpen();
          await this.#appendGroup(group);
        } catch (error) {
          for (const append of group) append.reject(error);
        }
      });
    }
    this.#isAppending = false;
  }

  async #appendGroup(group: readonly PendingAppend[]): Promise<void> {
    const { length: start, byteLength: startBytes } = this.head;
    let length = start;
    let byteLength = startBytes;
    const results: LogAppendResult[] = [];
    const parts: (readonly Uint8Array[])[] = [];
    for (const append of group) {
      if (length + append.blocks.length <= append.maxLength) {
        parts.push(append.blocks);
        length += append.blocks.length;
        byteLength += append.byteLength;
      }
      results.push({ length, byteLength });
    }
    const { keyPair, signature } = group[0]!;
    if (length > start) {
      await this.#appendBlocks(parts.length === 1 ? parts[0]! : parts.flat(), keyPair, signature);
    }
    group.forEach((append, i) => append.resolve(results[i]!));
  }

  async #appendBlocks(
    blocks: readonly Uint8Array[],
    keyPair: LogKeyPair | null,
    signature: Uint8Array | null,
  ): Promise<void> {
    const { head: old, owner } = this.#state;
    const start = old.length;
    const length = start + blocks.length;
    if (length > LOG_LENGTH_MAX) {
      throw new HypercoreError("BAD_ARGUMENT", `A log has at most ${LOG_LENGTH_MAX} blocks, got ${length}`);
    }
    const merged = merkleAppend(start, packNodes(old.roots), blocks);
    const roots = rootsOf(merged.roots, old.roots);
    const tree: SignableTree = { length, fork: old.fork, roots, hash: () => merged.rootHash };
    const batch = new WriteBatch();
    const manifest = this.#manifestFor(keyPair);
    const signed = this.#signAppend(tree, keyPair, signature, manifest);
    if (manifest !== null) putCoreInfo(batch, { ...this.#info, manifest });
    for (let i = 0; i < blocks.length; i++) batch.putRow("block", owner, start + i, blocks[i]!);
    for (let at = 0; at < merged.nodes.byteLength; at += NODE_BYTES) {
      batch.putRow("node", owner, packedNodeIndex(merged.nodes, at), packedNodeRow(merged.nodes, at));
    }
    const head = { length, byteLength: merged.byteLength, fork: old.fork, roots, signature: signed };
    const ranges = [{ start, end: length, value: true }];
    await this.#state.commit({ batch, head, rootHash: merged.rootHash, ranges });
    if (merged.nodes.byteLength <= REMEMBERED_BYTES_MAX) this.#rememberNodes(merged.nodes);
    if (manifest !== null) this.#applyManifest(manifest);
    this.#notify({ kind: "append", head, start, blocks: blocks.length });
  }

  /** Peers that follow closely ask for what was just written. */
  #rememberNodes(packed: Uint8Array): void {
    for (let at = 0; at < packed.byteLength; at += NODE_BYTES) {
      this.#state.nodes.put(packedNodeIndex(packed, at), packedNodeRow(packed, at).slice());
    }
  }

  /** The manifest that an append by this key pair implies, where none is known yet. */
  #manifestFor(keyPair: LogKeyPair | null): Manifest | null {
    if (this.#verifier !== null || keyPair === null) return null;
    const manifest = defaultSignerManifest(keyPair.publicKey);
    return isCompat(this.key, manifest) ? manifest : null;
  }

  #signAppend(
    tree: SignableTree,
    keyPair: LogKeyPair | null,
    signature: Uint8Array | null,
    manifest: Manifest | null,
  ): Uint8Array | null {
    const { discoveryKey } = this;
    const verifier = manifest ? new Verifier(this.key, manifest, { legacy: this.#legacy }) : this.#verifier;
    if (verifier === null) {
      throw new HypercoreError("SESSION_NOT_WRITABLE", "The log's manifest is not known", { discoveryKey });
    }
    if (verifier.prologue !== null && tree.length < verifier.prologue.length) {
      const message = "Append is not consistent with prologue";
      throw new HypercoreError("INVALID_OPERATION", message, { discoveryKey });
    }
    if (signature !== null) {
      if (verifier.verify(tree, signature)) return copyBytes(signature);
      const message = "Signature does not fit the appended blocks";
      throw new HypercoreError("INVALID_SIGNATURE", message, { discoveryKey });
    }
    if (keyPair?.secretKey) return verifier.signAlone(tree, keyPair);
    // A prologue needs no signature.
    if (verifier.verify(tree, null)) return null;
    throw new HypercoreError("SESSION_NOT_WRITABLE", "No key pair to sign with", { discoveryKey });
  }

  async #commitStage(stage: VerifyStage): Promise<void> {
    const old = this.head;
    const batch = new WriteBatch();
    const { head, rootHash, manifest } = stage;
    const ranges = stage.ranges();
    stage.fill(batch);
    if (manifest !== null) putCoreInfo(batch, { ...this.#info, manifest });
    await this.#state.commit({ batch, head, rootHash, ranges });
    stage.remember();
    // Whoever proved it had it first, unless something of our own lies below that nobody was told of.
    if (this.#published === old) {
      this.#published = head;
      this.#publishedVersion = this.#state.version;
    }
    if (manifest !== null) this.#applyManifest(manifest);
    if (head !== old) this.#notify({ kind: "upgrade", head });
    for (const { start, end } of ranges) {
      this.#notify({ kind: "blocks", start, length: end - start, has: true });
    }
  }

  async #publishOnce(): Promise<void> {
    const { head, version } = this.#state;
    await this.#store.storage.sync();
    this.#setPublished(head, version);
  }

  #setPublished(head: TreeHead, version: number): void {
    const isSame = head === this.#published;
    this.#publishedVersion = Math.max(version, this.#publishedVersion);
    this.#published = head;
    if (!isSame) this.#notify({ kind: "publish", head });
  }

  async #countMissing(path: readonly number[], top: number): Promise<number> {
    const { nodes, version } = this.#state;
    const { nodes: found, pending } = nodes.gather([...path, top]);
    await pending;
    const count = path.findIndex((index) => found.has(index));
    if (version !== this.#state.version) return count === -1 ? path.length : count;
    if (count > 0) nodes.setChildless(path[count]!, true);
    if (count === -1 && path.length > 0) nodes.setChildless(top, true);
    return count === -1 ? path.length : count;
  }

  #remoteVerifier(manifest: Manifest | null): Verifier {
    const claimed = manifest ?? defaultSignerManifest(this.key);
    if (!isValidManifest(this.key, claimed) && !isCompat(this.key, claimed)) {
      throw new HypercoreError("INVALID_SIGNATURE", "Proof contains an invalid manifest");
    }
    return new Verifier(this.key, claimed, { legacy: this.#legacy });
  }

  #applyManifest(manifest: Manifest): void {
    this.#info = { ...this.#info, manifest };
    this.#verifier = new Verifier(this.key, manifest, { legacy: this.#legacy });
    this.#compat = this.#verifier.compat;
    this.#notify({ kind: "manifest" });
  }

  #notify(change: LogChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  #assertOpen(): void {
    if (this.#closing === null) return;
    const { discoveryKey } = this;
    throw new HypercoreError("SESSION_CLOSED", "The log is closed", { discoveryKey });
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

/**
 * A log in a store: append, proofs both ways, and what is known of it. No network.
 *
 * Changes happen one at a time. Each is one atomic write; memory, and everyone who listens, follows once it is stored.
 *
 * @module
 */
import { copyBytes, equalBytes, hexText } from "../../base/mod.ts";
import { WriteBatch } from "../../storage/mod.ts";
import { Appender, type LogAppendOptions, type LogAppendResult } from "./appender.ts";
import type { Bitfield } from "./bitfield.ts";
import type { CoreStore } from "./core_store.ts";
import { fullRoots, rightSpan, TreeCursor } from "./flat_tree.ts";
import { GroupMembership } from "./group.ts";
import { LogIdentity } from "./identity.ts";
import { type LogOpenOptions, openCore } from "./log_open.ts";
import { LogState } from "./log_state.ts";
import { createManifest, isValidManifest, type ManifestInput, ownManifest } from "./manifest.ts";
import { Mutex } from "./mutex.ts";
import { treeHashOf } from "./node.ts";
import { proveAll } from "./prover.ts";
import { userKey } from "./records.ts";
import { Reorg } from "./reorg.ts";
import { commitClear, commitReorg, commitTruncation, truncatedTree } from "./rewrite.ts";
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
import type { Verifier } from "./verifier.ts";
import { parseProof, VerifyStage } from "./verify_stage.ts";
import { applyUpgrade, checkPaths } from "./verify.ts";

/** Options of {@linkcode Log.truncate}. */
export interface LogTruncateOptions {
  /** The new fork. Default: one more than the old one. */
  readonly fork?: number;
  /** Signs in place of the log's own key pair. */
  readonly keyPair?: LogKeyPair | null;
  /** A ready signature over the result; checked. */
  readonly signature?: Uint8Array | null;
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

/** What {@linkcode Log.checkConflict} found. */
export type ConflictResult =
  /** The proof is of another fork, too long or too short to compare, or there is nothing to compare with. */
  | "unrelated"
  /** The proof does not hold. */
  | "invalid"
  /** Both trees are the same. */
  | "same"
  /** Two different trees are signed for one length: the log is frozen now. */
  | "conflict";

/** One log. */
export class Log {
  readonly #store: CoreStore;
  readonly #state: LogState;
  readonly #identity: LogIdentity;
  readonly #mutex = new Mutex();
  readonly #appender: Appender;
  readonly #listeners = new Set<LogListener>();
  #keyPair: LogKeyPair | null;
  #published: TreeHead;
  /** Version of the state that `published` is up to date with. */
  #publishedVersion: number;
  #publishing: Promise<void> | null = null;
  #closing: Promise<void> | null = null;

  private constructor(store: CoreStore, state: LogState, identity: LogIdentity) {
    this.#store = store;
    this.#state = state;
    this.#identity = identity;
    this.#keyPair = identity.info.keyPair;
    this.#published = state.head;
    this.#publishedVersion = state.version;
    this.#appender = new Appender({
      state,
      identity,
      mutex: this.#mutex,
      assertOpen: () => this.#assertOpen(),
      learn: (manifest) => this.#learn(manifest),
      notify: (change) => this.#notify(change),
    });
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
      return new Log(store, state, new LogIdentity(info, compat, options.legacy ?? false));
    } catch (error) {
      store.release(info);
      throw error;
    }
  }

  /** 32 bytes. */
  get key(): Uint8Array {
    return this.#identity.key;
  }

  /** 32 bytes. */
  get discoveryKey(): Uint8Array {
    return this.#identity.info.discoveryKey;
  }

  /** Who may sign; null while it is not known. */
  get manifest(): Manifest | null {
    return this.#identity.info.manifest;
  }

  /** Whether the key is the signer's public key, as far as is known. */
  get compat(): boolean {
    return this.#identity.compat;
  }

  /** Checks and makes the log's signatures; null while its manifest is not known. */
  get verifier(): Verifier | null {
    return this.#identity.verifier;
  }

  /** Whether two different signed trees were seen, so that the log can be trusted no more. */
  get isFrozen(): boolean {
    return this.#identity.info.isFrozen;
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

  /**
   * Appends blocks, all or none. Calls that come while a write is under way share the next one.
   *
   * @throws {HypercoreError} `SESSION_NOT_WRITABLE` without anything to sign with, `BAD_ARGUMENT` for a key pair that may
   *   not sign alone, `INVALID_SIGNATURE`, `INVALID_OPERATION` for what breaks the prologue, `SESSION_CLOSED`.
   * @throws {StorageError} as the storage; nothing was appended then.
   */
  async append(blocks: readonly Uint8Array[], options: LogAppendOptions = {}): Promise<LogAppendResult> {
    this.#assertOpen();
    const result = await this.#appender.append(blocks, options.keyPair ?? this.#keyPair, options);
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
    return proveAll(this.#state, requests, head, this.manifest?.prologue ?? null);
  }

  /**
   * Verifies proofs and stores what they bring, all in one write. Results stand in the order of the proofs; one that does
   * not hold leaves no trace and does not harm the others. The proofs are borrowed until the promise settles.
   *
   * @throws {StorageError} as the storage; nothing was stored then.
   */
  async verify(proofs: readonly Proof[]): Promise<VerifyResult[]> {
    this.#assertOpen();
    const parsed = proofs.map(parseProof);
    return await this.#mutex.run(async () => {
      this.#assertOpen();
      const needed = parsed.map(VerifyStage.neededNode).filter((index) => index !== null);
      const { nodes, pending } = this.#state.nodes.gather(needed);
      if (pending !== null) await pending;
      const stage = new VerifyStage(this.#state, this.#identity);
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
    if (!proof.upgrade) throw this.#identity.error("INVALID_OPERATION", "Expected upgrade proof");
    const { usedRoot } = applyUpgrade(batch, proof.upgrade, paths.root, this.verifier?.prologue ?? null);
    if (paths.root !== null && !usedRoot) {
      throw this.#identity.error("INVALID_PROOF", "Block is not covered by the upgrade");
    }
    batch.fork = proof.fork;
    batch.signature = proof.upgrade.signature;
    this.#checkSignature(batch, proof.manifest);
    return { head: batch.toHead(), treeHash: batch.hash(), isNewer: batch.length > this.head.length };
  }

  /**
   * Compares a peer's proof of its whole log with ours. Where both are signed and differ, nobody can be believed: the log
   * is frozen, which survives a restart.
   *
   * Source: `hypercore/lib/core.js`, `checkConflict`.
   *
   * @throws {StorageError} as the storage.
   */
  async checkConflict(proof: Proof): Promise<ConflictResult> {
    this.#assertOpen();
    const { upgrade } = proof;
    if (upgrade === null || upgrade.start !== 0 || this.verifier === null) return "unrelated";
    if (proof.fork !== this.head.fork || this.head.length < upgrade.length) return "unrelated";
    let remoteHash: Uint8Array;
    let localHash: Uint8Array;
    try {
      this.verifyFullyRemote(proof);
      // Up to the length asked about, without what the peer has behind it.
      const batch = new TreeBatch(EMPTY_HEAD);
      applyUpgrade(batch, { ...upgrade, additionalNodes: [] }, checkPaths(proof).root, null);
      remoteHash = batch.hash();
    } catch {
      return "invalid";
    }
    try {
      localHash = await this.treeHash(upgrade.length);
    } catch {
      return "unrelated";
    }
    if (equalBytes(remoteHash, localHash)) return "same";
    await this.#mutex.run(async () => {
      const batch = new WriteBatch();
      this.#identity.put(batch, { isFrozen: true });
      await this.#store.storage.write(batch);
      this.#identity.apply({ isFrozen: true });
    });
    return "conflict";
  }

  /**
   * Verifies a peer's proof of its whole log at a newer fork. The result is then fed with proofs of what it wants, until
   * it knows where the two logs part, and handed to {@linkcode reorg}.
   *
   * @throws {HypercoreError} `INVALID_OPERATION`, `INVALID_PROOF`, `INVALID_SIGNATURE`.
   */
  verifyReorg(proof: Proof): Promise<Reorg> {
    const isKnown = this.verifier !== null;
    return Reorg.start(this.#state, proof, (batch) => {
      const manifest = this.#checkSignature(batch, proof.manifest);
      return isKnown ? null : manifest;
    });
  }

  /**
   * Replaces the log's tail by that of a newer fork; resolves to false where the log has changed since it was compared.
   *
   * @throws {StorageError} as the storage; nothing has changed then.
   */
  async reorg(reorg: Reorg): Promise<boolean> {
    this.#assertOpen();
    return await this.#mutex.run(async () => {
      this.#assertOpen();
      const old = this.head;
      if (!reorg.isCurrent || reorg.head.fork <= old.fork) return false;
      const { ancestors, head, manifest } = reorg;
      const batch = new WriteBatch();
      if (manifest !== null) this.#identity.put(batch, { manifest });
      await commitReorg(this.#state, batch, reorg);
      this.#published = head;
      this.#publishedVersion = this.#state.version;
      if (manifest !== null) this.#learn(manifest);
      this.#notify({ kind: "truncate", length: ancestors, fork: head.fork, previousLength: old.length });
      this.#notify({ kind: "upgrade", head, isReorg: true });
      return true;
    });
  }

  /**
   * Cuts the log to its first `length` blocks and starts a new fork.
   *
   * @throws {HypercoreError} `INVALID_OPERATION` for what is longer, breaks the prologue or has roots that are not
   *   stored; `SESSION_NOT_WRITABLE`, `BAD_ARGUMENT`, `INVALID_SIGNATURE` as {@linkcode append}.
   * @throws {StorageError} as the storage; nothing has changed then.
   */
  async truncate(length: number, options: LogTruncateOptions = {}): Promise<void> {
    this.#assertOpen();
    await this.#mutex.run(async () => {
      this.#assertOpen();
      const old = this.head;
      const prologue = this.verifier?.prologue ?? null;
      if (prologue !== null && length < prologue.length) {
        throw this.#identity.error("INVALID_OPERATION", "Truncation breaks prologue");
      }
      if (!(Number.isSafeInteger(length) && length >= 0 && length <= old.length)) {
        const message = `Not a truncation, ${length} must be less or equal to ${old.length}`;
        throw this.#identity.error("INVALID_OPERATION", message);
      }
      const fork = options.fork ?? old.fork + 1;
      const tree = truncatedTree(length, fork, await this.roots(length));
      const keyPair = options.keyPair ?? this.#keyPair;
      const manifest = this.#identity.manifestFor(keyPair);
      const { signature: given = null } = options;
      // Of an empty log nothing can be claimed, so nothing has to be signed.
      const isUnsigned = length === 0 && given === null && !keyPair?.secretKey;
      const signature = isUnsigned ? null : this.#identity.signed(tree, keyPair, given, manifest);
      const batch = new WriteBatch();
      if (manifest !== null) this.#identity.put(batch, { manifest });
      await commitTruncation(this.#state, batch, tree, signature);
      if (manifest !== null) this.#learn(manifest);
      this.#notify({ kind: "truncate", length, fork, previousLength: old.length });
    });
  }

  /**
   * Drops stored blocks from `start` to `end` (exclusive); the log stays as long as it is.
   *
   * @returns how many blocks were dropped
   * @throws {StorageError} as the storage; nothing has changed then.
   */
  async clear(start: number, end: number = start + 1): Promise<number> {
    this.#assertOpen();
    return await this.#mutex.run(async () => {
      this.#assertOpen();
      const stop = Math.min(end, this.head.length);
      const count = start < stop ? this.bitfield.countSet(start, stop - start) : 0;
      if (count === 0) return 0;
      await commitClear(this.#state, start, stop);
      this.#notify({ kind: "blocks", start, length: stop - start, has: false });
      return count;
    });
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
      throw this.#identity.error(
        "INVALID_OPERATION",
        `Expected tree node ${index} from storage, got (nil)`,
      );
    });
  }

  /** Finds the byte at `bytes` as far as what is stored here tells; `padding` is what each block has in front. */
  seek(bytes: number, padding = 0): Promise<SeekResult> {
    return seekBlock(this.head, bytes, padding, (index) => this.#state.nodes.read(index));
  }

  /** A value stored under `name`, for local use; null where there is none. */
  getUserData(name: string): Promise<Uint8Array | null> {
    return this.#store.storage.getRecord("user", userKey(this.#state.owner, name));
  }

  /** Stores a value under `name`, for local use; null deletes it. */
  async setUserData(name: string, value: Uint8Array | null): Promise<void> {
    this.#assertOpen();
    const batch = new WriteBatch();
    const key = userKey(this.#state.owner, name);
    if (value === null) batch.deleteRecord("user", key);
    else batch.putRecord("user", key, value);
    await this.#store.storage.write(batch);
  }

  /**
   * Attaches a manifest to a log opened by key; does nothing where one is known.
   *
   * @throws {HypercoreError} `INVALID_CHECKSUM` unless it hashes to the key, `BAD_ARGUMENT`, `DECODING_ERROR`.
   */
  async setManifest(input: ManifestInput | Uint8Array): Promise<void> {
    this.#assertOpen();
    await this.#mutex.run(async () => {
      this.#assertOpen();
      if (this.manifest !== null) return;
      const manifest = createManifest(input);
      if (!isValidManifest(this.key, manifest)) {
        throw this.#identity.error("INVALID_CHECKSUM", "Manifest hash does not match");
      }
      const batch = new WriteBatch();
      this.#identity.put(batch, { manifest });
      await this.#store.storage.write(batch);
      this.#learn(manifest);
    });
  }

  /** Topic of the group that the log is in, 32 bytes; null for none. */
  get group(): Uint8Array | null {
    return this.#identity.info.group;
  }

  /**
   * Has the store remember when the log changes, as one of the group it is in.
   *
   * @param wallMs tells the time, ms since the Unix epoch
   */
  async trackGroup(wallMs: () => number): Promise<void> {
    const { group: topic, owner, key } = this.#identity.info;
    if (topic === null) return;
    const membership = await GroupMembership.load(this.#store.storage, { topic, owner, key });
    this.#state.onHead = (batch) => membership.put(batch, wallMs());
  }

  /**
   * Puts the log into the group `topic` (32 bytes), for good; {@linkcode Log.trackGroup} then takes it up.
   *
   * @throws {HypercoreError} `STORAGE_CONFLICT` where it is in another one.
   */
  async setGroup(topic: Uint8Array): Promise<void> {
    this.#assertOpen();
    await this.#mutex.run(async () => {
      this.#assertOpen();
      if (this.group !== null) {
        if (equalBytes(this.group, topic)) return;
        const message = `Core is already registered to group: ${hexText(this.group)}`;
        throw this.#identity.error("STORAGE_CONFLICT", message);
      }
      const group = copyBytes(topic);
      const batch = new WriteBatch();
      this.#identity.put(batch, { group });
      await this.#store.storage.write(batch);
      this.#identity.apply({ group });
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
      this.#listeners.clear();
      this.#store.release(this.#identity.info);
      return Promise.resolve();
    });
  }

  /** Same as {@linkcode Log.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #commitStage(stage: VerifyStage): Promise<void> {
    const old = this.head;
    const batch = new WriteBatch();
    const { head, rootHash, manifest } = stage;
    const ranges = stage.ranges();
    stage.fill(batch);
    if (manifest !== null) this.#identity.put(batch, { manifest });
    await this.#state.commit({ batch, head, rootHash, ranges });
    stage.remember();
    // Whoever proved it had it first, unless something of our own lies below that nobody was told of.
    if (this.#published === old) {
      this.#published = head;
      this.#publishedVersion = this.#state.version;
    }
    if (manifest !== null) this.#learn(manifest);
    if (head !== old) this.#notify({ kind: "upgrade", head, isReorg: false });
    for (const { start, end } of ranges) {
      this.#notify({ kind: "blocks", start, length: end - start, has: true });
    }
  }

  async #publishOnce(): Promise<void> {
    const { head, version } = this.#state;
    await this.#store.storage.sync();
    if (version <= this.#publishedVersion) return;
    const isSame = head === this.#published;
    this.#publishedVersion = version;
    this.#published = head;
    if (!isSame) this.#notify({ kind: "publish", head });
  }

  async #countMissing(path: readonly number[], top: number): Promise<number> {
    const { nodes, version } = this.#state;
    const { nodes: found, pending } = nodes.gather([...path, top]);
    await pending;
    const first = path.findIndex((index) => found.has(index));
    const count = first === -1 ? path.length : first;
    // What was stored while the rows were read may have given the node children.
    if (count > 0 && version === this.#state.version) nodes.setChildless(path[count] ?? top, true);
    return count;
  }

  /** Throws unless the tree is signed; returns the manifest it is signed by, as a copy. */
  #checkSignature(
    tree: SignableTree & { readonly signature: Uint8Array | null },
    claimed: Manifest | null,
  ): Manifest | null {
    const verifier = this.#identity.verifierFor(claimed);
    if (!verifier.verify(tree, tree.signature)) {
      throw this.#identity.error("INVALID_SIGNATURE", "Proof contains an invalid signature");
    }
    return ownManifest(verifier.manifest);
  }

  #learn(manifest: Manifest): void {
    this.#identity.apply({ manifest });
    this.#notify({ kind: "manifest" });
  }

  #notify(change: LogChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw this.#identity.error("SESSION_CLOSED", "The log is closed");
  }
}

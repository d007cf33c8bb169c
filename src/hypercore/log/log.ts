/**
 * A log in a store: append, proofs both ways, and what is known of it. No network.
 *
 * Changes happen one at a time. Each is one atomic write; memory, and everyone who listens, follows once it is stored.
 *
 * @module
 */
import { copyBytes, equalBytes, hexText, Mutex } from "../../base/mod.ts";
import { WriteBatch } from "../../storage/mod.ts";
import { Appender, type LogAppendOptions, type LogAppendResult } from "./appender.ts";
import type { Atom } from "./atom.ts";
import { LogAtomMember } from "./atom_member.ts";
import { auditLog, type AuditOptions, type AuditResult } from "./audit.ts";
import type { Bitfield } from "./bitfield.ts";
import { Branches } from "./branches.ts";
import type { CoreStore } from "./core_store.ts";
import { handOver, planCommit } from "./commit_plan.ts";
import { copyPrologue } from "./copy_prologue.ts";
import { GroupMembership } from "./group.ts";
import { LogIdentity } from "./identity.ts";
import { Lineage, type LogOrigin } from "./lineage.ts";
import { loadState, type LogOpenOptions, openCore } from "./log_open.ts";
import type { LogCommitOptions, LogTruncateOptions } from "./log_options.ts";
import type { LogParts } from "./log_parts.ts";
import type { LogState } from "./log_state.ts";
import { createManifest, isValidManifest, type ManifestInput } from "./manifest.ts";
import { treeHashOf } from "./node.ts";
import { MarkTable } from "./mark_table.ts";
import { proveAll } from "./prover.ts";
import {
  checkSignature,
  compareTrees,
  type ConflictResult,
  type RemoteTree,
  verifyFullyRemote,
} from "./remote_tree.ts";
import { Reorg } from "./reorg.ts";
import { commitClear, commitReorg, commitTruncation, truncatedTree } from "./rewrite.ts";
import { repairRoots } from "./root_repair.ts";
import { seekBlock } from "./seek.ts";
import { Publisher } from "./publisher.ts";
import { beforeClear, forgetKept, type LogSnapshot, SnapshotKeeper } from "./snapshot.ts";
import { stageProofs } from "./stage_proofs.ts";
import type { SignableTree } from "./tree_batch.ts";
import { missingNodes, upgradeable } from "./tree_queries.ts";
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
import { UserData } from "./user_data.ts";
import type { Verifier } from "./verifier.ts";
import { parseProof, type VerifyStage } from "./verify_stage.ts";

/** One log. */
export class Log {
  /** Values that the user keeps beside the log. */
  readonly userData: UserData;
  /** Which blocks are marked as in use. */
  readonly marks: MarkTable;
  readonly #store: CoreStore;
  readonly #state: LogState;
  readonly #identity: LogIdentity;
  readonly #mutex = new Mutex();
  readonly #appender: Appender;
  readonly #listeners = new Set<LogListener>();
  #keyPair: LogKeyPair | null;
  readonly #publisher: Publisher;
  readonly #lineage: Lineage;
  readonly #snapshots: SnapshotKeeper;
  #closing: Promise<void> | null = null;

  private constructor({ store, state, identity, origin }: LogParts) {
    this.userData = new UserData(state);
    this.marks = new MarkTable(state);
    this.#store = store;
    this.#state = state;
    this.#identity = identity;
    this.#lineage = new Lineage(this, origin, identity);
    this.#keyPair = origin.kind === "branch" ? null : identity.info.keyPair;
    this.#snapshots = new SnapshotKeeper(store, state, identity.info.owner);
    this.#publisher = new Publisher({
      state,
      sync: () => store.storage.sync(),
      assertOpen: () => this.#assertOpen(),
      handlePublished: (head) => this.#notify({ kind: "publish", head }),
    });
    this.#appender = new Appender({
      state,
      identity,
      mutex: this.#mutex,
      sign: (tree, keyPair, signature, manifest) => this.#sign(tree, keyPair, signature, manifest),
      assertOpen: () => this.#assertWhole(),
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
      const state = await loadState(store, info.owner);
      if (info.keyPair?.secretKey && state.head.length > 0) await store.syncOnce();
      await forgetKept(store, info.owner);
      const identity = new LogIdentity(info, compat, options.legacy ?? false);
      const origin: LogOrigin = { kind: "main", branches: new Branches(store, info.owner) };
      return new Log({ store, state, identity, origin });
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
    return this.#publisher.head;
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
  publish(): Promise<TreeHead> {
    return this.#publisher.publish();
  }

  /** Proves what is asked for, as of `head`. Results stand in the order of the requests. */
  prove(
    requests: readonly ProofRequest[],
    head: TreeHead = this.published,
  ): Promise<ProveResult[]> {
    if (this.isBroken) return Promise.resolve(requests.map(() => ({ kind: "unavailable" })));
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
    if (this.isBroken) return proofs.map(() => ({ kind: "stale" }));
    const parsed = proofs.map(parseProof);
    return await this.#mutex.run(async () => {
      this.#assertOpen();
      const { stage, results } = await stageProofs(this.#state, this.#identity, parsed);
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
    return verifyFullyRemote(this.#identity, this.head, proof);
  }

  /**
   * Compares a peer's proof of its whole log with ours. Where both are signed and differ, nobody can be believed: the log
   * is frozen, which survives a restart.
   *
   * @throws {StorageError} as the storage.
   */
  async checkConflict(proof: Proof): Promise<ConflictResult> {
    this.#assertOpen();
    if (this.isBroken) return await this.repair(proof) ? "same" : "unrelated";
    const result = await compareTrees(this.#identity, this.head, proof, (length) => this.treeHash(length));
    if (result !== "conflict") return result;
    await this.#mutex.run(() => this.#identity.store(this.#store.storage, { isFrozen: true }));
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
      const manifest = checkSignature(this.#identity, batch, proof.manifest);
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
      const noteCut = await this.#beforeCut(ancestors);
      const batch = new WriteBatch();
      if (manifest !== null) this.#identity.put(batch, { manifest });
      await commitReorg(this.#state, batch, reorg);
      await noteCut();
      this.#publisher.follow();
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
      this.#assertWhole();
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
      const signature = isUnsigned ? null : this.#sign(tree, keyPair, given, manifest);
      const noteCut = await this.#beforeCut(length);
      const batch = new WriteBatch();
      if (manifest !== null) this.#identity.put(batch, { manifest });
      await commitTruncation(this.#state, batch, tree, signature);
      await noteCut();
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
      const branches = await this.#lineage.branches();
      const noteCleared = await beforeClear(
        new Set([this, ...branches].map((log) => log.#snapshots)),
        start,
        stop,
      );
      await commitClear(this.#state, start, stop);
      await noteCleared();
      this.#notify({ kind: "blocks", start, length: stop - start, has: false });
      return count;
    });
  }

  /** How many nodes from `treeIndex` up are not stored: what a request for it has to say. At once where it is known. */
  missingNodes(treeIndex: number): number | Promise<number> {
    return missingNodes(this.#state, treeIndex);
  }

  /** Whether the tree of `length` blocks can be proved to grow into ours. At once where it is known. */
  upgradeable(length: number): boolean | Promise<boolean> {
    return upgradeable(this.#state, length);
  }

  /** A block; null where it is not stored here. */
  getBlock(index: number): Promise<Uint8Array | null> {
    return this.#state.getBlock(index);
  }

  /** Several blocks, in the order of `indexes`; null for those not stored here. */
  getBlocks(indexes: readonly number[]): Promise<(Uint8Array | null)[]> {
    return this.#state.getBlocks(indexes);
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
  roots(length: number): Promise<TreeNode[]> {
    return this.#state.roots(length);
  }

  /** Finds the byte at `bytes` as far as what is stored here tells; `padding` is what each block has in front. */
  seek(bytes: number, padding = 0): Promise<SeekResult> {
    return seekBlock(this.head, bytes, padding, (index) => this.#state.nodes.read(index));
  }

  /** Stores a value under `name`, for local use; null deletes it. */
  async setUserData(name: string, value: Uint8Array | null): Promise<void> {
    this.#assertOpen();
    await this.userData.set(name, value);
  }

  /** Checks what is stored against itself, and drops what does not hold. */
  async audit(options: AuditOptions = {}): Promise<AuditResult> {
    this.#assertOpen();
    return await this.#mutex.run(() => auditLog(this.#state, options));
  }

  /**
   * Restores lost roots from a proof of the whole log; false where that does not lead to them.
   *
   * @throws {StorageError} as the storage.
   */
  async repair(proof: Proof): Promise<boolean> {
    this.#assertOpen();
    return await this.#mutex.run(async () => {
      if (!this.isBroken) return true;
      this.#notify({ kind: "repair", outcome: "begun", proof });
      const isDone = await repairRoots(this.#identity, this.#state, proof);
      if (isDone) this.#publisher.follow();
      this.#notify({ kind: "repair", outcome: isDone ? "done" : "failed", proof });
      return isDone;
    });
  }

  /** Notes that peers may have seen own appends that are not stored (above 0), or that they have not. */
  async setRecovering(recovering: number): Promise<void> {
    this.#assertOpen();
    await this.#mutex.run(() => this.#state.storeRecovering(recovering));
  }

  /**
   * Takes over the prologue, and the user data, from another log; false where that is shorter, or there is no prologue.
   *
   * @throws {HypercoreError} `INVALID_CHECKSUM` where it begins otherwise, `INVALID_OPERATION`.
   * @throws {StorageError} as the storage.
   */
  async copyPrologue(source: Log): Promise<boolean> {
    this.#assertOpen();
    const prologue = this.manifest?.prologue;
    if (!prologue) return false;
    return await this.#mutex.run(async () => {
      const [from, to] = [source, this].map((log) => ({ state: log.#state, userData: log.userData }));
      const changes = await copyPrologue(from!, to!, prologue);
      if (changes === null) return false;
      this.#publisher.follow();
      for (const change of changes) this.#notify(change);
      return true;
    });
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
      await this.#identity.store(this.#store.storage, { manifest });
      this.#notify({ kind: "manifest" });
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
      await this.#identity.store(this.#store.storage, { group });
    });
  }

  /** Above 0 where peers may have seen own appends that are not stored. */
  get recovering(): number {
    return this.#state.recovering;
  }

  /** Whether roots are missing: nothing can be verified or written until they are restored. */
  get isBroken(): boolean {
    return this.#state.isBroken;
  }

  /** Calls `listener` with every change from now on; returns what ends that. */
  subscribe(listener: LogListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether {@linkcode Log.close} was called. */
  get isClosing(): boolean {
    return this.#closing !== null;
  }

  /** Waits for what is under way, then lets go of the log; the store stays open. Idempotent. */
  close(): Promise<void> {
    return this.#closing ??= this.#mutex.run(async () => {
      this.#listeners.clear();
      await this.#lineage.end(this.#state.layer?.key ?? null);
      if (this.main === this) this.#store.release(this.#identity.info);
    });
  }

  /** Same as {@linkcode Log.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The log that peers see: this one, or the one that it branches from. */
  get main(): Log {
    return this.#lineage.main.log;
  }

  /** Name of the branch, null for the log itself. */
  get name(): string | null {
    return this.#lineage.name;
  }

  /** The atom that holds changes of this log back; null for none. */
  get atom(): Atom | null {
    return this.#lineage.atom;
  }

  /** Whether this is the log that peers see, or what an atom holds back from that. */
  get isDefault(): boolean {
    return this.name === null;
  }

  /** Blocks from 0 on that are in the log that peers see, or were when this branched from it or was committed. */
  get sharedLength(): number {
    return this.#state.layer?.sharedLength ?? this.head.length;
  }

  /** Number of the rows' owner. */
  get owner(): number {
    return this.#state.owner;
  }

  /** Pins the present state; to be closed. */
  snapshot(): LogSnapshot {
    this.#assertOpen();
    return this.#snapshots.take();
  }

  /** Whether all blocks from `start` to `end` (exclusive) are stored here. */
  has(start: number, end: number): Promise<boolean> {
    return this.#state.has(start, end);
  }

  /**
   * Opens the branch `name`, or makes it from what is here now. The result is shared by all who open it, and to be
   * {@linkcode Log.release | released} by each.
   *
   * @param overwrite discards what is stored of it
   * @throws {HypercoreError} `ERR_ASSERTION` for a branch of what an atom holds back, or one to be discarded that is open.
   * @throws {StorageError} as the storage.
   */
  async branch(name: string, overwrite = false): Promise<Log> {
    this.#assertOpen();
    return await this.#lineage.branch(name, overwrite, () => {
      this.#assertOpen();
      return this.#mutex.run(() => this.#openBranch(name, overwrite));
    });
  }

  /**
   * Holds changes back in `atom` from now on, apart from this log. The result is shared by all who ask, and to be
   * {@linkcode Log.release | released} by each.
   *
   * @throws {HypercoreError} `ERR_ASSERTION` while changes are held back in another atom, or within one.
   */
  atomize(atom: Atom): Log {
    this.#assertOpen();
    return this.#lineage.atomize(atom, () => this.#holdBack(atom));
  }

  /** Adds a user of a branch, or of what an atom holds back. */
  retain(): void {
    this.#lineage.retain();
  }

  /** Takes a user away; closes with the last one. The log itself is closed by whoever opened it. */
  async release(): Promise<void> {
    if (this.#lineage.release()) await this.close();
  }

  /**
   * Takes over what `source`, a branch of this log or what an atom holds back, has more than this log.
   *
   * Source of semantics: `hypercore/lib/session-state.js`, `commit`.
   *
   * @returns null where the two do not fit, or the log's manifest is not known
   * @throws {HypercoreError} `ERR_ASSERTION` for what is no branch of this log, `INVALID_OPERATION` where a block is not
   *   stored, `SESSION_NOT_WRITABLE`, `BAD_ARGUMENT`, `INVALID_SIGNATURE` as {@linkcode append}.
   * @throws {StorageError} as the storage.
   */
  async commit(source: Log, options: LogCommitOptions = {}): Promise<LogAppendResult | null> {
    this.#assertOpen();
    if (!this.isDefault) throw this.#identity.error("ERR_ASSERTION", "Can only commit into default state");
    if (source === this || source.main !== this.main) {
      throw this.#identity.error("ERR_ASSERTION", "Cannot commit across cores");
    }
    return await this.#mutex.run(() => source.#mutex.run(() => this.#commit(source, options)));
  }

  async #openBranch(name: string, overwrite: boolean): Promise<Log> {
    const { main, storedBranches } = this.#lineage;
    const state = await storedBranches.load(name, this.#state, overwrite);
    return this.#relative(state, { kind: "branch", main, name });
  }

  #holdBack(atom: Atom): Log {
    if (!atom.isOf(this.#store)) throw this.#identity.error("ERR_ASSERTION", "Atom is of another storage");
    const state = this.#state.fork(atom.storage);
    const member = new LogAtomMember(state, {
      mutex: this.#mutex,
      toldLength: () => this.isDefault ? this.published.length : 0,
      beforeCut: (length) => this.#beforeCut(length),
      notify: (change) => this.#notify(change),
    });
    const log = this.#relative(state, { kind: "atom", parent: this.#lineage, atom, member });
    log.#keyPair = this.#keyPair;
    member.mutex = log.#mutex;
    atom.join(member);
    return log;
  }

  #relative(state: LogState, origin: LogOrigin): Log {
    return new Log({ store: this.#store, state, identity: this.#identity, origin });
  }

  async #commit(source: Log, options: LogCommitOptions): Promise<LogAppendResult | null> {
    const { length = source.head.length, keyPair = this.#keyPair, signature = null } = options;
    if (this.verifier === null) return null;
    const treeLength = options.treeLength ?? source.sharedLength;
    const blocks = await planCommit(this.#state, source.#state, { length, treeLength });
    if (blocks === null) return null;
    const result = await this.#appender.appendCommitted({ ...blocks, keyPair, signature });
    // What an atom holds back may never be stored.
    if (this.atom === null && source.atom === null) {
      await handOver(source.#state, this.#lineage.storedBranches.root, length);
    }
    return result;
  }

  /** Gives whoever shares or has pinned blocks behind `length` what they need; the result is called once they are cut. */
  async #beforeCut(length: number): Promise<() => Promise<void>> {
    if (length >= this.head.length) return () => Promise.resolve();
    const noteCut = await this.#snapshots.beforeCut(length);
    if (this.atom === null) await this.#lineage.storedBranches.beforeCut(this.owner, this.#state, length);
    return noteCut;
  }

  /** A branch needs no signature: nobody else sees it. */
  #sign(
    tree: SignableTree,
    keyPair: LogKeyPair | null,
    signature: Uint8Array | null,
    manifest: Manifest | null,
  ): Uint8Array | null {
    if (!this.isDefault && keyPair === null && signature === null) return null;
    return this.#identity.signed(tree, keyPair, signature, manifest);
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
    if (this.published === old) this.#publisher.follow();
    if (manifest !== null) this.#learn(manifest);
    if (head !== old) this.#notify({ kind: "upgrade", head, isReorg: false });
    for (const { start, end } of ranges) {
      this.#notify({ kind: "blocks", start, length: end - start, has: true });
    }
  }

  #learn(manifest: Manifest): void {
    this.#identity.apply({ manifest });
    this.#notify({ kind: "manifest" });
  }

  #notify(change: LogChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  /** Throws once the log is closed, and while its roots are lost. */
  #assertWhole(): void {
    this.#assertOpen();
    if (this.isBroken) {
      throw this.#identity.error(
        "INVALID_OPERATION",
        "The log's roots are lost and have to be restored first",
      );
    }
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw this.#identity.error("SESSION_CLOSED", "The log is closed");
  }
}

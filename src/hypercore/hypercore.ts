/**
 * The class users hold: one session on a log. Source for names, options, defaults and events: `hypercore/index.js`.
 *
 * @module
 */
import { type Readable, TypedEventEmitter, type Writable } from "../base/mod.ts";
import type { Encoder } from "../compact_encoding/mod.ts";
import { discoveryKey, idEncoding } from "../hypercore_crypto/mod.ts";
import { Protomux } from "../protomux/mod.ts";
import type { Bridge } from "../secret_stream/mod.ts";
import { arrangeArguments, parseKey } from "./arguments.ts";
import { Core, type CoreOptions, openCoreStore, peersOf } from "./core.ts";
import { DefaultEncryption } from "./default_encryption.ts";
import { Download } from "./download.ts";
import {
  type EncryptionInput,
  type EncryptionProvider,
  encryptionProvider,
  isEncryptionProvider,
} from "./encryption.ts";
import type { HypercoreEvents } from "./events.ts";
import { Extension, type ExtensionHandlers } from "./extension.ts";
import type { Info } from "./info.ts";
import { keyOf, parseManifest } from "./keys.ts";
import { MAX_SUGGESTED_BLOCK_SIZE } from "./limits.ts";
import {
  type CoreStore,
  encodeManifest,
  type LogKeyPair,
  type Manifest,
  type Proof,
  type ProofRequest,
  type RemoteTree,
  treeSignable,
} from "./log/mod.ts";
import type {
  AppendOptions,
  AppendResult,
  ByteStreamOptions,
  ClearOptions,
  ClearResult,
  CommitOptions,
  DownloadRange,
  GetOptions,
  HypercoreOptions,
  KeyInput,
  ReadStreamOptions,
  ReplicateOptions,
  SessionOptions,
  StorageInput,
  SweepOptions,
  TruncateOptions,
  UpdateOptions,
  WaitOptions,
} from "./options.ts";
import { createProtocolStream, muxerOf, type ProtocolStream } from "./protocol_stream.ts";
import { getBlock, hasBlocks, hashTree, requestList, seekByte, updateLength } from "./reading.ts";
import * as repair from "./repair.ts";
import {
  clearRequests,
  destroyRequests,
  type Peer,
  type ReplicationStatus,
  type Replicator,
  type RequestList,
} from "./replication/mod.ts";
import { registerSession, Session, sessionOf } from "./session.ts";
import { SessionState } from "./session_state.ts";
import { ByteStream, ReadStream, WriteStream } from "./streams.ts";
import * as sweeping from "./sweeping.ts";
import {
  appendValues,
  clearBlocks,
  commitSession,
  hasSecretKey,
  truncateLog,
  userDataBytes,
} from "./writing.ts";

/**
 * A secure, distributed append-only log.
 *
 * @example
 * ```ts
 * import Hypercore from "@quince/quince/hypercore";
 *
 * await using core = new Hypercore("./my-log", { valueEncoding: "utf-8" });
 * await core.append(["hello", "world"]);
 * await core.get(1); // "world"
 * ```
 */
export class Hypercore<Value = Uint8Array> extends TypedEventEmitter<HypercoreEvents> {
  /** Largest block that `append` takes, 15 MiB: blocks travel whole. */
  static readonly MAX_SUGGESTED_BLOCK_SIZE: number = MAX_SUGGESTED_BLOCK_SIZE;

  /** How blocks are encrypted unless a provider is given. */
  static readonly DefaultEncryption: typeof DefaultEncryption = DefaultEncryption;

  /** Flag of {@linkcode Hypercore.enable}: peers are asked about small regions. */
  static readonly SMALL_WANTS: number = 1;

  /** Called when a read has to wait for peers. */
  onwait: ((index: number, core: Hypercore<Value>) => void) | null;
  /** Called for every index passed to `get`. */
  onseq: ((index: number, core: Hypercore<Value>) => void) | null;
  /** Makes the bytes of a whole `append`; null where values are encoded one by one. */
  encodeBatch: ((values: readonly Value[]) => Uint8Array[]) | null;
  /** Whether reads may wait for peers. */
  readonly wait: boolean;
  /** How long a read waits for peers, ms, 0 for ever. */
  readonly timeout: number;
  /** Whether the session is pinned to the length at its creation. */
  readonly snapshotted: boolean;
  /** Whether the session does not keep the log open. */
  readonly weak: boolean;
  /** How often a read had to wait for peers. */
  waits = 0;

  readonly #session: Session<Value>;
  #sessionState: SessionState | null = null;

  /**
   * Opens or creates a log in the background.
   *
   * @param storage Folder, storage, or nothing for memory; a lone options object may stand here.
   * @param key 32 bytes, hexadecimal or z-base-32; options may stand here. Without a key a new log is made.
   */
  constructor(
    storage?: StorageInput | HypercoreOptions<Value> | null,
    key?: KeyInput | HypercoreOptions<Value> | null,
    options?: HypercoreOptions<Value>,
  ) {
    super();
    const given = arrangeArguments(storage, key, options);
    this.wait = given.options.wait !== false;
    this.timeout = given.options.timeout ?? 0;
    this.snapshotted = given.options.snapshot === true;
    this.weak = given.options.weak === true;
    this.onwait = given.options.onwait ?? null;
    this.onseq = given.options.onseq ?? null;
    this.encodeBatch = given.options.encodeBatch ?? null;
    this.#session = new Session<Value>(this, {
      storage: given.storage,
      key: given.key === null ? null : parseKey(given.key),
      options: given.options,
    });
    registerSession(this, this.#session as unknown as Session<unknown>);
  }

  /**
   * The key of a manifest, or of the one-signer manifest made from a public key.
   *
   * @param manifest A manifest, its encoding, or a public key of 32 bytes.
   */
  static readonly key: typeof keyOf = keyOf;

  /** Normalises a manifest and, given a key, checks that it hashes to it (`INVALID_CHECKSUM`). */
  static readonly parseManifest: typeof parseManifest = parseManifest;

  /** The discovery key of a key: safe to publish, 32 bytes. */
  static readonly discoveryKey: typeof discoveryKey = discoveryKey;

  /** The block key that a log's blocks are encrypted with, derived from its key and an encryption key; 32 bytes. */
  static readonly blockEncryptionKey: (key: Uint8Array, encryptionKey: Uint8Array) => Uint8Array =
    DefaultEncryption.blockEncryptionKey;

  /** The muxer of a stream made by {@linkcode Hypercore.createProtocolStream} or `replicate`. */
  static readonly getProtocolMuxer: typeof muxerOf = muxerOf;

  /** An encrypted stream with a muxer on it, to pipe over any transport. */
  static readonly createProtocolStream: typeof createProtocolStream = createProtocolStream;

  /** The store that a path, a storage or nothing stands for. */
  static defaultStorage(storage?: StorageInput | null): CoreStore {
    return openCoreStore(storage);
  }

  /** A log without a session; it stays open until it is closed. */
  static createCore(storage: StorageInput | null, options: CoreOptions = {}): Core {
    return new Core(storage, { autoClose: false, ...options });
  }

  /** Cancels the requests in `list`. */
  static readonly clearRequests: (list: RequestList, error?: Error | null) => void = clearRequests;

  /** Cancels the requests in `list`, and has every later one that is to go on it fail. */
  static readonly destroyRequests: (list: RequestList, error?: Error | null) => void = destroyRequests;

  /** Turns features on for logs opened from now on, {@linkcode Hypercore.SMALL_WANTS} for one; those not named go off. */
  static enable(flags: number): void {
    Core.asksSmallRegions = (flags & Hypercore.SMALL_WANTS) !== 0;
  }

  /** Says whose word {@linkcode Hypercore.recover} takes: public keys of peers, 32 bytes each; null for anybody's. */
  static setRecoveryPeers(peers: readonly Uint8Array[] | null): void {
    Core.recoveryPeers = peers;
  }

  /** The hash over the roots of a session's log at `length` blocks (default: now), as far as they are stored; 32 bytes. */
  static async treeHashFromStorage<Value>(
    core: Hypercore<Value>,
    length: number = core.length,
  ): Promise<Uint8Array> {
    const { log, snapshot } = await core.#session.ready("hash");
    return await (snapshot ?? log).treeHash(length);
  }

  /** Resolves once the log is open; rejects with what kept it from opening. */
  ready(): Promise<void> {
    return this.#session.opening;
  }

  /** Resolves once the log is open; the same promise as {@linkcode Hypercore.ready} gives. */
  get opening(): Promise<void> {
    return this.#session.opening;
  }

  /** Resolves once the session is closed, null while nobody closes it. */
  get closing(): Promise<void> | null {
    return this.#session.closing;
  }

  /**
   * Another handle on the same log; the log closes with its last handle. With `name` it is on a branch of the log, with
   * `atom` its changes are held back until the atom is flushed.
   *
   * @throws {HypercoreError} `SESSION_CLOSED` where this session is closing, `ERR_ASSERTION` for `checkout` without `name`
   *   or `atom`.
   */
  session<SessionValue = Value>(options: SessionOptions<SessionValue> = {}): Hypercore<SessionValue> {
    const session = this.#session;
    if (session.closing !== null) {
      throw session.error("SESSION_CLOSED", "Cannot make sessions on a closing core");
    }
    if (options.checkout !== undefined && !options.name && !options.atom) {
      throw session.error("ERR_ASSERTION", "Checkouts are only supported on atoms or named sessions");
    }
    const Class = options.class ?? Hypercore;
    return new Class<SessionValue>(null, this.key, {
      ...options,
      parent: this as unknown as Hypercore<unknown>,
      wait: options.wait === false ? false : this.wait,
      timeout: options.timeout ?? this.timeout,
      writable: options.writable ?? session.options.writable,
      weak: options.weak ?? this.weak,
      ongc: options.ongc ?? session.options.ongc as unknown as typeof options.ongc,
      onwait: options.onwait === undefined ? this.onwait as unknown as typeof options.onwait : options.onwait,
      onseq: options.onseq === undefined ? this.onseq as unknown as typeof options.onseq : options.onseq,
    });
  }

  /** A session pinned to the present length; it keeps reading what is cut off or dropped after this. */
  snapshot<SessionValue = Value>(options: SessionOptions<SessionValue> = {}): Hypercore<SessionValue> {
    return this.session({ ...options, snapshot: true });
  }

  /** What all sessions of the log share; null before opening began. */
  get core(): Core | null {
    return this.#session.core;
  }

  /** What the session reads and writes: the log itself, a branch, or what an atom holds back; null before it is open. */
  get state(): SessionState | null {
    if (!this.opened) return null;
    return this.#sessionState ??= new SessionState(this.#session as unknown as Session<unknown>);
  }

  /** The replication of the log; null before it is open. */
  get replicator(): Replicator | null {
    const { core } = this;
    return core?.opened ? core.replicator : null;
  }

  /** All sessions of the log, or of the list that the opener keeps. */
  get sessions(): Hypercore<unknown>[] {
    return this.#session.sessions;
  }

  /** What the opener of the log passed as `globalCache`; null for nothing. */
  get globalCache(): unknown {
    return this.core?.globalCache ?? null;
  }

  /** The key as z-base-32, null before it is known. */
  get id(): string | null {
    return this.key === null ? null : idEncoding.encode(this.key);
  }

  /** 32 bytes: the hash of the manifest, or the signer's public key; null before it is known. */
  get key(): Uint8Array | null {
    return this.#session.key;
  }

  /** 32 bytes, derived from the key and safe to publish; null before it is known. */
  get discoveryKey(): Uint8Array | null {
    return this.#session.discoveryKey;
  }

  /** Signs what this session appends; null where it does not write. */
  get keyPair(): LogKeyPair | null {
    return this.#session.keyPair;
  }
  set keyPair(keyPair: LogKeyPair | null) {
    this.#session.keyPair = keyPair;
  }

  /** How values become bytes; null for bytes as they are. */
  get valueEncoding(): Encoder<Value> | null {
    return this.#session.codec;
  }
  set valueEncoding(encoding: Encoder<Value> | null) {
    this.#session.codec = encoding;
  }

  /** What encrypts and decrypts blocks; null for plain ones. */
  get encryption(): EncryptionProvider | null {
    return this.#session.encryption;
  }

  /** Requests of this session that wait for peers. */
  get activeRequests(): RequestList {
    return this.#session.activeRequests;
  }

  /** What the key commits to, null before it is known. */
  get manifest(): Manifest | null {
    return this.core?.manifest ?? null;
  }

  /** The manifest as the log's key is hashed from; null before it is known. */
  getManifest(options: { raw: true }): Uint8Array | null;
  /** The manifest as it is; null before it is known. */
  getManifest(options?: { raw?: false }): Manifest | null;
  getManifest(options: { raw?: boolean } = {}): Manifest | Uint8Array | null {
    const { manifest } = this;
    return manifest !== null && options.raw ? encodeManifest(manifest) : manifest;
  }

  /** Whether this session may append; false before it is open. */
  get writable(): boolean {
    const state = this.#session.openState;
    if (state === null || !this.#session.mayWrite) return false;
    return state.log !== state.core.log || hasSecretKey(this.keyPair);
  }

  /** False once closed. */
  get readable(): boolean {
    return !this.#session.isClosed;
  }

  /** Whether the session is open. */
  get opened(): boolean {
    return this.#session.isOpen;
  }

  /** Whether the session is closed. */
  get closed(): boolean {
    return this.#session.isClosed;
  }

  /** Whether no other exclusive session is open beside this one. */
  get exclusive(): boolean {
    return this.#session.isExclusive;
  }

  /** Blocks: the log's, or the snapshot's; 0 before it is open. */
  get length(): number {
    return this.#session.head?.length ?? 0;
  }

  /** Bytes of all blocks, without padding; 0 before it is open. */
  get byteLength(): number {
    const { head, padding } = this.#session;
    return head === null ? 0 : head.byteLength - head.length * padding;
  }

  /** How often the log was truncated. */
  get fork(): number {
    return this.#session.head?.fork ?? 0;
  }

  /** Blocks that a signature covers: all of them, but for a branch, or a snapshot of what was cut since. */
  get signedLength(): number {
    const state = this.#session.openState;
    if (state === null) return 0;
    const { log, snapshot } = state;
    const own = snapshot === null ? log.head.length : snapshot.compatLength;
    return Math.min(own, log.sharedLength, log.main.head.length);
  }

  /** Blocks held locally without a gap from 0. */
  get contiguousLength(): number {
    return this.#session.openState?.core.log.contiguousLength ?? 0;
  }

  /** Always 0, as in hypercore 11. */
  get contiguousByteLength(): number {
    return 0;
  }

  /** The longest run from 0 without a gap that a peer has claimed. */
  get remoteContiguousLength(): number {
    const core = this.#session.openState?.core;
    return core ? Math.min(core.log.head.length, core.replicator.remoteContiguousLength) : 0;
  }

  /** Above 0 where what was stored may be behind what peers have seen of our own appends; see {@linkcode Hypercore.recover}. */
  get recovering(): number {
    return this.#session.openState?.core.log.recovering ?? 0;
  }

  /** Bytes before each block's value: 0 without encryption. */
  get padding(): number {
    return this.#session.padding;
  }

  /** Peers that replicate this log. */
  get peers(): Peer[] {
    return peersOf(this.core);
  }

  /**
   * Appends one value or several at once, atomically.
   *
   * @throws {HypercoreError} `SESSION_NOT_WRITABLE`, `SESSION_CLOSED`, `BAD_ARGUMENT` for a block past 15 MiB.
   */
  append(values: Value | readonly Value[], options: AppendOptions = {}): Promise<AppendResult> {
    return appendValues(this.#session, values, options);
  }

  /**
   * Cuts the log to its first `length` blocks (default 0) and starts a new fork, which peers follow.
   *
   * @param options A number is the fork to start; default: one more than the present one.
   * @throws {HypercoreError} `SESSION_NOT_WRITABLE`, `SESSION_CLOSED`, `INVALID_OPERATION` for what is longer or breaks the
   *   prologue, `INVALID_SIGNATURE`.
   */
  truncate(length: number = 0, options: number | TruncateOptions = {}): Promise<void> {
    return truncateLog(this.#session, length, options);
  }

  /**
   * Drops the stored blocks from `start` to `end` (exclusive; default one block) and tells peers; the log stays as long as
   * it is, and the blocks can be fetched again.
   *
   * @returns how many blocks were dropped where `diff` is set, else null
   */
  clear(start: number, end?: number, options?: ClearOptions): Promise<ClearResult | null>;
  /** Drops one block. */
  clear(start: number, options: ClearOptions): Promise<ClearResult | null>;
  clear(
    start: number,
    endOrOptions: number | ClearOptions = start + 1,
    options: ClearOptions = {},
  ): Promise<ClearResult | null> {
    return typeof endOrOptions === "number"
      ? clearBlocks(this.#session, start, endOrOptions, options)
      : clearBlocks(this.#session, start, start + 1, endOrOptions);
  }

  /**
   * Takes over what `session`, one on a branch of this log or on what an atom holds back, has more than this one; null
   * where the two have parted.
   *
   * @throws {HypercoreError} `ERR_ASSERTION` for a session of another log, and as {@linkcode Hypercore.append}.
   */
  async commit<Other>(session: Hypercore<Other>, options: CommitOptions = {}): Promise<AppendResult | null> {
    await this.ready();
    const source = await sessionOf(session).ready("commit");
    return await commitSession(this.#session, source, options);
  }

  /** Closes every session of the log, then deletes all that is stored of it. */
  async purge(): Promise<void> {
    const { core } = await this.#session.ready("purge");
    await core.purge();
  }

  /** Has the storage write out what it holds back, and give back the space of what was dropped. */
  async compact(): Promise<void> {
    const { core } = await this.#session.ready("compact");
    await core.compact();
  }

  /**
   * The value of block `index`. A block that is not local is fetched from peers first; with `wait: false` it is null.
   *
   * @throws {HypercoreError} `REQUEST_TIMEOUT`, `REQUEST_CANCELLED`, `SESSION_CLOSED`, `SNAPSHOT_NOT_AVAILABLE`,
   * `DECODING_ERROR`.
   */
  get<GetValue = Value>(index: number, options: GetOptions<GetValue> = {}): Promise<GetValue | null> {
    return getBlock(this.#session, index, options);
  }

  /** Whether block `start`, or every block up to `end` (exclusive), is local. */
  has(start: number, end: number = start + 1): Promise<boolean> {
    return hasBlocks(this.#session, start, end);
  }

  /**
   * Asks peers for a longer log and resolves whether it grew. Resolves at once where nobody can know better: a writable
   * session (unless `force`), a snapshot, or no peers and nobody looking for any.
   */
  update(options: UpdateOptions = {}): Promise<boolean> {
    return updateLength(this.#session, options);
  }

  /**
   * The block that holds byte `byteOffset` of the log, and the offset of that byte in it. May ask peers; null where it
   * may not wait and does not know.
   */
  seek(byteOffset: number, options: WaitOptions = {}): Promise<[block: number, offset: number] | null> {
    return seekByte(this.#session, byteOffset, options);
  }

  /** Fetches a range of blocks in the background; without a range, all of them and those to come. */
  download(range: DownloadRange = {}): Download {
    return new Download({
      ready: () => this.ready(),
      request: () =>
        this.#session.require("download from").core.replicator.addRange(
          requestList(this.#session, range),
          range,
        ),
    }, range.signal);
  }

  /** Destroys a download; kept for programs written for hypercore 10. */
  undownload(range: Download): void {
    range.destroy();
  }

  /** Does nothing; kept for programs written for hypercore 10. */
  cancel(_request: unknown): void {}

  /** Cancels the requests in `list`. */
  clearRequests(list: RequestList, error: Error | null = null): void {
    clearRequests(list, error);
  }

  /** For everything that waits: which peers could serve it, what they were asked and when, and why nothing moves. */
  async replicationStatus(): Promise<ReplicationStatus> {
    const { core } = await this.#session.ready("describe");
    return core.replicator.status();
  }

  /** The hash over the tree's roots at `length` blocks (default: now), 32 bytes. */
  treeHash(length?: number): Promise<Uint8Array> {
    return hashTree(this.#session, length);
  }

  /** What signers sign for `length` blocks (default: now), 112 bytes. */
  async signable(length?: number, fork?: number): Promise<Uint8Array> {
    const { core } = await this.#session.ready("sign");
    const target = length === undefined || length < 0 ? this.length : length;
    const hash = await this.treeHash(target);
    return treeSignable(core.log.key, hash, target, fork === undefined || fork < 0 ? this.fork : fork);
  }

  /**
   * A proof of what is asked for, block bytes included.
   *
   * @throws {HypercoreError} `INVALID_OPERATION` for what cannot be proved, `BLOCK_NOT_AVAILABLE`.
   */
  proof(request: Partial<ProofRequest>): Promise<Proof> {
    return repair.prove(this.#session, request);
  }

  /**
   * Verifies a proof and stores what it brings; false where it is of another fork or brings nothing new.
   *
   * @throws {HypercoreError} `INVALID_PROOF`, `INVALID_CHECKSUM`, `INVALID_SIGNATURE`, `INVALID_OPERATION`.
   */
  applyProof(proof: Proof, _from?: unknown): Promise<boolean> {
    return repair.applyProof(this.#session, proof);
  }

  /**
   * Verifies a proof of a whole log against the manifest alone; nothing is stored.
   *
   * @throws {HypercoreError} `INVALID_PROOF`, `INVALID_SIGNATURE`, `INVALID_OPERATION`.
   */
  async verifyFullyRemote(proof: Proof): Promise<RemoteTree> {
    const { core } = await this.#session.ready("verify with");
    return core.log.verifyFullyRemote(proof);
  }

  /** How many tree nodes a peer has to send along with block `index`. */
  async missingNodes(index: number): Promise<number> {
    const { core } = await this.#session.ready("look into");
    return await core.log.missingNodes(2 * index);
  }

  /** A proof, as bytes, from which another store can restore the roots in front of tree node `treeIndex`. */
  generateRemoteProofForTreeNode(treeIndex: number): Promise<Uint8Array> {
    return repair.generateRemoteProof(this.#session, treeIndex);
  }

  /** Restores tree nodes from what {@linkcode Hypercore.generateRemoteProofForTreeNode} gave elsewhere; false where it does not hold. */
  recoverFromRemoteProof(remoteProof: Uint8Array): Promise<boolean> {
    return repair.recoverFromRemoteProof(this.#session, remoteProof);
  }

  /** Asks every peer for the roots of the log, to restore those that are lost; nothing else is asked until then. */
  recoverTreeNodeFromPeers(): void {
    this.#session.require("repair").core.repairFromPeers();
  }

  /** Resolves once peers have confirmed for a while that they have nothing of our own that is not here. */
  async recover(): Promise<void> {
    const { core } = await this.#session.ready("recover");
    await core.recover();
  }

  /** Begins to mark the blocks that are read, in this session and those made of it. */
  startMarking(): Promise<void> {
    return sweeping.startMarking(this.#session);
  }

  /** Marks the blocks from `start` to `end` (exclusive; default one block). */
  markBlock(start: number, end: number = start + 1): Promise<void> {
    return sweeping.markBlocks(this.#session, start, end);
  }

  /** Forgets all marks. */
  clearMarkings(): Promise<void> {
    return sweeping.clearMarkings(this.#session);
  }

  /** Drops every block that is not marked, and ends marking. */
  sweep(options: SweepOptions = {}): Promise<void> {
    return sweeping.sweep(this.#session, options);
  }

  /** Keys, lengths and fork at this moment. */
  async info(_options?: { readonly storage?: boolean }): Promise<Info> {
    const { core } = await this.#session.ready("describe");
    const { key, discoveryKey } = core.log;
    const { length, contiguousLength, byteLength, fork, padding } = this;
    return { key, discoveryKey, length, contiguousLength, byteLength, fork, padding, storage: null };
  }

  /** Keeps `value` beside the log under `name`; it does not travel to peers. */
  async setUserData(name: string, value: Uint8Array | string): Promise<void> {
    const { log } = await this.#session.ready("write to");
    await log.setUserData(name, userDataBytes(value));
  }

  /** What was kept under `name`, or null. */
  async getUserData(name: string): Promise<Uint8Array | null> {
    const { log } = await this.#session.ready("read from");
    return await log.userData.get(name);
  }

  /** Encrypts and decrypts with a key of 32 bytes from now on; `block`: it is the block key itself. */
  async setEncryptionKey(key: Uint8Array | null, options: { readonly block?: boolean } = {}): Promise<void> {
    const { core } = await this.#session.ready("encrypt");
    this.#session.encryption = encryptionProvider({ key, block: options.block === true }, core);
  }

  /**
   * Encrypts and decrypts with a provider from now on; null ends it.
   *
   * @throws {HypercoreError} `ERR_ASSERTION` for what is no provider.
   */
  async setEncryption(encryption: EncryptionInput | null): Promise<void> {
    await this.#session.ready("encrypt");
    if (encryption !== null && !isEncryptionProvider(encryption)) {
      throw this.#session.error("ERR_ASSERTION", "Provider does not satisfy HypercoreEncryption interface");
    }
    this.#session.encryption = encryption;
  }

  /** Signs with `keyPair` from now on. */
  setKeyPair(keyPair: LogKeyPair | null): void {
    this.keyPair = keyPair;
  }

  /** Puts the log into the group `topic` (32 bytes), for good. */
  async setGroup(topic: Uint8Array): Promise<void> {
    const { core } = await this.#session.ready("group");
    await core.setGroup(topic);
  }

  /** Whether this session counts as interested in downloading. */
  setActive(active: boolean): void {
    this.#session.setActive(Boolean(active));
  }

  /** Marks that peers are being looked for: `update()` waits until the returned function is called. */
  findingPeers(): () => void {
    return this.#session.findingPeers();
  }

  /** Reads blocks as a stream. */
  createReadStream(options: ReadStreamOptions = {}): Readable<Value> {
    return new ReadStream<Value>(this, options);
  }

  /** Appends what is written. */
  createWriteStream(): Writable<Value> {
    return new WriteStream<Value>(this);
  }

  /** Reads a range of bytes as a stream. */
  createByteStream(options: ByteStreamOptions = {}): Readable<Uint8Array> {
    return new ByteStream(this as unknown as Hypercore<Uint8Array>, options);
  }

  /** The values that are there now, in order. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Value> {
    for await (const value of this.createReadStream()) yield value;
  }

  /** A side channel beside this log's replication, open with every peer that registered the same name. */
  registerExtension<Message = Uint8Array>(
    name: string,
    handlers: ExtensionHandlers<Message> = {},
  ): Extension<Message> {
    const extension = new Extension<Message>(name, {
      peers: () => this.peers,
      unregister: () => this.#session.dropExtension(name),
    }, handlers);
    this.#session.addExtension(extension as unknown as Extension<unknown>);
    return extension;
  }

  /**
   * Replicates over a new encrypted stream, to be piped over any transport: `stream.pipe(socket).pipe(stream)`.
   *
   * @param isInitiator Whether this side begins; the other side must not.
   */
  replicate(isInitiator: boolean, options?: ReplicateOptions): Bridge;
  /**
   * Replicates over a secret stream, or a stream that leads to one, and returns it; a muxer is put on it unless it has
   * one. The same stream twice does nothing the second time.
   *
   * @throws {HypercoreError} `BAD_ARGUMENT` for another stream.
   */
  replicate<Given extends ProtocolStream>(stream: Given, options?: ReplicateOptions): Given;
  /** Replicates over a muxer on a secret stream, and returns it. The same muxer twice does nothing the second time. */
  replicate(mux: Protomux): Protomux;
  replicate(
    from: boolean | ProtocolStream | Protomux,
    options: ReplicateOptions = {},
  ): ProtocolStream | Protomux {
    if (Protomux.isProtomux(from)) {
      this.#attachTo(from);
      return from;
    }
    const stream = typeof from === "boolean"
      ? createProtocolStream(from, options)
      : createProtocolStream(from, options);
    this.#attachTo(muxerOf(stream));
    return stream;
  }

  #attachTo(mux: Protomux): void {
    this.ready().then(() => this.core?.attachTo(mux)).catch((error) => mux.destroy(error));
  }

  /** Closes the session; its waiting reads end with `error` or `REQUEST_CANCELLED`. The log closes with its last session. */
  close(options: { error?: Error | null } = {}): Promise<void> {
    return this.#session.close(options.error ?? null);
  }

  /** Closes the session. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

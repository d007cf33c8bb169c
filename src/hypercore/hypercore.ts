/**
 * The class users hold: one session on a log. Source for names, options, defaults and events: `hypercore/index.js`.
 *
 * @module
 */
import { type Readable, TypedEventEmitter, utf8Bytes, type Writable } from "../base/mod.ts";
import type { Encoder } from "../compact_encoding/mod.ts";
import { discoveryKey, idEncoding } from "../hypercore_crypto/mod.ts";
import { Protomux } from "../protomux/mod.ts";
import type { Bridge } from "../secret_stream/mod.ts";
import { arrangeArguments, parseKey } from "./arguments.ts";
import { decodeBlock, encodeBlock } from "./block_codec.ts";
import { Core, type CoreSession, openCoreStore, peersOf } from "./core.ts";
import { Download } from "./download.ts";
import { HypercoreError, type HypercoreErrorCode } from "./errors.ts";
import type { HypercoreEvents } from "./events.ts";
import { Extension, type ExtensionHandlers } from "./extension.ts";
import type { Info } from "./info.ts";
import { keyOf, parseManifest } from "./keys.ts";
import { MAX_SUGGESTED_BLOCK_SIZE } from "./limits.ts";
import {
  type CoreStore,
  encodeManifest,
  type Log,
  type LogChange,
  type LogKeyPair,
  type Manifest,
  type TreeHead,
  treeSignable,
} from "./log/mod.ts";
import type {
  AppendOptions,
  AppendResult,
  ByteStreamOptions,
  ClearOptions,
  ClearResult,
  DownloadRange,
  GetOptions,
  HypercoreOptions,
  KeyInput,
  ReadStreamOptions,
  ReplicateOptions,
  SessionOptions,
  StorageInput,
  TruncateOptions,
  UpdateOptions,
  WaitOptions,
} from "./options.ts";
import { createProtocolStream, muxerOf, type ProtocolStream } from "./protocol_stream.ts";
import {
  type Peer,
  type Replicator,
  type RequestHandle,
  type RequestList,
  settleRequest,
} from "./replication/mod.ts";
import { ByteStream, ReadStream, WriteStream } from "./streams.ts";
import { encoderOf, type ValueEncoding } from "./value_encoding.ts";

/** Where a session is in its life, with what exists only there. */
type SessionState =
  | { readonly kind: "opening" }
  | { readonly kind: "open"; readonly core: Core; readonly log: Log; readonly unsubscribe: () => void }
  | { readonly kind: "closed"; readonly core: Core | null };

/** What a snapshot keeps. */
interface Snapshot {
  readonly head: TreeHead;
  /** Below this the log has not been cut since. */
  compatLength: number;
}

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

  /** Whether reads may wait for peers. */
  readonly wait: boolean;
  /** How long a read waits for peers, ms, 0 for ever. */
  readonly timeout: number;
  /** Whether the session is pinned to the length at its creation. */
  readonly snapshotted: boolean;
  /** Requests of this session that wait for peers. */
  readonly activeRequests: RequestList = [];
  /** Signs what this session appends. */
  keyPair: LogKeyPair | null;
  /** How often a read had to wait for peers. */
  waits = 0;

  /** Resolves once the log is open; the same promise as {@linkcode Hypercore.ready} gives. */
  readonly opening: Promise<void>;
  /** Resolves once the session is closed, null while nobody closes it. */
  closing: Promise<void> | null = null;

  readonly #options: HypercoreOptions<Value>;
  readonly #parent: Hypercore<unknown> | null;
  readonly #key: Uint8Array | null;
  readonly #onwait: ((index: number, core: Hypercore<Value>) => void) | null;
  readonly #onseq: ((index: number, core: Hypercore<Value>) => void) | null;
  readonly #extensions = new Map<string, Extension<unknown>>();
  #core: Core | null = null;
  #state: SessionState = { kind: "opening" };
  #codec: Encoder<Value> | null = null;
  #snapshot: Snapshot | null = null;
  readonly #registration: CoreSession = {
    session: this as unknown as Hypercore<unknown>,
    isWeak: false,
    relay: (event, ...args) => this.emit(event, ...args as HypercoreEvents[typeof event]),
  };
  #findingPeers = 0;
  #active: boolean;

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
    this.#options = given.options;
    this.#parent = given.options.parent ?? null;
    this.#key = given.key === null ? null : parseKey(given.key);
    this.wait = given.options.wait !== false;
    this.timeout = given.options.timeout ?? 0;
    this.snapshotted = given.options.snapshot === true;
    this.keyPair = given.options.keyPair ?? null;
    this.#onwait = given.options.onwait ?? null;
    this.#onseq = given.options.onseq ?? null;
    this.#active = given.options.active !== false;
    this.opening = this.#open(given.storage);
    this.opening.catch(ignoreUntilAsked);
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

  /** The muxer of a stream made by {@linkcode Hypercore.createProtocolStream} or `replicate`. */
  static readonly getProtocolMuxer: typeof muxerOf = muxerOf;

  /** An encrypted stream with a muxer on it, to pipe over any transport. */
  static readonly createProtocolStream: typeof createProtocolStream = createProtocolStream;

  /** The store that a path, a storage or nothing stands for. */
  static defaultStorage(storage?: StorageInput | null): CoreStore {
    return openCoreStore(storage);
  }

  /** Cancels the requests in `list`. */
  static clearRequests(list: RequestList, error: Error | null = null): void {
    for (const request of list.slice()) request.cancel(error);
  }

  async #open(storage: StorageInput | null): Promise<void> {
    try {
      const core = await this.#openCore(storage);
      await this.#openSession(core);
    } catch (error) {
      if (this.#core?.removeSession(this.#registration) && this.#core.autoClose) {
        await this.#core.close().catch(ignoreUntilAsked);
      }
      this.#state = { kind: "closed", core: this.#core };
      this.emit("close");
      throw error;
    }
    this.emit("ready");
  }

  async #openCore(storage: StorageInput | null): Promise<Core> {
    const options = this.#options;
    if (this.#parent !== null) {
      await this.#parent.opening;
      this.#core = this.#parent.#openState().core;
    } else if (options.preload !== undefined) {
      const preloaded = { ...options, ...(await options.preload) };
      this.#core = this.#createCore(preloaded.storage ?? storage, preloaded);
    } else {
      this.#core = this.#createCore(storage, options);
    }
    this.#core.addSession(this.#registration);
    for (const [name, extension] of this.#extensions) this.#core.extensions.set(name, extension);
    await this.#core.ready();
    return this.#core;
  }

  #createCore(storage: StorageInput | null, options: HypercoreOptions<Value>): Core {
    if (options.core !== undefined) return options.core;
    const key = options.key === undefined || options.key === null ? this.#key : parseKey(options.key);
    return new Core(storage, {
      ...options,
      key,
      discoveryKey: options.discoveryKey ?? (key === null ? undefined : discoveryKey(key)),
    });
  }

  async #openSession(core: Core): Promise<void> {
    const { log } = core;
    const options = this.#options;
    const parent = this.#parent;
    this.keyPair ??= parent?.keyPair ?? log.keyPair;
    if (options.valueEncoding !== undefined) this.#codec = encoderOf(options.valueEncoding);
    if (this.snapshotted) this.#takeSnapshot(parent, log);
    for (const [name, value] of Object.entries(options.userData ?? {})) {
      await log.setUserData(name, typeof value === "string" ? utf8Bytes(value) : value);
    }
    if (options.manifest !== undefined && log.manifest === null) await log.setManifest(options.manifest);
    if (this.#active) core.replicator.updateActivity(1);
    for (let i = 0; i < this.#findingPeers; i++) core.replicator.findingPeers++;
    this.#state = {
      kind: "open",
      core,
      log,
      unsubscribe: log.subscribe((change) => this.#handleChange(change)),
    };
  }

  #takeSnapshot(parent: Hypercore<unknown> | null, log: Log): void {
    const inherited = parent === null ? null : parent.#snapshot;
    this.#snapshot = inherited ? { ...inherited } : { head: log.head, compatLength: log.head.length };
  }

  /** Resolves once the log is open; rejects with what kept it from opening. */
  ready(): Promise<void> {
    return this.opening;
  }

  /**
   * Another handle on the same log; the log closes with its last handle.
   *
   * @throws {HypercoreError} `SESSION_CLOSED` where this session is closing.
   */
  session<SessionValue = Value>(options: SessionOptions<SessionValue> = {}): Hypercore<SessionValue> {
    if (this.closing !== null) throw this.#error("SESSION_CLOSED", "Cannot make sessions on a closing core");
    return new Hypercore<SessionValue>({
      ...options,
      parent: this as unknown as Hypercore<unknown>,
      wait: options.wait === false ? false : this.wait,
      timeout: options.timeout ?? this.timeout,
      writable: options.writable ?? this.#options.writable,
      onwait: options.onwait === undefined
        ? this.#onwait as unknown as typeof options.onwait
        : options.onwait,
      onseq: options.onseq === undefined ? this.#onseq as unknown as typeof options.onseq : options.onseq,
    });
  }

  /** A session pinned to the present length. */
  snapshot<SessionValue = Value>(options: SessionOptions<SessionValue> = {}): Hypercore<SessionValue> {
    return this.session({ ...options, snapshot: true });
  }

  /** What all sessions of the log share; null before opening began. */
  get core(): Core | null {
    return this.#core;
  }

  /** The replication of the log; null before it is open. */
  get replicator(): Replicator | null {
    return this.#core?.opened ? this.#core.replicator : null;
  }

  /** All sessions of the log. */
  get sessions(): Hypercore<unknown>[] {
    return this.#core?.sessions.map((registration) => registration.session) ?? [];
  }

  /** The key as z-base-32, null before it is known. */
  get id(): string | null {
    return this.key === null ? null : idEncoding.encode(this.key);
  }

  /** 32 bytes: the hash of the manifest, or the signer's public key; null before it is known. */
  get key(): Uint8Array | null {
    return this.#core?.key ?? this.#key;
  }

  /** 32 bytes, derived from the key and safe to publish; null before it is known. */
  get discoveryKey(): Uint8Array | null {
    return this.#core?.discoveryKey ?? (this.#key === null ? null : discoveryKey(this.#key));
  }

  /** What the key commits to, null before it is known. */
  get manifest(): Manifest | null {
    return this.#log?.manifest ?? null;
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
    return this.opened && this.#options.writable !== false && hasSecretKey(this.keyPair);
  }

  /** False once closed. */
  get readable(): boolean {
    return this.#state.kind !== "closed";
  }

  /** Whether the session is open. */
  get opened(): boolean {
    return this.#state.kind === "open";
  }

  /** Whether the session is closed. */
  get closed(): boolean {
    return this.#state.kind === "closed";
  }

  /** Blocks: the log's, or the snapshot's; 0 before it is open. */
  get length(): number {
    return this.#head?.length ?? 0;
  }

  /** Bytes of all blocks; 0 before it is open. */
  get byteLength(): number {
    const head = this.#head;
    return head === null ? 0 : head.byteLength - head.length * this.padding;
  }

  /** How often the log was truncated. */
  get fork(): number {
    return this.#head?.fork ?? 0;
  }

  /** Blocks that a signature covers. */
  get signedLength(): number {
    return this.#snapshot?.compatLength ?? this.#log?.head.length ?? 0;
  }

  /** Blocks held locally without a gap from 0. */
  get contiguousLength(): number {
    return this.#log?.contiguousLength ?? 0;
  }

  /** Always 0, as in hypercore 11. */
  get contiguousByteLength(): number {
    return 0;
  }

  /** The longest run from 0 without a gap that a peer has claimed. */
  get remoteContiguousLength(): number {
    const state = this.#state;
    if (state.kind !== "open") return 0;
    return Math.min(state.log.head.length, state.core.replicator.remoteContiguousLength);
  }

  /** Bytes before each block's value: 0 without encryption. */
  get padding(): number {
    return 0;
  }

  /** Peers that replicate this log. */
  get peers(): Peer[] {
    return peersOf(this.#core);
  }

  get #log(): Log | null {
    return this.#state.kind === "open" ? this.#state.log : null;
  }

  get #head(): TreeHead | null {
    return this.#snapshot?.head ?? this.#log?.head ?? null;
  }

  /**
   * Appends one value or several at once, atomically.
   *
   * @throws {HypercoreError} `SESSION_NOT_WRITABLE`, `SESSION_CLOSED`, `BAD_ARGUMENT` for a block past 15 MiB.
   */
  async append(values: Value | readonly Value[], options: AppendOptions = {}): Promise<AppendResult> {
    if (!this.opened) await this.opening;
    const { log } = this.#openState("append to");
    const keyPair = options.keyPair ?? this.keyPair;
    const maySign = options.signature !== undefined || hasSecretKey(keyPair);
    if (this.#options.writable === false || this.snapshotted || !maySign) {
      throw this.#error("SESSION_NOT_WRITABLE", "Cannot append to a read-only core");
    }
    const batch = Array.isArray(values) ? values as readonly Value[] : [values as Value];
    const blocks = this.#options.encodeBatch?.(batch) ??
      batch.map((value) => encodeBlock(this.#codec, value));
    for (const block of blocks) {
      if (block.byteLength > MAX_SUGGESTED_BLOCK_SIZE) {
        throw this.#error("BAD_ARGUMENT", `A block of ${block.byteLength} bytes exceeds the largest, 15 MiB`);
      }
    }
    return await log.append(blocks, { ...options, keyPair });
  }

  /**
   * The value of block `index`. A block that is not local is fetched from peers first; with `wait: false` it is null.
   *
   * @throws {HypercoreError} `REQUEST_TIMEOUT`, `REQUEST_CANCELLED`, `SESSION_CLOSED`, `SNAPSHOT_NOT_AVAILABLE`,
   * `DECODING_ERROR`.
   */
  async get<GetValue = Value>(index: number, options: GetOptions<GetValue> = {}): Promise<GetValue | null> {
    if (!this.opened) await this.opening;
    this.#checkIndex(index, "Block index");
    const { log } = this.#openState("get on");
    if (this.#onseq !== null) this.#onseq(index, this);
    const block = await log.getBlock(index) ?? await this.#getFromPeers(index, options);
    if (block === null) return null;
    if (options.raw) return block as GetValue;
    const codec = options.valueEncoding === undefined
      ? this.#codec
      : encoderOf(options.valueEncoding as ValueEncoding<Value>);
    return decodeBlock(codec, block, this.discoveryKey) as unknown as GetValue;
  }

  async #getFromPeers<GetValue>(index: number, options: GetOptions<GetValue>): Promise<Uint8Array | null> {
    const { core } = this.#openState("get on");
    this.#checkSnapshot(index);
    if (!(options.wait ?? this.wait)) return null;
    this.waits++;
    options.onwait?.(index, this as unknown as Hypercore<GetValue>);
    this.#onwait?.(index, this);
    const list = options.activeRequests ?? this.activeRequests;
    const request = core.replicator.addBlock(list, index, options.force === true);
    const block = await this.#settle(request, options);
    this.#checkSnapshot(index);
    return block;
  }

  #checkSnapshot(index: number): void {
    if (this.#snapshot === null || index < this.#snapshot.compatLength) return;
    throw this.#error(
      "SNAPSHOT_NOT_AVAILABLE",
      `Block ${index} is not part of this snapshot of ${this.#snapshot.compatLength} blocks`,
    );
  }

  /** Waits for a request as the options and the session say. */
  #settle<Result>(request: RequestHandle<Result>, options: WaitOptions): Promise<Result> {
    return settleRequest(request, options.timeout ?? this.timeout, options.signal);
  }

  /** Whether block `start`, or every block up to `end` (exclusive), is local. */
  async has(start: number, end: number = start + 1): Promise<boolean> {
    if (!this.opened) await this.opening;
    this.#checkIndex(start, "Start of the range");
    this.#checkIndex(end, "End of the range");
    const { log } = this.#openState("look into");
    if (end === start + 1) return log.bitfield.get(start);
    const missing = log.bitfield.firstUnset(start);
    return missing === -1 || missing >= end;
  }

  /**
   * Asks peers for a longer log and resolves whether it grew. Resolves at once where nobody can know better: a writable
   * session (unless `force`), a snapshot, or no peers and nobody looking for any.
   */
  async update(options: UpdateOptions = {}): Promise<boolean> {
    if (!this.opened) await this.opening;
    if (this.closing !== null || this.snapshotted) return false;
    if (this.writable && !options.force) return false;
    const { core } = this.#openState("update");
    if (!(options.wait ?? core.replicator.findingPeers > 0)) return false;
    const request = core.replicator.addUpgrade(options.activeRequests ?? this.activeRequests);
    return await this.#settle(request, { ...options, timeout: options.timeout ?? 0 });
  }

  /**
   * The block that holds byte `byteOffset` of the log, and the offset of that byte in it. May ask peers; null where it
   * may not wait and does not know.
   */
  async seek(byteOffset: number, options: WaitOptions = {}): Promise<[block: number, offset: number] | null> {
    if (!this.opened) await this.opening;
    this.#checkIndex(byteOffset, "Byte offset");
    const { core, log } = this.#openState("seek in");
    const found = await log.seek(byteOffset, this.padding);
    if (found.kind === "found") return [found.index, found.offset];
    if (!(options.wait ?? this.wait)) return null;
    const list = options.activeRequests ?? this.activeRequests;
    return await this.#settle(core.replicator.addSeek(list, byteOffset, this.padding), options);
  }

  /**
   * Cuts the log to its first `length` blocks (default 0) and starts a new fork, which peers follow.
   *
   * @param options A number is the fork to start; default: one more than the present one.
   * @throws {HypercoreError} `SESSION_NOT_WRITABLE`, `SESSION_CLOSED`, `INVALID_OPERATION` for what is longer or breaks the
   *   prologue, `INVALID_SIGNATURE`.
   */
  async truncate(length: number = 0, options: number | TruncateOptions = {}): Promise<void> {
    if (!this.opened) await this.opening;
    const { core, log } = this.#openState("truncate");
    const { fork = log.head.fork + 1, keyPair = this.keyPair, signature = null } = typeof options === "number"
      ? { fork: options }
      : options;
    const maySign = this.#options.writable !== false && (signature !== null || hasSecretKey(keyPair));
    if (this.snapshotted || (!maySign && (length > 0 || fork !== log.head.fork))) {
      throw this.#error("SESSION_NOT_WRITABLE", "Cannot truncate a read-only core");
    }
    await log.truncate(length, { fork, keyPair, signature });
    core.replicator.updateAll();
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
  async clear(
    start: number,
    endOrOptions: number | ClearOptions = start + 1,
    options: ClearOptions = {},
  ): Promise<ClearResult | null> {
    if (!this.opened) await this.opening;
    const { log } = this.#openState("clear");
    const [end, { diff = false }] = typeof endOrOptions === "number"
      ? [endOrOptions, options]
      : [start + 1, endOrOptions];
    this.#checkIndex(start, "Start of the range");
    this.#checkIndex(end, "End of the range");
    const blocks = start < Math.min(end, this.length) ? await log.clear(start, end) : 0;
    return diff ? { blocks } : null;
  }

  /** Closes every session of the log, then deletes all that is stored of it. */
  async purge(): Promise<void> {
    if (!this.opened) await this.opening;
    await this.#openState("purge").core.purge();
  }

  /** Fetches a range of blocks in the background; without a range, all of them and those to come. */
  download(range: DownloadRange = {}): Download {
    return new Download({
      ready: () => this.opening,
      request: () =>
        this.#openState("download from").core.replicator.addRange(
          range.activeRequests ?? this.activeRequests,
          range,
        ),
    }, range.signal);
  }

  /** Destroys a download; kept for programs written for hypercore 10. */
  undownload(range: Download): void {
    range.destroy();
  }

  /** The hash over the tree's roots at `length` blocks (default: now), 32 bytes. */
  async treeHash(length?: number): Promise<Uint8Array> {
    if (!this.opened) await this.opening;
    const target = length ?? this.length;
    if (target > 0 && !await this.has(target - 1)) await this.get(target - 1, { raw: true });
    return await this.#openState("hash").log.treeHash(target);
  }

  /** What signers sign for `length` blocks (default: now), 112 bytes. */
  async signable(length?: number, fork?: number): Promise<Uint8Array> {
    if (!this.opened) await this.opening;
    const { log } = this.#openState("sign");
    const target = length ?? this.length;
    return treeSignable(log.key, await this.treeHash(target), target, fork ?? this.fork);
  }

  /** Keys, lengths and fork at this moment. */
  async info(): Promise<Info> {
    if (!this.opened) await this.opening;
    const { log } = this.#openState("describe");
    return {
      key: log.key,
      discoveryKey: log.discoveryKey,
      length: this.length,
      contiguousLength: this.contiguousLength,
      byteLength: this.byteLength,
      fork: this.fork,
      padding: this.padding,
      storage: null,
    };
  }

  /** Keeps `value` beside the log under `name`; it does not travel to peers. */
  async setUserData(name: string, value: Uint8Array | string): Promise<void> {
    if (!this.opened) await this.opening;
    await this.#openState("write to").log.setUserData(
      name,
      typeof value === "string" ? utf8Bytes(value) : value,
    );
  }

  /** What was kept under `name`, or null. */
  async getUserData(name: string): Promise<Uint8Array | null> {
    if (!this.opened) await this.opening;
    return await this.#openState("read from").log.getUserData(name);
  }

  /** Signs with `keyPair` from now on. */
  setKeyPair(keyPair: LogKeyPair | null): void {
    this.keyPair = keyPair;
  }

  /** Whether this session counts as interested in downloading. */
  setActive(active: boolean): void {
    if (active === this.#active || this.closing !== null) return;
    this.#active = active;
    if (this.#state.kind === "open") this.#state.core.replicator.updateActivity(active ? 1 : -1);
  }

  /** Marks that peers are being looked for: `update()` waits until the returned function is called. */
  findingPeers(): () => void {
    let ended = this.closing !== null;
    if (!ended) {
      this.#findingPeers++;
      if (this.#state.kind === "open") this.#state.core.replicator.findingPeers++;
    }
    return () => {
      if (ended || this.closing !== null) return;
      ended = true;
      this.#findingPeers--;
      if (this.#state.kind === "open") this.#state.core.replicator.findingPeers--;
    };
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
      unregister: () => this.#unregister(name),
    }, handlers);
    this.#extensions.set(name, extension as unknown as Extension<unknown>);
    if (this.#core !== null) this.#core.extensions.set(name, extension as unknown as Extension<unknown>);
    return extension;
  }

  #unregister(name: string): void {
    this.#extensions.delete(name);
    this.#core?.extensions.delete(name);
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
    this.opening.then(() => this.#core?.attachTo(mux)).catch((error) => mux.destroy(error));
  }

  /** Closes the session; its waiting reads end with `error` or `REQUEST_CANCELLED`. The log closes with its last session. */
  close(options: { error?: Error | null } = {}): Promise<void> {
    this.closing ??= this.#close(options.error ?? null);
    return this.closing;
  }

  async #close(error: Error | null): Promise<void> {
    try {
      await this.opening;
    } catch {
      return; // #open has cleaned up, and `ready()` reports why
    }
    const { core, unsubscribe } = this.#openState();
    unsubscribe();
    for (const name of this.#extensions.keys()) this.#unregister(name);
    core.replicator.findingPeers -= this.#findingPeers;
    this.#findingPeers = 0;
    core.replicator.clearRequests(this.activeRequests, error);
    if (this.#active) core.replicator.updateActivity(-1);
    this.#state = { kind: "closed", core };
    if (core.removeSession(this.#registration) && core.autoClose) await core.close();
    this.emit("close");
  }

  /** Closes the session. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #handleChange(change: LogChange): void {
    switch (change.kind) {
      case "append":
        if (!this.snapshotted) this.emit("append");
        break;
      case "upgrade":
        // Compat: hypercore/lib/session-state.js tells of a newer fork by "truncate" alone.
        if (!this.snapshotted && !change.isReorg) this.emit("append");
        break;
      case "truncate":
        if (this.#snapshot !== null) {
          this.#snapshot.compatLength = Math.min(this.#snapshot.compatLength, change.length);
        } else {
          this.emit("truncate", change.length, change.fork);
        }
        break;
    }
  }

  #openState(action?: string): SessionState & { kind: "open" } {
    if (this.#state.kind === "open" && (action === undefined || this.closing === null)) return this.#state;
    throw this.#error("SESSION_CLOSED", `Cannot ${action ?? "use"} a closed session`);
  }

  #checkIndex(value: number, what: string): void {
    if (Number.isSafeInteger(value) && value >= 0) return;
    throw this.#error("ERR_ASSERTION", `${what} must be a whole number from 0, not ${value}`);
  }

  #error(code: HypercoreErrorCode, message: string): HypercoreError {
    return new HypercoreError(code, message, { discoveryKey: this.discoveryKey });
  }
}

function hasSecretKey(keyPair: LogKeyPair | null): boolean {
  return keyPair?.secretKey instanceof Uint8Array;
}

/** The error reaches whoever awaits `ready()` or calls a method; nobody has to. */
function ignoreUntilAsked(): void {}

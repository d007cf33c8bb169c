/**
 * The class users hold: one handle on a store of many cores. Source for names, options, defaults and events:
 * `corestore/index.js`.
 *
 * @module
 */
import { copyBytes, isBytes, type Readable, TypedEventEmitter } from "../base/mod.ts";
import type { KeyPair } from "../crypto/mod.ts";
import {
  type AuditResult,
  type CoreStore,
  createStaticCopy,
  type GroupUpdate,
  Hypercore,
  HypercoreError,
  type HypercoreOptions,
  type KeyInput,
  type LogKeyPair,
  type Manifest,
  type ProtocolStream,
} from "../hypercore/mod.ts";
import type { Protomux } from "../protomux/mod.ts";
import type { Bridge } from "../secret_stream/mod.ts";
import type { CoreRegistry, CoreWatcher } from "./core_registry.ts";
import { CorestoreError } from "./errors.ts";
import { FindingPeers } from "./finding_peers.ts";
import type { GroupNotifyHandle } from "./group_notifications.ts";
import { GeneratorStream } from "./generator_stream.ts";
import { checkKeyBytes, childNamespace, defaultNamespace, namedKeyPair } from "./keys.ts";
import type { LegacyImportReport } from "./legacy/import_folder.ts";
import type {
  CorestoreOptions,
  CorestoreReplicateOptions,
  CorestoreSessionOptions,
  CorestoreStorageInput,
  GetCoreOptions,
  SuspendOptions,
} from "./options.ts";
import { RootStore, type StoreHandle } from "./root_store.ts";

/** Events of {@linkcode Corestore}. */
export interface CorestoreEvents {
  /** The store is open. */
  ready: [];
  /** The store is closed. */
  close: [];
  /** The folder held a store of corestore 6, which was imported; told before `ready`. */
  import: [report: LegacyImportReport];
  /** A core that this handle opened, and that is in the group `topic` (32 bytes), changed its length or fork. */
  "group-active": [topic: Uint8Array, update: GroupUpdate];
}

/** What all handles on the store share; for this folder only. */
export let rootOf: (store: Corestore) => RootStore;

/** What a store knows of a core besides its blocks. */
export interface CoreAuth {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 32 bytes. */
  readonly discoveryKey: Uint8Array;
  /** Null while it is not known. */
  readonly manifest: Manifest | null;
  /** What signs appends; null where we do not write. */
  readonly keyPair: LogKeyPair | null;
  /** Always null: encryption keys are not stored. */
  readonly encryptionKey: null;
}

/** Options of `store.audit()`. */
export interface StoreAuditOptions {
  /** Drops nothing. Default false. */
  readonly dryRun?: boolean;
}

/** What `store.audit()` found of one core. */
export interface CoreAudit {
  /** 32 bytes. */
  readonly discoveryKey: Uint8Array;
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** What was found. */
  readonly audit: AuditResult;
}

/** The part of a core that `staticify` needs. */
export interface StaticSource {
  /** 32 bytes. */
  readonly discoveryKey: Uint8Array | null;
  /** Resolves once the core is open. */
  ready(): Promise<void>;
}

/** A session of any type. */
type AnyCore = Hypercore<unknown>;

/**
 * A factory of any number of hypercores on one storage, which replicates all of them over one stream.
 *
 * @example
 * ```ts
 * import Corestore from "@quince/quince/corestore";
 *
 * await using store = new Corestore("./my-store");
 * const posts = store.get<string>({ name: "posts", valueEncoding: "utf-8" });
 * await posts.append("hello");
 * const drafts = store.namespace("drafts").get({ name: "posts" }); // another core
 * await drafts.ready();
 * ```
 */
export class Corestore extends TypedEventEmitter<CorestoreEvents> {
  static {
    rootOf = (store) => store.#root;
  }

  /** The namespace of this store's names, 32 bytes. */
  readonly ns: Uint8Array;
  /** Whether cores are opened read-only unless asked otherwise. */
  readonly readOnly: boolean;
  /** Version of the manifests of new named cores. */
  readonly manifestVersion: number;
  /** Whether cores that want blocks are attached to streams by themselves. */
  readonly active: boolean;
  /** Resolves once the store is closed, null while nobody closes it. */
  closing: Promise<void> | null = null;

  readonly #root: RootStore;
  readonly #handle: StoreHandle;
  readonly #isRoot: boolean;
  readonly #sessions = new Set<AnyCore>();
  readonly #watchers = new Set<CoreWatcher>();
  readonly #closed = Promise.withResolvers<never>();
  #findingPeers: FindingPeers | null = null;
  #opening: Promise<void> | null = null;
  #isOpened = false;
  #isClosed = false;
  /** What kept the store from opening. */
  #failure: unknown;

  /**
   * Opens a store in the background.
   *
   * @param storage Folder, storage, or nothing for memory.
   * @throws {CorestoreError} `ERR_ASSERTION` for a primary key without `unsafe`, `BAD_ARGUMENT` for one of another size.
   */
  constructor(storage?: CorestoreStorageInput | null, options: CorestoreOptions = {}) {
    super();
    const { root } = options as { root?: RootStore };
    checkKeyBytes("namespace", options.namespace);
    this.#isRoot = root === undefined;
    this.#root = root ?? new RootStore(storage, options);
    this.ns = options.namespace === undefined ? defaultNamespace() : copyBytes(options.namespace);
    this.readOnly = options.writable === false || options.readOnly === true;
    this.manifestVersion = options.manifestVersion || 1;
    this.active = options.active !== false;
    this.#handle = this.#createHandle();
    this.#closed.promise.catch(ignoreUntilAsked);
    this.ready().catch(ignoreUntilAsked);
  }

  /** Resolves once the store is open; rejects with what kept it from opening. */
  ready(): Promise<void> {
    return this.#opening ??= this.#open();
  }

  #createHandle(): StoreHandle {
    const isClosing = () => this.closing !== null;
    return {
      ns: this.ns,
      manifestVersion: this.manifestVersion,
      active: this.active,
      get isClosing() {
        return isClosing();
      },
      ready: () => this.ready(),
      close: () => this.close(),
      handleGroupUpdate: (topic, update) => this.emit("group-active", topic, update),
    };
  }

  async #open(): Promise<void> {
    this.#root.stores.add(this.#handle);
    try {
      await this.#root.open();
    } catch (error) {
      this.#failure = error;
      this.close().catch(ignoreUntilAsked);
      throw error;
    }
    this.#isOpened = true;
    const { imported } = this.#root;
    if (this.#isRoot && imported !== null) this.emit("import", imported);
    this.emit("ready");
  }

  /** Whether the store is open. */
  get opened(): boolean {
    return this.#isOpened;
  }

  /** Whether the store is closed. */
  get closed(): boolean {
    return this.#isClosed;
  }

  /** The secret that names become keys with, 32 bytes; null before the store is open, unless it was given. */
  get primaryKey(): Uint8Array | null {
    return this.#root.primaryKey;
  }

  /** Where the cores lie. */
  get storage(): CoreStore {
    return this.#root.storage;
  }

  /** The cores that are open, whichever handle opened them. */
  get cores(): CoreRegistry {
    return this.#root.cores;
  }

  /** What every core is handed as `globalCache`, null for nothing. */
  get globalCache(): unknown {
    return this.#root.globalCache;
  }

  /** The sessions that this handle made and that are not closed. */
  get sessions(): ReadonlySet<Hypercore<unknown>> {
    return this.#sessions;
  }

  /**
   * Opens or creates a core; see {@linkcode GetCoreOptions} for what says which. A core that is open already gets one more
   * session.
   *
   * @throws {CorestoreError} `STORE_CLOSED`, `BAD_ARGUMENT` where nothing says which core.
   */
  get<Value = Uint8Array>(which: KeyInput | GetCoreOptions<Value>): Hypercore<Value> {
    this.#assertOpen();
    const options: GetCoreOptions<Value> = isBytes(which) || typeof which === "string"
      ? { key: which }
      : which ?? {};
    const { name: _name, discoveryKey: _discoveryKey, preload: _preload, ...rest } = options;
    const writable = options.writable ?? (this.readOnly ? false : undefined);
    const session = new Hypercore<Value>({ ...rest, writable, ...this.#find(options) });
    this.#track(session as unknown as AnyCore);
    return session;
  }

  /** The core that is meant, at once where that takes nothing from storage. */
  #find<Value>(options: GetCoreOptions<Value>): HypercoreOptions<Value> {
    const { name, key, discoveryKey, manifest, preload } = options;
    const takesStorage = name || preload || (discoveryKey && !key && !manifest);
    if (takesStorage) return { preload: this.#preload(options) };
    return { core: this.#root.openCore(null, options, this.#handle) };
  }

  async #preload<Value>(given: GetCoreOptions<Value>): Promise<Partial<HypercoreOptions<Value>>> {
    const options = { ...given, ...await this.#unlessClosed(given.preload) };
    await this.ready();
    const { name, key, discoveryKey, manifest } = options;
    const alias = name ? await this.storage.findAlias({ name, namespace: this.ns }) : null;
    if (!name && !key && !manifest && discoveryKey && !await this.storage.has(discoveryKey)) {
      throw new HypercoreError("STORAGE_EMPTY", "No Hypercore is stored here", { discoveryKey });
    }
    this.#assertOpen();
    const core = this.#root.openCore(alias, options, this.#handle);
    return manifest ? { core, manifest } : { core };
  }

  /** Waits for `work`, or rejects when the store is closed. */
  #unlessClosed<T>(work: Promise<T> | undefined): Promise<T | undefined> {
    return Promise.race([work, this.#closed.promise]);
  }

  #track(session: AnyCore): void {
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
    this.#findingPeers?.add(session);
  }

  /** A store of the same cores, whose names are apart from those of this one and of every other name. */
  namespace(name: Uint8Array | string, options: CorestoreSessionOptions = {}): Corestore {
    return this.session({ ...options, namespace: childNamespace(this.ns, name) });
  }

  /**
   * Another handle on the same cores; closing it closes the sessions it made. Without `namespace` its names are those of a
   * store that was given none.
   *
   * @throws {CorestoreError} `STORE_CLOSED`.
   */
  session(options: CorestoreSessionOptions = {}): Corestore {
    this.#assertOpen();
    const { manifestVersion } = this;
    return new Corestore(null, { manifestVersion, ...options, root: this.#root } as CorestoreOptions);
  }

  /**
   * Replicates all cores over a new encrypted stream, to be piped over any transport: those that want blocks, those that
   * come to want some, and those that the other side asks for.
   *
   * @param isInitiator Whether this side begins; the other side must not.
   * @throws {CorestoreError} `STORE_CLOSED`.
   */
  replicate(isInitiator: boolean, options?: CorestoreReplicateOptions): Bridge;
  /** Replicates over a secret stream, or a stream that leads to one, and returns it. */
  replicate<Given extends ProtocolStream>(stream: Given, options?: CorestoreReplicateOptions): Given;
  /** Replicates over a muxer on a secret stream, and returns its stream. */
  replicate(mux: Protomux, options?: CorestoreReplicateOptions): ProtocolStream;
  replicate(
    from: boolean | ProtocolStream | Protomux,
    options: CorestoreReplicateOptions = {},
  ): ProtocolStream {
    this.#assertOpen();
    return this.#root.replicate(from, options, this.#handle);
  }

  /** Marks that peers are being looked for, for all sessions there are and to come, until the result is called. */
  findingPeers(): () => void {
    this.#findingPeers ??= new FindingPeers();
    return this.#findingPeers.begin(this.#sessions);
  }

  /** The discovery keys of all cores that are stored, or of those named in one namespace (32 bytes). */
  list(namespace?: Uint8Array): Readable<Uint8Array> {
    checkKeyBytes("namespace", namespace);
    return new GeneratorStream(async function* (this: Corestore) {
      await this.ready();
      yield* this.storage.list(namespace);
    }.bind(this));
  }

  /** Calls `watcher` with each core that is opened from now on, by whichever handle; it may not be ready yet. */
  watch(watcher: CoreWatcher): void {
    if (this.#watchers.size === 0) this.cores.watch(this.#watchers);
    this.#watchers.add(watcher);
  }

  /** Undoes {@linkcode Corestore.watch}. */
  unwatch(watcher: CoreWatcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size === 0) this.cores.unwatch(this.#watchers);
  }

  /** The key pair of the core called `name` in this store's namespace, or in another one (32 bytes). */
  async createKeyPair(name: Uint8Array | string, namespace: Uint8Array = this.ns): Promise<KeyPair> {
    checkKeyBytes("namespace", namespace);
    await this.ready();
    return namedKeyPair(this.primaryKey!, namespace, name);
  }

  /** What the store knows of a core besides its blocks: key, manifest, key pair; null where it is not stored. */
  async getAuth(discoveryKey: Uint8Array): Promise<CoreAuth | null> {
    checkKeyBytes("discovery key", discoveryKey);
    await this.ready();
    const info = await this.storage.info(discoveryKey);
    if (info === null) return null;
    const { key, manifest, keyPair } = info;
    return { key, discoveryKey: info.discoveryKey, manifest, keyPair, encryptionKey: null };
  }

  /**
   * Checks every stored core against itself, one after the other, and drops what does not hold unless `dryRun`: it can be
   * fetched again.
   */
  async *audit(options: StoreAuditOptions = {}): AsyncGenerator<CoreAudit, void, void> {
    for await (const discoveryKey of this.list()) {
      const core = this.get({ discoveryKey, active: false });
      await core.ready();
      try {
        yield {
          discoveryKey,
          key: core.key!,
          audit: await core.core!.audit({ dryRun: options.dryRun ?? false }),
        };
      } finally {
        await core.close();
      }
    }
  }

  /**
   * A copy of a core as it is now, which nobody can append to: its manifest commits to the content itself. Sparse where
   * the core is.
   *
   * @throws {HypercoreError} `STORAGE_EMPTY` for a core without blocks.
   */
  async staticify<Value = Uint8Array>(
    core: StaticSource,
    options: Omit<GetCoreOptions<Value>, "key"> = {},
  ): Promise<Hypercore<Value>> {
    await this.ready();
    await core.ready();
    const { key } = await createStaticCopy(this.storage, core.discoveryKey!);
    const copy = this.get<Value>({ ...options, key });
    await copy.ready();
    return copy;
  }

  /** Watches the cores in the group `topic` (32 bytes), see `get`'s `group`. */
  notifyGroup(topic: Uint8Array): GroupNotifyHandle {
    checkKeyBytes("topic", topic);
    return this.#root.groups.add(this, topic);
  }

  /**
   * Makes everything written so far survive a power loss, then lets nothing touch the storage until `resume()`: reads and
   * writes wait. Does nothing where the store was made with `suspend: false`.
   *
   * @throws {StorageError} as the storage.
   */
  async suspend({ log = ignoreUntilAsked }: SuspendOptions = {}): Promise<void> {
    if (!this.#root.maySuspend) return;
    await log("Suspending db...");
    await this.ready();
    await this.storage.suspend();
    await log("Suspending db completed");
  }

  /** Undoes {@linkcode Corestore.suspend}. */
  resume(): Promise<void> {
    this.storage.resume();
    return Promise.resolve();
  }

  /** Closes this handle and the sessions it made; the root closes all handles, cores, and the storage. Idempotent. */
  close(): Promise<void> {
    return this.closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#closed.reject(new CorestoreError("STORE_CLOSED", "The corestore is closed"));
    const sessions = Array.from(this.#sessions, (session) => session.close());
    this.cores.unwatch(this.#watchers);
    this.#watchers.clear();
    this.#findingPeers?.destroy();
    this.#findingPeers = null;
    this.#root.stores.delete(this.#handle);
    try {
      if (this.#isRoot) {
        this.#root.beginClosing();
        await Promise.all([...Array.from(this.#root.stores, (store) => store.close()), ...sessions]);
        await this.#root.close();
      } else {
        await Promise.all(sessions);
      }
    } finally {
      this.#isClosed = true;
      this.emit("close");
    }
  }

  /** Same as {@linkcode Corestore.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #assertOpen(): void {
    if (this.closing === null && !this.#root.isClosing) return;
    const message = this.#failure === undefined
      ? "The corestore is closed"
      : "The corestore could not be opened, see ready()";
    throw new CorestoreError("STORE_CLOSED", message, { cause: this.#failure });
  }
}

/** The error reaches whoever awaits `ready()` or uses the store; nobody has to. */
function ignoreUntilAsked(): void {}

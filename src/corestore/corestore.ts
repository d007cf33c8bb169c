/**
 * The class users hold: one handle on a store of many cores. Source for names, options, defaults and events:
 * `corestore/index.js`.
 *
 * @module
 */
import { copyBytes, isBytes, type Readable, TypedEventEmitter } from "../base/mod.ts";
import type { KeyPair } from "../crypto/mod.ts";
import {
  type CoreStore,
  Hypercore,
  HypercoreError,
  type HypercoreOptions,
  type KeyInput,
  type ProtocolStream,
} from "../hypercore/mod.ts";
import type { Protomux } from "../protomux/mod.ts";
import type { Bridge } from "../secret_stream/mod.ts";
import type { CoreRegistry, CoreWatcher } from "./core_registry.ts";
import { CorestoreError } from "./errors.ts";
import { FindingPeers } from "./finding_peers.ts";
import { GeneratorStream } from "./generator_stream.ts";
import { checkKeyBytes, childNamespace, defaultNamespace, namedKeyPair } from "./keys.ts";
import type {
  CorestoreOptions,
  CorestoreReplicateOptions,
  CorestoreSessionOptions,
  CorestoreStorageInput,
  GetCoreOptions,
} from "./options.ts";
import { RootStore } from "./root_store.ts";

/** Events of {@linkcode Corestore}. */
export interface CorestoreEvents {
  /** The store is open. */
  ready: [];
  /** The store is closed. */
  close: [];
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
  readonly #isRoot: boolean;
  readonly #sessions = new Set<AnyCore>();
  readonly #watchers = new Set<CoreWatcher>();
  readonly #closed = Promise.withResolvers<never>();
  #findingPeers: FindingPeers | null = null;
  #opening: Promise<void> | null = null;
  #isOpened = false;
  #isClosed = false;

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
    this.#closed.promise.catch(ignoreUntilAsked);
    this.ready().catch(ignoreUntilAsked);
  }

  /** Resolves once the store is open; rejects with what kept it from opening. */
  ready(): Promise<void> {
    return this.#opening ??= this.#open();
  }

  async #open(): Promise<void> {
    this.#root.stores.add(this);
    try {
      await this.#root.open();
    } catch (error) {
      this.close().catch(ignoreUntilAsked);
      throw error;
    }
    this.#isOpened = true;
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
    const session = new Hypercore<Value>(this.#sessionOptions(options));
    this.#track(session as unknown as AnyCore);
    return session;
  }

  #sessionOptions<Value>(options: GetCoreOptions<Value>): HypercoreOptions<Value> {
    const { name, discoveryKey, group, exclusive, key: _key, preload, writable, ...rest } = options;
    const session = {
      ...rest,
      exclusive: exclusive || undefined,
      group: group ?? undefined,
      writable: writable ?? (this.readOnly ? false : undefined),
    };
    // A name takes the storage to answer, and so does the question whether a core is stored.
    if (name || preload || (discoveryKey && !options.key && !options.manifest)) {
      return { ...session, preload: this.#preload(options) } as HypercoreOptions<Value>;
    }
    return { ...session, core: this.#root.openCore(null, options, this) } as HypercoreOptions<Value>;
  }

  async #preload<Value>(given: GetCoreOptions<Value>): Promise<Partial<HypercoreOptions<Value>>> {
    const preloaded = await Promise.race([given.preload, this.#closed.promise]);
    const options = { ...given, ...preloaded };
    await this.ready();
    const { name } = options;
    const alias = name ? await this.storage.findAlias({ name, namespace: this.ns }) : null;
    if (!name && !options.key && !options.manifest && options.discoveryKey) {
      if (!await this.storage.has(options.discoveryKey)) {
        throw new HypercoreError("STORAGE_EMPTY", "No Hypercore is stored here", {
          discoveryKey: options.discoveryKey,
        });
      }
    }
    this.#assertOpen();
    const { manifest } = options;
    return { core: this.#root.openCore(alias, options, this), ...(manifest && { manifest }) };
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
    return this.#root.replicate(from, options, this);
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
    this.#root.stores.delete(this);
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
    throw new CorestoreError("STORE_CLOSED", "The corestore is closed");
  }
}

/** The error reaches whoever awaits `ready()` or uses the store; nobody has to. */
function ignoreUntilAsked(): void {}

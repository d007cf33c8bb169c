/**
 * What all handles on a store share: storage, primary key, open cores and streams.
 *
 * @module
 */
import { type Clock, copyBytes, equalBytes } from "../base/mod.ts";
import { randomBytes } from "../crypto/mod.ts";
import {
  Core,
  type CoreStore,
  type GroupUpdate,
  Hypercore,
  type LogKeyPair,
  type ManifestInput,
  type ProtocolStream,
} from "../hypercore/mod.ts";
import { discoveryKey as discoveryKeyOf, idEncoding } from "../hypercore_crypto/mod.ts";
import { Protomux } from "../protomux/mod.ts";
import { SqliteStorage, StorageError } from "../storage/mod.ts";
import { CoreRegistry } from "./core_registry.ts";
import { pause } from "./driver.ts";
import { CorestoreError } from "./errors.ts";
import { GroupNotifications } from "./group_notifications.ts";
import { checkKeyBytes, namedKeyPair, PRIMARY_KEY_BYTES } from "./keys.ts";
import { inspectFolder } from "./legacy/driver.ts";
import { importFolder, type LegacyImportReport } from "./legacy/import_folder.ts";
import { LOCK_RETRY_MS } from "./limits.ts";
import type {
  CorestoreOptions,
  CorestoreReplicateOptions,
  CorestoreStorageInput,
  GetCoreOptions,
} from "./options.ts";
import { attach, type StoreStream, StreamRegistry } from "./stream_registry.ts";

/** A handle, as far as the root needs it. */
export interface StoreHandle {
  /** 32 bytes. */
  readonly ns: Uint8Array;
  /** Version of the manifests of new named cores. */
  readonly manifestVersion: number;
  /** Whether its cores are attached to streams by themselves. */
  readonly active: boolean;
  /** Whether it is closing or closed. */
  readonly isClosing: boolean;
  /** Resolves once it is open. */
  ready(): Promise<void>;
  /** Closes it. */
  close(): Promise<void>;
  /** A core that it opened, and that is in a group, changed. */
  handleGroupUpdate(topic: Uint8Array, update: GroupUpdate): void;
}

/** Which core is meant, as found out from the options of `get`. */
interface CoreIdentity {
  readonly discoveryKey: Uint8Array;
  readonly key: Uint8Array | null;
  readonly keyPair: LogKeyPair | null;
  readonly manifest: ManifestInput | null;
}

/** One store. */
export class RootStore {
  /** Where the cores lie. */
  readonly storage: CoreStore;
  /** The cores that are open. */
  readonly cores: CoreRegistry;
  /** The handles that are open. */
  readonly stores: Set<StoreHandle> = new Set();
  /** Those who watch groups of cores. */
  readonly groups: GroupNotifications = new GroupNotifications();
  /** What every core is handed as `globalCache`. */
  readonly globalCache: unknown;
  /** Whether `suspend()` does anything. */
  readonly maySuspend: boolean;
  readonly #streams = new StreamRegistry();
  readonly #clock: Clock | undefined;
  readonly #waits: boolean;
  readonly #id: string | null;
  /** Null for a storage that is no folder. */
  readonly #folder: string | null;
  #imported: LegacyImportReport | null = null;
  #primaryKey: Uint8Array | null;
  #opening: Promise<void> | null = null;
  #isClosing = false;

  /**
   * Prepares a store; {@linkcode RootStore.open} opens it.
   *
   * @throws {CorestoreError} `ERR_ASSERTION` for a primary key without `unsafe`, `BAD_ARGUMENT` for one of another size.
   */
  constructor(storage: CorestoreStorageInput | null | undefined, options: CorestoreOptions) {
    const { primaryKey = null } = options;
    checkKeyBytes("primary key", primaryKey);
    if (primaryKey !== null && !options.unsafe) {
      throw new CorestoreError(
        "ERR_ASSERTION",
        "Passing the primary key is unsafe unless you know what you are doing. Set unsafe: true to acknowledge that",
      );
    }
    this.storage = Hypercore.defaultStorage(
      typeof storage === "string" ? new SqliteStorage(storage, { readOnly: options.readOnly }) : storage,
    );
    const { maxSize } = options.treeCache ?? {};
    if (maxSize !== undefined) this.storage.setTreeCache(maxSize);
    this.cores = new CoreRegistry(options.clock);
    this.globalCache = options.globalCache ?? null;
    this.maySuspend = options.suspend !== false;
    this.#primaryKey = primaryKey && copyBytes(primaryKey);
    this.#clock = options.clock;
    this.#waits = options.wait === true;
    this.#id = options.id ?? null;
    this.#folder = typeof storage === "string" ? storage : null;
  }

  /** The secret that names become keys with; null before the store is open, unless it was given. */
  get primaryKey(): Uint8Array | null {
    return this.#primaryKey;
  }

  /** Goes on with the primary key that is stored, in place of the former one. */
  async reloadPrimaryKey(): Promise<void> {
    this.#primaryKey = await this.storage.getSeed();
  }

  /** What came of the old store that lay in the folder, null where none did or it was imported before. */
  get imported(): LegacyImportReport | null {
    return this.#imported;
  }

  /** Whether the store is closing or closed. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /**
   * Opens storage and reads, or makes, the primary key; idempotent.
   *
   * @throws {StorageError} as the storage.
   * @throws {CorestoreError} `STORE_CONFLICT` where another primary key or id is stored, `STORE_LEGACY` where a store lies
   *   in the folder that cannot be read.
   */
  open(): Promise<void> {
    return this.#opening ??= this.#open();
  }

  async #open(): Promise<void> {
    await this.#openStorage();
    if (this.#id !== null) await this.#checkId(this.#id);
    const { readOnly } = this.storage.storage;
    let stored = await this.storage.getSeed();
    if (stored === null && this.#folder !== null && !readOnly) {
      this.#imported = await importOnOpen(this.storage, this.#folder);
      stored = await this.storage.getSeed();
    }
    if (stored === null && readOnly) return;
    const primaryKey = stored ??
      await this.storage.setSeed(this.#primaryKey ?? randomBytes(PRIMARY_KEY_BYTES), { overwrite: false });
    if (this.#primaryKey !== null && !equalBytes(primaryKey, this.#primaryKey)) {
      throw new CorestoreError("STORE_CONFLICT", "Another corestore is stored here: its primary key differs");
    }
    this.#primaryKey = primaryKey;
  }

  async #checkId(id: string): Promise<void> {
    const stored = await this.storage.getId();
    if (stored === null && !this.storage.storage.readOnly) await this.storage.setId(id);
    else if (stored !== id) {
      throw new CorestoreError(
        "STORE_CONFLICT",
        `Another corestore is stored here: its id is ${stored ?? "not set"}`,
      );
    }
  }

  async #openStorage(): Promise<void> {
    while (true) {
      try {
        return await this.storage.open();
      } catch (error) {
        const isLocked = error instanceof StorageError && error.code === "STORAGE_LOCKED";
        if (!isLocked || !this.#waits || this.#isClosing) throw error;
        await pause(LOCK_RETRY_MS, this.#clock);
      }
    }
  }

  /**
   * The core that `options` mean, opened unless it is.
   *
   * @param alias Discovery key that is stored under the name in `options`, null where there is none.
   * @throws {CorestoreError} `BAD_ARGUMENT` where nothing says which core.
   */
  openCore<Value>(alias: Uint8Array | null, options: GetCoreOptions<Value>, store: StoreHandle): Core {
    const { discoveryKey, key, keyPair, manifest } = this.#identify(alias, options, store);
    const existing = this.cores.resume(discoveryKey);
    if (existing !== null && existing.closing === null) return existing;
    const core = new Core(this.storage, {
      preopen: existing?.closing?.catch(() => {}),
      autoClose: false,
      eagerUpgrade: true,
      notDownloadingLinger: options.notDownloadingLinger,
      allowFork: options.allowFork !== false,
      alwaysLatestBlock: options.allowLatestBlock,
      inflightRange: options.inflightRange,
      compat: false,
      force: options.force,
      createIfMissing: options.createIfMissing,
      overwrite: options.overwrite,
      legacy: options.legacy,
      discoveryKey,
      key,
      keyPair,
      manifest,
      globalCache: options.globalCache ?? this.globalCache,
      alias: options.name ? { name: options.name, namespace: store.ns } : null,
      clock: this.#clock,
    });
    core.ondownloading = () => {
      if (store.active) this.#streams.attachAll(core);
    };
    core.ongroupupdate = (topic, update) => {
      store.handleGroupUpdate(topic, update);
      this.groups.notify(topic, update);
    };
    this.cores.add(discoveryKey, core);
    return core;
  }

  #identify<Value>(
    alias: Uint8Array | null,
    options: GetCoreOptions<Value>,
    store: StoreHandle,
  ): CoreIdentity {
    const keyPair = options.name ? this.#keyPairOf(options.name, store) : options.keyPair ?? null;
    const givenKey = options.key ? copyBytes(idEncoding.decode(options.key)) : null;
    const isNew = keyPair !== null && alias === null;
    const manifest = options.manifest ??
      (isNew ? ownManifest(keyPair.publicKey, givenKey, store.manifestVersion) : null);
    const key = givenKey ?? (manifest && Hypercore.key(manifest));
    const discoveryKey = alias ?? options.discoveryKey ?? (key && discoveryKeyOf(key));
    if (discoveryKey) return { discoveryKey, key, keyPair, manifest };
    throw new CorestoreError(
      "BAD_ARGUMENT",
      "Cannot tell which core is meant: pass a name, a key, a discovery key, a key pair or a manifest",
    );
  }

  #keyPairOf(name: string, store: StoreHandle): LogKeyPair | null {
    // A store that is open for reading only may have no primary key; what is stored under a name is found without.
    return this.#primaryKey && namedKeyPair(this.#primaryKey, store.ns, name);
  }

  /** Replicates all cores over a stream, made here where `from` says only who begins. */
  replicate(
    from: boolean | ProtocolStream | Protomux,
    options: CorestoreReplicateOptions,
    store: StoreHandle,
  ): ProtocolStream {
    const given = Protomux.isProtomux(from) ? from.stream as unknown as ProtocolStream : from;
    const withPairing = {
      ...options,
      ondiscoverykey: (discoveryKey: Uint8Array) => this.#handleRequest(discoveryKey, stream, store),
    };
    const stream: ProtocolStream = typeof given === "boolean"
      ? Hypercore.createProtocolStream(given, withPairing)
      : Hypercore.createProtocolStream(given, withPairing);
    // Each core listens to the stream.
    stream.noiseStream.setMaxListeners(0);
    this.#attachOpen(stream, store);
    this.#streams.add(stream as StoreStream, typeof given === "boolean");
    return stream;
  }

  /** Has the cores that want blocks opened together, in as few messages as possible. */
  #attachOpen(stream: ProtocolStream, store: StoreHandle): void {
    if (!store.active) return;
    const mux = Hypercore.getProtocolMuxer(stream);
    const attached: Promise<void>[] = [];
    for (const core of this.cores) {
      if (core.opened && core.replicator.downloading && !core.attached(mux)) {
        attached.push(attach(core, stream));
      }
    }
    if (attached.length === 0) return;
    mux.cork();
    // Channels are opened in the turn in which the stream is.
    Promise.all([stream.noiseStream.opened, ...attached]).then(() => queueMicrotask(() => mux.uncork()));
  }

  /** The remote wants a core that is not replicated here: it gets what is stored. */
  async #handleRequest(discoveryKey: Uint8Array, stream: ProtocolStream, store: StoreHandle): Promise<void> {
    if (store.isClosing || this.#isClosing) return;
    await store.ready();
    if (!this.cores.opened(discoveryKey) && !await this.storage.has(discoveryKey)) return;
    if (store.isClosing || this.#isClosing) return;
    const core = this.openCore(null, { discoveryKey, createIfMissing: false }, store);
    await core.ready();
    await attach(core, stream);
    core.checkIfIdle();
  }

  /** Refuses what comes from now on. */
  beginClosing(): void {
    this.#isClosing = true;
  }

  /** Closes cores, the streams that were made here, and the storage. */
  async close(): Promise<void> {
    this.beginClosing();
    await this.#opening?.catch(() => {});
    await this.cores.close();
    this.#streams.destroy();
    await this.storage.close();
  }
}

/** A folder without a store of ours may hold one of corestore 6: it is taken over, and left as it is. */
async function importOnOpen(storage: CoreStore, folder: string): Promise<LegacyImportReport | null> {
  const found = await inspectFolder(folder);
  if (found.kind === "corestore") return await importFolder(storage, folder, found, {});
  if (found.kind !== "rocksdb") return null;
  throw new CorestoreError(
    "STORE_LEGACY",
    `${folder} holds a corestore 7 on RocksDB, which cannot be read here: replicate it from a Node process into another folder`,
  );
}

/** The manifest of a core that one key pair signs; null where the core's key shows that it has another. */
function ownManifest(
  publicKey: Uint8Array,
  key: Uint8Array | null,
  version: number,
): ManifestInput | null {
  const manifest = { version, signers: [{ publicKey }] };
  if (key === null || equalBytes(key, publicKey) || equalBytes(key, Hypercore.key(manifest))) return manifest;
  return null;
}

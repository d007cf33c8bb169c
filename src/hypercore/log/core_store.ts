/**
 * How many logs lie in one storage: their numbers, keys, names and what the store itself remembers.
 *
 * It knows nothing of blocks and trees; a log keeps its own rows under its number.
 *
 * @module
 */
import { copyBytes, hexText, Mutex, utf8Bytes, utf8Text } from "../../base/mod.ts";
import c from "../../compact_encoding/mod.ts";
import { type Storage, StorageError, WriteBatch } from "../../storage/mod.ts";
import { HypercoreError } from "../errors.ts";
import { GatedStorage } from "./gated_storage.ts";
import { GroupMembership, groupUpdates, type GroupUpdatesOptions } from "./group.ts";
import {
  aliasKey,
  type CoreAlias,
  type CoreInfo,
  decodeBranch,
  decodeCoreInfo,
  encodeCoreInfo,
  keptOwnerOf,
  ownerKey,
  userKey,
} from "./records.ts";
import type { LogKeyPair, Manifest } from "./types.ts";

/** Version of how logs lie in a storage. */
const LAYOUT_VERSION = 1;
const FIRST_OWNER = 1;

const META_LAYOUT = utf8Bytes("layout");
const META_NEXT_OWNER = utf8Bytes("owner");
const META_DEFAULT = utf8Bytes("default");
const META_SEED = utf8Bytes("seed");
const META_ID = utf8Bytes("id");

/** A log to be created. */
export interface CoreInit {
  /** 32 bytes. */
  readonly discoveryKey: Uint8Array;
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** Null while it is not known. */
  readonly manifest: Manifest | null;
  /** Null where we do not write. */
  readonly keyPair: LogKeyPair | null;
  /** Name of the log within the store. */
  readonly alias?: CoreAlias | null;
  /** Stored with the log. */
  readonly userData?: Readonly<Record<string, Uint8Array | string>> | null;
}

/** Many logs in one storage. */
export class CoreStore {
  /** Where everything lies. */
  readonly storage: Storage & Required<Pick<Storage, "compact">>;
  readonly #gate: GatedStorage;
  readonly #mutex = new Mutex();
  readonly #inUse = new Set<number>();
  #opening: Promise<void> | null = null;
  #nextOwner = FIRST_OWNER;
  #hasDefault = false;
  #isSynced = false;

  /** Takes ownership of `storage`: closing the store closes it. */
  constructor(storage: Storage) {
    this.storage = this.#gate = new GatedStorage(storage);
  }

  /**
   * Opens the storage and reads what the store remembers; idempotent. After a failure it may be called again.
   *
   * @throws {StorageError} as the storage, and `STORAGE_VERSION` for a layout that is newer than this release.
   */
  open(): Promise<void> {
    return this.#opening ??= this.#open().catch((error) => {
      this.#opening = null;
      throw error;
    });
  }

  /** Closes the storage; idempotent. */
  close(): Promise<void> {
    return this.storage.close();
  }

  /**
   * Lets nothing touch the storage until {@linkcode CoreStore.resume}: whatever is asked of it waits. Resolves once what
   * was written before survives a power loss.
   *
   * @throws {StorageError} as the storage.
   */
  suspend(): Promise<void> {
    return this.#gate.shut();
  }

  /** Undoes {@linkcode CoreStore.suspend}. */
  resume(): void {
    this.#gate.unshut();
  }

  /** How many tree nodes each log opened from now on keeps in memory, about 300 bytes each. Default: 32 768. */
  setTreeCache(nodes: number): void {
    this.#gate.treeCacheNodes = nodes;
  }

  /** Whether the store is suspended. */
  get isSuspended(): boolean {
    return this.#gate.isShut;
  }

  /** Same as {@linkcode CoreStore.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Tells whether a log with this discovery key is stored. */
  async has(discoveryKey: Uint8Array): Promise<boolean> {
    return await this.storage.getRecord("core", discoveryKey) !== null;
  }

  /** What the store knows of a log; null where it is not stored. */
  async info(discoveryKey: Uint8Array): Promise<CoreInfo | null> {
    const record = await this.storage.getRecord("core", discoveryKey);
    return record && decodeCoreInfo(discoveryKey, record);
  }

  /** The discovery keys of all logs, or of those named in one namespace (32 bytes), in order. */
  async *list(namespace?: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
    if (namespace === undefined) {
      for await (const { key } of this.storage.records("core")) yield key;
    } else {
      const range = { gte: namespace, lt: keyBehind(namespace) };
      for await (const { value } of this.storage.records("alias", range)) yield value;
    }
  }

  /** Names and discovery keys of all named logs, or of those named in one namespace (32 bytes), in order. */
  async *aliases(
    namespace?: Uint8Array,
  ): AsyncGenerator<{ alias: CoreAlias; discoveryKey: Uint8Array }, void, void> {
    const range = namespace && { gte: namespace, lt: keyBehind(namespace) };
    for await (const { key, value } of this.storage.records("alias", range)) {
      const name = new TextDecoder().decode(key.subarray(32));
      yield { alias: { namespace: copyBytes(key.subarray(0, 32)), name }, discoveryKey: value };
    }
  }

  /** Discovery key of the log with this name; null where there is none. */
  findAlias(alias: CoreAlias): Promise<Uint8Array | null> {
    return this.storage.getRecord("alias", aliasKey(alias));
  }

  /** The keys of the logs in the group `topic` (32 bytes), each once, in the order of their last changes. */
  groupUpdates(topic: Uint8Array, options?: GroupUpdatesOptions): AsyncGenerator<Uint8Array, void, void> {
    return groupUpdates(this.storage, topic, options);
  }

  /** Discovery key of the log that is opened where no key is given; null while there is none. */
  defaultDiscoveryKey(): Promise<Uint8Array | null> {
    return this.storage.getRecord("meta", META_DEFAULT);
  }

  /** Changes which log is opened where no key is given. */
  async setDefaultDiscoveryKey(discoveryKey: Uint8Array): Promise<void> {
    await this.#write((batch) => batch.putRecord("meta", META_DEFAULT, discoveryKey));
    this.#hasDefault = true;
  }

  /** The secret from which keys of named logs are made, 32 bytes; null while there is none. */
  getSeed(): Promise<Uint8Array | null> {
    return this.storage.getRecord("meta", META_SEED);
  }

  /** Stores the seed, durably, unless there is one and `overwrite` is false; resolves to the one that holds. */
  async setSeed(seed: Uint8Array, options: { readonly overwrite?: boolean } = {}): Promise<Uint8Array> {
    return await this.#mutex.run(async () => {
      const stored = options.overwrite === false ? await this.getSeed() : null;
      if (stored !== null) return stored;
      const batch = new WriteBatch();
      batch.putRecord("meta", META_SEED, seed);
      await this.storage.write(batch, { durable: true });
      return seed;
    });
  }

  /** A text that a program tells its stores apart by; null while there is none. */
  async getId(): Promise<string | null> {
    const id = await this.storage.getRecord("meta", META_ID);
    return id && utf8Text(id);
  }

  /** Changes that text. */
  async setId(id: string): Promise<void> {
    await this.#write((batch) => batch.putRecord("meta", META_ID, utf8Bytes(id)));
  }

  /** Stores a new log and resolves to what is known of it: what was stored before, where it was. */
  async create(init: CoreInit): Promise<CoreInfo> {
    return await this.#mutex.run(async () => {
      const stored = await this.info(init.discoveryKey);
      if (stored !== null) return stored;
      const info: CoreInfo = {
        discoveryKey: copyBytes(init.discoveryKey),
        owner: this.#nextOwner,
        key: copyBytes(init.key),
        manifest: init.manifest,
        keyPair: copyOfKeyPair(init.keyPair),
        isFrozen: false,
        alias: init.alias ?? null,
        group: null,
      };
      await this.#write((batch) => {
        batch.putRecord("meta", META_LAYOUT, c.encode(c.uint, LAYOUT_VERSION));
        batch.putRecord("meta", META_NEXT_OWNER, c.encode(c.uint, info.owner + 1));
        if (!this.#hasDefault) batch.putRecord("meta", META_DEFAULT, info.discoveryKey);
        if (info.alias) batch.putRecord("alias", aliasKey(info.alias), info.discoveryKey);
        putCoreInfo(batch, info);
        for (const [name, value] of Object.entries(init.userData ?? {})) {
          batch.putRecord(
            "user",
            userKey(info.owner, name),
            typeof value === "string" ? utf8Bytes(value) : value,
          );
        }
      });
      this.#nextOwner++;
      this.#hasDefault = true;
      return info;
    });
  }

  /**
   * Gives out the number of a new owner of rows, never to be given again, and stores what `fill` adds with it.
   *
   * @throws {StorageError} as the storage.
   */
  async createOwner(fill: (batch: WriteBatch, owner: number) => void): Promise<number> {
    return await this.#mutex.run(async () => {
      const owner = this.#nextOwner;
      await this.#write((batch) => {
        batch.putRecord("meta", META_NEXT_OWNER, c.encode(c.uint, owner + 1));
        fill(batch, owner);
      });
      this.#nextOwner++;
      return owner;
    });
  }

  /** Deletes a log and all it stored; resolves to false where it was not stored. */
  async delete(discoveryKey: Uint8Array): Promise<boolean> {
    return await this.#mutex.run(async () => {
      const info = await this.info(discoveryKey);
      if (info === null) return false;
      if (this.#inUse.has(info.owner)) throw inUse(info);
      const { owner, key, group: topic } = info;
      const membership = topic && await GroupMembership.load(this.storage, { topic, owner, key });
      const defaultKey = await this.defaultDiscoveryKey();
      const isDefault = defaultKey !== null && hexText(defaultKey) === hexText(discoveryKey);
      const branches: number[] = [];
      const ofLog = { gte: ownerKey(info.owner), lt: ownerKey(info.owner + 1) };
      for await (const { key, value } of this.storage.records("session", ofLog)) {
        branches.push(keptOwnerOf(key) ?? decodeBranch(value).owner);
      }
      await this.#write((batch) => {
        for (const owner of branches) deleteContent(batch, owner);
        batch.deleteRecords("session", ofLog);
        deleteContent(batch, info.owner);
        membership?.delete(batch);
        batch.deleteRecords("user", { gte: ownerKey(info.owner), lt: ownerKey(info.owner + 1) });
        batch.deleteRecord("core", info.discoveryKey);
        if (info.alias) batch.deleteRecord("alias", aliasKey(info.alias));
        if (isDefault) batch.deleteRecord("meta", META_DEFAULT);
      });
      if (isDefault) this.#hasDefault = false;
      return true;
    });
  }

  /**
   * Marks a log as open. One log is open once: two writers would overwrite each other.
   *
   * @throws {HypercoreError} `STORAGE_CONFLICT` when it is open already.
   */
  acquire(info: CoreInfo): void {
    if (this.#inUse.has(info.owner)) throw inUse(info);
    this.#inUse.add(info.owner);
  }

  /** Undoes {@linkcode CoreStore.acquire}. */
  release(info: CoreInfo): void {
    this.#inUse.delete(info.owner);
  }

  /**
   * Makes sure that what an earlier process wrote survives a power loss, once in the life of the store. What was read
   * when opening may still lie in the operating system's cache only.
   */
  async syncOnce(): Promise<void> {
    if (this.#isSynced || this.storage.readOnly) return;
    await this.storage.sync();
    this.#isSynced = true;
  }

  async #open(): Promise<void> {
    await this.storage.open();
    const [layout, nextOwner, defaultKey] = await Promise.all([
      this.storage.getRecord("meta", META_LAYOUT),
      this.storage.getRecord("meta", META_NEXT_OWNER),
      this.storage.getRecord("meta", META_DEFAULT),
    ]);
    if (layout !== null && c.decode(c.uint, layout) > LAYOUT_VERSION) {
      const message = "Cannot open a store of hypercores written by a newer release: update this program";
      throw new StorageError("STORAGE_VERSION", message);
    }
    if (nextOwner !== null) this.#nextOwner = c.decode(c.uint, nextOwner);
    this.#hasDefault = defaultKey !== null;
  }

  async #write(fill: (batch: WriteBatch) => void): Promise<void> {
    const batch = new WriteBatch();
    fill(batch);
    await this.storage.write(batch);
  }
}

/** Adds the record of a log to a batch. */
export function putCoreInfo(batch: WriteBatch, info: CoreInfo): void {
  batch.putRecord("core", info.discoveryKey, encodeCoreInfo(info));
}

/** Adds the deletion of everything a log consists of, its record and user data apart. */
export function deleteContent(batch: WriteBatch, owner: number): void {
  batch.deleteRows("block", owner, 0);
  batch.deleteRows("node", owner, 0);
  batch.deleteRows("bitfield", owner, 0);
  batch.deleteRows("mark", owner, 0);
  batch.deleteRecord("head", ownerKey(owner));
}

function copyOfKeyPair(keyPair: LogKeyPair | null): LogKeyPair | null {
  if (keyPair === null) return null;
  const { publicKey, secretKey } = keyPair;
  return { publicKey: copyBytes(publicKey), secretKey: secretKey && copyBytes(secretKey) };
}

/** The least key greater than all that begin with `prefix`; undefined where there is none. */
function keyBehind(prefix: Uint8Array): Uint8Array | undefined {
  const last = prefix.findLastIndex((byte) => byte !== 255);
  if (last === -1) return undefined;
  // Not slice(): of a Buffer that is a view.
  const key = copyBytes(prefix.subarray(0, last + 1));
  key[last]!++;
  return key;
}

function inUse(info: CoreInfo): HypercoreError {
  const { discoveryKey } = info;
  return new HypercoreError("STORAGE_CONFLICT", "This log is open already", { discoveryKey });
}

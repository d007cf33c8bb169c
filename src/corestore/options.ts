/**
 * What callers may pass to a store of cores, with units and defaults; source: `corestore/index.js`.
 *
 * @module
 */
import type { Clock } from "../base/mod.ts";
import type { CoreStore, HypercoreOptions, KeyInput, ReplicateOptions } from "../hypercore/mod.ts";
import type { Storage } from "../storage/mod.ts";

/**
 * Where a store lies: the path of a folder (SQLite, created if missing), a storage of your own, or nothing at all (memory).
 */
export type CorestoreStorageInput = string | Storage | CoreStore;

/** Options of `store.session()`. */
export interface CorestoreSessionOptions {
  /** 32 bytes that set the names of this store apart. Default: zeros. */
  readonly namespace?: Uint8Array;
  /** False: cores are opened read-only unless `get` says otherwise. Default true. */
  readonly writable?: boolean;
  /** The opposite of `writable`; of a root store, also opens the storage without writing to it. Default false. */
  readonly readOnly?: boolean;
  /** False: this store's cores are not attached to streams by themselves. Default true. */
  readonly active?: boolean;
  /** Version of the manifests of new named cores. Default: the parent's, of a root store 1. */
  readonly manifestVersion?: number;
}

/** Options of `new Corestore`. */
export interface CorestoreOptions extends CorestoreSessionOptions {
  /** 32 bytes from which keys of named cores are made; needs `unsafe`. Default: random at first, then the stored one. */
  readonly primaryKey?: Uint8Array;
  /** Acknowledges that two stores with one primary key must never write the same core. */
  readonly unsafe?: boolean;
  /**
   * Identity of the store: kept by the first open that gives one; an open that gives another fails with
   * `STORE_CONFLICT`.
   */
  readonly id?: string;
  /** Has no effect: a store that was copied can be opened. Never let two copies write the same core. */
  readonly allowBackup?: boolean;
  /** How many tree nodes each core keeps in memory, about 300 bytes each. Default 32 768; of the npm package, 8192 in all. */
  readonly treeCache?: { readonly maxSize?: number };
  /** Waits while another process has the store open for writing. Default false: `STORAGE_LOCKED`. */
  readonly wait?: boolean;
  /** Handed to every core, for what is built on it (`core.globalCache`). */
  readonly globalCache?: unknown;
  /** False: `suspend()` does nothing. Default true. */
  readonly suspend?: boolean;
  /** Source of time. */
  readonly clock?: Clock;
}

/** Options of `store.get()`; a name, a key, a discovery key, a key pair or a manifest says which core. */
export interface GetCoreOptions<Value = Uint8Array> extends
  Omit<
    HypercoreOptions<Value>,
    | "storage"
    | "name"
    | "parent"
    | "core"
    | "autoClose"
    | "snapshot"
    | "preopen"
    | "preload"
    | "compat"
    | "userData"
    | "clock"
    | "random"
  > {
  /** A name of your own; the core is writable, its key follows from the primary key, the namespace and the name. */
  readonly name?: string;
  /** 32 bytes, hexadecimal or z-base-32. */
  readonly key?: KeyInput | null;
  /** 32 bytes; opens a core that is stored, `STORAGE_EMPTY` where it is not. */
  readonly discoveryKey?: Uint8Array;
  /** Waits until no other exclusive writable session holds the core. Default false. */
  readonly exclusive?: boolean;
  /** 32 bytes; topic of cores that are watched together, see `notifyGroup()`. */
  readonly group?: Uint8Array;
  /** Handed to the core in place of the store's. */
  readonly globalCache?: unknown;
  /** Resolves to options that override these. */
  readonly preload?: Promise<Partial<GetCoreOptions<Value>>>;
}

/** Options of `store.replicate()`. */
export type CorestoreReplicateOptions = Omit<ReplicateOptions, "ondiscoverykey">;

/** Options of `store.suspend()`. */
export interface SuspendOptions {
  /** Told of each step. */
  readonly log?: (message: string) => void | Promise<void>;
}

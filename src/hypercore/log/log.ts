/**
 * A log in a store: append, proofs both ways, and what is known of it. No network.
 *
 * @module
 */
import type { Bitfield } from "./bitfield.ts";
import type { CoreStore } from "./core_store.ts";
import type { ManifestInput } from "./manifest.ts";
import type {
  LogKeyPair,
  LogListener,
  Manifest,
  Proof,
  ProofRequest,
  ProveResult,
  SeekResult,
  TreeHead,
  VerifyResult,
} from "./types.ts";

/** Options of {@linkcode Log.open}; semantics of `hypercore/lib/core.js`. */
export interface LogOpenOptions {
  /** 32 bytes. Without it and `discoveryKey` the store's default log is opened. */
  readonly key?: Uint8Array | null;
  /** 32 bytes; opens a stored log whose key is not known. */
  readonly discoveryKey?: Uint8Array | null;
  /** Signs what is appended; for a new log without `key` a fresh one is made. */
  readonly keyPair?: LogKeyPair | null;
  /** What the key commits to. Default: one signer, the key pair. */
  readonly manifest?: ManifestInput | Uint8Array | null;
  /** False: `STORAGE_EMPTY` where nothing is stored. Default true. */
  readonly createIfMissing?: boolean;
  /** Discards a stored log first. Default false. */
  readonly overwrite?: boolean;
  /** Turns a conflict of keys into an overwrite. Default false. */
  readonly force?: boolean;
  /** The key of a new log is the signer's public key itself. Default: where no manifest is given. */
  readonly compat?: boolean;
  /** Accepts and makes signatures from before namespaces. Default false. */
  readonly legacy?: boolean;
  /** Stored with a new log. */
  readonly userData?: Readonly<Record<string, Uint8Array | string>> | null;
  /** Name under which a new log can be found. */
  readonly alias?: CoreAlias | null;
}

/** A name for a log within a store. */
export interface CoreAlias {
  /** The name. */
  readonly name: string;
  /** 32 bytes: names of different namespaces are different. */
  readonly namespace: Uint8Array;
}

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

/** One log. */
export declare class Log {
  private constructor();
  static open(store: CoreStore, options?: LogOpenOptions): Promise<Log>;
  readonly key: Uint8Array;
  readonly discoveryKey: Uint8Array;
  get manifest(): Manifest | null;
  get compat(): boolean;
  get keyPair(): LogKeyPair | null;
  get head(): TreeHead;
  get published(): TreeHead;
  get bitfield(): Bitfield;
  get contiguousLength(): number;
  append(blocks: readonly Uint8Array[], options?: LogAppendOptions): Promise<LogAppendResult>;
  publish(): Promise<TreeHead>;
  prove(requests: readonly ProofRequest[], head?: TreeHead): Promise<ProveResult[]>;
  verify(proofs: readonly Proof[]): Promise<VerifyResult[]>;
  missingNodes(treeIndex: number): number | Promise<number>;
  upgradeable(length: number): boolean | Promise<boolean>;
  getBlock(index: number): Promise<Uint8Array | null>;
  getBlocks(indexes: readonly number[]): Promise<(Uint8Array | null)[]>;
  treeHash(length?: number): Promise<Uint8Array>;
  seek(bytes: number, padding?: number): Promise<SeekResult>;
  getUserData(name: string): Promise<Uint8Array | null>;
  setUserData(name: string, value: Uint8Array | null): Promise<void>;
  setManifest(manifest: ManifestInput | Uint8Array): Promise<void>;
  setKeyPair(keyPair: LogKeyPair | null): void;
  subscribe(listener: LogListener): () => void;
  close(): Promise<void>;
}

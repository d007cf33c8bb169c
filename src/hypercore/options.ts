/**
 * What callers may pass to a log, with units and defaults; source: `hypercore/index.js`.
 *
 * @module
 */
import type { Clock, Random } from "../base/mod.ts";
import type { KeyPair as NoiseKeyPair } from "../secret_stream/mod.ts";
import type { Storage } from "../storage/mod.ts";
import type { Core } from "./core.ts";
import type { Hypercore } from "./hypercore.ts";
import type { EncryptionOptions } from "./encryption.ts";
import type { Atom, CoreStore, LogKeyPair, ManifestInput } from "./log/mod.ts";
import type { ProtocolStream } from "./protocol_stream.ts";
import type { RequestList } from "./replication/mod.ts";
import type { ValueEncoding } from "./value_encoding.ts";

/** 32 bytes, or the same as hexadecimal digits or z-base-32. */
export type KeyInput = Uint8Array | string;

/**
 * Where a log lies: the path of a folder (SQLite, created if missing), a storage of your own, or nothing at all (memory).
 */
export type StorageInput = string | Storage | CoreStore;

/** A class that sessions can be made of. */
export interface SessionClass {
  /** As the constructor of `Hypercore`. */
  new <Value>(
    storage: StorageInput | null,
    key: KeyInput | null,
    options: HypercoreOptions<Value>,
  ): Hypercore<Value>;
}

/** Options of a session; most are taken over from its parent unless given. */
export interface SessionOptions<Value = Uint8Array> extends EncryptionOptions {
  /** Applied to each block. Default: bytes as they are. */
  readonly valueEncoding?: ValueEncoding<Value>;
  /** Makes the bytes of a whole `append`; `valueEncoding` is then for reading only. */
  readonly encodeBatch?: (values: readonly Value[]) => Uint8Array[];
  /** Whether reads may wait for peers. Default true. */
  readonly wait?: boolean;
  /** How long a read waits for peers, ms; 0 for ever. Default 0. */
  readonly timeout?: number;
  /** Called when a read has to wait for peers. */
  readonly onwait?: ((index: number, core: Hypercore<Value>) => void) | null;
  /** Called for every index passed to `get`. */
  readonly onseq?: ((index: number, core: Hypercore<Value>) => void) | null;
  /** False makes the session read-only even where the secret key is there. Default true. */
  readonly writable?: boolean;
  /** Whether this session counts as interested in downloading. Default true. */
  readonly active?: boolean;
  /** Signs in place of the stored key pair. */
  readonly keyPair?: LogKeyPair;
  /** Pins the session to the length at its creation. Default false. */
  readonly snapshot?: boolean;
  /** Puts the session on the branch of that name, which is made from what is here now where there is none. */
  readonly name?: string;
  /** Holds the session's changes back until the atom is flushed. */
  readonly atom?: Atom;
  /** Cuts the branch, or what the atom holds back, to so many blocks first. */
  readonly checkout?: number;
  /** Discards what is stored, of the branch where `name` is given. Default false. */
  readonly overwrite?: boolean;
  /** Waits until no other exclusive writable session of the log is there. Default false. */
  readonly exclusive?: boolean;
  /** The session does not keep the log open: it closes once no other one is left. Default false. */
  readonly weak?: boolean;
  /** Class to make the session of. Default `Hypercore`. */
  readonly class?: SessionClass;
  /** List that the session stands in while it is open. Default: one of all sessions of the log. */
  readonly sessions?: Hypercore<unknown>[];
  /** Called when the session has left its list. */
  readonly ongc?: (session: Hypercore<Value>) => void;
  /** Blocks nobody asked for are taken and nothing is asked for, in all sessions of the log. Default false. */
  readonly pushOnly?: boolean;
  /** Session to make another one of; `session()` sets it. */
  readonly parent?: Hypercore<unknown>;
}

/** Options of `new Hypercore`. */
export interface HypercoreOptions<Value = Uint8Array> extends SessionOptions<Value> {
  /** In place of the first argument. */
  readonly storage?: StorageInput | null;
  /** In place of the second argument. */
  readonly key?: KeyInput | null;
  /** 32 bytes; opens a log that is already stored. */
  readonly discoveryKey?: Uint8Array;
  /** False: opening a log that is not stored fails with `STORAGE_EMPTY`. Default true. */
  readonly createIfMissing?: boolean;
  /** Turns a conflict of keys into an overwrite. Default false. */
  readonly force?: boolean;
  /** What the key commits to; a default of one signer is made from the key pair. */
  readonly manifest?: ManifestInput;
  /** The key is the signer's public key itself. Default: only where key and key pair say so. */
  readonly compat?: boolean;
  /** Accepts signatures from before namespaces. Default false. */
  readonly legacy?: boolean;
  /** Written into the local user data when opening. */
  readonly userData?: Readonly<Record<string, Uint8Array | string>>;
  /** 32 bytes: topic of the group that the log joins. */
  readonly group?: Uint8Array | null;
  /** Handed to what is built on the log, as `core.globalCache`. */
  readonly globalCache?: unknown;
  /** Resolves to options that override these. */
  readonly preload?: Promise<Partial<HypercoreOptions<Value>>>;
  /** Awaited before storage is touched. */
  readonly preopen?: Promise<unknown>;
  /** Asks peers for a longer log without `update()`. Default true. */
  readonly eagerUpgrade?: boolean;
  /** Blocks asked of one peer at a time, lowest and highest. Default [16, 512]. */
  readonly inflightRange?: readonly [number, number];
  /** How long the log still counts as downloading after the last session went, ms. Default random, 20 000 to 40 000. */
  readonly notDownloadingLinger?: number;
  /** False: a remote fork is not followed. Default true. */
  readonly allowFork?: boolean;
  /** Takes blocks that were not asked for, and tells peers so. Default false. */
  readonly allowPush?: boolean;
  /** Always fetches the newest block with an upgrade. Default false. */
  readonly allowLatestBlock?: boolean;
  /** Source of time. */
  readonly clock?: Clock;
  /** Source of randomness for scheduling. */
  readonly random?: Random;
  /** An already open core to make a session of; for stores of many cores. */
  readonly core?: Core;
  /** False: the core stays open after its last session closed; for stores of many cores. Default true. */
  readonly autoClose?: boolean;
}

/** Options of every wait: how long, and how to give up. */
export interface WaitOptions {
  /** Whether to wait for peers; the default is the session's. */
  readonly wait?: boolean;
  /** ms, 0 for ever; the default is the session's. Ends with `REQUEST_TIMEOUT`. */
  readonly timeout?: number;
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal;
  /** List that holds the request, for `Hypercore.clearRequests`. */
  readonly activeRequests?: RequestList;
}

/** Options of `get`. */
export interface GetOptions<Value> extends WaitOptions {
  /** In place of the session's. */
  readonly valueEncoding?: ValueEncoding<Value>;
  /** Called when this read has to wait for peers. */
  readonly onwait?: (index: number, core: Hypercore<Value>) => void;
  /** Asks peers even where the block is marked as present. */
  readonly force?: boolean;
  /** Gives the stored bytes, not decrypted and not decoded. */
  readonly raw?: boolean;
  /** False: does not decrypt; the padding is left out all the same. Default true. */
  readonly decrypt?: boolean;
}

/** Options of `update`. */
export interface UpdateOptions extends WaitOptions {
  /** Also where this session is writable. Default false. */
  readonly force?: boolean;
}

/** Options of `append`. */
export interface AppendOptions {
  /** Signs in place of the session's key pair. */
  readonly keyPair?: LogKeyPair | null;
  /** A ready signature over the result; checked. */
  readonly signature?: Uint8Array | null;
  /** True: the session need not be able to sign. Default false. */
  readonly writable?: boolean;
  /** Called with the stored bytes before anybody hears of them; the append waits for what it returns. */
  readonly postappend?: (blocks: readonly Uint8Array[]) => unknown;
  /** Refuses to grow past this many blocks. */
  readonly maxLength?: number;
  /** True: resolves only once the blocks survive a power cut. Default false. */
  readonly durable?: boolean;
}

/** What `append` resolves to. */
export interface AppendResult {
  /** Blocks after the append. */
  readonly length: number;
  /** Bytes after the append. */
  readonly byteLength: number;
}

/** Options of `commit`. */
export interface CommitOptions {
  /** Blocks that the log has afterwards. Default: as many as the other session. */
  readonly length?: number;
  /** Blocks from 0 on that are known to be the same. Default: those that are shared. */
  readonly treeLength?: number;
  /** Signs in place of the session's key pair. */
  readonly keyPair?: LogKeyPair | null;
  /** A ready signature over the result; checked. */
  readonly signature?: Uint8Array | null;
}

/** Options of `sweep`. */
export interface SweepOptions {
  /** Ranges that are dropped before it is waited for. Default 1000. */
  readonly batchSize?: number;
}

/** Options of `truncate`. */
export interface TruncateOptions {
  /** The new fork. Default: one more than the present one. */
  readonly fork?: number;
  /** Signs in place of the session's key pair. */
  readonly keyPair?: LogKeyPair | null;
  /** A ready signature over the result; checked. */
  readonly signature?: Uint8Array | null;
}

/** Options of `clear`. */
export interface ClearOptions {
  /** Whether to count what was dropped. Default false. */
  readonly diff?: boolean;
}

/** What `clear` resolves to where `diff` is set. */
export interface ClearResult {
  /** Blocks that were stored and are dropped. */
  readonly blocks: number;
}

/** Options of `download`. */
export interface DownloadRange {
  /** First block. Default 0. */
  readonly start?: number;
  /** End, exclusive; -1 follows the log for ever. Default -1. */
  readonly end?: number;
  /** Blocks from `start`, in place of `end`. */
  readonly length?: number;
  /** These blocks only. */
  readonly blocks?: readonly number[];
  /** In order, not at random. Default false. */
  readonly linear?: boolean;
  /** List that holds the request, for `Hypercore.clearRequests`. */
  readonly activeRequests?: RequestList;
  /** Cancels the download. */
  readonly signal?: AbortSignal;
}

/** Options of `createReadStream`. */
export interface ReadStreamOptions {
  /** First block. Default 0. */
  readonly start?: number;
  /** End, exclusive. Default: the length. */
  readonly end?: number;
  /** Waits for new blocks at the end. Default false. */
  readonly live?: boolean;
  /** Fixes the end when the stream opens. Default true unless live. */
  readonly snapshot?: boolean;
  /** As in `get`. */
  readonly wait?: boolean;
  /** As in `get`, ms. */
  readonly timeout?: number;
}

/** Options of `createByteStream`. */
export interface ByteStreamOptions {
  /** First byte. Default 0. */
  readonly byteOffset?: number;
  /** Bytes; -1 to the end. Default -1. */
  readonly byteLength?: number;
  /** Blocks fetched ahead. Default 32. */
  readonly prefetch?: number;
}

/** Options of `replicate` and `Hypercore.createProtocolStream`. */
export interface ReplicateOptions {
  /** False: no keep-alive. Default: 5000 ms where the stream has none. */
  readonly keepAlive?: number | false;
  /** Called with the discovery key of a log that the remote opens and nobody here has. */
  readonly ondiscoverykey?: (discoveryKey: Uint8Array) => void | Promise<void>;
  /** Identity of a stream that is made here; passed to the secret stream. */
  readonly keyPair?: NoiseKeyPair | Promise<NoiseKeyPair>;
  /** An existing secret stream to use. */
  readonly stream?: ProtocolStream;
}

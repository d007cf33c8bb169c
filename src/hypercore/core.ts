/**
 * What all sessions of one log share: the log itself, its replication and the list of the sessions. Users hold
 * sessions (`hypercore.ts`); stores of many cores hold this.
 *
 * @module
 */
import type { Readable } from "../base/mod.ts";
import { idEncoding } from "../hypercore_crypto/mod.ts";
import type { Protomux } from "../protomux/mod.ts";
import { isStorage, MemoryStorage, SqliteStorage, type Storage } from "../storage/mod.ts";
import { HypercoreError } from "./errors.ts";
import { CONFLICT_SHOW_MS } from "./limits.ts";
import type { Hypercore } from "./hypercore.ts";
import type { Extension } from "./extension.ts";
import {
  type AuditOptions,
  type AuditResult,
  type Bitfield,
  CoreStore,
  Log,
  type LogChange,
  type LogOpenOptions,
  type Manifest,
  type ManifestInput,
  type Proof,
  type UserDataEntry,
  type UserDataRange,
} from "./log/mod.ts";
import type { StorageInput } from "./options.ts";
import { waitForRecovery } from "./recovery.ts";
import { UserDataStream } from "./user_data_stream.ts";
import {
  type DataMessage,
  type Peer,
  Replicator,
  type ReplicatorEvents,
  type ReplicatorOptions,
} from "./replication/mod.ts";

/** What a core asks of a session registered with it. */
export interface CoreSession {
  /** The session itself. */
  readonly session: Hypercore<unknown>;
  /** Does not keep the core open. */
  readonly isWeak: boolean;
  /** Passes on an event that all sessions share. */
  relay<K extends keyof SharedEvents>(event: K, ...args: SharedEvents[K]): void;
}

/** Events that reach every session of a log. */
export interface SharedEvents {
  /** A peer's channel opened. */
  "peer-add": ReplicatorEvents["peer-add"];
  /** A peer's channel closed. */
  "peer-remove": ReplicatorEvents["peer-remove"];
  /** A block was sent: its index, its bytes without padding, and to whom. */
  upload: ReplicatorEvents["upload"];
  /** A block was verified and stored: its index, its bytes without padding, and from whom. */
  download: ReplicatorEvents["download"];
  /** A peer claimed a longer run of blocks from 0 than any before. */
  "remote-contiguous-length": ReplicatorEvents["remote-contiguous-length"];
  /** A proof did not verify. */
  "verification-error": ReplicatorEvents["verification-error"];
  /** A peer asked for what cannot be proved. */
  "invalid-request": ReplicatorEvents["invalid-request"];
  /** The manifest became known. */
  manifest: [];
  /**
   * Two different logs of `length` blocks are signed for one key; `proof` is of the one that is not ours. Nobody can be
   * believed any more: all sessions are closed after this.
   */
  conflict: [length: number, fork: number, proof: DataMessage];
  /** Roots of the log were lost and are being restored from `proof`. */
  repairing: [proof: Proof];
  /** The log's roots are there again. */
  repaired: [proof: Proof];
  /** A proof did not lead to the roots that were lost. */
  "repair-failed": [];
}

const RELAYED_EVENTS = [
  "peer-add",
  "peer-remove",
  "upload",
  "download",
  "remote-contiguous-length",
  "verification-error",
  "invalid-request",
] as const satisfies readonly (keyof SharedEvents)[];

/** Options of {@linkcode Core}. */
export interface CoreOptions extends LogOpenOptions, ReplicatorOptions {
  /** Awaited before storage is touched. */
  readonly preopen?: Promise<unknown>;
  /** False: stays open after the last session closed. Default true. */
  readonly autoClose?: boolean;
  /** 32 bytes: topic of the group that the log joins, see {@linkcode Core.setGroup}. */
  readonly group?: Uint8Array | null;
  /** Handed to what is built on the log, as `core.globalCache`; the log does not use it. */
  readonly globalCache?: unknown;
}

/** A change of a log in a group. */
export interface GroupUpdate {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** Blocks. */
  readonly length: number;
  /** How often the log was truncated. */
  readonly fork: number;
}

/** One open log with its replication, shared by the sessions on it. */
export class Core {
  /** Whether peers of cores opened from now on are asked about small regions. */
  static asksSmallRegions = false;
  /** Whose word {@linkcode Core.recover} takes: public keys, 32 bytes each; null for anybody's. */
  static recoveryPeers: readonly Uint8Array[] | null = null;

  /** Where the log lies. */
  readonly store: CoreStore;
  /** Whether the core closes with its last session. */
  readonly autoClose: boolean;
  /** Extensions by name, whichever session registered them. */
  readonly extensions: Map<string, Extension<unknown>> = new Map();
  /** What the opener passed as `globalCache`; null for nothing. */
  readonly globalCache: unknown;
  /** Called whenever neither a session nor a peer uses the core; for stores that close such cores. */
  onidle: () => void = tellNobody;
  /** Called after a change of the length or fork of a core in a group. */
  ongroupupdate: (topic: Uint8Array, update: GroupUpdate) => void = tellNobody;
  /** Called when the core begins to want blocks; for stores that attach cores to streams only then. */
  ondownloading: () => void = tellNobody;
  readonly #options: CoreOptions;
  readonly #sessions = new Set<CoreSession>();
  readonly #attached = new WeakSet<Protomux>();
  readonly #opening: Promise<void>;
  #log: Log | null = null;
  #replicator: Replicator | null = null;
  #unsubscribe: (() => void) | null = null;
  #closing: Promise<void> | null = null;
  #isExclusive = false;
  readonly #exclusiveQueue: (() => void)[] = [];
  #activeSessions = 0;
  #isPurging = false;

  /** Starts opening. */
  constructor(storage: StorageInput | null | undefined, options: CoreOptions) {
    this.#options = options;
    this.autoClose = options.autoClose ?? true;
    this.globalCache = options.globalCache ?? null;
    this.store = openCoreStore(storage);
    this.#opening = this.#open();
    this.#opening.catch(() => this.#releaseStore());
  }

  async #open(): Promise<void> {
    await this.#options.preopen;
    retainStore(this.store);
    await this.store.open();
    const log = await Log.open(this.store, this.#options);
    const replicator = new Replicator(log, { ...this.#options, smallWants: Core.asksSmallRegions });
    if (log.isBroken) replicator.setPushOnly(true);
    for (const event of RELAYED_EVENTS) {
      replicator.on(event, (...args: SharedEvents[typeof event]) => this.#relay(event, args));
    }
    replicator.on("conflict", (proof) => this.#handleConflict(proof));
    replicator.on("extension", (name, message, peer) => this.extensions.get(name)?.receive(message, peer));
    this.#unsubscribe = log.subscribe((change) => this.#handleChange(change));
    replicator.ondownloading = () => this.ondownloading();
    replicator.onidle = () => this.checkIfIdle();
    await log.trackGroup(() => replicator.clock.wallMs());
    this.#log = log;
    this.#replicator = replicator;
    if (this.#options.group) await this.#joinGroup(this.#options.group);
    // Compat: hypercore/lib/core.js asks for an empty log's length once, even if no session wants its blocks.
    if (log.head.length === 0 && !log.keyPair?.secretKey) {
      replicator.setDownloading(true);
      replicator.setDownloading(false);
    }
  }

  /** Resolves once the log is open. */
  ready(): Promise<void> {
    return this.#opening;
  }

  /** Whether the log is open. */
  get opened(): boolean {
    return this.#log !== null && this.#closing === null;
  }

  /** Resolves once closed, null while nobody closes. */
  get closing(): Promise<void> | null {
    return this.#closing;
  }

  /**
   * The log.
   *
   * @throws {HypercoreError} `ERR_ASSERTION` before the core is open.
   */
  get log(): Log {
    if (this.#log === null) throw new HypercoreError("ERR_ASSERTION", "The core is not open yet");
    return this.#log;
  }

  /** Key of the log, null where it is not known before opening. */
  get key(): Uint8Array | null {
    return this.#log?.key ?? this.#options.key ?? null;
  }

  /** Discovery key of the log, null where it is not known before opening. */
  get discoveryKey(): Uint8Array | null {
    return this.#log?.discoveryKey ?? this.#options.discoveryKey ?? null;
  }

  /**
   * The replication of the log.
   *
   * @throws {HypercoreError} `ERR_ASSERTION` before the core is open.
   */
  get replicator(): Replicator {
    if (this.#replicator === null) throw new HypercoreError("ERR_ASSERTION", "The core is not open yet");
    return this.#replicator;
  }

  /** The key as z-base-32; null before it is known. */
  get id(): string | null {
    return this.key === null ? null : idEncoding.encode(this.key);
  }

  /** What the key commits to; null before it is known. */
  get manifest(): Manifest | null {
    return this.#log?.manifest ?? null;
  }

  /** Whether the key is the signer's public key, as far as is known. */
  get compat(): boolean {
    return this.#log?.compat ?? this.#options.compat === true;
  }

  /** Blocks that are stored; to be read only. */
  get bitfield(): Bitfield {
    return this.log.bitfield;
  }

  /** Attaches a manifest that hashes to the key to a log opened by key. */
  async setManifest(manifest: ManifestInput | Uint8Array): Promise<void> {
    await this.#opening;
    await this.log.setManifest(manifest);
  }

  /** Verifies a proof and stores what it brings; false where it is of another fork or brings nothing new. */
  async verify(proof: Proof): Promise<boolean> {
    await this.#opening;
    const [result] = await this.log.verify([proof]);
    if (result!.kind === "invalid") throw result!.error;
    return result!.kind === "applied";
  }

  /** Checks what is stored against itself, and drops what does not hold. */
  async audit(options?: AuditOptions): Promise<AuditResult> {
    await this.#opening;
    return await this.log.audit(options);
  }

  /** Takes over the prologue, and the user data, from another core's log. */
  async copyPrologue(source: { readonly core: Core }): Promise<void> {
    await this.#opening;
    await this.log.copyPrologue(source.core.log);
  }

  /** The user data kept beside the log, or a branch of it, in order of the names. */
  createUserDataStream(range: UserDataRange = {}, log: Log = this.log): Readable<UserDataEntry> {
    return new UserDataStream(log.userData.entries(range));
  }

  /** Has the storage write out what it holds back, and give back the space of what was dropped. */
  async compact(): Promise<void> {
    await this.#opening;
    await this.store.storage.compact();
  }

  /** Resolves once peers have confirmed for a while that they have nothing of our own that is not here. */
  async recover(): Promise<void> {
    await this.#opening;
    await waitForRecovery({
      log: this.log,
      replicator: this.replicator,
      trusted: () => Core.recoveryPeers,
      isClosing: () => this.#closing !== null,
    });
  }

  /** Asks every peer for the roots of the log, to restore those that are lost. */
  repairFromPeers(): void {
    this.replicator.setPushOnly(true);
    this.replicator.askForRoots();
  }

  /** Restores lost roots from a proof of the whole log; false where that does not lead to them. */
  repairFrom(proof: Proof): Promise<boolean> {
    return this.log.repair(proof);
  }

  /** Registers a session; the core stays open while there is one that is not weak. */
  addSession(session: CoreSession): void {
    if (this.#sessions.has(session)) return;
    this.#sessions.add(session);
    if (!session.isWeak) this.#activeSessions++;
  }

  /** Forgets a session; tells whether it was the last one that keeps the core open. */
  removeSession(session: CoreSession): boolean {
    if (!this.#sessions.delete(session)) return false;
    if (!session.isWeak) this.#activeSessions--;
    this.checkIfIdle();
    return this.#activeSessions === 0;
  }

  /**
   * Puts the log into the group `topic` (32 bytes), for good: the store remembers which logs of a group changed when.
   *
   * @throws {HypercoreError} `STORAGE_CONFLICT` where it is in another one.
   */
  async setGroup(topic: Uint8Array): Promise<void> {
    await this.#opening;
    await this.#joinGroup(topic);
  }

  async #joinGroup(topic: Uint8Array): Promise<void> {
    const { log, replicator } = this;
    const isNew = log.group === null;
    await log.setGroup(topic);
    if (isNew) await log.trackGroup(() => replicator.clock.wallMs());
  }

  /** Waits until no other exclusive session holds the core, then holds it. */
  async lockExclusive(): Promise<void> {
    if (!this.#isExclusive) this.#isExclusive = true;
    else await new Promise<void>((resolve) => this.#exclusiveQueue.push(resolve));
  }

  /** Ends {@linkcode Core.lockExclusive}: the session that has waited longest is next. */
  unlockExclusive(): void {
    const next = this.#exclusiveQueue.shift();
    if (next === undefined) this.#isExclusive = false;
    else next();
  }

  /** The sessions that are registered. */
  get sessions(): CoreSession[] {
    return Array.from(this.#sessions);
  }

  /** Sessions that keep the core open. */
  get activeSessions(): number {
    return this.#activeSessions;
  }

  /** Whether a session keeps the core open. */
  hasSession(): boolean {
    return this.#activeSessions > 0;
  }

  /** The sessions as users hold them. */
  allSessions(): Hypercore<unknown>[] {
    return this.sessions.map(({ session }) => session);
  }

  /** Closes every session; what waits in them ends with `error`. */
  async closeAllSessions(error: Error | null): Promise<void> {
    await Promise.allSettled(this.allSessions().map((session) => session.close({ error })));
  }

  /** Whether neither a session nor a peer uses the core. */
  get isIdle(): boolean {
    return this.opened && !this.hasSession() && this.replicator.isIdle();
  }

  /** Calls {@linkcode Core.onidle} if the core is idle. */
  checkIfIdle(): void {
    if (this.isIdle) this.onidle();
  }

  /**
   * Replicates over `mux`, once per muxer. What was written here is made durable first: a peer may only hear of what
   * survives a power cut.
   */
  async attachTo(mux: Protomux): Promise<void> {
    if (this.#attached.has(mux)) return;
    this.#attached.add(mux);
    try {
      await this.#opening;
      await this.log.publish();
    } catch (error) {
      this.#attached.delete(mux);
      throw error;
    }
    if (this.#closing !== null) return;
    this.replicator.attachTo(mux);
    // What was appended while that was made durable found nobody to be told.
    this.#publishSoon();
  }

  /** Whether {@linkcode Core.attachTo} was called with `mux`. */
  attached(mux: Protomux): boolean {
    return this.#attached.has(mux);
  }

  /**
   * Closes replication, log and, where no other core uses it, the storage. Weak sessions are closed with it.
   *
   * @throws {HypercoreError} `ERR_ASSERTION` while a session keeps it open.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close().catch((error) => {
      this.#closing = null;
      throw error;
    });
    return this.#closing;
  }

  /**
   * Closes every session, then deletes all that is stored of the log.
   *
   * @throws {StorageError} as the storage.
   */
  async purge(): Promise<void> {
    await this.#opening;
    this.#isPurging = true;
    await this.closeAllSessions(null);
    await this.close();
  }

  async #close(): Promise<void> {
    await this.#opening;
    if (this.hasSession()) {
      throw new HypercoreError("ERR_ASSERTION", "Cannot close a core while sessions are open");
    }
    // Those that are left are weak.
    await this.closeAllSessions(null);
    await this.replicator.close();
    this.#unsubscribe?.();
    await this.log.close();
    if (this.#isPurging) await this.store.delete(this.log.discoveryKey);
    await this.#releaseStore();
  }

  async #releaseStore(): Promise<void> {
    if (releaseStore(this.store) && this.autoClose) await this.store.close();
  }

  #handleChange(change: LogChange): void {
    const isOwn = change.kind === "append" || change.kind === "truncate";
    if (isOwn && this.replicator.hasAttached()) this.#publishSoon();
    if (change.kind === "manifest") this.#relay("manifest", []);
    if (change.kind === "repair") this.#handleRepair(change);
    if (change.kind === "append" || change.kind === "upgrade" || change.kind === "truncate") {
      this.#tellGroup();
    }
  }

  #handleRepair({ outcome, proof }: LogChange & { kind: "repair" }): void {
    switch (outcome) {
      case "begun":
        return this.#relay("repairing", [proof]);
      case "failed":
        return this.#relay("repair-failed", []);
      case "done":
        this.replicator.setPushOnly(this.#options.pushOnly ?? false);
        this.replicator.updateAll();
        return this.#relay("repaired", [proof]);
    }
  }

  #tellGroup(): void {
    const { key, group, head } = this.log;
    if (group !== null) this.ongroupupdate(group, { key, length: head.length, fork: head.fork });
  }

  /** Peers are shown the other tree before everything is closed. */
  async #handleConflict(proof: DataMessage): Promise<void> {
    const { length } = proof.upgrade!;
    this.#relay("conflict", [length, proof.fork, proof]);
    await this.replicator.peersGone(CONFLICT_SHOW_MS);
    const message = `Two conflicting signatures exist for length ${length}`;
    const { discoveryKey } = this;
    await this.closeAllSessions(new HypercoreError("INVALID_SIGNATURE", message, { discoveryKey }));
  }

  /** A failed sync is reported by the writes that follow it; peers simply hear nothing new. */
  #publishSoon(): void {
    this.log.publish().catch(() => {});
  }

  #relay<K extends keyof SharedEvents>(event: K, args: SharedEvents[K]): void {
    for (const session of this.sessions) session.relay(event, ...args);
  }
}

function tellNobody(): void {}

/** Peers whose replication is running. */
export function peersOf(core: Core | null): Peer[] {
  return core?.opened ? core.replicator.peers : [];
}

/** Turns what a caller gave as storage into a store of logs. */
export function openCoreStore(storage: StorageInput | null | undefined): CoreStore {
  if (storage instanceof CoreStore) return storage;
  if (storage === null || storage === undefined) return new CoreStore(new MemoryStorage());
  if (typeof storage === "string") return new CoreStore(new SqliteStorage(storage));
  if (isStorage(storage)) return storeOf(storage);
  throw new HypercoreError(
    "BAD_ARGUMENT",
    `Storage must be a folder's path or a Storage, not ${typeof storage}`,
  );
}

/**
 * Stores by the storage they stand on, and how many cores use each: two cores on one storage must share the numbering
 * of owners, and the storage closes with the last of them. Weak, so it holds nothing alive.
 */
const stores = new WeakMap<Storage, CoreStore>();
const users = new WeakMap<CoreStore, number>();

function storeOf(storage: Storage): CoreStore {
  let store = stores.get(storage);
  if (store === undefined) stores.set(storage, store = new CoreStore(storage));
  return store;
}

function retainStore(store: CoreStore): void {
  users.set(store, (users.get(store) ?? 0) + 1);
}

/** Tells whether that was the last user. */
function releaseStore(store: CoreStore): boolean {
  const left = (users.get(store) ?? 1) - 1;
  users.set(store, left);
  return left === 0;
}

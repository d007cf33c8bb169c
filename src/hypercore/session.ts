/**
 * What a session stands on: its core, the log or branch it reads and writes, a pinned state, an encryption; and how it
 * comes and goes. The class users hold (`hypercore.ts`) is the face of this.
 *
 * @module
 */
import { utf8Bytes } from "../base/mod.ts";
import type { Encoder } from "../compact_encoding/mod.ts";
import { discoveryKey } from "../hypercore_crypto/mod.ts";
import { parseKey } from "./arguments.ts";
import { Core, type CoreSession } from "./core.ts";
import { DefaultEncryption } from "./default_encryption.ts";
import { encryptionInput, type EncryptionProvider, encryptionProvider } from "./encryption.ts";
import { HypercoreError, type HypercoreErrorCode } from "./errors.ts";
import type { HypercoreEvents } from "./events.ts";
import type { Extension } from "./extension.ts";
import type { Hypercore } from "./hypercore.ts";
import type { Log, LogChange, LogKeyPair, LogSnapshot, TreeHead } from "./log/mod.ts";
import type { Marks } from "./marks.ts";
import type { HypercoreOptions, StorageInput } from "./options.ts";
import type { RequestList } from "./replication/mod.ts";
import { encoderOf } from "./value_encoding.ts";

/** What the constructor was given. */
export interface SessionInput<Value> {
  readonly storage: StorageInput | null;
  readonly key: Uint8Array | null;
  readonly options: HypercoreOptions<Value>;
}

/** A session that is open. */
export interface OpenSession {
  readonly kind: "open";
  readonly core: Core;
  /** The log that peers see, a branch of it, or what an atom holds back. */
  readonly log: Log;
  /** The pinned state; null where the session follows the log. */
  readonly snapshot: LogSnapshot | null;
  readonly unsubscribe: () => void;
}

/** Where a session is in its life, with what exists only there. */
type SessionState =
  | { readonly kind: "opening" }
  | OpenSession
  | { readonly kind: "closed" };

/** The inside of one session. */
export class Session<Value> {
  /** The class that users hold. */
  readonly face: Hypercore<Value>;
  /** As given. */
  options: HypercoreOptions<Value>;
  /** The session that this one was made of. */
  readonly parent: Session<unknown> | null;
  /** Every session of the same list; of the core unless the opener keeps lists of its own. */
  sessions: Hypercore<unknown>[] = [];
  /** Whether the session does not keep the core open. */
  readonly isWeak: boolean;
  /** Whether no other exclusive session may be there. */
  readonly isExclusive: boolean;
  /** Signs what this session appends. */
  keyPair: LogKeyPair | null;
  /** How values become bytes; null for bytes as they are. */
  codec: Encoder<Value> | null = null;
  /** Encrypts and decrypts blocks; null for plain ones. */
  encryption: EncryptionProvider | null = null;
  /** Blocks that were read since marking began; shared with sessions made of this one meanwhile. */
  marks: Marks | null = null;
  /** Extensions that this session registered. */
  readonly extensions: Map<string, Extension<unknown>> = new Map();
  /** Requests of this session that wait for peers. */
  readonly activeRequests: RequestList = [];
  /** Resolves once the session is open. */
  readonly opening: Promise<void>;
  /** Resolves once the session is closed, null while nobody closes it. */
  closing: Promise<void> | null = null;

  readonly #key: Uint8Array | null;
  readonly #registration: CoreSession;
  #core: Core | null = null;
  #state: SessionState = { kind: "opening" };
  #findingPeers = 0;
  #isActive: boolean;
  #holdsExclusive = false;
  /** Resolved once somebody closes the session. */
  readonly #gaveUp: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  /** Starts opening. */
  constructor(face: Hypercore<Value>, { storage, key, options }: SessionInput<Value>) {
    this.face = face;
    this.options = options;
    this.parent = options.parent === undefined ? null : sessionOf(options.parent);
    this.isWeak = options.weak === true;
    this.isExclusive = options.exclusive === true && options.writable !== false;
    this.keyPair = options.keyPair ?? null;
    this.#key = key ?? this.parent?.key ?? null;
    this.#isActive = this.isWeak ? options.active === true : options.active !== false;
    this.#registration = {
      session: face as unknown as Hypercore<unknown>,
      isWeak: this.isWeak,
      relay: (event, ...args) => {
        if (event === "upload" || event === "download") (args[1] as number) -= this.padding;
        face.emit(event, ...args as HypercoreEvents[typeof event]);
      },
    };
    this.opening = this.#open(storage);
    this.opening.catch(ignoreUntilAsked);
  }

  // State.

  /** The core; null before opening began. */
  get core(): Core | null {
    return this.#core;
  }

  /** Whether the session is open. */
  get isOpen(): boolean {
    return this.#state.kind === "open";
  }

  /** Whether the session is closed. */
  get isClosed(): boolean {
    return this.#state.kind === "closed";
  }

  /** The session where it is open. */
  get openState(): OpenSession | null {
    return this.#state.kind === "open" ? this.#state : null;
  }

  /** The state that is read: the pinned one, or the latest; null before the session is open. */
  get head(): TreeHead | null {
    const state = this.openState;
    return state === null ? null : state.snapshot?.head ?? state.log.head;
  }

  /** 32 bytes; null before it is known. */
  get key(): Uint8Array | null {
    return this.#core?.key ?? this.#key;
  }

  /** 32 bytes; null before it is known. */
  get discoveryKey(): Uint8Array | null {
    return this.#core?.discoveryKey ?? (this.#key === null ? null : discoveryKey(this.#key));
  }

  /** Whether options let this session write. */
  get mayWrite(): boolean {
    return this.options.writable !== false && this.options.snapshot !== true;
  }

  /** Bytes in front of each block's value. */
  get padding(): number {
    const core = this.#core;
    const { encryption } = this;
    if (encryption === null || core === null) return 0;
    // Others may need the manifest to tell.
    if (core.manifest === null && !(encryption instanceof DefaultEncryption)) return 0;
    return encryption.padding(core, this.head?.length ?? 0);
  }

  /**
   * The session, which must be open, and not be about to close where `action` is given.
   *
   * @throws {HypercoreError} `SESSION_CLOSED`.
   */
  require(action?: string): OpenSession {
    const state = this.#state;
    if (state.kind === "open" && (action === undefined || this.closing === null)) return state;
    throw this.error("SESSION_CLOSED", `Cannot ${action ?? "use"} a closed session`);
  }

  /**
   * Waits until the session is open.
   *
   * @throws {HypercoreError} `SESSION_CLOSED`, and what kept it from opening.
   */
  async ready(action?: string): Promise<OpenSession> {
    if (this.#state.kind !== "open") await this.opening;
    return this.require(action);
  }

  /** @throws {HypercoreError} `ERR_ASSERTION` for what is no whole number from 0. */
  checkIndex(value: number, what: string): void {
    if (Number.isSafeInteger(value) && value >= 0) return;
    throw this.error("ERR_ASSERTION", `${what} must be a whole number from 0, not ${value}`);
  }

  /** An error that names the log. */
  error(code: HypercoreErrorCode, message: string): HypercoreError {
    return new HypercoreError(code, message, { discoveryKey: this.discoveryKey });
  }

  // Peers.

  /** Whether this session counts as interested in downloading. */
  setActive(isActive: boolean): void {
    if (isActive === this.#isActive || this.closing !== null) return;
    this.#isActive = isActive;
    this.openState?.core.replicator.updateActivity(isActive ? 1 : -1);
  }

  /** Marks that peers are being looked for until the result is called. */
  findingPeers(): () => void {
    let ended = this.closing !== null;
    if (!ended) this.#countFinding(1);
    return () => {
      if (ended || this.closing !== null) return;
      ended = true;
      this.#countFinding(-1);
    };
  }

  #countFinding(change: number): void {
    this.#findingPeers += change;
    const state = this.openState;
    if (state !== null) state.core.replicator.findingPeers += change;
  }

  // Life.

  async #open(storage: StorageInput | null): Promise<void> {
    try {
      const core = await this.#openCore(storage);
      await this.#openSession(core);
    } catch (error) {
      await this.#giveUp();
      throw error;
    }
    this.face.emit("ready");
    // Nobody keeps the core of a weak session open.
    if (this.#core!.closing !== null) this.face.close().catch(ignoreUntilAsked);
  }

  async #giveUp(): Promise<void> {
    const core = this.#core;
    if (this.#holdsExclusive) core!.unlockExclusive();
    if (core?.removeSession(this.#registration) && core.autoClose) {
      await core.close().catch(ignoreUntilAsked);
    }
    this.#leaveList();
    this.#state = { kind: "closed" };
    this.face.emit("close");
  }

  async #openCore(storage: StorageInput | null): Promise<Core> {
    const { parent } = this;
    if (this.options.preload) this.options = { ...this.options, ...(await this.options.preload) };
    if (parent !== null) {
      await parent.opening;
      this.#core = parent.require().core;
      this.sessions = parent.sessions;
    } else {
      this.#core = this.options.core ?? this.#createCore(this.options.storage ?? storage);
    }
    const { options } = this;
    if (options.sessions !== undefined) this.sessions = options.sessions;
    this.sessions.push(this.face as unknown as Hypercore<unknown>);
    this.#core.addSession(this.#registration);
    for (const [name, extension] of this.extensions) this.#core.extensions.set(name, extension);
    await this.#core.ready();
    return this.#core;
  }

  #createCore(storage: StorageInput | null): Core {
    const { options } = this;
    const key = options.key === undefined || options.key === null ? this.#key : parseKey(options.key);
    return new Core(storage, {
      ...options,
      key,
      discoveryKey: options.discoveryKey ?? (key === null ? undefined : discoveryKey(key)),
      alwaysLatestBlock: options.allowLatestBlock,
    });
  }

  async #openSession(core: Core): Promise<void> {
    const { options, parent } = this;
    if (options.group) await core.setGroup(options.group);
    this.keyPair ??= parent?.keyPair ?? core.log.keyPair;
    this.encryption = parent?.encryption ?? encryptionProvider(encryptionInput(options), core);
    this.marks = parent?.marks ?? null;
    if (options.valueEncoding) this.codec = encoderOf(options.valueEncoding);
    if (options.pushOnly) core.replicator.setPushOnly(true);
    if (this.isExclusive) await this.#takeExclusive(core);
    const log = await this.#openLog(core);
    const snapshot = options.snapshot ? this.#pin(log) : null;
    for (const [name, value] of Object.entries(options.userData ?? {})) {
      await log.setUserData(name, typeof value === "string" ? utf8Bytes(value) : value);
    }
    if (options.manifest && log.manifest === null) await core.log.setManifest(options.manifest);
    if (this.#isActive) core.replicator.updateActivity(1);
    for (let i = 0; i < this.#findingPeers; i++) core.replicator.findingPeers++;
    const unsubscribe = log.subscribe((change) => this.#handleChange(change));
    this.#state = { kind: "open", core, log, snapshot, unsubscribe };
  }

  /** Waits for its turn; a session that is closed meanwhile gives its place up. */
  async #takeExclusive(core: Core): Promise<void> {
    const taken = core.lockExclusive();
    const gaveUp = await Promise.race([taken.then(() => false), this.#gaveUp.promise.then(() => true)]);
    if (gaveUp) {
      taken.then(() => core.unlockExclusive());
      throw this.error("SESSION_CLOSED", "The session was closed while it waited for another exclusive one");
    }
    this.#holdsExclusive = true;
  }

  /** The log that the session is on; one user of it more. */
  async #openLog(core: Core): Promise<Log> {
    const { atom, name, checkout, overwrite } = this.options;
    const parentLog = this.parent?.openState?.log ?? core.log;
    if (checkout !== undefined && !atom && !name) {
      throw this.error("ERR_ASSERTION", "Checkouts are only supported on atoms or named sessions");
    }
    const log = atom
      ? parentLog.atomize(atom)
      : name
      ? await parentLog.branch(name, overwrite === true)
      : parentLog;
    if (log === parentLog) log.retain();
    if (checkout === undefined) return log;
    try {
      await this.#checkOut(log, checkout);
    } catch (error) {
      await log.release();
      throw error;
    }
    return log;
  }

  async #checkOut(log: Log, length: number): Promise<void> {
    const prologue = log.manifest?.prologue ?? null;
    const where = `Invalid checkout ${length} for ${this.options.name ?? "an atom"}`;
    if (length > log.head.length) throw this.error("ERR_ASSERTION", `${where}, length is ${log.head.length}`);
    if (prologue !== null && length < prologue.length) {
      throw this.error("ERR_ASSERTION", `${where}, prologue length is ${prologue.length}`);
    }
    if (length < log.head.length) await log.truncate(length, { fork: log.head.fork });
  }

  #pin(log: Log): LogSnapshot {
    const inherited = this.parent?.openState?.snapshot ?? null;
    return inherited !== null && inherited.isOf(log) ? inherited.clone() : log.snapshot();
  }

  /** Closes the session; what waits in it ends with `error`. The core closes with its last session. */
  close(error: Error | null): Promise<void> {
    this.#gaveUp.resolve();
    this.closing ??= this.#close(error);
    return this.closing;
  }

  async #close(error: Error | null): Promise<void> {
    try {
      await this.opening;
    } catch {
      return; // #open has cleaned up, and `ready()` reports why
    }
    const { core, log, snapshot, unsubscribe } = this.require();
    unsubscribe();
    for (const name of Array.from(this.extensions.keys())) this.dropExtension(name);
    core.replicator.findingPeers -= this.#findingPeers;
    this.#findingPeers = 0;
    core.replicator.clearRequests(this.activeRequests, error);
    if (this.#isActive) core.replicator.updateActivity(-1);
    this.#state = { kind: "closed" };
    this.#leaveList();
    await snapshot?.close();
    await log.release();
    if (this.#holdsExclusive) core.unlockExclusive();
    const isLast = core.removeSession(this.#registration);
    // A core that is closing waits for its weak sessions.
    if (isLast && core.autoClose && core.closing === null) await core.close();
    this.face.emit("close");
  }

  /** Takes the session, which is on a branch, to another log and a branch of that. */
  async relocate(core: Core, log: Log): Promise<void> {
    const old = this.require("move");
    old.unsubscribe();
    old.core.removeSession(this.#registration);
    core.addSession(this.#registration);
    for (const [name, extension] of this.extensions) {
      if (old.core.extensions.get(name) === extension) old.core.extensions.delete(name);
      core.extensions.set(name, extension);
    }
    if (this.#isActive) {
      old.core.replicator.updateActivity(-1);
      core.replicator.updateActivity(1);
    }
    old.core.replicator.findingPeers -= this.#findingPeers;
    core.replicator.findingPeers += this.#findingPeers;
    log.retain();
    this.#core = core;
    const unsubscribe = log.subscribe((change) => this.#handleChange(change));
    this.#state = { kind: "open", core, log, snapshot: old.snapshot, unsubscribe };
    old.core.replicator.clearRequests(
      this.activeRequests,
      this.error("SESSION_MOVED", "The session has moved"),
    );
    await old.log.release();
  }

  #leaveList(): void {
    const face = this.face as unknown as Hypercore<unknown>;
    const place = this.sessions.indexOf(face);
    if (place === -1) return;
    this.sessions.splice(place, 1);
    this.options.ongc?.(this.face);
  }

  /** Registers an extension; one of the same name gives way. */
  addExtension(extension: Extension<unknown>): void {
    this.extensions.set(extension.name, extension);
    this.#core?.extensions.set(extension.name, extension);
  }

  /** Forgets an extension that this session registered. */
  dropExtension(name: string): void {
    const extension = this.extensions.get(name);
    if (extension === undefined) return;
    this.extensions.delete(name);
    if (this.#core?.extensions.get(name) === extension) this.#core.extensions.delete(name);
  }

  #handleChange(change: LogChange): void {
    if (this.options.snapshot) return;
    switch (change.kind) {
      case "append":
        this.face.emit("append");
        break;
      case "upgrade":
        // Compat: hypercore/lib/session-state.js tells of a newer fork by "truncate" alone.
        if (!change.isReorg) this.face.emit("append");
        break;
      case "truncate":
        this.face.emit("truncate", change.length, change.fork);
        break;
    }
  }
}

/** The insides of sessions by their faces: nobody but this layer reaches them. */
const sessions = new WeakMap<object, Session<unknown>>();

/** Notes the inside of a session. */
export function registerSession(face: object, session: Session<unknown>): void {
  sessions.set(face, session);
}

/** The inside of a session. */
export function sessionOf(face: object): Session<unknown> {
  return sessions.get(face)!;
}

/** The error reaches whoever awaits `ready()` or calls a method; nobody has to. */
function ignoreUntilAsked(): void {}

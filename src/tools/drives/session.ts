/**
 * One run of the tool: the store, the swarm, and the drives that are open.
 *
 * @module
 */
import { Corestore } from "../../corestore/mod.ts";
import { equalBytes } from "../../base/mod.ts";
import { idEncoding } from "../../hypercore_crypto/mod.ts";
import { HyperDHT } from "../../hyperdht/mod.ts";
import { Hyperdrive } from "../../hyperdrive/mod.ts";
import type { Hyperswarm } from "../../hyperswarm/mod.ts";
import { Localdrive, type LocaldriveOptions } from "../../localdrive/mod.ts";
import { type Storage, StorageError } from "../../storage/mod.ts";
import { checkFolder, parseDrive } from "./drive_argument.ts";
import { DrivesError } from "./errors.ts";

/** A drive of the tool. */
export type Drive = Hyperdrive | Localdrive;

/**
 * What a session does with the drives of its store. It matters where another program has the store open:
 *
 * - `"write"`: changes them, which only one program at a time may do;
 * - `"read"`: reads them once. A drive that is there as a whole is read beside the other program; of another one, what is
 *   needed is fetched from its peers, the other program among them, and not kept;
 * - `"follow"`: reads them as they change, which a reader beside the other program is not told of: they are fetched.
 */
export type StoreUse = "write" | "read" | "follow";

/** Options of {@linkcode DrivesSession}. */
export interface DrivesSessionOptions {
  /** Where drives are kept: a folder, a storage, or a function such as `findStore()` that is asked when one is needed. */
  readonly storage: string | Storage | null | (() => Promise<string>);
  /** Makes the swarm, when one is needed; it is destroyed with the session. */
  readonly createSwarm: () => Hyperswarm;
  /** What is done with the drives (default `"write"`). */
  readonly use?: StoreUse;
  /** Told once when a drive is fetched and not kept, because another program has the store open. */
  readonly onunkept?: (holder: string) => void;
}

/** Options of {@linkcode DrivesSession.openKey}. */
export interface OpenKeyOptions {
  /** Takes what lies in the store, be it the whole drive or not, and fetches nothing (default false). */
  readonly isAsStored?: boolean;
}

/** How a drive is put on the network. */
export interface ConnectOptions {
  /** Others may find us (default true). */
  readonly server?: boolean;
  /** We look for others (default true). */
  readonly client?: boolean;
}

/** A run of the tool. */
export class DrivesSession implements AsyncDisposable {
  readonly #options: DrivesSessionOptions;
  readonly #drives: Hyperdrive[] = [];
  #opening: Promise<Corestore> | null = null;
  #store: Corestore | null = null;
  /** Why the store is only read, or not opened at all: another program has it open. */
  #locked: StorageError | null = null;
  /** Takes what is fetched where the store cannot. */
  #unkept: Corestore | null = null;
  #swarm: Hyperswarm | null = null;
  #stopFinding: (() => void) | null = null;

  /** Opens nothing yet. */
  constructor(options: DrivesSessionOptions) {
    this.#options = options;
  }

  /** The store, null before a drive of it is opened, and where it could not be. */
  get store(): Corestore | null {
    return this.#store;
  }

  /** Whether a drive is complete as it lies here: ours, or read beside the program that keeps it up to date. */
  isSettled(drive: Hyperdrive): boolean {
    return drive.writable || (this.#locked !== null && drive.corestore !== this.#unkept);
  }

  /**
   * Opens the store, where that has not happened: drives of the network need it, folders do not.
   *
   * @throws {DrivesError} `STORAGE_LOCKED` where another program has it open and the session is to write.
   */
  openStore(): Promise<Corestore> {
    this.#opening ??= this.#openStore();
    return this.#opening;
  }

  async #openStore(): Promise<Corestore> {
    const { storage: given, use = "write" } = this.#options;
    const storage = typeof given === "function" ? await given() : given;
    this.#store = new Corestore(storage);
    try {
      await this.#store.ready();
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== "STORAGE_LOCKED") throw error;
      if (use === "write") throw lockedError(error);
      this.#locked = error;
      await this.#store.close();
      this.#store = new Corestore(storage, { readOnly: true });
      await this.#store.ready();
    }
    return this.#store;
  }

  /** The swarm, null before a drive is connected. */
  get swarm(): Hyperswarm | null {
    return this.#swarm;
  }

  /** Opens what an argument names, a drive of the network or a folder. */
  async open(text: string, options: LocaldriveOptions = {}): Promise<Drive> {
    const argument = parseDrive(text);
    return argument.kind === "folder"
      ? new Localdrive(argument.path, options)
      : await this.openKey(argument.key);
  }

  /**
   * Opens what an argument names, to read it.
   *
   * @throws {DrivesError} `NO_FOLDER` where there is no such folder.
   */
  async openSource(text: string, options: LocaldriveOptions = {}): Promise<Drive> {
    const argument = parseDrive(text);
    if (argument.kind === "folder") await checkFolder(argument.path);
    return await this.open(text, options);
  }

  /**
   * Opens what an argument names, to write to it.
   *
   * @throws {DrivesError} `NOT_WRITABLE` for a drive that is somebody else's.
   */
  async openDestination(text: string, options: LocaldriveOptions = {}): Promise<Drive> {
    const drive = await this.open(text, options);
    if (drive instanceof Localdrive || drive.writable) return drive;
    throw new DrivesError("NOT_WRITABLE", `The drive ${drive.id} can be changed where it was made alone`);
  }

  /** Opens a drive by its key; one that is open already is given again, as no two writers of a core can be. */
  async openKey(key: Uint8Array, { isAsStored = false }: OpenKeyOptions = {}): Promise<Hyperdrive> {
    const store = await this.openStore();
    const open = this.#drives.find((drive) => equalBytes(drive.key!, key));
    if (open !== undefined) return open;
    if (this.#locked === null) return await this.#keep(new Hyperdrive(store.session(), key));
    if (isAsStored || this.#options.use === "read") {
      const drive = await this.#openStored(store, key);
      if (drive !== null && (isAsStored || await isWhole(drive))) return await this.#keep(drive);
      await drive?.close();
      if (isAsStored) {
        throw new DrivesError("NOT_FOUND", `The store does not have the drive ${idEncoding.encode(key)}`);
      }
    }
    this.#options.onunkept?.(holderText(this.#locked));
    this.#unkept = new Corestore();
    return await this.#keep(new Hyperdrive(this.#unkept, key));
  }

  /** Opens a drive of a store that is only read; null where it is not there. */
  async #openStored(store: Corestore, key: Uint8Array): Promise<Hyperdrive | null> {
    const drive = new Hyperdrive(store.session(), key);
    try {
      await drive.ready();
      return drive;
    } catch (error) {
      await drive.close();
      if (isReadOnlyError(error)) return null; // it would have to be made
      throw error;
    }
  }

  /**
   * Opens the drive of the store that has a name, a new one where there is none.
   *
   * @throws {DrivesError} `STORAGE_LOCKED` where there is none, and another program has the store open.
   */
  async openNamed(name: string): Promise<Hyperdrive> {
    const store = await this.openStore();
    try {
      return await this.#keep(new Hyperdrive(store.namespace(name)));
    } catch (error) {
      throw this.#locked !== null && isReadOnlyError(error) ? lockedError(this.#locked) : error;
    }
  }

  async #keep(drive: Hyperdrive): Promise<Hyperdrive> {
    this.#drives.push(drive);
    await drive.ready();
    return drive;
  }

  /** Puts a drive on the network; the result resolves once it has been looked up and announced. */
  connect(drive: Hyperdrive, options: ConnectOptions = {}): Promise<boolean> {
    if (this.#swarm === null) {
      this.#swarm = this.#options.createSwarm();
      this.#swarm.on("connection", (connection) => (this.#unkept ?? this.#store)?.replicate(connection));
    }
    const swarm = this.#swarm;
    const session = swarm.join(drive.discoveryKey!, options);
    const done = drive.findingPeers();
    this.#stopFinding = done;
    swarm.flush().then(done, done);
    return session.flushed();
  }

  /**
   * Waits until a drive that is not ours is known well enough to read it.
   *
   * @throws {DrivesError} `NO_PEERS` where nobody has it, `NO_NETWORK` where nobody answers at all.
   * @throws the signal's reason once it aborts.
   */
  async fetchMetadata(drive: Hyperdrive, signal?: AbortSignal): Promise<void> {
    await drive.update({ signal });
    signal?.throwIfAborted(); // an update that is given up says that there is nothing new
    if (drive.core.length > 0) return;
    if (this.#swarm !== null && isAlone(this.#swarm)) {
      throw new DrivesError("NO_NETWORK", "No node of the network answers; quince doctor tells more");
    }
    throw new DrivesError("NO_PEERS", `Nobody on the network has the drive ${drive.id}`);
  }

  /** Closes the drives, the swarm and the store. */
  async close(): Promise<void> {
    this.#stopFinding?.();
    await this.#swarm?.destroy();
    for (const drive of this.#drives) await drive.close();
    await this.#unkept?.close();
    await this.#store?.close();
  }

  /** Same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Whether all of a drive is in its store, or it is ours, so that nobody has more of it. */
async function isWhole(drive: Hyperdrive): Promise<boolean> {
  if (drive.writable) return true;
  const { core } = drive;
  if (core.length === 0 || core.contiguousLength < core.length) return false;
  const blobs = await drive.getBlobs();
  return blobs === null || blobs.core.contiguousLength >= await drive.getBlobsLength();
}

/** Whether nobody has answered the node of a swarm, though it was told whom to ask. */
function isAlone({ dht }: Hyperswarm): boolean {
  return dht instanceof HyperDHT && dht.bootstrapNodes.length > 0 && dht.stats.requests.responses === 0;
}

function isReadOnlyError(error: unknown): boolean {
  return error instanceof StorageError && error.code === "STORAGE_READ_ONLY";
}

function holderText({ holder }: StorageError): string {
  return holder === undefined
    ? "another program"
    : `process ${holder.pid}, since ${holder.since.toISOString()}`;
}

function lockedError(error: StorageError): DrivesError {
  return new DrivesError(
    "STORAGE_LOCKED",
    `The drives in ${error.file} are in use by ${
      holderText(error)
    }; stop it, or name another place with --storage`,
    { cause: error },
  );
}

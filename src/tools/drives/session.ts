/**
 * One run of the tool: the store, the swarm, and the drives that are open.
 *
 * @module
 */
import { Corestore } from "../../corestore/mod.ts";
import { Hyperdrive } from "../../hyperdrive/mod.ts";
import type { Hyperswarm } from "../../hyperswarm/mod.ts";
import { Localdrive, type LocaldriveOptions } from "../../localdrive/mod.ts";
import { type Storage, StorageError } from "../../storage/mod.ts";
import { checkFolder, parseDrive } from "./drive_argument.ts";
import { DrivesError } from "./errors.ts";

/** A drive of the tool. */
export type Drive = Hyperdrive | Localdrive;

/** Options of {@linkcode DrivesSession}. */
export interface DrivesSessionOptions {
  /** Where drives are kept: a folder, a storage, or a function such as `findStore()` that is asked when one is needed. */
  readonly storage: string | Storage | null | (() => Promise<string>);
  /** Makes the swarm, when one is needed; it is destroyed with the session. */
  readonly createSwarm: () => Hyperswarm;
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
  #swarm: Hyperswarm | null = null;
  #stopFinding: (() => void) | null = null;

  /** Opens nothing yet. */
  constructor(options: DrivesSessionOptions) {
    this.#options = options;
  }

  /** The store, null before a drive of it is opened. */
  get store(): Corestore | null {
    return this.#store;
  }

  /**
   * Opens the store, where that has not happened: drives of the network need it, folders do not.
   *
   * @throws {DrivesError} `STORAGE_LOCKED` where another program has it open.
   */
  openStore(): Promise<Corestore> {
    this.#opening ??= this.#openStore();
    return this.#opening;
  }

  async #openStore(): Promise<Corestore> {
    const { storage } = this.#options;
    const store = new Corestore(typeof storage === "function" ? await storage() : storage);
    this.#store = store;
    try {
      await store.ready();
    } catch (error) {
      throw error instanceof StorageError && error.code === "STORAGE_LOCKED" ? lockedError(error) : error;
    }
    return store;
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

  /** Opens a drive by its key. */
  async openKey(key: Uint8Array): Promise<Hyperdrive> {
    const store = await this.openStore();
    return await this.#keep(new Hyperdrive(store.session(), key));
  }

  /** Opens the drive of the store that has a name, a new one where there is none. */
  async openNamed(name: string): Promise<Hyperdrive> {
    const store = await this.openStore();
    return await this.#keep(new Hyperdrive(store.namespace(name)));
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
      this.#swarm.on("connection", (connection) => this.#store?.replicate(connection));
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
   * @throws {DrivesError} `NO_PEERS` where nobody has it.
   * @throws the signal's reason once it aborts.
   */
  async fetchMetadata(drive: Hyperdrive, signal?: AbortSignal): Promise<void> {
    await drive.update({ signal });
    signal?.throwIfAborted(); // an update that is given up says that there is nothing new
    if (drive.core.length > 0) return;
    throw new DrivesError("NO_PEERS", `Nobody on the network has the drive ${drive.id}`);
  }

  /** Closes the drives, the swarm and the store. */
  async close(): Promise<void> {
    this.#stopFinding?.();
    await this.#swarm?.destroy();
    for (const drive of this.#drives) await drive.close();
    await this.#store?.close();
  }

  /** Same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function lockedError(error: StorageError): DrivesError {
  const { file, holder } = error;
  const who = holder === undefined
    ? "another program"
    : `process ${holder.pid}, since ${holder.since.toISOString()}`;
  return new DrivesError(
    "STORAGE_LOCKED",
    `The drives in ${file} are in use by ${who}; stop it, or name another place with --storage`,
    { cause: error },
  );
}

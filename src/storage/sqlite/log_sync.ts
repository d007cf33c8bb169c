/**
 * Makes what was written to a log survive a power loss, once for all who wait.
 *
 * For SQLite's log: commits go to SQLite's write-ahead log without a sync (`synchronous = NORMAL`), and SQLite syncs the log itself
 * before it copies it into the database and the database before it starts the log over. So everything committed is
 * durable as soon as the log file as it is now was synced. That is done here, by a descriptor of our own and off the
 * main thread, rather than by a commit with `synchronous = FULL`, which would block it.
 *
 * @module
 */
import { StorageError } from "../errors.ts";

/** Syncs the log's content to the device. */
export type SyncLog = () => Promise<void>;

/** Coalesces syncs: one under way, and one to come for all who asked meanwhile. */
export class LogSync {
  readonly #syncLog: SyncLog;
  readonly #file: string;
  // What an earlier process committed may not be synced, so the first call always syncs.
  #committed = 1;
  #needed = 1;
  #synced = 0;
  #running: Promise<void> | null = null;
  #failure: StorageError | null = null;

  /** `file` is the log's path, for messages. */
  constructor(syncLog: SyncLog, file: string) {
    this.#syncLog = syncLog;
    this.#file = file;
  }

  /** Notes that something was written. */
  handleCommit(): void {
    this.#needed = ++this.#committed;
  }

  /** Notes that something was written that is kept elsewhere as well: only {@linkcode LogSync.syncAll} waits for it. */
  handleCopy(): void {
    this.#committed++;
  }

  /** Whether everything committed so far is durable. */
  get isSynced(): boolean {
    return this.#synced >= this.#committed;
  }

  /** Whether a sync is under way. */
  get isRunning(): boolean {
    return this.#running !== null;
  }

  /** Notes that everything committed so far is durable, without a sync. */
  handleSynced(): void {
    this.#synced = this.#committed;
  }

  /** Syncs everything committed so far by `syncLog`, which blocks; throws as {@linkcode LogSync.sync}. */
  syncNow(syncLog: () => void): void {
    if (this.isSynced) return;
    if (this.#failure !== null) throw this.#failure;
    try {
      syncLog();
      this.handleSynced();
    } catch (cause) {
      throw this.#failed(cause);
    }
  }

  /**
   * Resolves once everything committed so far is durable.
   *
   * @throws {StorageError} `STORAGE_IO`, and from then on always: after a failed sync the system may have dropped
   *   the data, so that a later success would say nothing.
   */
  sync(): Promise<void> {
    return this.#syncTo(this.#needed);
  }

  /** Same as {@linkcode LogSync.sync}, copies included. */
  syncAll(): Promise<void> {
    return this.#syncTo(this.#committed);
  }

  async #syncTo(target: number): Promise<void> {
    while (this.#synced < target) {
      if (this.#failure !== null) throw this.#failure;
      this.#running ??= this.#run();
      await this.#running;
    }
  }

  async #run(): Promise<void> {
    const target = this.#committed;
    try {
      await this.#syncLog();
      this.#synced = Math.max(this.#synced, target);
    } catch (cause) {
      this.#failed(cause);
    } finally {
      this.#running = null;
    }
  }

  #failed(cause: unknown): StorageError {
    return this.#failure = new StorageError(
      "STORAGE_IO",
      `Cannot sync ${this.#file}: what was written last may be lost with the power; close the store, check the ` +
        `device and open it again`,
      { cause, file: this.#file },
    );
  }
}

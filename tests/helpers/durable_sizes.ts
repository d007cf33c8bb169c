/**
 * How much of each file is on the device, as far as this process had it synced: what a power cut must leave.
 *
 * @module
 */
import fs from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

type Later = (fd: number, done: (error: Error | null) => void) => void;

/** The ways in which the storage syncs a file; they are looked up at each call. */
const syncs = fs as unknown as { fdatasync: Later; fdatasyncSync: (fd: number) => void };

/** Notes the size that each file had when a sync of it began, once that has ended. Linux only. */
export class DurableSizes implements Disposable {
  readonly #sizes = new Map<string, number>();
  readonly #undo: () => void;

  private constructor(prototype: FileHandle) {
    const { fdatasync, fdatasyncSync } = syncs;
    const { datasync } = prototype;
    const begin = (fd: number): () => void => this.#begin(fd);
    syncs.fdatasync = (fd, done) => {
      const end = begin(fd);
      fdatasync(fd, (error) => {
        if (!error) end();
        done(error);
      });
    };
    syncs.fdatasyncSync = (fd) => {
      const end = begin(fd);
      fdatasyncSync(fd);
      end();
    };
    prototype.datasync = async function (this: FileHandle): Promise<void> {
      const end = begin(this.fd);
      await datasync.call(this);
      end();
    };
    this.#undo = () => {
      Object.assign(syncs, { fdatasync, fdatasyncSync });
      prototype.datasync = datasync;
    };
  }

  /** Watches from now on. */
  static async watch(): Promise<DurableSizes> {
    const handle = await open("/dev/null", "r");
    const prototype = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    return new DurableSizes(prototype);
  }

  /** Durable bytes of the file at `path`; 0 when it was never synced. */
  of(path: string): number {
    return this.#sizes.get(path) ?? 0;
  }

  /** Sets what is durable of a file. */
  set(path: string, byteLength: number): void {
    this.#sizes.set(path, byteLength);
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    this.#undo();
  }

  #begin(fd: number): () => void {
    const path = Deno.readLinkSync(`/proc/self/fd/${fd}`);
    const { size } = fs.fstatSync(fd);
    return () => this.#sizes.set(path, size);
  }
}

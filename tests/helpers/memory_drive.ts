// deno-lint-ignore-file require-await -- the interface is asynchronous, a map is not
/**
 * A drive in memory, the simplest thing that can be mirrored.
 *
 * @module
 */
import {
  concatBytes,
  Readable,
  resolveDrivePath,
  utf8Bytes,
  utf8Text,
  Writable,
} from "../../src/base/mod.ts";
import type { DriveEntry, DriveWriteOptions, MirrorableDrive } from "../../src/mirror_drive/mod.ts";

interface MemoryFile {
  readonly bytes: Uint8Array;
  readonly linkname: string | null;
  readonly executable: boolean;
  readonly metadata: unknown;
}

/** What a test may make fail: called before each operation with its name and path. */
export type Fault = (operation: string, key: string) => void;

/** Files in a map. */
export class MemoryDrive implements MirrorableDrive {
  readonly supportsMetadata = true;
  readonly files = new Map<string, MemoryFile>();
  /** Operations that wrote, in order: `put /a`. */
  readonly writes: string[] = [];
  readonly #fault: Fault;

  constructor(texts: Readonly<Record<string, string>> = {}, fault: Fault = () => {}) {
    this.#fault = fault;
    for (const [key, text] of Object.entries(texts)) this.#set(key, utf8Bytes(text), {});
  }

  /** The files as text by path; a link is `-> target`. */
  get tree(): Record<string, string> {
    const files = Array.from(this.files).sort(([a], [b]) => a < b ? -1 : 1);
    return Object.fromEntries(
      files.map((
        [key, { linkname, bytes }],
      ) => [key, linkname === null ? utf8Text(bytes) : `-> ${linkname}`]),
    );
  }

  async ready(): Promise<void> {}

  async entry(path: string | DriveEntry): Promise<DriveEntry | null> {
    const key = keyOf(path);
    this.#fault("entry", key);
    const file = this.files.get(key);
    if (file === undefined) return null;
    const { bytes, linkname, executable, metadata } = file;
    const blob = linkname === null
      ? { blockOffset: 0, blockLength: 1, byteOffset: 0, byteLength: bytes.byteLength }
      : null;
    return { key, value: { executable, linkname, blob, metadata } };
  }

  async *list(
    folder: string,
    options: { readonly ignore?: ((key: string) => boolean) | null } = {},
  ): AsyncGenerator<DriveEntry> {
    const above = folder === "/" ? "/" : `${resolveDrivePath("/", folder)}/`;
    for (const key of Array.from(this.files.keys()).sort()) {
      if (!key.startsWith(above) || options.ignore?.(key)) continue;
      const entry = await this.entry(key);
      if (entry !== null) yield entry;
    }
  }

  async get(path: string | DriveEntry): Promise<Uint8Array | null> {
    this.#fault("get", keyOf(path));
    return this.files.get(keyOf(path))?.bytes ?? null;
  }

  async put(path: string, bytes: Uint8Array, options: DriveWriteOptions = {}): Promise<void> {
    this.#fault("put", path);
    this.writes.push(`put ${path}`);
    this.#set(path, bytes, options);
  }

  #set(path: string, bytes: Uint8Array, { executable = false, metadata = null }: DriveWriteOptions): void {
    this.files.set(keyOf(path), { bytes, linkname: null, executable, metadata: metadata ?? null });
  }

  createReadStream(path: string | DriveEntry): Readable<Uint8Array> {
    const bytes = this.files.get(keyOf(path))!.bytes;
    const pieces: Uint8Array[] = [];
    for (let start = 0; start < bytes.length; start += 30_000) {
      pieces.push(bytes.subarray(start, start + 30_000));
    }
    return Readable.from(pieces);
  }

  createWriteStream(path: string, options: DriveWriteOptions = {}): Writable<Uint8Array> {
    const chunks: Uint8Array[] = [];
    const write = (batch: Uint8Array[]): void => {
      this.#fault("write", path);
      chunks.push(...batch);
    };
    const finish = (): void => {
      this.writes.push(`stream ${path} in ${chunks.length}`);
      this.#set(path, concatBytes(chunks), options);
    };
    return new Writable<Uint8Array>({
      writev: (batch, callback) => attempt(() => write(batch), callback),
      final: (callback) => attempt(finish, callback),
    });
  }

  async del(path: string): Promise<void> {
    this.#fault("del", path);
    this.writes.push(`del ${path}`);
    this.files.delete(path);
  }

  async symlink(path: string, linkname: string): Promise<void> {
    this.#fault("symlink", path);
    this.writes.push(`symlink ${path}`);
    this.files.set(path, { bytes: new Uint8Array(), linkname, executable: false, metadata: null });
  }

  batch(): MirrorableDrive {
    return this;
  }
}

/** A {@linkcode MemoryDrive} whose entries can be written without their bytes, as a Hyperdrive's. */
export class EntryDrive extends MemoryDrive {
  async putEntry(path: string, value: DriveEntry["value"]): Promise<void> {
    this.writes.push(`putEntry ${path}`);
    const file = this.files.get(path)!;
    this.files.set(path, { ...file, executable: value.executable, metadata: value.metadata });
  }
}

function keyOf(path: string | DriveEntry): string {
  return resolveDrivePath("/", typeof path === "string" ? path : path.key);
}

function attempt(work: () => void, callback: (error?: Error | null) => void): void {
  try {
    work();
    callback(null);
  } catch (error) {
    callback(error as Error);
  }
}

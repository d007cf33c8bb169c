/**
 * Folders and child processes for tests of stores on disk.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { ProbeReport } from "./storage_probe.ts";

const WRITER = fileURLToPath(new URL("./storage_writer.ts", import.meta.url));
const PROBE = fileURLToPath(new URL("./storage_probe.ts", import.meta.url));

/** Runs `run` with an empty folder and removes it afterwards. */
export async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "quince-store-" });
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Copies the files of a store as a process that is killed now leaves them, into a new folder beside. By another process,
 * because reading the database in this one would drop SQLite's locks; at once, since a timer would drain the journal
 * meanwhile.
 */
export function copyStore(folder: string): string {
  const copy = Deno.makeTempDirSync({ dir: folder, prefix: "copy-" });
  const names = [...Deno.readDirSync(folder)].filter((entry) => entry.isFile && !entry.name.endsWith("-shm"));
  const args = ["-t", copy, ...names.map((entry) => `${folder}/${entry.name}`)];
  const { success, stderr } = new Deno.Command("cp", { args, stdin: "null" }).outputSync();
  if (!success) throw new Error(`Cannot copy ${folder}: ${new TextDecoder().decode(stderr)}`);
  return copy;
}

/** Runs `run` with an empty folder on a file system of its own of `byteLength`; needs root and Linux. */
export async function withSmallDisk(
  byteLength: number,
  run: (disk: SmallDisk) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    await command("mount", ["-t", "tmpfs", "-o", `size=${byteLength}`, "tmpfs", folder]);
    try {
      await run({
        folder,
        remount: (options) => command("mount", ["-o", `remount,${options}`, folder]),
      });
    } finally {
      await command("umount", [folder]);
    }
  });
}

/** A small file system, mounted. */
export interface SmallDisk {
  readonly folder: string;
  /** Changes its mount options, for example `size=8000000` or `ro`. */
  remount(options: string): Promise<void>;
}

/** Runs `storage_probe.ts` with `permissions` alone. */
export async function runProbe(folder: string, mode: string, permissions: string[]): Promise<ProbeReport> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", ...permissions, PROBE, folder, mode],
    stdin: "null",
  }).output();
  if (!success) throw new Error(`Probe failed: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout)) as ProbeReport;
}

/** A process that writes to a store until it is killed; see `storage_writer.ts`. */
export class WriterProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #stderr: Promise<string>;
  #unread = "";
  #acknowledged = 0;
  #isOver = false;

  /** Starts writing to `folder`. */
  constructor(folder: string, seed: number) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", WRITER, folder, String(seed)],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#reader = this.#child.stdout.getReader();
    this.#stderr = new Response(this.#child.stderr).text();
  }

  /** Process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** The last head that the process said is stored; 0 before the first. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Waits for the next acknowledgements. */
  async acknowledge(): Promise<void> {
    if (await this.#readMore()) return;
    this.#isOver = true;
    await this.#child.status;
    throw new Error(`Writer ended by itself: ${await this.#stderr}`);
  }

  /** Kills the process and reads what it had said before; idempotent. */
  async kill(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#child.kill("SIGKILL");
    while (await this.#readMore());
    const status = await this.#child.status;
    const errors = await this.#stderr;
    if (status.signal !== "SIGKILL") throw new Error(`Writer ended by itself: ${errors}`);
  }

  /** Same as {@linkcode WriterProcess.kill}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  /** Reads on; `false` at the end. A line cut off by the kill was not said. */
  async #readMore(): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    if (done) return false;
    const lines = (this.#unread + new TextDecoder().decode(value)).split("\n");
    this.#unread = lines.pop()!;
    for (const line of lines) this.#acknowledged = Math.max(this.#acknowledged, Number(line));
    return true;
  }
}

async function command(name: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(name, { args, stdin: "null" }).output();
  if (!success) throw new Error(`${name} ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
}

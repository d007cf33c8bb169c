/** The drives command of npm and ours on one test network, on the loopback interface. */
import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { join } from "node:path";
import { runCommandLine } from "../../src/cli/mod.ts";
import createTestnet, { type Testnet } from "../../src/hyperdht/testnet/mod.ts";
import { type FileTree, readTree, writeTree } from "../helpers/files.ts";
import { RecordingTerminal } from "../helpers/recording_terminal.ts";
import { withFolder } from "../helpers/store_folder.ts";

const COMMAND = new URL("peers/node_modules/drives/bin.js", import.meta.url);

/** A run of npm's `drives`. */
class NpmDrives implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #errors: Promise<string>;
  readonly #lines: AsyncIterator<string>;
  #printed = "";

  constructor(...args: string[]) {
    this.#child = new Deno.Command("node", {
      args: [COMMAND.pathname, ...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#errors = new Response(this.#child.stderr).text();
    this.#lines = linesOf(this.#child.stdout);
  }

  /** The next line that has `words` in it. */
  async line(words: string): Promise<string> {
    while (true) {
      const { done, value } = await this.#lines.next();
      assert.ok(!done, `no line with "${words}" in:\n${this.#printed}${done ? await this.#errors : ""}`);
      this.#printed += `${value}\n`;
      if (value.includes(words)) return value;
    }
  }

  /** Resolves when the command has ended by itself. */
  async finished(): Promise<void> {
    while (!(await this.#lines.next()).done) { /* what is printed is not looked at */ }
    const { success } = await this.#child.status;
    assert.ok(success, await this.#errors);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch { /* it has ended */ }
    await this.#lines.return?.();
    await this.#child.status;
    await this.#errors;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield stripVTControlCharacters(line);
  }
}

/** Runs `quince drives …` until its terminal is told to stop. */
function start(...args: string[]): { terminal: RecordingTerminal; finished: Promise<number> } {
  const terminal = new RecordingTerminal();
  return { terminal, finished: runCommandLine(["drives", ...args], terminal) };
}

function portOf(testnet: Testnet): number {
  const [node] = testnet.bootstrap as [{ host: string; port: number }];
  return node.port;
}

function ourFlags(testnet: Testnet, storage: string): string[] {
  return ["--storage", storage, "--host", "127.0.0.1", "--bootstrap", `127.0.0.1:${portOf(testnet)}`];
}

function npmFlags(testnet: Testnet, storage: string): string[] {
  return ["--storage", storage, "--bootstrap", String(portOf(testnet))];
}

const FILES: FileTree = {
  "/a.txt": "hello",
  "/deep/er/b": "2".repeat(200_000),
  "/empty": "",
  "/link": "-> a.txt",
  "/ünï/c": "3",
};

Deno.test("DRV-007 DRV-008 npm's drives mirrors what ours seeds, live", async () => {
  await using testnet = await createTestnet(3);
  await withFolder(async (folder) => {
    await writeTree(join(folder, "src"), FILES);
    const ours = start("seed", join(folder, "src"), ...ourFlags(testnet, join(folder, "ours")));
    const key = (await ours.terminal.line("Drive: ")).slice(7);
    await Promise.all([ours.terminal.line("Announced"), ours.terminal.line("Total files: 5")]);

    const copy = join(folder, "copy");
    await using once = new NpmDrives("mirror", key, copy, ...npmFlags(testnet, join(folder, "npm")));
    await once.finished();
    assert.deepEqual(await readTree(copy), FILES);

    await using live = new NpmDrives(
      "mirror",
      "--live",
      key,
      copy,
      ...npmFlags(testnet, join(folder, "npm")),
    );
    await live.line("Total files: 5");
    await Deno.writeTextFile(join(folder, "src/a.txt"), "changed");
    await live.line("~ /a.txt");
    ours.terminal.stop();
    assert.equal(await ours.finished, 0);
  });
});

Deno.test("DRV-007 ours mirrors what npm's drives shares, live", async () => {
  await using testnet = await createTestnet(3);
  await withFolder(async (folder) => {
    await writeTree(join(folder, "src"), FILES);
    const npmStorage = join(folder, "npm");
    await using touched = new NpmDrives("touch", "--storage", npmStorage);
    const key = (await touched.line("New drive: ")).slice(11).trim();
    await touched.finished();
    await using theirs = new NpmDrives(
      "mirror",
      "--live",
      join(folder, "src"),
      key,
      ...npmFlags(testnet, npmStorage),
    );
    await theirs.line("Total files: 5");

    const copy = join(folder, "copy");
    const ours = start("mirror", "--live", key, copy, ...ourFlags(testnet, join(folder, "ours")));
    await ours.terminal.line("Total files: 5");
    assert.deepEqual(await readTree(copy), FILES);
    await Deno.writeTextFile(join(folder, "src/new"), "6");
    await ours.terminal.line("+ /new 1 B");
    ours.terminal.stop();
    assert.equal(await ours.finished, 0);
    assert.deepEqual(await readTree(copy), { ...FILES, "/new": "6" });

    const listed = start("ls", "-r", key, ...ourFlags(testnet, join(folder, "ours")));
    assert.equal(await listed.finished, 0);
    assert.equal(listed.terminal.lines.length, 6);
  });
});

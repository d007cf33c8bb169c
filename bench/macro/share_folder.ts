// deno-lint-ignore-file no-console -- a program that prints
/**
 * Shares a folder between two commands over a test network, as users do, and compares what arrives: by hand, as it takes
 * minutes and, with gigabytes, four times their room on the disk.
 *
 *     deno run -A bench/macro/share_folder.ts --from=ours --to=npm --files=20000
 *     deno run -A bench/macro/share_folder.ts --from=npm --to=ours --gigabytes=5
 *
 * Prints times, rates and the largest resident memory of both commands as a line of JSON; fails where a file, link or
 * executable bit differs. npm's side is its hyperdrive with its hyperswarm: its `drives` looks into a large drive before it
 * knows anything of it, and ends with no files.
 *
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { hexText } from "../../src/base/mod.ts";
import { idEncoding } from "../../src/hypercore_crypto/mod.ts";
import createTestnet from "../../src/hyperdht/testnet/mod.ts";
import {
  assertSameFolders,
  digestFolder,
  writeBigFiles,
  writeLargeFolder,
} from "../../tests/helpers/large_folder.ts";

const NPM_COMMAND = new URL("../../tests/interop/peers/hyperdrive/share.mjs", import.meta.url).pathname;
const OUR_COMMAND = new URL("../../src/cli/main.ts", import.meta.url).pathname;
const MEMORY_POLL_MS = 100;

const { values: flags } = parseArgs({
  args: Deno.args,
  options: {
    from: { type: "string", default: "ours" },
    to: { type: "string", default: "ours" },
    files: { type: "string", default: "0" },
    gigabytes: { type: "string", default: "0" },
  },
});

type Side = "ours" | "npm";

/** A command that runs. */
class Running {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #poll: ReturnType<typeof setInterval>;
  readonly #startedMs = performance.now();
  #printed = "";
  peakMegabytes = 0;

  constructor(side: Side, args: string[], storage: string, port: number) {
    const [program, ...rest] = side === "npm"
      ? ["node", NPM_COMMAND, ...args, "--storage", storage, "--bootstrap", String(port)]
      : [
        Deno.execPath(),
        ...["run", "-A", OUR_COMMAND, "drives", ...args, "--storage", storage],
        ...["--host", "127.0.0.1", "--bootstrap", `127.0.0.1:${port}`],
      ];
    this.#child = new Deno.Command(program!, {
      args: rest,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    })
      .spawn();
    this.#lines = linesOf(this.#child.stdout);
    this.#poll = setInterval(() => this.#readMemory(), MEMORY_POLL_MS);
  }

  /** The next line with `words` in it. */
  async line(words: string): Promise<string> {
    const printed = this.#printed.split("\n").find((line) => line.includes(words));
    if (printed !== undefined) return printed;
    while (true) {
      const { done, value } = await this.#lines.next();
      if (done) throw new Error(`No line with "${words}" in:\n${this.#printed.slice(-2000)}`);
      this.#printed += `${value}\n`;
      if (value.includes(words)) return value;
    }
  }

  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  /** Resolves when the command has ended by itself. */
  async finished(): Promise<void> {
    while (!(await this.#lines.next()).done) { /* what it says of each file is not looked at */ }
    clearInterval(this.#poll);
    const { code } = await this.#child.status;
    if (code !== 0) throw new Error(`A command ended with ${code}`);
  }

  /** As Ctrl-C does. */
  async stop(): Promise<void> {
    this.#readMemory();
    this.#child.kill("SIGINT");
    while (!(await this.#lines.next()).done) { /* nor at the end */ }
    clearInterval(this.#poll);
    await this.#child.status;
  }

  #readMemory(): void {
    try {
      const status = Deno.readTextFileSync(`/proc/${this.#child.pid}/status`);
      const peak = Math.round(Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0) / 1024);
      this.peakMegabytes = Math.max(this.peakMegabytes, peak);
    } catch { /* it has just ended */ }
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

const folder = await Deno.makeTempDir({ prefix: "quince-share-" });
const testnet = await createTestnet(3);
try {
  const source = join(folder, "source");
  const copy = join(folder, "copy");
  if (Number(flags.files) > 0) writeLargeFolder(source, Number(flags.files));
  if (Number(flags.gigabytes) > 0) writeBigFiles(source, Number(flags.gigabytes) * 2 ** 30);
  const expected = await digestFolder(source);
  let byteLength = 0;
  for (const text of expected.values()) byteLength += Number(text.split(" ")[1]) || 0;
  const [{ port }] = testnet.bootstrap as [{ host: string; port: number }];

  const seed = new Running(flags.from as Side, ["seed", source], join(folder, "from"), port);
  const key = (await seed.line("Drive: ")).slice(7);
  await seed.line("Announced");
  await seed.line("Total files: ");
  const importSeconds = seed.seconds;
  const mirror = new Running(
    flags.to as Side,
    ["mirror", hexText(idEncoding.decode(key)), copy],
    join(folder, "to"),
    port,
  );
  console.error(await mirror.line("Total files: "));
  const mirrorSeconds = mirror.seconds;
  await mirror.finished();
  const closeSeconds = mirror.seconds - mirrorSeconds;
  await seed.stop();
  assertSameFolders(await digestFolder(copy), expected);
  const rate = (seconds: number): string => `${(byteLength / 1e6 / seconds).toFixed(1)} MB/s`;
  console.log(JSON.stringify({
    from: flags.from,
    to: flags.to,
    files: expected.size,
    megabytes: Math.round(byteLength / 1e6),
    import: `${importSeconds.toFixed(1)} s, ${rate(importSeconds)}`,
    mirror: `${mirrorSeconds.toFixed(1)} s, ${rate(mirrorSeconds)}`,
    close: `${closeSeconds.toFixed(1)} s`,
    peakMegabytes: { from: seed.peakMegabytes, to: mirror.peakMegabytes },
  }));
} finally {
  await testnet.destroy();
  await Deno.remove(folder, { recursive: true });
}

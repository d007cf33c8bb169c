// deno-lint-ignore-file no-console -- a program that prints
/**
 * The main job, end to end: one process appends the lines of a file to a log on disk, a second one opens the log by its
 * key, finds the first one by the log's topic in a DHT, replicates over an encrypted connection and prints the lines as
 * they arrive. The DHT is a local one, of three nodes in this process.
 *
 *     deno task start [FILE | -] [--follow]
 *
 * Without an argument the file is README.md; `-` is standard input. Ends once the reader has printed every line; with
 * `--follow` it goes on with the lines that are added to the file.
 *
 * Both children run with no more permissions than their part needs.
 *
 * @module
 */
import { parseArgs } from "node:util";
import createTestnet from "@quince/quince/hyperdht/testnet";
import { lineBatches } from "./support/lines.ts";

const FOLLOW_INTERVAL_MS = 200;
/** Exit code of a process that was interrupted, as shells have it. */
const INTERRUPTED = 130;

const { values: flags, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: { follow: { type: "boolean", default: false } },
});
const path = positionals[0] ??
  new URL("../README.md", import.meta.url).pathname;

const folder = await Deno.makeTempDir({ prefix: "quince-lines-" });
const testnet = await createTestnet(3);
const children: Deno.ChildProcess[] = [];
let code = 0;
const interrupted = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      code = INTERRUPTED;
      resolve();
    });
  }
});
try {
  const sharing = shareLines();
  sharing.catch(() => {}); // once interrupted, how it ends says nothing
  await Promise.race([sharing, interrupted]);
} catch (error) {
  code = 1;
  console.error(error instanceof Error ? error.message : error);
} finally {
  for (const child of children) await stop(child);
  await testnet.destroy();
  await Deno.remove(folder, { recursive: true });
}
Deno.exit(code);

async function shareLines(): Promise<void> {
  const input = await openInput();
  const [{ host, port }] = testnet.bootstrap as [{ host: string; port: number }];
  const network = ["--host", host, "--bootstrap", `${host}:${port}`];
  const writer = start(
    "hypercore_writer.ts",
    [folder, ...network],
    [`--allow-read=${folder}`, `--allow-write=${folder}`],
    "piped",
  );
  const feeding = input.pipeTo(writer.stdin);
  const said = textLines(writer.stdout);
  const key = await expect(said, "key");
  console.error(`Sharing ${path === "-" ? "standard input" : path} as ${key}`);

  const reader = start("hypercore_reader.ts", [key, ...network], [], "null");
  let bytesPrinted = 0;
  let bytesToPrint = Infinity;
  const measuring = expect(said, "length").then((length) => {
    bytesToPrint = Number(/(\d+) bytes/.exec(length)![1]);
    return length;
  });
  const printing = (async () => {
    for await (const bytes of reader.stdout) {
      await writeAll(bytes);
      bytesPrinted += bytes.byteLength;
      if (bytesPrinted >= bytesToPrint) return;
    }
    if (bytesPrinted < bytesToPrint) throw new Error(`The reader ended after ${bytesPrinted} bytes`);
  })();
  const feedingAndMeasuring = Promise.all([feeding, measuring]);
  await Promise.race([printing, feedingAndMeasuring]);
  await feedingAndMeasuring;
  if (bytesPrinted < bytesToPrint) await printing;
  console.error(`Shared ${await measuring}`);
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.byteLength;) {
    offset += await Deno.stdout.write(bytes.subarray(offset));
  }
}

function start(
  script: string,
  args: string[],
  permissions: string[],
  stdin: "piped" | "null",
): Deno.ChildProcess {
  const url = new URL(script, import.meta.url).href;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--allow-net=127.0.0.1",
      ...permissions,
      url,
      ...args,
    ],
    stdin,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  children.push(child);
  return child;
}

async function stop(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGTERM");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it has ended by itself
  }
  await child.status;
}

/** The bytes to share: those there now and, with `--follow`, those that are added. */
async function openInput(): Promise<ReadableStream<Uint8Array>> {
  if (path === "-") return Deno.stdin.readable;
  const file = await Deno.open(path);
  return flags.follow ? ReadableStream.from(follow(file)) : file.readable;
}

async function* follow(file: Deno.FsFile): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(65536);
  while (true) {
    const byteLength = await file.read(buffer);
    if (byteLength === null) {
      await new Promise((resolve) => setTimeout(resolve, FOLLOW_INTERVAL_MS));
    } else yield buffer.slice(0, byteLength);
  }
}

async function* textLines(
  bytes: ReadableStream<Uint8Array>,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const lines of lineBatches(bytes)) {
    yield* lines.map((line) => decoder.decode(line).trimEnd());
  }
}

/** What the writer says under `name` in its next line. */
async function expect(
  lines: AsyncGenerator<string>,
  name: string,
): Promise<string> {
  const { value } = await lines.next();
  if (value?.startsWith(`${name} `)) return value.slice(name.length + 1);
  throw new Error(
    value === undefined ? `The writer ended before it said its ${name}` : `The writer said "${value}"`,
  );
}

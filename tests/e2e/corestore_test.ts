/**
 * The examples with many logs, each half alone with npm and both together.
 *
 * @module
 */
import assert from "node:assert/strict";
import { idEncoding } from "../../src/hypercore_crypto/mod.ts";
import { NpmCorestore } from "../helpers/npm_corestore.ts";
import { utf8Bytes, utf8Text } from "../../src/base/mod.ts";

const ROOT = new URL("../../", import.meta.url);
const LINES = ["a", "a long line", "bc", "another long line", "", "naïve 🍐 and long"];
const INPUT = LINES.map((line) => `${line}\n`).join("");

/** One half, with the permissions that its own documentation names. */
function half(script: string, permissions: string[], args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--allow-net=127.0.0.1",
      ...permissions,
      `examples/${script}`,
      ...args,
    ],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

async function stop(child: Deno.ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  await child.status;
}

/** Reads what a process says until `holds`; returns what it said. */
async function readUntil(
  output: ReadableStreamDefaultReader<string>,
  holds: (said: string) => boolean,
): Promise<string> {
  let said = "";
  while (!holds(said)) {
    const { value, done } = await output.read();
    if (done) throw new Error(`Ended after: ${said}`);
    said += value;
  }
  return said;
}

async function startWriter(folder: string): Promise<
  { child: Deno.ChildProcess; output: ReadableStreamDefaultReader<string>; key: string; address: string }
> {
  const child = half("corestore_writer.ts", [`--allow-read=${folder}`, `--allow-write=${folder}`], [folder]);
  const input = child.stdin.getWriter();
  await input.write(utf8Bytes(INPUT) as Uint8Array<ArrayBuffer>);
  await input.close();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const said = await readUntil(output, (said) => said.includes("written 3 short, 3 long\n"));
  const [, key, address] = /key (\S+)\naddress (\S+)/.exec(said)!;
  return { child, output, key: key!, address: address! };
}

Deno.test("G-11 the reader prints what the writer appended to each of its logs", async () => {
  const folder = await Deno.makeTempDir();
  const { child: writer, output: written, key, address } = await startWriter(folder);
  const reader = half("corestore_reader.ts", [], [key, address]);
  try {
    const output = reader.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const lineCount = (said: string) => said.split("\n").length - 1;
    const said = (await readUntil(output, (said) => lineCount(said) === LINES.length)).split("\n");
    const of = (place: string) => said.filter((line) => line.startsWith(place)).map((line) => line.slice(3));
    assert.deepEqual(of("1: "), ["a", "bc", ""]);
    assert.deepEqual(of("2: "), ["a long line", "another long line", "naïve 🍐 and long"]);
    await output.cancel();
    await written.cancel();
    await reader.stdin.close();
  } finally {
    await stop(reader);
    await stop(writer);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("G-11 a npm reader finds the writer's logs by the list", async () => {
  const folder = await Deno.makeTempDir();
  const { child: writer, output, key, address } = await startWriter(folder);
  try {
    await using npm = await NpmCorestore.start();
    await npm.connect(Number(address.split(":")[1]));
    await npm.get({ id: "list", key: idEncoding.decode(key) });
    const keys = JSON.parse(utf8Text((await npm.block("list", 0))!)) as string[];
    await npm.get({ id: "long", key: idEncoding.decode(keys[1]!) });
    assert.equal(utf8Text((await npm.block("long", 2))!), "naïve 🍐 and long\n");
    await output.cancel();
  } finally {
    await stop(writer);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("G-11 the reader follows logs that npm writes", async () => {
  await using npm = await NpmCorestore.start();
  const list = await npm.get({ id: "list", name: "list" });
  const short = await npm.get({ id: "short", name: "short" });
  const long = await npm.get({ id: "long", name: "long" });
  await npm.append("list", utf8Bytes(JSON.stringify([short.key, long.key])));
  const reader = half("corestore_reader.ts", [], [list.key, `127.0.0.1:${await npm.listen()}`]);
  try {
    const output = reader.stdout.pipeThrough(new TextDecoderStream()).getReader();
    await npm.append("long", utf8Bytes("from npm\n"));
    assert.equal(await readUntil(output, (said) => said.endsWith("\n")), "2: from npm\n");
    await npm.append("short", utf8Bytes("x\n"));
    assert.equal(await readUntil(output, (said) => said.endsWith("\n")), "1: x\n");
    await output.cancel();
    await reader.stdin.close();
  } finally {
    await stop(reader);
  }
});

/**
 * The examples with many logs, each half alone with npm and both together.
 *
 * @module
 */
import assert from "node:assert/strict";
import { idEncoding } from "../../src/hypercore_crypto/mod.ts";
import { NpmCorestore } from "../helpers/npm_corestore.ts";
import { hexBytes, utf8Bytes, utf8Text } from "../../src/base/mod.ts";
import { Corestore } from "../../src/corestore/mod.ts";

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

Deno.test("a store of npm's corestore 7 is taken over by replication, names and key pairs included", async () => {
  const folder = await Deno.makeTempDir();
  await using npm = await NpmCorestore.start();
  try {
    const named = await npm.get({ id: "named", name: "main", path: ["a"] });
    for (let i = 0; i < 30; i++) await npm.append("named", utf8Bytes(`named ${i}`));
    const other = await npm.get({ id: "other", name: "other" });
    await npm.append("other", utf8Bytes("only one"));
    await npm.run("truncate", { id: "named", length: 20 });
    await npm.append("named", utf8Bytes("named, again"));
    const { fork, length } = await npm.describe("named");
    await npm.run("close");

    const peers = new URL("tests/interop/peers/", ROOT);
    const exporter = new Deno.Command("node", {
      args: [new URL("examples/corestore7_export.mjs", ROOT).pathname, `${npm.folder}/main`],
      cwd: peers,
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const importer = half("corestore7_import.ts", [
      `--allow-read=${folder}`,
      `--allow-write=${folder}`,
    ], [folder]);
    const [said] = await Promise.all([
      new Response(importer.stdout).text(),
      exporter.stdout.pipeTo(importer.stdin),
      importer.status,
      exporter.status,
    ]);
    assert.match(said, /imported 2 cores\n$/);

    await using store = new Corestore(folder);
    const core = store.namespace("a").get<string>({ name: "main", valueEncoding: "utf-8" });
    await core.ready();
    assert.equal(core.id, idEncoding.encode(hexBytes(named.key)));
    assert.deepEqual([core.length, core.fork, core.writable], [length, fork, true]);
    assert.equal(await core.get(20), "named, again");
    assert.equal(await core.get(19), "named 19");
    assert.equal(core.contiguousLength, length);
    const second = store.get<string>({ key: other.key, valueEncoding: "utf-8" });
    assert.equal(await second.get(0), "only one");
    assert.equal(second.writable, true);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

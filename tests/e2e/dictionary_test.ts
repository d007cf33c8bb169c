/**
 * The dictionary of the examples, with the permissions their documentation names, beside the npm hyperbee.
 *
 * @module
 */
import assert from "node:assert/strict";
import { dictionary } from "../../examples/support/words.ts";
import { hexText } from "../../src/base/mod.ts";
import { idEncoding } from "../../src/hypercore_crypto/mod.ts";
import { NpmPeerInFolder } from "../helpers/npm_peer.ts";

const ROOT = new URL("../../", import.meta.url);
const COUNT = 20_000;
const ENTRIES = Array.from(dictionary(COUNT));

function example(script: string, args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1", `examples/${script}`, ...args],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** Runs the writer for the time of `work`. */
async function withWriter(work: (key: string, address: string) => Promise<void>): Promise<void> {
  const writer = example("dictionary_writer.ts", [String(COUNT)]);
  await writer.stdin.close();
  const output = writer.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let said = "";
    while (!/address .*\n/.test(said)) said += (await output.read()).value;
    const [, key, count, address] = /key (\S+)\nentries (\d+)\naddress (\S+)\n/.exec(said)!;
    assert.equal(Number(count), COUNT);
    await work(key!, address!);
  } finally {
    await output.cancel();
    writer.kill("SIGTERM");
    await writer.status;
  }
}

Deno.test("G-12 the dictionary's reader looks up words and fetches few blocks", async () => {
  await withWriter(async (key, address) => {
    const reader = example("dictionary_reader.ts", [key, address]);
    const [first, last] = [ENTRIES[0]!, ENTRIES.at(-1)!];
    const input = reader.stdin.getWriter();
    await input.write(new TextEncoder().encode(`${first.word}\n\nnot a word\n${last.word}\n`));
    await input.close();
    const { code, stdout } = await reader.output();
    assert.equal(code, 0);
    const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
    assert.deepEqual(lines.slice(0, 3), [
      `${first.word}: ${first.meaning}`,
      "not a word is not in the dictionary",
      `${last.word}: ${last.meaning}`,
    ]);
    const [, fetched, length] = /^fetched (\d+) of (\d+) blocks$/.exec(lines[3]!)!;
    assert.equal(Number(length), COUNT + 1);
    assert.ok(Number(fetched) > 5 && Number(fetched) < COUNT / 20, `${fetched} blocks were fetched`);
  });
});

Deno.test("G-12 the dictionary's core reader decodes the last block", async () => {
  await withWriter(async (key, address) => {
    const reader = example("dictionary_core_reader.ts", [key, address]);
    await reader.stdin.close();
    const { code, stdout } = await reader.output();
    assert.equal(code, 0);
    const { word, meaning } = ENTRIES.at(-1)!;
    const text = new TextDecoder().decode(stdout);
    assert.ok(text.startsWith(`block ${COUNT}, `), text);
    assert.ok(text.includes(`key ${word}\nvalue ${meaning}\ntree node of `), text);
  });
});

Deno.test("G-12 the npm hyperbee reads the dictionary", async () => {
  await withWriter(async (key, address) => {
    await using npm = new NpmPeerInFolder("hyperbee/peer.mjs");
    await npm.run("open", { name: "dictionary", key: hexText(idEncoding.decode(key)) });
    await npm.run("connect", { name: "dictionary", port: Number(address.split(":")[1]) });
    await npm.run("reachLength", { name: "dictionary", length: COUNT + 1 });
    const { word, meaning } = ENTRIES[1234]!;
    const entry = await npm.run("get", { name: "dictionary", key: word });
    assert.deepEqual(entry, { seq: 1235, key: word, value: meaning });
  });
});

/**
 * The main job as a user runs it: `deno task start`, and its two halves beside the npm hypercore.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText } from "../../src/base/mod.ts";
import { idEncoding } from "../../src/hypercore_crypto/mod.ts";
import { NpmPeer } from "../helpers/npm_peer.ts";

const ROOT = new URL("../../", import.meta.url);
const README = await Deno.readTextFile(new URL("README.md", ROOT));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function start(args: string[], input?: string): Promise<Ended> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "start", ...args],
    cwd: ROOT,
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (input !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  }
  const { code, stdout, stderr } = await child.output();
  return {
    code,
    stdout: new TextDecoder().decode(stdout),
    stderr: new TextDecoder().decode(stderr),
  };
}

Deno.test("task start prints the README, line by line, and ends with 0", async () => {
  const { code, stdout, stderr } = await start([]);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, README);
});

Deno.test("task start FILE shares that file, blank lines and a last line without a break included", async () => {
  const file = await Deno.makeTempFile();
  try {
    const text = "first\n\n\nfourth, ünïcödé\nlast";
    await Deno.writeTextFile(file, text);
    const { code, stdout, stderr } = await start([file]);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, text);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("task start - shares standard input", async () => {
  const text = Array.from({ length: 5000 }, (_, i) => `line ${i}\n`).join("");
  const { code, stdout, stderr } = await start(["-"], text);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, text);
});

Deno.test("task start with an empty file ends with 0 and prints nothing", async () => {
  const { code, stdout, stderr } = await start(["-"], "");
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "");
});

Deno.test("task start with a file that is not there says so and ends with 1", async () => {
  const { code, stderr } = await start(["no/such/file"]);
  assert.equal(code, 1);
  assert.match(stderr, /no\/such\/file/);
});

Deno.test("task start --follow goes on with lines that are added", async () => {
  const temporary = await Deno.makeTempDir();
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "one\n");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "start", file, "--follow"],
    cwd: ROOT,
    env: { TMPDIR: temporary },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  try {
    const output = child.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    let text = "";
    const until = async (expected: string): Promise<void> => {
      while (text !== expected) {
        const { value, done } = await output.read();
        assert.equal(done, false, `ended after ${JSON.stringify(text)}`);
        text += value;
        assert.ok(expected.startsWith(text), text);
      }
    };
    await until("one\n");
    await Deno.writeTextFile(file, "two\n", { append: true });
    await until("one\ntwo\n");
    await Deno.writeTextFile(file, "three\n", { append: true });
    await until("one\ntwo\nthree\n");
    await output.cancel();
  } finally {
    child.kill("SIGINT");
    await child.status;
    await Deno.remove(file);
  }
  await Deno.remove(temporary); // fails where something is left in it
});

/** One half of the main job, with the permissions its own documentation names. */
function half(
  script: string,
  permissions: string[],
  args: string[],
): Deno.ChildProcess {
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

Deno.test("the writer's half serves an npm reader that finds it by topic", async () => {
  const folder = await Deno.makeTempDir();
  await using npm = new NpmPeer("hyperswarm/peer.mjs");
  const { bootstrap, flags } = await npmNetwork(npm);
  const writer = half("hypercore_writer.ts", [
    `--allow-read=${folder}`,
    `--allow-write=${folder}`,
  ], [folder, ...flags]);
  try {
    const input = writer.stdin.getWriter();
    await input.write(new TextEncoder().encode(README));
    await input.close();
    const output = writer.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    let said = "";
    while (!said.includes("length ")) said += (await output.read()).value;
    const [, id, length] = /key (\S+)\nlength (\d+)/.exec(said)!;

    const { swarm } = await npm.run<{ swarm: number }>("swarm", { bootstrap, seed: 1 });
    const key = hexText(idEncoding.decode(id!));
    const { discoveryKey } = await npm.run<{ discoveryKey: string }>("core", {
      swarm,
      folder: `${folder}/npm`,
      key,
    });
    await npm.run("join", { swarm, topic: discoveryKey, server: false });
    const lines = await npm.run<string[]>("read", { swarm, count: Number(length) });
    assert.equal(lines.join(""), README);
    await npm.run("destroy", { swarm });
    await output.cancel();
  } finally {
    await stop(writer);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("G-10 the reader's half prints what an npm writer appends, found by topic", async () => {
  const folder = await Deno.makeTempDir();
  await using npm = new NpmPeer("hyperswarm/peer.mjs");
  const { bootstrap, flags } = await npmNetwork(npm);
  const { swarm } = await npm.run<{ swarm: number }>("swarm", { bootstrap, seed: 1 });
  const lines = README.split(/(?<=\n)/);
  const { key, discoveryKey } = await npm.run<{ key: string; discoveryKey: string }>("core", {
    swarm,
    folder,
    blocks: lines.slice(0, 10),
  });
  await npm.run("join", { swarm, topic: discoveryKey, client: false });
  const reader = half("hypercore_reader.ts", [], [key, ...flags]);
  try {
    await npm.run("append", { swarm, blocks: lines.slice(10) });
    await reader.stdin.close();
    const output = reader.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    let text = "";
    while (text.length < README.length) text += (await output.read()).value;
    assert.equal(text, README);
    await output.cancel();
  } finally {
    await stop(reader);
    await Deno.remove(folder, { recursive: true });
  }
});

/** A network of npm nodes, and the flags that put a half into it. */
async function npmNetwork(npm: NpmPeer): Promise<{ bootstrap: unknown; flags: string[] }> {
  const bootstrap = await npm.run<{ host: string; port: number }[]>("testnet", { size: 3 });
  const [{ host, port }] = bootstrap as [{ host: string; port: number }];
  return { bootstrap, flags: ["--host", host, "--bootstrap", `${host}:${port}`] };
}

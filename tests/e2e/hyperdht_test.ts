/**
 * Two peers that find each other by key in a network of their own, as a user runs them, and each half with npm.
 *
 * @module
 */
import assert from "node:assert/strict";
import { utf8Bytes } from "../../src/base/mod.ts";
import { NpmPeer } from "../helpers/npm_peer.ts";

const ROOT = new URL("../../", import.meta.url);

/** A program with the permissions that its own documentation names, and what it says. */
class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly #errors: Promise<string>;
  #said = "";

  constructor(script: string, args: string[]) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        "--unstable-net",
        "--allow-net=127.0.0.1",
        `examples/${script}`,
        ...args,
      ],
      cwd: ROOT,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter() as WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#errors = new Response(this.#child.stderr).text();
  }

  /** Reads until `pattern` was said, and gives its first group. */
  async said(pattern: RegExp): Promise<string> {
    while (true) {
      const match = pattern.exec(this.#said);
      if (match !== null) return match[1] ?? match[0];
      const { value, done } = await this.#output.read();
      if (done) throw new Error(`Ended after: ${this.#said}\n${await this.#errors}`);
      this.#said += value;
    }
  }

  async type(text: string): Promise<void> {
    await this.#input.write(utf8Bytes(text) as Uint8Array<ArrayBuffer>);
  }

  async endInput(): Promise<void> {
    await this.#input.close();
  }

  interrupt(): void {
    this.#child.kill("SIGINT");
  }

  /** Exit code and what was said of errors. */
  async ended(): Promise<{ code: number; errors: string }> {
    const { code } = await this.#child.status;
    return { code, errors: await this.#errors };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
    await this.#input.close().catch(() => {});
    await this.#output.cancel().catch(() => {});
    await this.#errors;
  }
}

function freePort(): number {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  socket.close();
  return port;
}

async function startNetwork(): Promise<{ network: Program; flags: string[]; bootstrap: string }> {
  const network = new Program("private_network.ts", ["127.0.0.1", String(freePort())]);
  const bootstrap = await network.said(/^bootstrap (\S+)$/m);
  return { network, bootstrap, flags: ["--host", "127.0.0.1", "--bootstrap", bootstrap] };
}

Deno.test("G-08 DHT-044 DHT-W10 connect_two_peers: what is typed on either side appears on the other, and both end well", async () => {
  const { network, flags } = await startNetwork();
  await using _network = network;
  await using server = new Program("connect_two_peers_server.ts", flags);
  const key = await server.said(/^key ([0-9a-f]{64})$/m);
  await using client = new Program("connect_two_peers_client.ts", [key, ...flags]);
  await client.type("hello server\n");
  await server.said(/hello server/);
  await server.type("hello client\n");
  await client.said(/hello client/);
  await client.endInput();
  assert.deepEqual(await client.ended(), { code: 0, errors: "" });
  server.interrupt();
  assert.deepEqual(await server.ended(), { code: 0, errors: "" });

  await using late = new Program("connect_two_peers_client.ts", [key, ...flags]);
  const { code, errors } = await late.ended();
  assert.equal(code, 1);
  assert.match(
    errors,
    /^PEER_NOT_FOUND: Peer not found, none of the 3 nodes that answered knows it\n {2}after \d+ ms: find: PEER_NOT_FOUND\n$/,
  );

  network.interrupt();
  assert.equal((await network.ended()).code, 0);
});

Deno.test("DHT-044 connect_two_peers: each half with npm, in a private network of ours", async () => {
  const { network, flags, bootstrap } = await startNetwork();
  await using _network = network;
  await using npm = new NpmPeer("hyperdht/peer.mjs");
  const { node } = await npm.run<{ node: number }>("node", { bootstrap: [bootstrap], ephemeral: true });

  const { publicKey } = await npm.run<{ publicKey: string }>("server", { node, seed: 1 });
  await using client = new Program("connect_two_peers_client.ts", [publicKey, ...flags]);
  await client.type("echo this\n");
  await client.said(/echo this/);
  await client.endInput();
  assert.equal((await client.ended()).code, 0);

  await using server = new Program("connect_two_peers_server.ts", flags);
  const key = await server.said(/^key ([0-9a-f]{64})$/m);
  await npm.run("connect", { node, target: key, text: "hello from npm\n" });
  await server.said(/hello from npm/);
  await server.type("hello npm\n");
  assert.equal((await npm.next("data")).text, "hello npm\n");
});

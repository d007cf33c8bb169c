/** The chat of `examples/chat.ts`, between three processes on a network of their own. */
import assert from "node:assert/strict";
import createTestnet from "../../src/hyperdht/testnet/mod.ts";

const ROOT = new URL("../../", import.meta.url);

class Chatter {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #notices: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(args: string[]) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1", "examples/chat.ts", ...args],
      cwd: ROOT,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#notices = this.#child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Waits until what was printed matches. */
  async heard(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#text);
      if (match !== null) return match;
      const { value, done } = await this.#lines.read();
      assert.equal(done, false, `ended after ${this.#text}`);
      this.#text += value;
    }
  }

  /** Waits until `count` others have joined. */
  async met(count: number): Promise<void> {
    let notices = "";
    while (notices.split("has joined").length <= count) {
      const { value, done } = await this.#notices.read();
      assert.equal(done, false, `ended after ${notices}`);
      notices += value;
    }
  }

  say(text: string): Promise<void> {
    return this.#input.write(new TextEncoder().encode(text));
  }

  async leave(): Promise<void> {
    this.#child.kill("SIGINT");
    await this.#child.status;
    await Promise.all([this.#lines.cancel(), this.#notices.cancel(), this.#input.abort().catch(() => {})]);
  }
}

Deno.test("G-09 everyone in a topic hears what the others say", async () => {
  await using testnet = await createTestnet(3);
  const [{ host, port }] = testnet.bootstrap as [{ host: string; port: number }];
  const flags = ["--host", host, "--bootstrap", `${host}:${port}`];
  const chatters = [new Chatter(flags)];
  try {
    const [, topic] = await chatters[0]!.heard(/topic ([0-9a-f]{64})/);
    chatters.push(new Chatter([topic!, ...flags]), new Chatter([topic!, ...flags]));
    await Promise.all(chatters.map((chatter) => chatter.met(2)));
    await chatters[1]!.say("hello, all\n");
    await Promise.all(
      [chatters[0]!, chatters[2]!].map((chatter) => chatter.heard(/[0-9a-f]{6}: hello, all\n/)),
    );
  } finally {
    await Promise.all(chatters.map((chatter) => chatter.leave()));
  }
});

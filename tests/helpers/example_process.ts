/**
 * Runs a program of `examples/` as its user does: what it prints is waited for, lines are typed, it is interrupted.
 *
 * @module
 */
import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

/** A running example. */
export class ExampleProcess {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: Printed;
  readonly #errors: Printed;

  /** Starts `examples/NAME.ts`, or a file of the repository, with the net of this machine and `permissions`. */
  constructor(name: string, args: readonly string[], permissions: readonly string[] = []) {
    const net = "--allow-net=127.0.0.1";
    const file = name.includes("/") ? name : `examples/${name}.ts`;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", net, ...permissions, file, ...args],
      cwd: ROOT,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = new Printed(this.#child.stdout);
    this.#errors = new Printed(this.#child.stderr);
  }

  /** Waits until what was printed since the last match matches. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    const match = await this.#output.match(pattern);
    if (match !== null) return match;
    assert.fail(`ended after ${this.#output.rest}${await this.#errors.all()}`);
  }

  /** As {@linkcode printed}, on standard error. */
  async noticed(pattern: RegExp): Promise<RegExpExecArray> {
    return await this.#errors.match(pattern) ?? assert.fail(`ended after ${this.#errors.rest}`);
  }

  /** Types `text`. */
  say(text: string): Promise<void> {
    return this.#input.write(new TextEncoder().encode(text));
  }

  /** Interrupts it; resolves once it has ended. */
  async leave(): Promise<void> {
    try {
      this.#child.kill("SIGINT");
    } catch { /* it has ended by itself */ }
    await this.#child.status;
    await Promise.all([this.#output.cancel(), this.#errors.cancel(), this.#input.abort().catch(() => {})]);
  }
}

/** What comes out of a stream, in parts that are waited for. */
class Printed {
  readonly #reader: ReadableStreamDefaultReader<string>;
  /** What has come since the last match. */
  rest = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  async match(pattern: RegExp): Promise<RegExpExecArray | null> {
    for (;;) {
      const match = pattern.exec(this.rest);
      if (match !== null) {
        this.rest = this.rest.slice(match.index + match[0].length);
        return match;
      }
      if (!await this.#more()) return null;
    }
  }

  async all(): Promise<string> {
    while (await this.#more()) { /* until the end */ }
    return this.rest;
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#reader.read();
    this.rest += value ?? "";
    return !done;
  }
}

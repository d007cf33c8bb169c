/**
 * A terminal that keeps what is printed and is told when to stop.
 *
 * @module
 */
import type { Terminal } from "../../src/cli/mod.ts";

/** What a command printed, as far as it has come. */
export class RecordingTerminal implements Terminal {
  readonly isInteractive = false;
  readonly columns = 80;
  readonly #stopping = new AbortController();
  readonly #waiting: { readonly words: string; readonly resolve: (line: string) => void }[] = [];
  /** Everything on standard output. */
  output = "";
  /** Everything on standard error. */
  errors = "";

  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  out(text: string): void {
    this.output += text;
    for (const wait of this.#waiting.slice()) {
      const line = this.#lineWith(wait.words);
      if (line === undefined) continue;
      this.#waiting.splice(this.#waiting.indexOf(wait), 1);
      wait.resolve(line);
    }
  }

  outBytes(bytes: Uint8Array): void {
    this.out(new TextDecoder().decode(bytes));
  }

  err(text: string): void {
    this.errors += text;
  }

  /** The lines of standard output. */
  get lines(): string[] {
    return this.output.split("\n").filter((line) => line !== "");
  }

  /** The lines of standard output as JSON values. */
  get values(): Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line));
  }

  /** Resolves with the first line that has `words` in it, once it is printed. */
  line(words: string): Promise<string> {
    const line = this.#lineWith(words);
    if (line !== undefined) return Promise.resolve(line);
    return new Promise((resolve) => this.#waiting.push({ words, resolve }));
  }

  #lineWith(words: string): string | undefined {
    return this.lines.find((line) => line.includes(words));
  }

  /** As Ctrl-C does. */
  stop(): void {
    this.#stopping.abort();
  }
}

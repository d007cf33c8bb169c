/**
 * Runs a reference peer: a Node child process that talks JSON, one value per line, on its standard streams.
 *
 * A peer script lies below `tests/interop/peers/`, so Node finds the packages that are pinned there. It prints
 * objects with an `event` field; what it does not print as JSON it prints on standard error, which is kept
 * for messages. Everything that goes wrong is an error that says which peer, how it ended and what it said.
 *
 * @module
 */
import { strict as assert } from "node:assert";

/** Options of {@linkcode NodePeer.start}. */
export interface NodePeerOptions {
  /** Arguments of the script. Objects are passed as JSON. */
  readonly args?: readonly (string | number | object)[];
  /** How long one wait may take before it fails, in ms (default 30 000). */
  readonly waitTimeoutMs?: number;
}

/** A line that a peer printed. */
export interface PeerMessage {
  /** What happened, as named by the peer script. */
  readonly event: string;
  /** Whatever else the peer reported. */
  readonly [field: string]: unknown;
}

const PEERS_FOLDER = new URL("../interop/peers/", import.meta.url);
const STDERR_KEPT_CHARS = 4000;

/** A running reference peer. */
export class NodePeer implements AsyncDisposable {
  readonly #name: string;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waitTimeoutMs: number;
  readonly #unread: PeerMessage[] = [];
  readonly #finished: Promise<unknown>;
  #stderr = "";
  #isOver = false;
  readonly #waiting = new Set<() => void>();

  private constructor(name: string, child: Deno.ChildProcess, waitTimeoutMs: number) {
    this.#name = name;
    this.#child = child;
    this.#stdin = child.stdin.getWriter();
    this.#waitTimeoutMs = waitTimeoutMs;
    this.#finished = Promise.all([this.#readMessages(), this.#readErrors(), child.status]).finally(() => {
      this.#isOver = true;
      this.#wakeAll();
    });
    this.#finished.catch(() => {});
  }

  /**
   * Starts `script`, given relative to `tests/interop/peers/`, for example `"protomux/echo.mjs"`.
   *
   * @throws {Error} when Node, the script or the pinned packages are missing.
   */
  static start(script: string, options: NodePeerOptions = {}): NodePeer {
    requirePath(new URL("node_modules", PEERS_FOLDER), "run `npm ci` in tests/interop/peers");
    const path = new URL(script, PEERS_FOLDER);
    requirePath(path, "there is no such peer script");
    const args = (options.args ?? []).map((arg) =>
      typeof arg === "object" ? JSON.stringify(arg) : String(arg)
    );
    return NodePeer.startCommand(script, ["node", path.pathname, ...args], options);
  }

  /**
   * Starts any program that talks as reference peers do; `name` is for messages.
   *
   * @throws {Error} when the program is missing.
   */
  static startCommand(
    name: string,
    [program, ...args]: readonly string[],
    options: Pick<NodePeerOptions, "waitTimeoutMs"> = {},
  ): NodePeer {
    const command = new Deno.Command(program!, { args, stdin: "piped", stdout: "piped", stderr: "piped" });
    try {
      return new NodePeer(name, command.spawn(), options.waitTimeoutMs ?? 30_000);
    } catch (cause) {
      throw new Error(`Cannot start the reference peer ${name}: ${program} is not on the PATH`, { cause });
    }
  }

  /** Process id of the peer. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Resolves with the next line that the peer prints, or with the next one called `event`, in order. */
  async next(event?: string): Promise<PeerMessage> {
    const deadline = Promise.withResolvers<"late">();
    const timer = setTimeout(() => deadline.resolve("late"), this.#waitTimeoutMs);
    try {
      while (true) {
        const index = this.#unread.findIndex((message) => event === undefined || message.event === event);
        if (index >= 0) return this.#unread.splice(index, 1)[0]!;
        if (this.#isOver) throw await this.#failure(`ended while waiting for ${event ?? "a line"}`);
        const woken = Promise.withResolvers<"woken">();
        this.#waiting.add(() => woken.resolve("woken"));
        if (await Promise.race([woken.promise, deadline.promise]) === "late") {
          throw await this.#failure(`said nothing of ${event ?? "anything"} in ${this.#waitTimeoutMs} ms`);
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends `value` as one line of JSON to the peer's standard input. */
  async send(value: unknown): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode(JSON.stringify(value) + "\n"));
  }

  /** Resolves when the peer has ended by itself. @throws {Error} unless its exit code is 0. */
  async ended(): Promise<void> {
    await this.#stdin.close().catch(() => {});
    const timer = setTimeout(() => this.kill(), this.#waitTimeoutMs);
    try {
      await this.#finished;
      const status = await this.#child.status;
      if (!status.success) throw await this.#failure("failed");
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends `signal` to the peer; one that has ended already stays as it is. */
  kill(signal: Deno.Signal = "SIGKILL"): void {
    if (this.#isOver) return;
    try {
      this.#child.kill(signal);
    } catch (error) {
      // The process may end between the check and the call; anything else is a mistake.
      assert(error instanceof TypeError, "a peer that has ended cannot be signalled");
    }
  }

  /** Ends the peer, by force if it still runs, and waits until it is gone. */
  async close(): Promise<void> {
    this.kill();
    await this.#finished.catch(() => {});
    await this.#stdin.close().catch(() => {});
  }

  /** Same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Lets every wait look again. */
  #wakeAll(): void {
    const waiting = Array.from(this.#waiting);
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  async #readMessages(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#unread.push(parseLine(line));
      this.#wakeAll();
    }
  }

  async #readErrors(): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT_CHARS);
    }
  }

  async #failure(what: string): Promise<Error> {
    const status = this.#isOver ? await this.#child.status : null;
    const end = status === null ? "still runs" : `exit code ${status.code}, signal ${status.signal}`;
    const unread = JSON.stringify(this.#unread);
    return new Error(
      `Reference peer ${this.#name} ${what} (${end})\nunread lines: ${unread}\nstderr: ${this.#stderr}`,
    );
  }
}

function parseLine(line: string): PeerMessage {
  try {
    return JSON.parse(line) as PeerMessage;
  } catch {
    return { event: "text", line };
  }
}

function requirePath(path: URL, advice: string): void {
  try {
    Deno.statSync(path);
  } catch (cause) {
    throw new Error(`Missing ${path.pathname}: ${advice}`, { cause });
  }
}

/**
 * Where a command's output goes, and when it is asked to stop.
 *
 * @module
 */

/** Columns below which text is left to the terminal to break. */
const MIN_WRAPPED_CHARS = 20;

/** What commands print to and listen to; the process in earnest, a recorder in tests. */
export interface Terminal {
  /** Prints text to standard output, as it is. */
  out(text: string): void;
  /** Prints bytes to standard output, as they are. */
  outBytes(bytes: Uint8Array): void;
  /** Prints text to standard error, as it is. */
  err(text: string): void;
  /** Whether standard output and standard error are a terminal. */
  readonly isInteractive: boolean;
  /** Width of the terminal, columns. */
  readonly columns: number;
  /** Aborted by Ctrl-C, or a request to terminate. */
  readonly signal: AbortSignal;
}

/** Prints what a command has to say: lines for people, or one JSON value per line. */
export class Output {
  readonly #terminal: Terminal;
  readonly #isJson: boolean;
  readonly #beforeText: () => void;

  /** Prints JSON where `isJson`; `beforeText` is called each time before something is printed. */
  constructor(terminal: Terminal, isJson: boolean, beforeText: () => void = () => {}) {
    this.#terminal = terminal;
    this.#isJson = isJson;
    this.#beforeText = beforeText;
  }

  /** Whether values are printed as JSON. */
  get isJson(): boolean {
    return this.#isJson;
  }

  /** Tells one thing: `text` to people, `value` as JSON. */
  tell(text: string, value: Readonly<Record<string, unknown>>): void {
    this.#beforeText();
    this.#terminal.out(this.#isJson ? `${JSON.stringify(value)}\n` : `${text}\n`);
  }
}

/** The lines of a text that has at most `charCount` characters in each, unless a word is longer or the room too little. */
export function wrapped(text: string, charCount: number): string[] {
  if (charCount < MIN_WRAPPED_CHARS) return [text];
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > charCount) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Exit code of a wrong command line. */
export const USAGE = 64;

/** A command cannot be carried out; the message is for the user, the exit code for scripts. */
export class CommandError extends Error {
  /** Exit code of the process. */
  readonly exitCode: number;

  /** Creates an error; the exit code is 1 unless given. */
  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = "CommandError";
    this.exitCode = exitCode;
  }
}

/** Resolves when the user asks to stop. */
export function untilStopped(terminal: Terminal): Promise<void> {
  if (terminal.signal.aborted) return Promise.resolve();
  return new Promise((resolve) => terminal.signal.addEventListener("abort", () => resolve(), { once: true }));
}

/**
 * A line at the bottom of the terminal that is written anew as work goes on.
 *
 * @module
 */
import type { Terminal } from "./terminal.ts";

const CLEAR = "\r\x1b[2K";
const INTERVAL_MS = 250;

/** Shows what `text` says, four times a second, until it is ended; nothing where nobody watches a terminal. */
export class StatusLine implements Disposable {
  readonly #terminal: Terminal;
  readonly #text: () => string;
  readonly #timer: ReturnType<typeof setInterval> | null;
  #isShown = false;

  /** Starts; `isEnabled` false shows nothing. */
  constructor(terminal: Terminal, isEnabled: boolean, text: () => string) {
    this.#terminal = terminal;
    this.#text = text;
    this.#timer = isEnabled && terminal.isInteractive ? setInterval(() => this.#show(), INTERVAL_MS) : null;
  }

  #show(): void {
    this.#isShown = true;
    this.#terminal.err(CLEAR + this.#text().slice(0, this.#terminal.columns - 1));
  }

  /** Clears the line, before other text is printed. */
  clear(): void {
    if (this.#isShown) this.#terminal.err(CLEAR);
    this.#isShown = false;
  }

  /** Ends it. */
  end(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.clear();
  }

  /** Same as {@linkcode end}. */
  [Symbol.dispose](): void {
    this.end();
  }
}

/** How long something takes, in words: 1 h 05 min, 3 min 20 s, 8 s. */
export function durationText(seconds: number): string {
  if (!Number.isFinite(seconds)) return "unknown time";
  const whole = Math.ceil(seconds);
  const two = (number: number): string => String(number).padStart(2, "0");
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole % 3600 / 60))} min`;
  return whole >= 60 ? `${Math.floor(whole / 60)} min ${two(whole % 60)} s` : `${whole} s`;
}

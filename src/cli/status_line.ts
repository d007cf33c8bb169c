/**
 * A line at the bottom of the terminal that is written anew as work goes on.
 *
 * @module
 */
import type { CancelTimer, Clock } from "../base/mod.ts";
import { systemClock } from "../platform/mod.ts";
import type { Terminal } from "./terminal.ts";

const CLEAR = "\r\x1b[2K";
const INTERVAL_MS = 250;

/** The line of a command: empty until it has something to show, and always where nobody watches a terminal. */
export class StatusLine implements Disposable {
  readonly #terminal: Terminal;
  readonly #isEnabled: boolean;
  readonly #clock: Clock;
  #text = (): string => "";
  #cancel: CancelTimer | null = null;
  #shown = "";

  /** Begins empty; `isEnabled` false keeps it so. */
  constructor(terminal: Terminal, isEnabled: boolean, clock: Clock = systemClock) {
    this.#terminal = terminal;
    this.#clock = clock;
    this.#isEnabled = isEnabled && terminal.isInteractive;
  }

  /** Shows what `text` says, four times a second, instead of what was shown before. */
  show(text: () => string): void {
    if (!this.#isEnabled) return;
    this.#text = text;
    this.#cancel ??= this.#clock.schedule(INTERVAL_MS, () => this.#write());
  }

  #write(): void {
    this.#cancel = this.#clock.schedule(INTERVAL_MS, () => this.#write());
    const text = this.#text().slice(0, this.#terminal.columns - 1);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#terminal.err(CLEAR + text);
  }

  /** Clears the line, before other text is printed; it is written again below that. */
  clear(): void {
    if (this.#shown !== "") this.#terminal.err(CLEAR);
    this.#shown = "";
  }

  /** Shows nothing any more. */
  end(): void {
    this.#cancel?.();
    this.#cancel = null;
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

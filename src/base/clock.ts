/**
 * Time as a collaborator: drivers get a {@linkcode Clock}, tests hand in a virtual one.
 *
 * @module
 */

/** Stops a scheduled call; calling it again or after the call ran does nothing. */
export type CancelTimer = () => void;

/** A source of monotonic time and of delayed calls. */
export interface Clock {
  /** Monotonic time in ms; only differences mean anything. */
  nowMs(): number;
  /** Wall-clock time in ms since the Unix epoch. */
  wallMs(): number;
  /**
   * Calls `callback` once after `delayMs`. An `unref`ed timer does not keep the process alive.
   */
  schedule(delayMs: number, callback: () => void, options?: { readonly unref?: boolean }): CancelTimer;
}

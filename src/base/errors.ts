/**
 * The error class that every layer's own error class extends.
 *
 * @module
 */

/** Options of {@linkcode QuinceError}. */
export interface QuinceErrorOptions {
  /** What led to this error. */
  readonly cause?: unknown;
}

/** An error with a machine-readable `code`; the message begins with it, as in the Holepunch packages. */
export class QuinceError extends Error {
  /** Stable identifier, equal to the code of the corresponding Holepunch package where there is one. */
  readonly code: string;

  /** Creates an error whose message is `code: message`. */
  constructor(code: string, message: string, options: QuinceErrorOptions = {}) {
    super(`${code}: ${message}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
  }
}

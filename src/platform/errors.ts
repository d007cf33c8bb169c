/**
 * Errors of the runtime's side of things.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";

/** What went wrong between us and the runtime; for files, the operating system's own code, such as `ENOSPC`. */
export type PlatformErrorCode =
  | "ERR_PERMISSION"
  | "ERR_UNSUPPORTED"
  | "ERR_SOCKET_CLOSED"
  | "EADDRINUSE"
  | "EADDRNOTAVAIL"
  | "ENOTFOUND"
  | "ERR_SOCKET"
  | "ERR_FILE"
  | (string & Record<never, never>);

/** The runtime refused, lacks or failed an operation. */
export class PlatformError extends QuinceError {
  /** The runtime's flag that would allow the operation, when permission is what lacks. */
  readonly flag: string | null;

  /** Creates an error; `flag` names the command-line flag that a permission error is about. */
  constructor(
    code: PlatformErrorCode,
    message: string,
    options: QuinceErrorOptions & { readonly flag?: string } = {},
  ) {
    super(code, message, options);
    this.flag = options.flag ?? null;
  }
}

/** Tells whether the runtime threw `error` because a permission lacks. */
export function isPermissionRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === "NotCapable" || error.name === "PermissionDenied" || errorCode(error) === "EACCES" ||
    errorCode(error) === "ERR_ACCESS_DENIED";
}

/** The `code` of a runtime error, or an empty string. */
export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

/** Wraps what binding a socket threw into a typed error. */
export function bindError(host: string, port: number, cause: unknown): PlatformError {
  const target = `${host}:${port}`;
  if (cause instanceof PlatformError) return cause;
  if (isPermissionRefusal(cause)) return netPermissionError(`Cannot bind ${target}`, cause);
  const code = errorCode(cause);
  if (code === "EADDRINUSE" || (cause as Error)?.name === "AddrInUse") {
    return new PlatformError("EADDRINUSE", `Cannot bind ${target}, the address is in use`, { cause });
  }
  if (code === "EADDRNOTAVAIL" || (cause as Error)?.name === "AddrNotAvailable") {
    return new PlatformError("EADDRNOTAVAIL", `Cannot bind ${target}, the address is not available`, {
      cause,
    });
  }
  return new PlatformError("ERR_SOCKET", `Cannot bind ${target}`, { cause });
}

/** The error for a network operation that the user did not permit. */
export function netPermissionError(action: string, cause?: unknown): PlatformError {
  return new PlatformError("ERR_PERMISSION", `${action}, the process runs without --allow-net for it`, {
    cause,
    flag: "--allow-net",
  });
}

/**
 * Names to addresses, by the system's resolver.
 *
 * @module
 */
import dns from "node:dns";
import { errorCode, isPermissionRefusal, netPermissionError, PlatformError } from "./errors.ts";

/** Result of {@linkcode lookupHost}. */
export interface LookupResult {
  /** Textual address. */
  readonly host: string;
  /** 4 or 6. */
  readonly family: 4 | 6;
}

/**
 * Resolves `host` to its first address; `family` 0 takes whichever comes first.
 *
 * @throws {PlatformError} `ENOTFOUND` or `ERR_PERMISSION`.
 */
export function lookupHost(host: string, family: 0 | 4 | 6 = 0): Promise<LookupResult> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => {
      if (isPermissionRefusal(cause)) return reject(netPermissionError(`Cannot look up ${host}`, cause));
      const code = errorCode(cause) || "no answer";
      reject(new PlatformError("ENOTFOUND", `Cannot look up ${host} (${code})`, { cause }));
    };
    try {
      dns.lookup(host, { family }, (error, address, found) => {
        if (error) fail(error);
        else resolve({ host: address, family: found === 6 ? 6 : 4 });
      });
    } catch (cause) {
      fail(cause);
    }
  });
}

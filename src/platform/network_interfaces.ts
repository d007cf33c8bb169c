/**
 * The addresses of this machine's network interfaces.
 *
 * @module
 */
import os from "node:os";
import { isPermissionRefusal, PlatformError } from "./errors.ts";

/** One address of one interface. */
export interface NetworkInterface {
  /** Name of the interface. */
  readonly name: string;
  /** Textual address. */
  readonly host: string;
  /** 4 or 6. */
  readonly family: 4 | 6;
  /** A loopback interface. */
  readonly internal: boolean;
}

/**
 * Lists the addresses of all interfaces that are up. In Deno it needs `--allow-sys=networkInterfaces`.
 *
 * @throws {PlatformError} `ERR_PERMISSION` naming the flag.
 */
export function listNetworkInterfaces(): NetworkInterface[] {
  try {
    const interfaces: NetworkInterface[] = [];
    for (const [name, addresses] of Object.entries(os.networkInterfaces())) {
      for (const { address, family, internal } of addresses ?? []) {
        interfaces.push({ name, host: address, family: family === "IPv6" ? 6 : 4, internal });
      }
    }
    return interfaces;
  } catch (cause) {
    if (!isPermissionRefusal(cause)) throw cause;
    throw new PlatformError(
      "ERR_PERMISSION",
      "Cannot list network interfaces, the process runs without --allow-sys=networkInterfaces",
      { cause, flag: "--allow-sys=networkInterfaces" },
    );
  }
}

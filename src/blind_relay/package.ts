/**
 * Exactly the names that the npm package `blind-relay` exports.
 *
 * @module
 */
import { randomBytes } from "../crypto/mod.ts";
import { TOKEN_BYTES } from "./messages.ts";

export { BlindRelayClient as Client } from "./client.ts";
export { BlindRelayServer as Server } from "./driver.ts";
export * as messages from "./codecs.ts";

/**
 * A random token of 32 bytes, in `out` when given.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` when `out` has another length.
 */
export function token(out?: Uint8Array): Uint8Array {
  return randomBytes(TOKEN_BYTES, out);
}

/**
 * Round-trip tokens: what a node gives out to prove later that its owner receives at the address it claims.
 *
 * Source: dht-rpc `lib/io.js`.
 *
 * @module
 */
import { equalBytes, utf8Bytes } from "../base/mod.ts";
import { blake2b, wipe } from "../crypto/mod.ts";
import { ID_BYTES, SECRET_MS, TOKEN_CACHE_HOSTS_MAX } from "./limits.ts";

/** Gives out tokens and checks them; its two secrets change by time. */
export class Tokens {
  /** The secret before, and the newest. */
  #secrets: readonly [Uint8Array, Uint8Array];
  #rotatesAtMs: number;
  /** Tokens of the newest secret, by host. */
  readonly #issued = new Map<string, Uint8Array>();

  /** Starts with 64 random bytes, which are copied. */
  constructor(seed: Uint8Array, nowMs: number) {
    this.#secrets = [seed.slice(0, ID_BYTES), seed.slice(ID_BYTES, 2 * ID_BYTES)];
    this.#rotatesAtMs = nowMs + SECRET_MS;
  }

  /** The token for `host`, 32 bytes, borrowed from here. */
  issue(host: string, nowMs: number): Uint8Array {
    this.#rotate(nowMs);
    const known = this.#issued.get(host);
    if (known) return known;
    const token = tokenOf(host, this.#secrets[1]);
    if (this.#issued.size >= TOKEN_CACHE_HOSTS_MAX) this.#issued.clear();
    this.#issued.set(host, token);
    return token;
  }

  /** Tells whether `token` was given out to `host` under one of the two secrets. */
  isValid(token: Uint8Array, host: string, nowMs: number): boolean {
    // The tokens are public to their owner and worthless to others: comparing them needs no constant time.
    return equalBytes(token, this.issue(host, nowMs)) || equalBytes(token, tokenOf(host, this.#secrets[0]));
  }

  /** Wipes the secrets. */
  dispose(): void {
    for (const secret of this.#secrets) wipe(secret);
    this.#issued.clear();
  }

  #rotate(nowMs: number): void {
    if (nowMs < this.#rotatesAtMs) return;
    const count = 1 + Math.floor((nowMs - this.#rotatesAtMs) / SECRET_MS);
    this.#rotatesAtMs += count * SECRET_MS;
    // Two rotations leave nothing of what was given out before.
    for (let i = 0; i < Math.min(count, 2); i++) {
      const [older, newer] = this.#secrets;
      this.#secrets = [newer, blake2b(older)];
      wipe(older);
    }
    this.#issued.clear();
  }
}

function tokenOf(host: string, secret: Uint8Array): Uint8Array {
  return blake2b(utf8Bytes(host), { key: secret });
}

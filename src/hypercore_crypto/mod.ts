/**
 * The cryptography of hypercores, with the names and results of the npm package `hypercore-crypto`, and the text form of
 * keys, with those of `hypercore-id-encoding` ({@linkcode idEncoding}) and `z32` ({@linkcode z32}).
 *
 * @example
 * ```ts
 * import crypto, { idEncoding } from "@quince/quince/hypercore-crypto";
 * const { publicKey, secretKey } = crypto.keyPair();
 * const message = new TextEncoder().encode("hello");
 * const signature = crypto.sign(message, secretKey);
 * crypto.verify(message, signature, publicKey); // true
 * idEncoding.encode(publicKey); // 52 characters
 * ```
 *
 * @module
 */
export * from "./package.ts";
export * as default from "./package.ts";
export * as idEncoding from "./id_encoding.ts";
export * as z32 from "./z32.ts";
export { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";
export { CryptoError, type CryptoErrorCode, type KeyPair } from "../crypto/mod.ts";
export { IdEncodingError, type IdEncodingErrorCode } from "./errors.ts";
export type { TreeNode } from "./hashes.ts";

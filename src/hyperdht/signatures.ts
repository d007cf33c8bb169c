/**
 * What announcements and mutable records are signed over, and signing them.
 *
 * @module
 */
import { concatBytes } from "../base/mod.ts";
import { encode } from "../compact_encoding/mod.ts";
import { blake2b, sign, verify } from "../crypto/mod.ts";
import type { KeyPair } from "../secret_stream/mod.ts";
import { NS } from "./constants.ts";
import { type AnnounceMessage, mutableSignable, peer } from "./messages.ts";

const NOTHING: Uint8Array = new Uint8Array(0);

/** A key pair, a secret key alone (64 bytes), or a public key with whoever signs for it. */
export type Signer =
  | KeyPair
  | Uint8Array
  | { readonly publicKey: Uint8Array; sign(message: Uint8Array): Uint8Array | Promise<Uint8Array> };

/** Signs an announcement or its withdrawal: 64 bytes. */
export type SignAnnounce = (
  target: Uint8Array,
  token: Uint8Array,
  nodeId: Uint8Array,
  announcement: AnnounceMessage,
  keyPair: Signer,
) => Uint8Array | Promise<Uint8Array>;

/** Signs a mutable record: 64 bytes. */
export type SignMutable = (
  seq: number,
  value: Uint8Array,
  keyPair: Signer,
) => Uint8Array | Promise<Uint8Array>;

/** What is bound by the signature of an announcement. */
export interface AnnounceSignableOptions {
  /** What is announced to, 32 bytes. */
  readonly target: Uint8Array;
  /** Token of the node that keeps the announcement, 32 bytes. */
  readonly token: Uint8Array;
  /** Id of that node, 32 bytes. */
  readonly nodeId: Uint8Array;
  /** The announcement. */
  readonly announcement: AnnounceMessage;
}

/** The 64 bytes that an announcement's signature covers. Source: hyperdht `lib/persistent.js`. */
export function announceSignable(namespace: Uint8Array, options: AnnounceSignableOptions): Uint8Array {
  const { target, token, nodeId, announcement } = options;
  const record = encode(peer, announcement.peer!);
  return concatBytes([
    namespace,
    blake2b([target, nodeId, token, record, announcement.refresh ?? NOTHING], { byteLength: 32 }),
  ]);
}

/** The 64 bytes that a mutable record's signature covers. Source: hyperdht `lib/persistent.js`. */
export function mutableRecordSignable(seq: number, value: Uint8Array): Uint8Array {
  return concatBytes([
    NS.MUTABLE_PUT,
    blake2b(encode(mutableSignable, { seq, value }), { byteLength: 32 }),
  ]);
}

/** Signs an announcement. Source: hyperdht `lib/persistent.js`. */
export const signAnnounce: SignAnnounce = (target, token, nodeId, announcement, keyPair) =>
  signWith(keyPair, announceSignable(NS.ANNOUNCE, { target, token, nodeId, announcement }));

/** Signs the withdrawal of an announcement. Source: hyperdht `lib/persistent.js`. */
export const signUnannounce: SignAnnounce = (target, token, nodeId, announcement, keyPair) =>
  signWith(keyPair, announceSignable(NS.UNANNOUNCE, { target, token, nodeId, announcement }));

/** Signs a mutable record. Source: hyperdht `lib/persistent.js`. */
export const signMutable: SignMutable = (seq, value, keyPair) =>
  signWith(keyPair, mutableRecordSignable(seq, value));

/** Tells whether `signature` is that of a mutable record by the owner of `publicKey`. */
export function verifyMutable(
  signature: Uint8Array,
  seq: number,
  value: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  return verify(mutableRecordSignable(seq, value), signature, publicKey);
}

function signWith(signer: Signer, message: Uint8Array): Uint8Array | Promise<Uint8Array> {
  if (signer instanceof Uint8Array) return sign(message, signer);
  if ("sign" in signer) return signer.sign(message);
  return sign(message, signer.secretKey);
}

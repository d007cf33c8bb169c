/**
 * The manifest: who may sign a log. Its hash is the log's key.
 *
 * Source: `hypercore/lib/verifier.js` and `hypercore/lib/messages.js`. Byte table: `docs/spec/hypercore.md`.
 *
 * @module
 */
import { concatBytes, copyBytes, equalBytes, isBytes } from "../../base/mod.ts";
import c, { type Encoder, type State } from "../../compact_encoding/mod.ts";
import { blake2b } from "../../crypto/mod.ts";
import { HypercoreError } from "../errors.ts";
import { MANIFEST_ENTRIES_MAX, MANIFEST_USER_DATA_BYTES_MAX } from "./limits.ts";
import { namespace } from "./namespaces.ts";
import type { Manifest, ManifestPrologue, ManifestSigner } from "./types.ts";

const FLAG_PATCH = 1;
const FLAG_PROLOGUE = 2;
const FLAG_LINKED = 4;
const FLAG_USER_DATA = 8;

const HASH_BYTES = 32;
const SIGNER_BYTES = 65;

// The three forms of version 0.
const KIND_STATIC = 0;
const KIND_SIGNER = 1;
const KIND_QUORUM = 2;

/** A signer as a caller may give it; what is left out gets its default. */
export interface ManifestSignerInput {
  /** Only "ed25519". */
  readonly signature?: "ed25519";
  /** 32 bytes. */
  readonly namespace?: Uint8Array;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** A manifest as a caller may give it; what is left out gets its default. */
export interface ManifestInput {
  /** 0, 1 or 2. Default: 2 where `linked` or `userData` is given, else 1. */
  readonly version?: number;
  /** Only "blake2b". */
  readonly hash?: "blake2b";
  /** Whether signers may sign different lengths. Default false. */
  readonly allowPatch?: boolean;
  /** How many must sign. Default: more than half of the signers. */
  readonly quorum?: number;
  /** Default none. */
  readonly signers?: readonly ManifestSignerInput[];
  /** Default none. */
  readonly prologue?: ManifestPrologue | null;
  /** Keys of associated logs, 32 bytes each; version 2. */
  readonly linked?: readonly Uint8Array[] | null;
  /** Opaque bytes; version 2. */
  readonly userData?: Uint8Array | null;
}

/**
 * Completes and checks what a caller gives as a manifest; bytes are taken as an encoded one. Null for nothing.
 *
 * @throws {HypercoreError} `BAD_ARGUMENT`, or `DECODING_ERROR` for bytes.
 */
export function createManifest(input: ManifestInput | Uint8Array): Manifest;
/** As above; null for nothing. */
export function createManifest(input: ManifestInput | Uint8Array | null | undefined): Manifest | null;
export function createManifest(input: ManifestInput | Uint8Array | null | undefined): Manifest | null {
  if (!input) return null;
  if (isBytes(input)) return decodeManifest(input);
  const signers = (input.signers ?? []).map(createSigner);
  const linked = input.linked && input.linked.length > 0 ? input.linked.map(linkedKey) : null;
  const userData = input.userData ? copyBytes(input.userData) : null;
  const version = input.version ?? (linked !== null || userData !== null ? 2 : 1);
  const quorum = input.quorum ?? defaultQuorum(signers.length);
  if (!(version === 0 || version === 1 || version === 2)) throw badManifest(`Unknown version ${version}`);
  if (!Number.isSafeInteger(quorum)) throw badManifest(`Quorum is not an integer: ${quorum}`);
  if (quorum < 0) throw badManifest("Quorum cannot be negative");
  if (input.signers && quorum > signers.length) {
    throw badManifest("Quorum should not be higher than the number of signers");
  }
  if (input.hash && input.hash !== "blake2b") throw badManifest("Only Blake2b hashes are supported");
  if (userData !== null && version < 2) throw badManifest("Invalid field: userData");
  if (linked !== null && version < 2) throw badManifest("Invalid field: linked");
  return {
    version,
    hash: "blake2b",
    allowPatch: !!input.allowPatch,
    quorum,
    signers,
    prologue: input.prologue ? createPrologue(input.prologue) : null,
    linked,
    userData,
  };
}

/** The manifest of a log that one key signs. Source: `hypercore/lib/verifier.js`. */
export function defaultSignerManifest(publicKey: Uint8Array): Manifest {
  return createManifest({ version: 1, quorum: 1, signers: [{ publicKey }] });
}

/** The key of a log with this manifest: BLAKE2b-256 of namespace and encoding, 32 bytes. */
export function manifestHash(manifest: Manifest): Uint8Array {
  return blake2b(concatBytes([namespace("manifest"), encodeManifest(manifest)]));
}

/** Tells whether `key` is the hash of `manifest`. */
export function isValidManifest(key: Uint8Array, manifest: Manifest): boolean {
  return equalBytes(key, manifestHash(manifest));
}

/** Tells whether `key` is the public key of the only signer, as before manifests. */
export function isCompat(key: Uint8Array, manifest: Manifest | null): boolean {
  return manifest !== null && manifest.signers.length === 1 &&
    equalBytes(key, manifest.signers[0]!.publicKey);
}

/** Encodes a manifest into fresh bytes. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  return c.encode(manifestCodec, manifest);
}

/**
 * Decodes what {@linkcode encodeManifest} gave; the result shares no bytes with the input.
 *
 * @throws {HypercoreError} `DECODING_ERROR`.
 */
export function decodeManifest(bytes: Uint8Array): Manifest {
  try {
    return ownManifest(c.decode(manifestCodec, bytes));
  } catch (cause) {
    if (cause instanceof HypercoreError) throw cause;
    throw new HypercoreError("DECODING_ERROR", "Could not decode manifest", { cause });
  }
}

/** Copies a decoded manifest, so that it does not keep the message it came in alive. */
export function ownManifest(manifest: Manifest): Manifest {
  return {
    ...manifest,
    signers: manifest.signers.map((signer) => ({
      signature: signer.signature,
      namespace: copyBytes(signer.namespace),
      publicKey: copyBytes(signer.publicKey),
    })),
    prologue: manifest.prologue && { ...manifest.prologue, hash: copyBytes(manifest.prologue.hash) },
    linked: manifest.linked && manifest.linked.map(copyBytes),
    userData: manifest.userData && copyBytes(manifest.userData),
  };
}

/**
 * Codec of a manifest, as it is hashed, stored and sent. Decoded bytes are views.
 *
 * Decoding throws `DECODING_ERROR` for what is unknown or too large, and the errors of `compact_encoding`.
 */
export const manifestCodec: Encoder<Manifest> = {
  preencode(state: State, manifest: Manifest): void {
    state.end++;
    if (manifest.version === 0) preencodeVersion0(state, manifest);
    else preencodeFlagged(state, manifest);
  },
  encode(state: State, manifest: Manifest): void {
    c.uint.encode(state, manifest.version);
    if (manifest.version === 0) encodeVersion0(state, manifest);
    else encodeFlagged(state, manifest);
  },
  decode(state: State): Manifest {
    const version = c.uint.decode(state);
    if (version > 2) throw undecodable(`Unknown manifest version ${version}`);
    return version === 0 ? decodeVersion0(state) : decodeFlagged(state, version);
  },
};

function preencodeFlagged(state: State, manifest: Manifest): void {
  state.end += 2; // flags, hash
  c.uint.preencode(state, manifest.quorum);
  preencodeSigners(state, manifest.signers);
  if (manifest.prologue !== null) {
    c.fixed32.preencode(state, manifest.prologue.hash);
    c.uint.preencode(state, manifest.prologue.length);
  }
  if (manifest.linked !== null) {
    c.uint.preencode(state, manifest.linked.length);
    for (const key of manifest.linked) c.fixed32.preencode(state, key);
  }
  if (manifest.userData !== null) c.buffer.preencode(state, manifest.userData);
}

function encodeFlagged(state: State, manifest: Manifest): void {
  const flags = (manifest.allowPatch ? FLAG_PATCH : 0) |
    (manifest.prologue !== null ? FLAG_PROLOGUE : 0) |
    (manifest.linked !== null ? FLAG_LINKED : 0) |
    (manifest.userData !== null ? FLAG_USER_DATA : 0);
  c.uint.encode(state, flags);
  c.uint.encode(state, 0); // hash: blake2b
  c.uint.encode(state, manifest.quorum);
  encodeSigners(state, manifest.signers);
  if (manifest.prologue !== null) {
    c.fixed32.encode(state, manifest.prologue.hash);
    c.uint.encode(state, manifest.prologue.length);
  }
  if (manifest.linked !== null) {
    c.uint.encode(state, manifest.linked.length);
    for (const key of manifest.linked) c.fixed32.encode(state, key);
  }
  if (manifest.userData !== null) c.buffer.encode(state, manifest.userData);
}

function decodeFlagged(state: State, version: number): Manifest {
  const flags = c.uint.decode(state);
  decodeHash(state);
  const quorum = c.uint.decode(state);
  const signers = decodeSigners(state);
  let prologue: ManifestPrologue | null = null;
  if (flags & FLAG_PROLOGUE) prologue = { hash: c.fixed32.decode(state), length: c.uint.decode(state) };
  let linked: Uint8Array[] | null = null;
  if (flags & FLAG_LINKED) {
    linked = [];
    for (let rest = decodeCount(state, HASH_BYTES); rest > 0; rest--) linked.push(c.fixed32.decode(state));
  }
  const userData = flags & FLAG_USER_DATA ? decodeUserData(state) : null;
  const allowPatch = (flags & FLAG_PATCH) !== 0;
  return { version, hash: "blake2b", allowPatch, quorum, signers, prologue, linked, userData };
}

function preencodeVersion0(state: State, manifest: Manifest): void {
  state.end += 2; // hash, kind
  const kind = kindOfVersion0(manifest);
  if (kind === KIND_STATIC) {
    state.end += HASH_BYTES;
  } else if (kind === KIND_SIGNER) {
    state.end += SIGNER_BYTES;
  } else {
    state.end++; // flags
    c.uint.preencode(state, manifest.quorum);
    preencodeSigners(state, manifest.signers);
  }
}

function encodeVersion0(state: State, manifest: Manifest): void {
  c.uint.encode(state, 0); // hash: blake2b
  const kind = kindOfVersion0(manifest);
  c.uint.encode(state, kind);
  if (kind === KIND_STATIC) {
    c.fixed32.encode(state, manifest.prologue!.hash);
  } else if (kind === KIND_SIGNER) {
    encodeSigner(state, manifest.signers[0]!);
  } else {
    c.uint.encode(state, manifest.allowPatch ? 1 : 0);
    c.uint.encode(state, manifest.quorum);
    encodeSigners(state, manifest.signers);
  }
}

function decodeVersion0(state: State): Manifest {
  decodeHash(state);
  const kind = c.uint.decode(state);
  const common = { version: 0, hash: "blake2b", linked: null, userData: null } as const;
  if (kind === KIND_STATIC) {
    // Compat: hypercore/lib/messages.js does not write the length of a version 0 prologue.
    const prologue = { hash: c.fixed32.decode(state), length: 0 };
    return { ...common, allowPatch: false, quorum: 0, signers: [], prologue };
  }
  if (kind === KIND_SIGNER) {
    return { ...common, allowPatch: false, quorum: 1, signers: [decodeSigner(state)], prologue: null };
  }
  if (kind !== KIND_QUORUM) throw undecodable(`Unknown manifest kind ${kind}`);
  const flags = c.uint.decode(state);
  const quorum = c.uint.decode(state);
  return { ...common, allowPatch: (flags & 1) !== 0, quorum, signers: decodeSigners(state), prologue: null };
}

function kindOfVersion0(manifest: Manifest): number {
  if (manifest.prologue !== null && manifest.signers.length === 0) return KIND_STATIC;
  const single = manifest.quorum === 1 && manifest.signers.length === 1 && !manifest.allowPatch;
  return single ? KIND_SIGNER : KIND_QUORUM;
}

function preencodeSigners(state: State, signers: readonly ManifestSigner[]): void {
  c.uint.preencode(state, signers.length);
  state.end += signers.length * SIGNER_BYTES;
}

function encodeSigners(state: State, signers: readonly ManifestSigner[]): void {
  c.uint.encode(state, signers.length);
  for (const signer of signers) encodeSigner(state, signer);
}

function encodeSigner(state: State, signer: ManifestSigner): void {
  c.uint.encode(state, 0); // signature: ed25519
  c.fixed32.encode(state, signer.namespace);
  c.fixed32.encode(state, signer.publicKey);
}

function decodeSigners(state: State): ManifestSigner[] {
  const signers: ManifestSigner[] = [];
  for (let rest = decodeCount(state, SIGNER_BYTES); rest > 0; rest--) signers.push(decodeSigner(state));
  return signers;
}

function decodeSigner(state: State): ManifestSigner {
  const signature = c.uint.decode(state);
  if (signature !== 0) throw undecodable(`Unknown signature id ${signature}`);
  return {
    signature: "ed25519",
    namespace: c.fixed32.decode(state),
    publicKey: c.fixed32.decode(state),
  };
}

function decodeHash(state: State): void {
  const hash = c.uint.decode(state);
  if (hash !== 0) throw undecodable(`Unknown hash id ${hash}`);
}

function decodeCount(state: State, entryBytes: number): number {
  const count = c.uint.decode(state);
  if (count > MANIFEST_ENTRIES_MAX || count * entryBytes > state.end - state.start) {
    throw undecodable(`Too many entries in manifest: ${count}`);
  }
  return count;
}

function decodeUserData(state: State): Uint8Array {
  const userData = c.buffer.decode(state);
  if (userData.byteLength > MANIFEST_USER_DATA_BYTES_MAX) {
    throw undecodable(`Too much user data in manifest: ${userData.byteLength} bytes`);
  }
  return userData;
}

function createSigner(input: ManifestSignerInput): ManifestSigner {
  if (!input || !input.publicKey) throw badManifest("Signer missing public key");
  if (input.signature && input.signature !== "ed25519") {
    throw badManifest("Only Ed25519 signatures are supported");
  }
  if (!isHash(input.publicKey)) throw badManifest("Public key of a signer must be 32 bytes");
  if (input.namespace && !isHash(input.namespace)) {
    throw badManifest("Namespace of a signer must be 32 bytes");
  }
  return {
    signature: "ed25519",
    namespace: input.namespace ? copyBytes(input.namespace) : namespace("defaultSigner"),
    publicKey: copyBytes(input.publicKey),
  };
}

function createPrologue(input: ManifestPrologue): ManifestPrologue {
  if (!isHash(input.hash) || !Number.isSafeInteger(input.length) || input.length < 0) {
    throw badManifest("Invalid prologue");
  }
  return { hash: copyBytes(input.hash), length: input.length };
}

function linkedKey(key: Uint8Array): Uint8Array {
  if (!isHash(key)) throw badManifest("Invalid key");
  return copyBytes(key);
}

function defaultQuorum(signerCount: number): number {
  return signerCount === 0 ? 0 : (signerCount >> 1) + 1;
}

function isHash(value: unknown): value is Uint8Array {
  return isBytes(value) && value.byteLength === HASH_BYTES;
}

function badManifest(message: string): HypercoreError {
  return new HypercoreError("BAD_ARGUMENT", message);
}

function undecodable(message: string): HypercoreError {
  return new HypercoreError("DECODING_ERROR", message);
}

/**
 * The values that travel between the log, its storage and its replication.
 *
 * @module
 */
import type { HypercoreError } from "../errors.ts";

/** A node of the Merkle tree, addressed by its flat in-order index. */
export interface TreeNode {
  /** Flat in-order index: leaves are even (`2 * block`), parents odd. */
  readonly index: number;
  /** Bytes of all blocks below this node. */
  readonly size: number;
  /** 32 bytes. */
  readonly hash: Uint8Array;
}

/** One state of the tree; never changed once made. */
export interface TreeHead {
  /** Blocks. */
  readonly length: number;
  /** Bytes of all blocks, padding included. */
  readonly byteLength: number;
  /** How often the log was truncated. */
  readonly fork: number;
  /** The full roots that cover `length` blocks, left to right. */
  readonly roots: readonly TreeNode[];
  /** Signature over this state (64 bytes, or a multi-signature), null for an empty log. */
  readonly signature: Uint8Array | null;
}

/** One who may sign; source: `hypercore/lib/verifier.js`. */
export interface ManifestSigner {
  /** Kind of signature; there is no other. */
  readonly signature: "ed25519";
  /** 32 bytes. */
  readonly namespace: Uint8Array;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** A fixed unsigned start of the log. */
export interface ManifestPrologue {
  /** Tree hash at `length`, 32 bytes. */
  readonly hash: Uint8Array;
  /** Blocks. */
  readonly length: number;
}

/** What a log's key commits to; source: `hypercore/lib/verifier.js`, `hypercore/lib/messages.js`. */
export interface Manifest {
  /** Layout: 0, 1 or 2. */
  readonly version: number;
  /** Hash of the tree; there is no other. */
  readonly hash: "blake2b";
  /** Whether a signer may have signed a longer log, with the nodes between in the multi-signature. */
  readonly allowPatch: boolean;
  /** How many signers must sign. */
  readonly quorum: number;
  /** Those who may sign; multi-signatures name them by their place here. */
  readonly signers: readonly ManifestSigner[];
  /** The fixed start of the log, valid without signatures; null where there is none. */
  readonly prologue: ManifestPrologue | null;
  /** Keys of associated logs (version 2). */
  readonly linked: readonly Uint8Array[] | null;
  /** Opaque bytes hashed into the key (version 2). */
  readonly userData: Uint8Array | null;
}

/** What a peer asks to have proved; source: `hypercore/lib/messages.js`, `wire.request`. */
export interface ProofRequest {
  /** A block by its index; `nodes`: how many parents the asker is missing. */
  readonly block: { readonly index: number; readonly nodes: number } | null;
  /** A node by its tree index; `nodes`: how many parents the asker is missing. */
  readonly hash: { readonly index: number; readonly nodes: number } | null;
  /** The block that byte `bytes` lies in; `padding`: bytes in front of every block that do not count. */
  readonly seek: { readonly bytes: number; readonly padding: number } | null;
  /** From `start` blocks to `length` blocks more. */
  readonly upgrade: { readonly start: number; readonly length: number } | null;
}

/** A proof as it travels; source: `hypercore/lib/messages.js`, `wire.data`. */
export interface Proof {
  /** Fork of the log that the proof is about. */
  readonly fork: number;
  /** A block, null `value` for its place in the tree alone; `nodes`: the siblings on its way up. */
  readonly block:
    | { readonly index: number; readonly value: Uint8Array | null; readonly nodes: readonly TreeNode[] }
    | null;
  /** A node of the tree by its index: the first of `nodes`; then the siblings on its way up. */
  readonly hash: { readonly index: number; readonly nodes: readonly TreeNode[] } | null;
  /** The nodes that lead to byte `bytes`. */
  readonly seek: { readonly bytes: number; readonly nodes: readonly TreeNode[] } | null;
  /** From `start` blocks to `length` blocks more; `additionalNodes` lead on to the state that is signed. */
  readonly upgrade:
    | {
      readonly start: number;
      readonly length: number;
      readonly nodes: readonly TreeNode[];
      readonly additionalNodes: readonly TreeNode[];
      /** Null only for a log without signers, whose prologue stands for a signature. */
      readonly signature: Uint8Array | null;
    }
    | null;
  /** What the key commits to; null where it was not asked for. */
  readonly manifest: Manifest | null;
}

/** A key pair as a log holds it. */
export interface LogKeyPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes, null where only the public half is known. */
  readonly secretKey: Uint8Array | null;
}

/** What `Log.prove` gives for one request. */
export type ProveResult =
  /** The proof; `block.value` is filled, `manifest` is null (the caller adds it where it was asked for). */
  | { readonly kind: "proof"; readonly proof: Proof }
  /** The block is not here, or the log is empty. */
  | { readonly kind: "unavailable" }
  /** The request cannot be answered by anyone, or not from the nodes that are here. */
  | { readonly kind: "invalid"; readonly error: HypercoreError };

/** What `Log.verify` found for one proof. */
export type VerifyResult =
  /** Verified and stored. */
  | { readonly kind: "applied"; readonly upgraded: boolean }
  /** Of another fork, or overtaken by what was verified in the meantime: not stored, not wrong. */
  | { readonly kind: "stale" }
  /** Wrong; not stored. */
  | { readonly kind: "invalid"; readonly error: HypercoreError };

/** What `Log.seek` found. */
export type SeekResult =
  /** The byte lies in block `index`, `offset` bytes in. */
  | { readonly kind: "found"; readonly index: number; readonly offset: number }
  /** The byte lies in one of the blocks from `start` to `end` (exclusive); the nodes to tell are not here. */
  | { readonly kind: "range"; readonly start: number; readonly end: number };

/** What changed in a log. Delivered after the change is stored and visible. */
export type LogChange =
  /** Blocks were written here. */
  | { readonly kind: "append"; readonly head: TreeHead; readonly start: number; readonly blocks: number }
  /** A longer log was verified from a peer; `isReorg`: after the truncation that it was told with. */
  | { readonly kind: "upgrade"; readonly head: TreeHead; readonly isReorg: boolean }
  /** Blocks arrived (`has`) or were dropped. */
  | { readonly kind: "blocks"; readonly start: number; readonly length: number; readonly has: boolean }
  /** The log was cut to `length`, here or by following a peer to another fork. */
  | {
    readonly kind: "truncate";
    readonly length: number;
    readonly fork: number;
    readonly previousLength: number;
  }
  /** Lost roots are being restored from `proof`, or were, or could not be. */
  | { readonly kind: "repair"; readonly outcome: "begun" | "done" | "failed"; readonly proof: Proof }
  /** What was written is durable: peers may be told of `head`. */
  | { readonly kind: "publish"; readonly head: TreeHead }
  /** The manifest became known. */
  | { readonly kind: "manifest" };

/** Hears of every change, in order; must not throw. */
export type LogListener = (change: LogChange) => void;

/**
 * Several signatures as one: who signed what length, and the nodes that join shorter trees to the longest.
 *
 * Source: `hypercore/lib/multisig.js` and `hypercore/lib/messages.js`. Byte table: `docs/spec/hypercore.md`.
 *
 * @module
 */
import { allocBytesUnsafe, equalBytes } from "../../base/mod.ts";
import c, { type State } from "../../compact_encoding/mod.ts";
import { HypercoreError } from "../errors.ts";
import { rightSpan } from "./flat_tree.ts";
import { MULTISIG_PATCH_NODES_MAX, MULTISIG_PROOFS_MAX } from "./limits.ts";
import type { TreeNode } from "./types.ts";

const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** Least bytes of an encoded node: two small integers and a hash. */
const NODE_BYTES_MIN = 2 + HASH_BYTES;
/** Least bytes of an encoded proof: two small integers and a signature. */
const PROOF_BYTES_MIN = 2 + SIGNATURE_BYTES;

/** One signer's part before it is put together with the others. */
export interface PartialSignature {
  /** Position among the manifest's signers. */
  readonly signer: number;
  /** 64 bytes, over the tree of this signer's length. */
  readonly signature: Uint8Array;
  /** How many blocks this signer's tree is longer than the one signed together. */
  readonly patch: number;
  /** The nodes that lead from the one to the other, null where `patch` is 0. */
  readonly nodes: readonly TreeNode[] | null;
}

/** One signer's part of a multi-signature. */
export interface MultiSignatureProof {
  /** Position among the manifest's signers. */
  readonly signer: number;
  /** 64 bytes. */
  readonly signature: Uint8Array;
  /** Blocks by which the signed tree is longer. */
  readonly patch: number;
}

/** Several signatures as one. */
export interface MultiSignature {
  /** The parts, in the order they are checked. */
  readonly proofs: readonly MultiSignatureProof[];
  /** Nodes that the patches share. */
  readonly patch: readonly TreeNode[];
}

interface PatchVersion0 {
  readonly start: number;
  readonly length: number;
  readonly nodes: readonly number[];
}

/** Puts parts together for a manifest of version 1 or 2. Fresh bytes. */
export function assembleMultiSignature(inputs: readonly PartialSignature[]): Uint8Array {
  const patch: TreeNode[] = [];
  const seen = new Set<number>();
  for (const node of inputs.flatMap((input) => input.nodes ?? [])) {
    if (seen.has(node.index)) continue;
    seen.add(node.index);
    patch.push(node);
  }
  const state: State = { start: 0, end: 0, buffer: null };
  c.uint.preencode(state, inputs.length);
  for (const { signer, signature, patch } of inputs) {
    c.uint.preencode(state, signer);
    c.uint.preencode(state, patch);
    c.fixed64.preencode(state, signature);
  }
  preencodeNodes(state, patch);
  state.buffer = allocBytesUnsafe(state.end);
  c.uint.encode(state, inputs.length);
  for (const { signer, signature, patch } of inputs) {
    c.uint.encode(state, signer);
    c.fixed64.encode(state, signature);
    c.uint.encode(state, patch);
  }
  encodeNodes(state, patch);
  return state.buffer;
}

/** Puts parts together for a manifest of version 0. Fresh bytes. */
export function assembleMultiSignatureV0(inputs: readonly PartialSignature[]): Uint8Array {
  const nodes: TreeNode[] = [];
  const patches = inputs.map((input) => patchVersion0(input, nodes));
  const state: State = { start: 0, end: 0, buffer: null };
  c.uint.preencode(state, inputs.length);
  for (let i = 0; i < inputs.length; i++) {
    state.end++;
    c.uint.preencode(state, inputs[i]!.signer);
    c.fixed64.preencode(state, inputs[i]!.signature);
    preencodePatch(state, patches[i]!);
  }
  preencodeNodes(state, nodes);
  state.buffer = allocBytesUnsafe(state.end);
  c.uint.encode(state, inputs.length);
  for (let i = 0; i < inputs.length; i++) {
    c.uint.encode(state, patches[i] === null ? 0 : 1);
    c.uint.encode(state, inputs[i]!.signer);
    c.fixed64.encode(state, inputs[i]!.signature);
    encodePatch(state, patches[i]!);
  }
  encodeNodes(state, nodes);
  return state.buffer;
}

/**
 * Takes a multi-signature of version 1 or 2 apart; its bytes are views.
 *
 * @throws {HypercoreError} `DECODING_ERROR`.
 */
export function inflateMultiSignature(bytes: Uint8Array): MultiSignature {
  return decoding(bytes, (state) => {
    const proofs: MultiSignatureProof[] = [];
    for (let rest = decodeCount(state, PROOF_BYTES_MIN, MULTISIG_PROOFS_MAX); rest > 0; rest--) {
      const signer = c.uint.decode(state);
      const signature = c.fixed64.decode(state);
      proofs.push({ signer, signature, patch: c.uint.decode(state) });
    }
    return { proofs, patch: decodeNodes(state) };
  });
}

/**
 * Takes a multi-signature of version 0 apart; its bytes are views.
 *
 * @throws {HypercoreError} `DECODING_ERROR`.
 */
export function inflateMultiSignatureV0(bytes: Uint8Array): MultiSignature {
  return decoding(bytes, (state) => {
    const proofs: MultiSignatureProof[] = [];
    for (let rest = decodeCount(state, PROOF_BYTES_MIN, MULTISIG_PROOFS_MAX); rest > 0; rest--) {
      const flags = c.uint.decode(state);
      const signer = c.uint.decode(state);
      const signature = c.fixed64.decode(state);
      proofs.push({ signer, signature, patch: flags & 1 ? decodePatchLength(state) : 0 });
    }
    return { proofs, patch: decodeNodes(state) };
  });
}

/** The greatest length that `quorum` of these signed lengths reach. Source: `hypercore/lib/multisig.js`. */
export function signableLength(lengths: readonly number[], quorum: number): number {
  const needed = Math.max(quorum, 1);
  return needed > lengths.length ? 0 : lengths.toSorted((a, b) => b - a)[needed - 1]!;
}

function patchVersion0(input: PartialSignature, nodes: TreeNode[]): PatchVersion0 | null {
  if (input.patch === 0) return null;
  const own = input.nodes ?? [];
  const positions = own.map((node) => {
    const known = nodes.findIndex((other) =>
      other.index === node.index && other.size === node.size && equalBytes(other.hash, node.hash)
    );
    return known === -1 ? nodes.push(node) - 1 : known;
  });
  const last = own.at(-1);
  const start = last === undefined ? 0 : rightSpan(last.index) / 2 + 1;
  return { start, length: input.patch, nodes: positions };
}

function preencodePatch(state: State, patch: PatchVersion0 | null): void {
  if (patch === null) return;
  c.uint.preencode(state, patch.start);
  c.uint.preencode(state, patch.length);
  c.uint.preencode(state, patch.nodes.length);
  for (const position of patch.nodes) c.uint.preencode(state, position);
}

function encodePatch(state: State, patch: PatchVersion0 | null): void {
  if (patch === null) return;
  c.uint.encode(state, patch.start);
  c.uint.encode(state, patch.length);
  c.uint.encode(state, patch.nodes.length);
  for (const position of patch.nodes) c.uint.encode(state, position);
}

/** Only the length counts: the nodes are found by their indexes. */
function decodePatchLength(state: State): number {
  c.uint.decode(state);
  const length = c.uint.decode(state);
  for (let rest = decodeCount(state, 1, MULTISIG_PATCH_NODES_MAX); rest > 0; rest--) c.uint.decode(state);
  return length;
}

function preencodeNodes(state: State, nodes: readonly TreeNode[]): void {
  c.uint.preencode(state, nodes.length);
  for (const node of nodes) {
    c.uint.preencode(state, node.index);
    c.uint.preencode(state, node.size);
    state.end += HASH_BYTES;
  }
}

function encodeNodes(state: State, nodes: readonly TreeNode[]): void {
  c.uint.encode(state, nodes.length);
  for (const node of nodes) {
    c.uint.encode(state, node.index);
    c.uint.encode(state, node.size);
    c.fixed32.encode(state, node.hash);
  }
}

function decodeNodes(state: State): TreeNode[] {
  const nodes: TreeNode[] = [];
  for (let rest = decodeCount(state, NODE_BYTES_MIN, MULTISIG_PATCH_NODES_MAX); rest > 0; rest--) {
    const index = c.uint.decode(state);
    const size = c.uint.decode(state);
    nodes.push({ index, size, hash: c.fixed32.decode(state) });
  }
  return nodes;
}

function decodeCount(state: State, entryBytes: number, countMax: number): number {
  const count = c.uint.decode(state);
  if (count > countMax || count * entryBytes > state.end - state.start) {
    throw new HypercoreError("DECODING_ERROR", `Too many entries in multi-signature: ${count}`);
  }
  return count;
}

function decoding<T>(bytes: Uint8Array, decode: (state: State) => T): T {
  try {
    return decode({ start: 0, end: bytes.byteLength, buffer: bytes });
  } catch (cause) {
    if (cause instanceof HypercoreError) throw cause;
    throw new HypercoreError("DECODING_ERROR", "Could not decode multi-signature", { cause });
  }
}

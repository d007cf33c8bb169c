/**
 * Proofs that users make and apply themselves, and what is restored with them.
 *
 * Source of semantics: `hypercore/index.js`, `hypercore/lib/fully-remote-proof.js`.
 *
 * @module
 */
import { allocBytes, equalBytes } from "../base/mod.ts";
import c, { type State } from "../compact_encoding/mod.ts";
import { HypercoreError } from "./errors.ts";
import { type Proof, type ProofRequest, rightSpan } from "./log/mod.ts";
import { dataMessage } from "./replication/mod.ts";
import type { Session } from "./session.ts";

/** A proof of what is asked for. */
export async function prove<Value>(session: Session<Value>, request: Partial<ProofRequest>): Promise<Proof> {
  const { log, snapshot } = await session.ready("prove");
  const { block = null, hash = null, seek = null, upgrade = null } = request;
  const whole: ProofRequest = { block, hash, seek, upgrade };
  const [result] = snapshot === null
    ? await log.prove([whole], log.head)
    : await snapshot.prove([whole], log.manifest?.prologue ?? null);
  if (result!.kind === "proof") return result!.proof;
  if (result!.kind === "invalid") throw result!.error;
  throw session.error("BLOCK_NOT_AVAILABLE", "What the proof is about is not stored here");
}

/** Verifies a proof and stores what it brings. */
export async function applyProof<Value>(session: Session<Value>, proof: Proof): Promise<boolean> {
  const { core } = await session.ready("apply a proof to");
  const [result] = await core.log.verify([proof]);
  if (result!.kind === "invalid") throw result!.error;
  return result!.kind === "applied";
}

/** A proof of the log up to the last block below tree node `treeIndex`, as bytes. */
export async function generateRemoteProof<Value>(
  session: Session<Value>,
  treeIndex: number,
): Promise<Uint8Array> {
  session.checkIndex(treeIndex, "Tree index");
  const { core } = await session.ready("prove");
  const length = rightSpan(treeIndex) / 2 + 1;
  const proof = await prove(session, { upgrade: { start: 0, length } });
  const message = { ...proof, request: 0, manifest: core.log.manifest };
  const state: State = { start: 0, end: 32, buffer: null };
  dataMessage.preencode(state, message);
  state.buffer = allocBytes(state.end);
  c.fixed32.encode(state, core.log.discoveryKey);
  dataMessage.encode(state, message);
  return state.buffer;
}

/** Restores tree nodes from a proof made elsewhere. */
export async function recoverFromRemoteProof<Value>(
  session: Session<Value>,
  bytes: Uint8Array,
): Promise<boolean> {
  const { core } = await session.ready("repair");
  const proof = decodeRemoteProof(bytes, core.log.discoveryKey);
  if (proof === null) return false;
  return await core.repairFrom(proof);
}

function decodeRemoteProof(bytes: Uint8Array, discoveryKey: Uint8Array): Proof | null {
  try {
    const state: State = { start: 0, end: bytes.byteLength, buffer: bytes };
    return equalBytes(c.fixed32.decode(state), discoveryKey) ? dataMessage.decode(state) : null;
  } catch (cause) {
    throw new HypercoreError("DECODING_ERROR", "Could not decode a remote proof", { cause, discoveryKey });
  }
}

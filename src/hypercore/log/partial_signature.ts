/**
 * One signer's part of a multi-signature over a log.
 *
 * Source: `hypercore/lib/multisig.js`, `partialSignature`.
 *
 * @module
 */
import { HypercoreError } from "../errors.ts";
import type { Log } from "./log.ts";
import { inflateMultiSignature, type PartialSignature } from "./multisig.ts";

const SIGNATURE_BYTES = 64;

/** Options of {@linkcode partialSignature}. */
export interface PartialSignatureOptions {
  /** Position among the manifest's signers. */
  readonly signer: number;
  /** Length that is signed together, blocks. */
  readonly from: number;
  /** Length that this signer has signed. Default: that of the log. */
  readonly to?: number;
  /** This signer's signature. Default: that of the log. */
  readonly signature?: Uint8Array;
}

/**
 * Takes the signature of a signer's own log, which may be longer than what is signed together, with the nodes that lead
 * there. Null where the log is shorter.
 *
 * @throws {HypercoreError} `INVALID_OPERATION` where nodes are missing, `DECODING_ERROR`, `BAD_ARGUMENT` without a signature.
 */
export async function partialSignature(
  log: Log,
  options: PartialSignatureOptions,
): Promise<PartialSignature | null> {
  const { head } = log;
  const { signer, from, to = head.length, signature: given = head.signature } = options;
  if (from > head.length) return null;
  if (given === null) throw new HypercoreError("BAD_ARGUMENT", "The log is not signed");
  const signature = given.byteLength === SIGNATURE_BYTES
    ? given
    : inflateMultiSignature(given).proofs[0]?.signature;
  if (signature === undefined) throw new HypercoreError("BAD_ARGUMENT", "The log's signature is empty");
  if (to <= from) return { signer, signature, patch: 0, nodes: null };
  const upgrade = { start: from, length: to - from };
  const [result] = await log.prove([{ block: null, hash: null, seek: null, upgrade }], head);
  if (result!.kind === "invalid") throw result!.error;
  if (result!.kind === "unavailable") throw new HypercoreError("INVALID_OPERATION", "The log has changed");
  return { signer, signature, patch: to - from, nodes: result!.proof.upgrade!.nodes };
}

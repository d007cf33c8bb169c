/**
 * Logs for tests: opened, filled, proved to each other.
 *
 * @module
 */
import assert from "node:assert/strict";
import { utf8Bytes } from "../../../../src/base/mod.ts";
import { signKeyPair } from "../../../../src/crypto/mod.ts";
import { HypercoreError } from "../../../../src/hypercore/errors.ts";
import {
  CoreStore,
  Log,
  type LogOpenOptions,
  type Proof,
  type ProofRequest,
} from "../../../../src/hypercore/log/mod.ts";
import { FlakyStorage } from "../../../helpers/flaky_storage.ts";

/** A request for nothing. */
export const EMPTY: ProofRequest = { block: null, hash: null, seek: null, upgrade: null };
/** Key pairs of three seeds. */
export const keyPairs = [1, 2, 3].map((seed) => signKeyPair(new Uint8Array(32).fill(seed)));
/** The first of them. */
export const keyPair = keyPairs[0]!;

/** A log and its storage. */
export interface Opened {
  readonly log: Log;
  readonly storage: FlakyStorage;
}

/** Opens a log on a storage of its own, or the one given. */
export async function open(options: LogOpenOptions = {}, storage = new FlakyStorage()): Promise<Opened> {
  return { log: await Log.open(new CoreStore(storage), options), storage };
}

/** Whether an error is one of a log with that code. */
export function code(expected: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof HypercoreError, `${error}`);
    assert.equal(error.code, expected);
    return true;
  };
}

/** Blocks that differ: `block 0` and so on. */
export function blocks(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => utf8Bytes(`block ${i}`));
}

/** What a log answers to a request, with its manifest. */
export async function proof(log: Log, request: Partial<ProofRequest>): Promise<Proof> {
  const [result] = await log.prove([{ ...EMPTY, ...request }]);
  if (result!.kind !== "proof") throw new Error(`No proof: ${result!.kind}`, { cause: result });
  return { ...result!.proof, manifest: log.manifest };
}

/** A writer of `count` published blocks and a reader that has verified its length. */
export async function pair(count: number): Promise<{ writer: Opened; reader: Opened }> {
  const writer = await open({ keyPair });
  await writer.log.append(blocks(count));
  await writer.log.publish();
  const reader = await open({ key: writer.log.key, manifest: writer.log.manifest });
  await reader.log.verify([await proof(writer.log, { upgrade: { start: 0, length: count } })]);
  assert.equal(reader.log.head.length, count);
  return { writer, reader };
}

/** Brings one block from a log to another, which verifies it. */
export async function fetchBlock(from: Log, to: Log, index: number): Promise<void> {
  const nodes = await to.missingNodes(2 * index);
  const results = await to.verify([await proof(from, { block: { index, nodes } })]);
  assert.deepEqual(results, [{ kind: "applied", upgraded: false }]);
}

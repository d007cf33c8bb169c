/**
 * The log as replication uses it, and as its machine sees it: without waiting.
 *
 * @module
 */
import type {
  Bitfield,
  ConflictResult,
  LogListener,
  Manifest,
  Proof,
  ProofRequest,
  ProveResult,
  SeekResult,
  TreeHead,
  VerifyResult,
} from "../log/mod.ts";
import type { LogView, PendingReorg } from "./context.ts";

/** What replication needs of a log; `Log` has it. */
export interface ReplicatedLog {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 32 bytes. */
  readonly discoveryKey: Uint8Array;
  /** The latest state. */
  readonly head: TreeHead;
  /** The state that peers may be told of. */
  readonly published: TreeHead;
  /** Blocks stored. */
  readonly bitfield: Bitfield;
  /** Blocks stored without a gap from 0. */
  readonly contiguousLength: number;
  readonly manifest: Manifest | null;
  readonly compat: boolean;
  /** Two logs are signed for one key. */
  readonly isFrozen: boolean;
  /** Roots are missing. */
  readonly isBroken: boolean;
  /** Proofs for peers, in order. */
  prove(requests: readonly ProofRequest[]): Promise<ProveResult[]>;
  /** Checks proofs and stores what is right, in order; a proof may build on the ones before it. */
  verify(proofs: readonly Proof[]): Promise<VerifyResult[]>;
  /** How many nodes from `treeIndex` up are not stored. */
  missingNodes(treeIndex: number): number | Promise<number>;
  /** Whether the tree of `length` blocks can be proved to grow into ours. */
  upgradeable(length: number): boolean | Promise<boolean>;
  /** Blocks, null where they are not stored. */
  getBlocks(indexes: readonly number[]): Promise<(Uint8Array | null)[]>;
  /** Where a byte lies, as far as the nodes stored tell. */
  seek(bytes: number, padding?: number): Promise<SeekResult>;
  /** Verifies a proof of the whole log at a newer fork. */
  verifyReorg(proof: Proof): Promise<PendingReorg>;
  /** Replaces the tail by that of a newer fork; false where the log has changed since it was compared. */
  reorg(reorg: PendingReorg): Promise<boolean>;
  /** Compares a peer's signed tree with ours; freezes the log should both be signed and differ. */
  checkConflict(proof: Proof): Promise<ConflictResult>;
  /** Hears of every change after it is stored. */
  subscribe(listener: LogListener): () => void;
}

/** A view that can wait for what it could not say at once. */
export interface WaitingLogView extends LogView {
  /** The answer to a call of `missingNodes` that gave null. */
  awaitMissingNodes(treeIndex: number): Promise<number>;
  /** The answer to a call of `upgradeable` that gave null. */
  awaitUpgradeable(length: number): Promise<boolean>;
}

/** Makes the view of `log`. */
export function logView(log: ReplicatedLog): WaitingLogView {
  const missing = new Answers((treeIndex: number) => log.missingNodes(treeIndex));
  const upgradeable = new Answers((length: number) => log.upgradeable(length));
  return {
    get head() {
      return log.head;
    },
    get published() {
      return log.published;
    },
    get bitfield() {
      return log.bitfield;
    },
    get contiguousLength() {
      return log.contiguousLength;
    },
    get manifest() {
      return log.manifest;
    },
    get compat() {
      return log.compat;
    },
    get isFrozen() {
      return log.isFrozen;
    },
    get isBroken() {
      return log.isBroken;
    },
    missingNodes: (treeIndex) => missing.now(treeIndex),
    awaitMissingNodes: (treeIndex) => missing.later(treeIndex),
    upgradeable: (length) => upgradeable.now(length),
    awaitUpgradeable: (length) => upgradeable.later(length),
  };
}

/** Answers that come at once or later, of the same question asked twice: first without waiting, then with. */
class Answers<Value extends number | boolean> {
  readonly #ask: (question: number) => Value | Promise<Value>;
  readonly #pending = new Map<number, Promise<Value>>();

  constructor(ask: (question: number) => Value | Promise<Value>) {
    this.#ask = ask;
  }

  /** The answer, or null when it comes later. */
  now(question: number): Value | null {
    const answer = this.#ask(question);
    if (typeof answer !== "object") return answer;
    // A failure is reported to whoever waits.
    answer.catch(() => {});
    this.#pending.set(question, answer);
    return null;
  }

  async later(question: number): Promise<Value> {
    const pending = this.#pending.get(question);
    this.#pending.delete(question);
    return await (pending ?? this.#ask(question));
  }
}

/**
 * Does for the machine what takes waiting for the log.
 *
 * @module
 */
import { clearImmediate, setImmediate } from "node:timers";
import type { Clock } from "../../base/mod.ts";
import { HypercoreError } from "../errors.ts";
import type { Job } from "./context.ts";
import type { ReplicatedLog, WaitingLogView } from "./log_view.ts";
import type { ReorgJob, ReorgResult } from "./reorgs.ts";
import type { ReplicationMachine } from "./replication_machine.ts";

/** What jobs need besides the log. */
export interface LogJobsHost {
  readonly machine: ReplicationMachine;
  readonly clock: Clock;
  /** A result has gone into the machine. */
  handleSettled(): void;
  /** The log failed; the machine knows. */
  handleError(error: unknown): void;
}

/** Runs the jobs of one machine. */
export class LogJobs {
  readonly #log: ReplicatedLog;
  readonly #view: WaitingLogView;
  readonly #host: LogJobsHost;
  readonly #deferred = new Set<ReturnType<typeof setImmediate>>();
  #isStopped = false;

  constructor(log: ReplicatedLog, view: WaitingLogView, host: LogJobsHost) {
    this.#log = log;
    this.#view = view;
    this.#host = host;
  }

  /**
   * Starts a job. Verifying takes long enough that requests written in this turn should leave first: the peer then
   * works on them at the same time.
   */
  start(job: Job): void {
    if (job.kind !== "verify") return this.#start(job);
    const immediate = setImmediate(() => {
      this.#deferred.delete(immediate);
      this.#start(job);
    });
    this.#deferred.add(immediate);
  }

  /** Starts nothing more; what runs is left to end. */
  stop(): void {
    this.#isStopped = true;
    for (const immediate of this.#deferred) clearImmediate(immediate);
    this.#deferred.clear();
  }

  #start(job: Job): void {
    const { machine } = this.#host;
    switch (job.kind) {
      case "prove":
        return this.#run(
          this.#log.prove(job.entries.map(({ message }) => message)),
          (results, nowMs) => machine.handleProved(job.entries, results, nowMs),
          (_, nowMs) => machine.handleProveFailed(job.entries, nowMs),
        );
      case "verify":
        return this.#run(
          this.#log.verify(job.entries.map(({ data }) => data)),
          (results, nowMs) => machine.handleVerified(job.entries, results, nowMs),
          (_, nowMs) => machine.handleVerifyFailed(job.entries, nowMs),
        );
      case "count":
        return this.#run(
          this.#view.awaitMissingNodes(job.treeIndex),
          (nodes, nowMs) => machine.handleCounted(job.request, nodes, nowMs),
          (_, nowMs) => machine.handleCountFailed(job.request, nowMs),
        );
      case "upgradeable":
        return this.#run(
          this.#view.awaitUpgradeable(job.length),
          (canUpgrade, nowMs) => machine.handleUpgradeable(job, canUpgrade, nowMs),
          (_, nowMs) => machine.handleUpgradeable(job, false, nowMs),
        );
      case "seek":
        return this.#run(
          this.#log.seek(job.seek.bytes, job.seek.padding),
          (result, nowMs) => machine.handleSought(job.seek, result, nowMs),
          (error, nowMs) => machine.handleSeekFailed(job.seek, error, nowMs),
        );
      case "read":
        return this.#run(
          this.#log.getBlocks(job.indexes),
          (values, nowMs) => machine.handleRead(job.indexes, values, nowMs),
          (error, nowMs) => machine.handleReadFailed(job.indexes, error, nowMs),
        );
      case "reorg":
        return this.#run(
          this.#checkReorg(job),
          (result, nowMs) => machine.handleReorgChecked(job, result, nowMs),
          (_, nowMs) => machine.handleReorgFailed(job, nowMs),
        );
      case "applyReorg":
        return this.#run(
          this.#log.reorg(job.reorg),
          (_, nowMs) => machine.handleReorgApplied(nowMs),
          (_, nowMs) => machine.handleReorgApplyFailed(nowMs),
        );
      case "conflict":
        return this.#run(
          this.#log.checkConflict(job.data),
          (result, nowMs) => machine.handleConflictChecked(job, result, nowMs),
          (_, nowMs) => machine.handleConflictChecked(job, "unrelated", nowMs),
        );
    }
  }

  async #checkReorg({ demand, data }: ReorgJob): Promise<ReorgResult> {
    try {
      const { reorg } = demand;
      if (reorg === null) return { kind: "checked", reorg: await this.#log.verifyReorg(data) };
      await reorg.update(data);
      return { kind: "checked", reorg };
    } catch (error) {
      if (error instanceof HypercoreError) return { kind: "invalid", error };
      throw error;
    }
  }

  /** Waits for the log and hands the machine what came of it. */
  #run<Result>(
    work: Promise<Result>,
    handle: (result: Result, nowMs: number) => void,
    handleFailure: (error: unknown, nowMs: number) => void,
  ): void {
    const { clock } = this.#host;
    work.then(
      (result) => handle(result, clock.nowMs()),
      (error) => {
        handleFailure(error, clock.nowMs());
        // A log that closes under its replication fails whatever is under way.
        if (!this.#isStopped) this.#host.handleError(error);
      },
    ).then(() => this.#host.handleSettled());
  }
}

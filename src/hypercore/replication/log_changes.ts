/**
 * What follows from changes of the log: whom to tell, and which users have what they waited for.
 *
 * @module
 */
import type { LogChange } from "../log/mod.ts";
import type { Announcer } from "./announcer.ts";
import type { Claims } from "./claims.ts";
import type { ReplicationContext } from "./context.ts";
import type { DemandBook } from "./demands.ts";
import type { Negotiation } from "./negotiation.ts";

/** The parts of the machine that changes reach. */
export interface LogChangesParts {
  readonly book: DemandBook;
  readonly negotiation: Negotiation;
  readonly announcer: Announcer;
  readonly claims: Claims;
}

/** The consequences of changes. */
export class LogChanges {
  readonly #context: ReplicationContext;
  readonly #parts: LogChangesParts;
  /** The state peers were told of last. */
  #published: { readonly length: number; readonly fork: number };
  #areRangesDue = false;

  constructor(context: ReplicationContext, parts: LogChangesParts) {
    this.#context = context;
    this.#parts = parts;
    const { length, fork } = context.log.published;
    this.#published = { length, fork };
  }

  /** The log changed. */
  handle(change: LogChange): void {
    const { announcer, negotiation, claims, book } = this.#parts;
    if (change.kind === "blocks" && change.has) {
      announcer.announceToAll(change.start, change.length, false);
      this.#areRangesDue = true;
      return;
    }
    this.#context.generation++;
    switch (change.kind) {
      case "append":
        this.#readWaitingBlocks();
        this.#handleHead();
        break;
      case "upgrade":
        this.#handleHead();
        break;
      case "publish":
        this.#announcePublished();
        break;
      case "blocks":
        this.#context.epoch++;
        announcer.announceToAll(change.start, change.length, true);
        break;
      case "truncate":
        this.#context.epoch++;
        announcer.handleTruncate(change.length);
        claims.handleTruncate(change.length);
        if (change.previousLength > change.length) {
          announcer.announceToAll(change.length, change.previousLength - change.length, true);
        }
        book.resetRanges();
        this.#handleHead();
        break;
      case "manifest":
        negotiation.signalAll();
        break;
    }
    this.#signalIfPublished();
  }

  /** Resolves the ranges that are complete, once for all changes of a turn. */
  settleRanges(): void {
    if (!this.#areRangesDue) return;
    this.#areRangesDue = false;
    this.#parts.book.checkRanges();
  }

  #handleHead(): void {
    this.#parts.book.checkUpgrade();
    this.#parts.book.markSeeks();
    this.#areRangesDue = true;
  }

  /** Blocks written here are announced once they may be: when they are published. */
  #announcePublished(): void {
    const { published, bitfield } = this.#context.log;
    const start = published.fork === this.#published.fork ? this.#published.length : 0;
    for (const run of bitfield.setRanges(start, published.length)) {
      this.#parts.announcer.announceToAll(run.start, run.end - run.start, false);
    }
  }

  #signalIfPublished(): void {
    const { length, fork } = this.#context.log.published;
    if (length === this.#published.length && fork === this.#published.fork) return;
    this.#published = { length, fork };
    this.#parts.negotiation.signalAll();
  }

  #readWaitingBlocks(): void {
    const { bitfield } = this.#context.log;
    const indexes: number[] = [];
    for (const demand of this.#parts.book.blocks.values()) {
      if (demand.handles.length > 0 && bitfield.get(demand.index)) indexes.push(demand.index);
    }
    if (indexes.length > 0) this.#context.jobs.push({ kind: "read", indexes });
  }
}

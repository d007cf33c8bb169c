/**
 * Path MTU discovery: larger packets are tried until one does not arrive.
 *
 * Source: RFC 8899 with libudx's constants (include/udx.h). A probe is a data packet with padding between header
 * and data, so a lost one costs a retransmission and nothing else.
 *
 * @module
 */
import { MTU_BASE, MTU_MAX, MTU_PROBES_MAX, MTU_STEP } from "./limits.ts";

type MtuState = { readonly kind: "base" } | {
  readonly kind: "searching";
  readonly probeSize: number;
  readonly isProbeDue: boolean;
  readonly sentCount: number;
} | { readonly kind: "complete" };

/** Finds the largest packet that a path carries. */
export class MtuDiscovery {
  #size = MTU_BASE;
  #state: MtuState = { kind: "base" };

  /** Bytes of an IP packet that is known to pass. */
  get size(): number {
    return this.#size;
  }

  /** Size of the probe to send next, 0 for none. */
  get probeSize(): number {
    return this.#state.kind === "searching" && this.#state.isProbeDue ? this.#state.probeSize : 0;
  }

  /** The path changed: everything starts over. */
  reset(): void {
    this.#size = MTU_BASE;
    this.#state = { kind: "base" };
  }

  /** A packet of the known size was acknowledged; the first one starts the search. */
  handleDelivery(): void {
    if (this.#state.kind === "base") this.#searchFrom(MTU_BASE);
  }

  /** The probe left. */
  handleProbeSent(): void {
    if (this.#state.kind !== "searching") return;
    this.#state = { ...this.#state, isProbeDue: false, sentCount: this.#state.sentCount + 1 };
  }

  /** A probe of `size` bytes arrived. */
  handleProbeDelivered(size: number): void {
    if (this.#state.kind !== "searching" || size <= this.#size) return;
    this.#size = size;
    this.#searchFrom(size);
  }

  /** A probe was lost. */
  handleProbeLost(): void {
    if (this.#state.kind !== "searching") return;
    if (this.#state.sentCount >= MTU_PROBES_MAX) this.#state = { kind: "complete" };
    else this.#state = { ...this.#state, isProbeDue: true };
  }

  /** Packets time out again and again: the path may carry less than it did. */
  handleBlackHole(): void {
    if (this.#size === MTU_BASE) return;
    this.#size = MTU_BASE;
    this.#state = { kind: "complete" };
  }

  #searchFrom(size: number): void {
    if (size >= MTU_MAX) {
      this.#state = { kind: "complete" };
      return;
    }
    const probeSize = Math.min(size + MTU_STEP, MTU_MAX);
    this.#state = { kind: "searching", probeSize, isProbeDue: true, sentCount: 0 };
  }
}

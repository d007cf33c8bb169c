/**
 * What a check of the network found.
 *
 * @module
 */

/** The parts of a check, in the order in which they are made. */
export type DoctorStage = "bind" | "bootstrap" | "nat" | "lan" | "reachable" | "peer" | "relay";

/** One finding. */
export interface Finding {
  /** What was checked. */
  readonly stage: DoctorStage;
  /** Whether it works; `"warning"` works but not for everyone, `"skipped"` was not checked. */
  readonly status: "ok" | "warning" | "failed" | "skipped";
  /** What was found, in a sentence. */
  readonly summary: string;
  /** What to do about it, null where there is nothing to do. */
  readonly advice: string | null;
  /** The figures behind it. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** Makes a finding without advice. */
export function finding(
  stage: DoctorStage,
  status: Finding["status"],
  summary: string,
  details: Readonly<Record<string, unknown>> = {},
  advice: string | null = null,
): Finding {
  return { stage, status, summary, advice, details };
}

/**
 * Finding out what works between this machine and its peers.
 *
 * @module
 */
export { type DoctorOptions, examine } from "./doctor.ts";
export type { DoctorStage, Finding } from "./finding.ts";

/**
 * Why a connect failed, in words that go behind the message that the npm package has for the code.
 *
 * @module
 */
import type { ConnectAttempt, ConnectStage } from "./connect_report.ts";
import { FIREWALL } from "./constants.ts";

/** How the search for a server went. */
export interface SearchResult {
  /** Nodes of the network that answered. */
  readonly answerCount: number;
  /** Nodes that say that they know the server. */
  readonly foundCount: number;
}

/** What a server that is gone, or whose firewall refuses a client, looks like. */
const SILENCE = "REQUEST_TIMEOUT";

/** Stages that come after the server's answer: ways to it that are tried at the same time. */
const WAYS: readonly ConnectStage[] = ["relay", "passive", "lan", "holepunch"];

/** What a NAT is, in a word. */
function natWord(firewall: number): string {
  switch (firewall) {
    case FIREWALL.OPEN:
      return "open";
    case FIREWALL.CONSISTENT:
      return "consistent";
    case FIREWALL.RANDOM:
      return "random";
    default:
      return "unknown";
  }
}

/** Why nobody who knows the server brought its answer. */
export function searchFailureText(
  { answerCount, foundCount }: SearchResult,
  attempts: readonly ConnectAttempt[],
): string {
  if (foundCount > 0) {
    const nodes = foundCount === 1 ? "the only node that knows" : `any of the ${foundCount} nodes that know`;
    const failures = attempts.filter(({ stage }) => stage === "handshake").map(({ outcome }) => outcome);
    const others = new Set(failures.filter((outcome) => outcome !== null && outcome !== SILENCE));
    const reason = others.size === 0 ? "it is gone or refuses us" : Array.from(others).join(", ");
    return `, it did not answer through ${nodes} it: ${reason}`;
  }
  if (answerCount > 1) return `, none of the ${answerCount} nodes that answered knows it`;
  return answerCount === 1
    ? ", the only node that answered does not know it"
    : ", no node of the network answered";
}

/** Which ways to the server were tried, and between which NATs; empty where none was. */
export function waysFailureText(
  attempts: readonly ConnectAttempt[],
  localFirewall: number,
  remoteFirewall: number,
): string {
  const tried = attempts.filter(({ stage }) => WAYS.includes(stage));
  if (tried.length === 0) return "";
  const list = tried.map(({ stage, outcome }) => `${stage} ${outcome ?? "not ended"}`).join(", ");
  return `; tried: ${list}; NATs: ours ${natWord(localFirewall)}, theirs ${natWord(remoteFirewall)}`;
}

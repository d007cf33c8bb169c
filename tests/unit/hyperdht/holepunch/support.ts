/** What the machines of a punch are given in tests. */
import type { PeerAddress } from "../../../../src/hyperdht/messages.ts";
import type {
  PuncherAction,
  PuncherEnvironment,
} from "../../../../src/hyperdht/holepunch/puncher_machine.ts";

/** A node in tests: everything can be changed while a test runs. */
export interface TestEnvironment extends PuncherEnvironment {
  isBehindNat: boolean;
  nodes: PeerAddress[];
  /** What the limiter was told, in order. */
  readonly limits: string[];
  isAllowed: boolean;
}

/** A node behind a NAT that knows eight nodes, of which the pings skip five. */
export function createEnvironment(nodeCount = 12): TestEnvironment {
  const limits: string[] = [];
  let next = 0;
  const environment: TestEnvironment = {
    isBehindNat: true,
    isAllowed: true,
    nodes: Array.from({ length: nodeCount }, (_, i) => node(i)),
    limits,
    random: { next: () => (next = (next + 0.25) % 1) },
    limiter: {
      get isAllowed(): boolean {
        return environment.isAllowed;
      },
      begin: () => limits.push("begin"),
      end: () => limits.push("end"),
      cancel: () => limits.push("cancel"),
      defer: () => limits.push("defer"),
    },
    stats: { consistent: 0, random: 0, open: 0, tryLater: 0, tryLaterRelayedHandshakesAtLeastOnce: 0 },
    isFirewalled: () => environment.isBehindNat,
    nodeCount: () => environment.nodes.length,
    recentNodes: () => environment.nodes,
  };
  return environment;
}

/** The node with a number. */
export function node(i: number): PeerAddress {
  return { host: `203.0.113.${i + 1}`, port: 49737 };
}

/** Where we are seen: the public host, and a port. */
export function seenAt(port: number, host = "198.51.100.1"): PeerAddress {
  return { host, port };
}

/** All that a machine wants done, in few words. */
export function drain<Action extends { readonly kind: string }>(
  machine: { pollAction(): Action | null },
): string[] {
  const words: string[] = [];
  for (let action = machine.pollAction(); action !== null; action = machine.pollAction()) {
    words.push(describe(action as unknown as PuncherAction));
  }
  return words;
}

function describe(action: PuncherAction): string {
  switch (action.kind) {
    case "open":
    case "release":
      return `${action.kind} ${action.slot}`;
    case "ping":
      return `ping ${action.to.host} through ${action.slot}`;
    case "punch":
      return `punch ${action.to.host}:${action.to.port} through ${action.slot} ttl ${action.ttl}`;
    default:
      return (action as { kind: string }).kind;
  }
}

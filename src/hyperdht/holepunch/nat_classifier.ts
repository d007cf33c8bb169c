/**
 * What kind of NAT a socket is behind, by what nodes say of its address.
 *
 * @module
 */
import { addressText } from "../addresses.ts";
import { FIREWALL } from "../constants.ts";
import type { PeerAddress } from "../messages.ts";
import { NAT_SAMPLES, NAT_SAMPLES_MAX, NAT_SKIP_NODES, NAT_SKIP_TABLE_NODES } from "./limits.ts";

/** What the classifier asks of the node; it only reads. */
export interface NatEnvironment {
  /** Whether the node is behind a firewall. */
  isFirewalled(): boolean;
  /** Number of nodes in the routing table. */
  nodeCount(): number;
  /** Nodes of the routing table, the one heard of last first. */
  recentNodes(): Iterable<PeerAddress>;
}

interface Sample {
  readonly host: string;
  readonly port: number;
  hits: number;
}

/** Judges one socket's NAT. Source: hyperdht `lib/nat.js`. */
export class NatClassifier {
  readonly #environment: NatEnvironment;
  readonly #hosts: Sample[] = [];
  readonly #endpoints: Sample[] = [];
  /** Nodes that were asked (false) or have said something (true). */
  readonly #visited = new Map<string, boolean>();
  readonly #pings: PeerAddress[] = [];
  #pendingCount = 0;
  #passes = 0;
  #sampleCount = 0;
  #isFrozen = false;
  #isAnalyzed = false;
  #firewall: number;
  #addresses: readonly PeerAddress[] | null = null;

  /** Starts to sample. */
  constructor(environment: NatEnvironment) {
    this.#environment = environment;
    this.#firewall = environment.isFirewalled() ? FIREWALL.UNKNOWN : FIREWALL.OPEN;
    this.#sampleNodes();
  }

  /** Stops the judgement where it is: the peer has been told. */
  freeze(): void {
    this.#isFrozen = true;
  }

  /** `by` sees the socket at `seen`. */
  handleSample(seen: PeerAddress, by: PeerAddress): void {
    const node = addressText(by);
    if (this.#visited.get(node) || this.#sampleCount === NAT_SAMPLES_MAX) return;
    this.#visited.set(node, true);
    this.#sampleCount++;
    countSample(this.#hosts, seen.host, 0);
    countSample(this.#endpoints, seen.host, seen.port);
    const isFirewalled = this.#environment.isFirewalled();
    if ((this.#sampleCount >= 3 || !isFirewalled) && !this.#isFrozen) this.#judge(isFirewalled);
    const isReachable = this.#firewall === FIREWALL.CONSISTENT || this.#firewall === FIREWALL.OPEN;
    if (isReachable || this.#sampleCount >= NAT_SAMPLES) this.#isAnalyzed = true;
  }

  /** A ping was answered. */
  handlePong(seen: PeerAddress, by: PeerAddress): void {
    this.handleSample(seen, by);
    this.#endPing();
  }

  /** A ping was not answered. */
  handlePingFailure(): void {
    this.#endPing();
  }

  /** The next node to ping through the socket, without retries. */
  pollPing(): PeerAddress | null {
    return this.#pings.shift() ?? null;
  }

  /** One of `FIREWALL`. */
  get firewall(): number {
    return this.#firewall;
  }

  /** Where peers may reach the socket; with a random NAT only the host means anything. Null when not known. */
  get addresses(): readonly PeerAddress[] | null {
    return this.#addresses;
  }

  /** Whether more pings will tell nothing more. */
  get isAnalyzed(): boolean {
    return this.#isAnalyzed;
  }

  #sampleNodes(): void {
    this.#passes++;
    const environment = this.#environment;
    let skip = environment.nodeCount() >= NAT_SKIP_TABLE_NODES ? NAT_SKIP_NODES : 0;
    for (const { host, port } of environment.recentNodes()) {
      if (this.#sampleCount + this.#pendingCount >= NAT_SAMPLES) break;
      if (skip-- > 0) continue;
      const node = addressText({ host, port });
      if (this.#visited.has(node)) continue;
      this.#visited.set(node, false);
      this.#pendingCount++;
      this.#pings.push({ host, port });
    }
    if (this.#pendingCount === 0) this.#endPass();
  }

  #endPing(): void {
    if (--this.#pendingCount === 0) this.#endPass();
  }

  #endPass(): void {
    if (this.#isAnalyzed || this.#sampleCount >= NAT_SAMPLES) return;
    if (this.#passes === 1) return this.#sampleNodes();
    this.#isAnalyzed = true;
    this.#judgeByTwo();
  }

  /** In a network of two nodes there are no three samples; two are better than none. hyperdht gives up. */
  #judgeByTwo(): void {
    const isUndecided = this.#firewall === FIREWALL.UNKNOWN && this.#sampleCount === 2;
    if (!isUndecided || this.#isFrozen || !this.#environment.isFirewalled()) return;
    this.#firewall = this.#endpoints[0]!.hits === 2 ? FIREWALL.CONSISTENT : FIREWALL.RANDOM;
    this.#addresses = this.#judgeAddresses();
  }

  #judge(isFirewalled: boolean): void {
    this.#firewall = isFirewalled ? this.#judgeFirewall() : FIREWALL.OPEN;
    this.#addresses = this.#judgeAddresses();
  }

  #judgeFirewall(): number {
    const [first, second] = this.#endpoints;
    const current = this.#firewall === FIREWALL.OPEN ? FIREWALL.UNKNOWN : this.#firewall;
    if (this.#sampleCount < 3) return current;
    if (first!.hits >= 3) return FIREWALL.CONSISTENT;
    if (first!.hits === 1) return FIREWALL.RANDOM;
    if (this.#hosts.length === 1 && this.#sampleCount > 3) return FIREWALL.RANDOM;
    // Two addresses that two nodes see each: a NAT with several public hosts.
    if (this.#hosts.length > 1 && second!.hits > 1) return FIREWALL.CONSISTENT;
    return this.#sampleCount > NAT_SAMPLES ? FIREWALL.RANDOM : current;
  }

  #judgeAddresses(): readonly PeerAddress[] | null {
    switch (this.#firewall) {
      case FIREWALL.UNKNOWN:
        return null;
      case FIREWALL.RANDOM:
        return this.#hosts.slice(0, 1).map(plainAddress);
      case FIREWALL.CONSISTENT:
        return this.#endpoints.filter(({ hits }, i) => hits >= 2 || i < 2).map(plainAddress);
      default:
        return this.#addresses;
    }
  }
}

/** Counts a sample and keeps the list ordered by hits. */
function countSample(samples: Sample[], host: string, port: number): void {
  let i = samples.findIndex((sample) => sample.host === host && sample.port === port);
  if (i < 0) i = samples.push({ host, port, hits: 0 }) - 1;
  const sample = samples[i]!;
  sample.hits++;
  for (; i > 0 && samples[i - 1]!.hits < sample.hits; i--) samples[i] = samples[i - 1]!;
  samples[i] = sample;
}

function plainAddress({ host, port }: PeerAddress): PeerAddress {
  return { host, port };
}

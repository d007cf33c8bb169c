/**
 * What a node knows of its own place in the network: its public address, whether a firewall is before it, and whether
 * it is ephemeral or in the tables of others.
 *
 * Source: dht-rpc `index.js`.
 *
 * @module
 */
import { FIREWALL_PONGS_MIN, FIREWALL_PROBES, MORE_STABLE_TICKS, STABLE_TICKS } from "./limits.ts";
import { NatSampler } from "./nat_sampler.ts";
import { addressKey, type PeerAddress, peerId } from "./peer.ts";

/** Options of {@linkcode NetworkState}. */
export interface NetworkStateOptions {
  /** False skips the firewall test. */
  readonly firewalled: boolean;
  /** True stays ephemeral, false becomes persistent at once; undefined adapts. */
  readonly ephemeral?: boolean;
  /** Whether an undefined `ephemeral` adapts. */
  readonly adaptive: boolean;
  /** Bootstrap nodes, whose word counts although they have no id. */
  readonly bootstrapCount: number;
}

interface Attempt {
  /** Whether the node stays ephemeral whatever the outcome. */
  readonly onlyFirewall: boolean;
  /** Our address when the attempt began. */
  readonly host: string;
  readonly port: number;
  /** Whether the firewall has to be tested. */
  readonly isProbing: boolean;
  /** Counts our address as others see our server socket. */
  readonly sampler: NatSampler;
  pongs: number;
}

/** The outcome of an attempt. */
export interface NetworkChange {
  /** The id that belongs to our address, 32 bytes. */
  readonly id: Uint8Array;
  /** Whether the node has become persistent. */
  readonly isPersistent: boolean;
  /** Whether our address is another now. */
  readonly isMoved: boolean;
}

/** The state. */
export class NetworkState {
  /** Whether nodes adapt their place by themselves. */
  readonly adaptive: boolean;
  /** Whether the node has to become persistent at once. */
  readonly forcePersistent: boolean;
  #ephemeral = true;
  #firewalled: boolean;
  #sampler = new NatSampler();
  #stableTicks: number;
  #checkedHost: string | null = null;
  #attempt: Attempt | null = null;
  readonly #bootstrapSamplesMax: number;
  readonly #bootstrapSamples = new Set<string>();

  /** Starts ephemeral. */
  constructor(options: NetworkStateOptions) {
    this.adaptive = options.ephemeral === undefined && options.adaptive;
    this.forcePersistent = options.ephemeral === false;
    this.#firewalled = options.firewalled;
    this.#stableTicks = this.adaptive ? STABLE_TICKS : 0;
    this.#bootstrapSamplesMax = Math.max(1, options.bootstrapCount);
  }

  /** Somebody told our address; tells whether it changed what we think. */
  sample({ host, port }: PeerAddress): boolean {
    const { host: hostBefore, port: portBefore } = this;
    this.#sampler.add(host, port);
    return hostBefore !== this.host || portBefore !== this.port;
  }

  /** A node without an id told our address; only the first few of them count. */
  sampleBootstrap(from: PeerAddress, to: PeerAddress): boolean {
    const key = addressKey(from);
    if (this.#bootstrapSamples.size >= this.#bootstrapSamplesMax || this.#bootstrapSamples.has(key)) {
      return false;
    }
    this.#bootstrapSamples.add(key);
    return this.sample(to);
  }

  /** A tick is over; tells whether to try to become persistent. */
  handleTick(): boolean {
    if (!this.adaptive || !this.#ephemeral || --this.#stableTicks > 0) return false;
    if (this.#checkedHost !== this.host) return true;
    this.#stableTicks = MORE_STABLE_TICKS;
    return false;
  }

  /** The machine slept; tells whether the node was persistent. */
  handleWakeup(): boolean {
    this.#stableTicks = MORE_STABLE_TICKS;
    this.#checkedHost = null;
    if (!this.adaptive || this.#ephemeral) return false;
    this.#ephemeral = true;
    return true;
  }

  /** Begins to find out whether the node can be reached: what has to be done for it? */
  begin(onlyFirewall: boolean): "nothing" | "probe" | "conclude" {
    if (!this.#ephemeral || (onlyFirewall && !this.#firewalled) || this.#attempt) return "nothing";
    const { host, port } = this;
    if (!onlyFirewall) {
      this.#stableTicks = MORE_STABLE_TICKS;
      this.#checkedHost = host;
    }
    if (host === null || port === 0) return "nothing";
    const isProbing = this.#firewalled;
    const sampler = isProbing ? new NatSampler() : this.#sampler;
    this.#attempt = { onlyFirewall, host, port, isProbing, sampler, pongs: 0 };
    return isProbing ? "probe" : "conclude";
  }

  /** A probed node reached our server socket and told our address. */
  handlePong(to: PeerAddress): void {
    if (!this.#attempt) return;
    this.#attempt.pongs++;
    this.#attempt.sampler.add(to.host, to.port);
  }

  /** Ends the attempt after `probes` nodes were asked; null when the node stays as it is. */
  conclude(probes: number, serverPort: number): NetworkChange | null {
    const attempt = this.#attempt;
    this.#attempt = null;
    if (!attempt || (attempt.isProbing && !this.#isOpen(attempt, probes, serverPort))) return null;
    this.#firewalled = false;
    const { host, port, sampler } = attempt;
    // The address may have changed meanwhile, or the two sockets may have different ones.
    const isSame = host === this.host && port === this.port && sampler.host === host && sampler.port !== 0;
    if (!this.#ephemeral || !isSame) return null;
    if (!attempt.onlyFirewall) this.#ephemeral = false;
    const { host: hostBefore, port: portBefore } = this;
    if (sampler !== this.#sampler) {
      this.#sampler = sampler;
      this.#bootstrapSamples.clear();
    }
    return {
      id: peerId(host, sampler.port),
      isPersistent: !this.#ephemeral,
      isMoved: hostBefore !== this.host || portBefore !== this.port,
    };
  }

  /** Gives up the attempt under way. */
  abandon(): void {
    this.#attempt = null;
  }

  /** Our public host, null while it is not known. */
  get host(): string | null {
    return this.#sampler.host;
  }

  /** Our public port, 0 while it is not known or not the same for everybody. */
  get port(): number {
    return this.#sampler.port;
  }

  /** Whether the node is in nobody's table. */
  get ephemeral(): boolean {
    return this.#ephemeral;
  }

  /** Whether others cannot reach the node unasked, as far as is known. */
  get firewalled(): boolean {
    return this.#firewalled;
  }

  /** Whether an attempt is under way. */
  get isBusy(): boolean {
    return this.#attempt !== null;
  }

  #isOpen(attempt: Attempt, probes: number, serverPort: number): boolean {
    const { pongs, sampler } = attempt;
    if (pongs < (probes >= FIREWALL_PROBES ? FIREWALL_PONGS_MIN : 1)) return false;
    if (sampler.host === null || sampler.host !== this.host) return false;
    return sampler.port !== 0 && sampler.port === serverPort;
  }
}

/**
 * Swarms without a network, on one clock.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText, SeededRandom } from "../../../src/base/mod.ts";
import Hyperswarm, { type HyperswarmOptions } from "../../../src/hyperswarm/mod.ts";
import { MemoryDHT, numberedKeyPair, SwarmNetwork } from "../../helpers/swarm_network.ts";
import { settle, VirtualClock } from "../../helpers/virtual_clock.ts";

/** Two topics. */
export const TOPIC: Uint8Array = Buffer.alloc(32, 7);
export const OTHER_TOPIC: Uint8Array = Buffer.alloc(32, 8);

/** Swarms on one network and one clock. */
export class World implements AsyncDisposable {
  readonly network = new SwarmNetwork();
  readonly clock = new VirtualClock(1_000_000);
  readonly #swarms: Hyperswarm<MemoryDHT>[] = [];

  swarm(number: number, options: HyperswarmOptions<MemoryDHT> = {}): Hyperswarm<MemoryDHT> {
    const swarm = new Hyperswarm<MemoryDHT>({
      keyPair: numberedKeyPair(number),
      dht: new MemoryDHT(this.network),
      clock: this.clock,
      random: new SeededRandom(number),
      backoffs: [1000, 5000, 15_000, 600_000],
      jitter: 0,
      ...options,
    });
    this.#swarms.push(swarm);
    return swarm;
  }

  /** A swarm that announces `TOPIC`, and one that found it there. */
  async pair(): Promise<{ server: Hyperswarm<MemoryDHT>; client: Hyperswarm<MemoryDHT> }> {
    const server = this.swarm(1);
    const client = this.swarm(2);
    await server.join(TOPIC).flushed();
    await client.join(TOPIC, { server: false }).flushed();
    await this.settle();
    return { server, client };
  }

  /** Lets all that is ready happen. */
  settle(): Promise<void> {
    return settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const swarm of this.#swarms) await swarm.destroy();
    assert.equal(this.clock.pendingCount, 0, "timers are left");
  }
}

/** Who a swarm is connected to, in order. */
export function ids(swarm: Hyperswarm<MemoryDHT>): string[] {
  return Array.from(swarm.connections, (connection) => hexText(connection.remotePublicKey!)).sort();
}

/** A swarm's key as hexadecimal digits. */
export function idOf(swarm: Hyperswarm<MemoryDHT>): string {
  return hexText(swarm.keyPair.publicKey);
}

/** The key of a peer that is nowhere, one for each number. */
export function strangerKey(number: number): Uint8Array {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(0, number + 1);
  return key;
}

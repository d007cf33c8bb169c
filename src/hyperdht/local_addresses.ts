/**
 * Addresses of this machine: which there are, and which of them work.
 *
 * @module
 */
import type { Clock } from "../base/mod.ts";
import { PlatformError } from "../platform/mod.ts";
import type { UDX, UDXSocket } from "../udx/mod.ts";
import { LOCAL_ADDRESS_TIMEOUT_MS, LOCAL_ADDRESSES_MAX } from "./limits.ts";
import type { PeerAddress } from "./messages.ts";

const LOOPBACK = "127.0.0.1";

/** The addresses of one node. */
export class LocalAddresses {
  readonly #udx: UDX;
  readonly #clock: Clock;
  readonly #checks = new Map<string, Promise<boolean>>();

  /** Checks nothing yet. */
  constructor(udx: UDX, clock: Clock) {
    this.#udx = udx;
    this.#clock = clock;
  }

  /**
   * Addresses that peers in the same network may reach `socket` at; the loopback one when there is no other, and
   * without the permission to list them. Source: hyperdht `lib/holepuncher.js`.
   */
  list(socket: UDXSocket | null): readonly PeerAddress[] {
    const bound = socket?.address() ?? null;
    if (bound === null) return [];
    const { host, port } = bound;
    if (host === LOOPBACK) return [{ host, port }];
    const hosts = this.#externalHosts();
    return (hosts.length > 0 ? hosts : [LOOPBACK]).map((host) => ({ host, port }));
  }

  /** Keeps those addresses at which a datagram to ourselves arrives; each host is tried once. */
  async validate(addresses: readonly PeerAddress[]): Promise<PeerAddress[]> {
    const results = await Promise.all(addresses.map(({ host }) => this.#check(host)));
    return addresses.filter((_, index) => results[index]).map(({ host, port }) => ({ host, port }));
  }

  /** The network has changed: what was found out is no longer so. */
  forget(): void {
    this.#checks.clear();
  }

  #externalHosts(): string[] {
    try {
      return this.#udx.networkInterfaces()
        .filter(({ family, internal }) => family === 4 && !internal)
        .map(({ host }) => host);
    } catch (error) {
      if (error instanceof PlatformError && error.code === "ERR_PERMISSION") return [];
      throw error;
    }
  }

  #check(host: string): Promise<boolean> {
    let check = this.#checks.get(host);
    if (check === undefined) {
      if (this.#checks.size >= LOCAL_ADDRESSES_MAX) this.#checks.clear();
      this.#checks.set(host, check = this.#arrives(host));
    }
    return check;
  }

  async #arrives(host: string): Promise<boolean> {
    const socket = this.#udx.createSocket();
    try {
      socket.bind(0, host);
    } catch {
      // No address of ours, or none that we may use.
      await socket.close();
      return false;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const cancel = this.#clock.schedule(LOCAL_ADDRESS_TIMEOUT_MS, () => resolve(false));
    socket.on("message", () => resolve(true));
    socket.trySend(new Uint8Array(1), socket.address()!.port, host);
    const isArrived = await promise;
    cancel();
    await socket.close();
    return isArrived;
  }
}

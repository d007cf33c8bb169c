/**
 * A UDX instance: the place where sockets and streams are made.
 *
 * @module
 */
import { type Clock, type Random, runtimeRandom } from "../base/mod.ts";
import {
  listNetworkInterfaces,
  lookupHost,
  type LookupResult,
  type NetworkInterface,
  systemClock,
} from "../platform/mod.ts";
import { isIP, isIPv4, isIPv6 } from "./address.ts";
import { Driver } from "./driver.ts";
import { NetworkInterfaces } from "./interface_watcher.ts";
import { UDXSocket, type UDXSocketOptions } from "./socket.ts";
import { UDXStream, type UDXStreamOptions } from "./stream.ts";

/** Options of {@linkcode UDX}; udx-native has none. */
export interface UDXOptions {
  /** Another clock than the runtime's. */
  readonly clock?: Clock;
  /** Other randomness than the runtime's, for congestion control. */
  readonly random?: Random;
  /** Default of the sockets' option of the same name. */
  readonly backend?: UDXSocketOptions["backend"];
}

/** Options of {@linkcode UDX.lookup}. */
export interface UDXLookupOptions {
  /** 4 or 6 for that family only; 0 (default) for either. */
  readonly family?: 0 | 4 | 6;
}

/**
 * Reliable, congestion-controlled streams over UDP, in the wire format of udx-native.
 *
 * @example
 * ```ts
 * import UDX from "@quince/quince/udx";
 *
 * const udx = new UDX();
 * const socket = udx.createSocket();
 * socket.bind(0, "127.0.0.1");
 * const stream = udx.createStream(1);
 * console.log(socket.address(), stream.id);
 * stream.destroy();
 * await socket.close();
 * ```
 */
export class UDX {
  readonly #driver: Driver;
  readonly #backend: UDXSocketOptions["backend"];
  readonly #watchers = new Set<NetworkInterfaces>();
  readonly #clock: Clock;

  /** Creates an instance; streams and sockets of different instances do not know each other. */
  constructor(options: UDXOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#driver = new Driver(this.#clock, options.random ?? runtimeRandom);
    this.#backend = options.backend;
  }

  /** Tells whether `host` is an IPv4 address. */
  static isIPv4(host: string): boolean {
    return isIPv4(host);
  }

  /** Tells whether `host` is an IPv6 address. */
  static isIPv6(host: string): boolean {
    return isIPv6(host);
  }

  /** The family of `host`: 4, 6, or 0 when it is no address. */
  static isIP(host: string): 0 | 4 | 6 {
    return isIP(host);
  }

  /** Bytes of stream packets sent. */
  get bytesTransmitted(): number {
    return this.#driver.traffic.bytesTransmitted;
  }

  /** Stream packets sent. */
  get packetsTransmitted(): number {
    return this.#driver.traffic.packetsTransmitted;
  }

  /** Bytes received. */
  get bytesReceived(): number {
    return this.#driver.traffic.bytesReceived;
  }

  /** Datagrams received. */
  get packetsReceived(): number {
    return this.#driver.traffic.packetsReceived;
  }

  /** Always -1, "not known": no runtime tells. */
  get packetsDroppedByKernel(): number {
    return -1;
  }

  /** Creates a socket. */
  createSocket(options: UDXSocketOptions = {}): UDXSocket {
    return new UDXSocket(this, this.#driver, { backend: this.#backend, ...options });
  }

  /** Creates a stream; `id` (32 bits) is what the peer passes to `connect`. */
  createStream(id: number, options: UDXStreamOptions = {}): UDXStream {
    return new UDXStream(this, this.#driver, id >>> 0, options);
  }

  /** Lists the machine's addresses. @throws {PlatformError} `ERR_PERMISSION` without `--allow-sys`. */
  networkInterfaces(): NetworkInterface[] {
    const [watcher] = this.#watchers;
    return watcher ? watcher.interfaces : listNetworkInterfaces();
  }

  /** Watches the machine's addresses. @throws {PlatformError} `ERR_PERMISSION` without `--allow-sys`. */
  watchNetworkInterfaces(onChange?: (interfaces: NetworkInterface[]) => void): NetworkInterfaces {
    const watcher = new NetworkInterfaces(this.#clock, listNetworkInterfaces);
    this.#watchers.add(watcher);
    watcher.on("close", () => {
      this.#watchers.delete(watcher);
    });
    if (onChange) watcher.on("change", onChange);
    return watcher.watch();
  }

  /** Resolves a name to an address. @throws {PlatformError} `ENOTFOUND`, `ERR_PERMISSION` (as rejections). */
  lookup(host: string, options: UDXLookupOptions = {}): Promise<LookupResult> {
    return lookupHost(host, options.family ?? 0);
  }
}

/**
 * Watches the machine's network interfaces.
 *
 * @module
 */
import { type CancelTimer, type Clock, TypedEventEmitter } from "../base/mod.ts";
import type { NetworkInterface } from "../platform/mod.ts";
import { INTERFACE_POLL_MS } from "./limits.ts";

/** Events of {@linkcode NetworkInterfaces} with the arguments of their listeners. */
export type NetworkInterfacesEvents = {
  /** The list changed. */
  change: [interfaces: NetworkInterface[]];
  /** The watcher is destroyed. */
  close: [];
};

/** A list of network interfaces that keeps itself up to date; create one with `udx.watchNetworkInterfaces()`. */
export class NetworkInterfaces extends TypedEventEmitter<NetworkInterfacesEvents> implements AsyncDisposable {
  /** The addresses as last seen. */
  interfaces: NetworkInterface[];

  readonly #clock: Clock;
  readonly #list: () => NetworkInterface[];
  #cancelTimer: CancelTimer | null = null;
  #destroying: Promise<void> | null = null;

  /** Called by `udx.watchNetworkInterfaces()`. @throws {PlatformError} `ERR_PERMISSION` without `--allow-sys`. */
  constructor(clock: Clock, list: () => NetworkInterface[]) {
    super();
    this.#clock = clock;
    this.#list = list;
    this.interfaces = list();
  }

  /** Starts watching. */
  watch(): this {
    if (!this.#destroying && !this.#cancelTimer) this.#schedule();
    return this;
  }

  /** Stops watching until {@linkcode NetworkInterfaces.watch}. */
  unwatch(): this {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    return this;
  }

  /** Stops for good and resolves when `close` was emitted. */
  destroy(): Promise<void> {
    this.#destroying ??= new Promise((resolve) => {
      this.unwatch();
      this.once("close", resolve);
      queueMicrotask(() => this.emit("close"));
    });
    return this.#destroying;
  }

  /** Same as {@linkcode NetworkInterfaces.destroy}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy();
  }

  /** Iterates over the addresses as last seen. */
  [Symbol.iterator](): IterableIterator<NetworkInterface> {
    return this.interfaces[Symbol.iterator]();
  }

  #schedule(): void {
    this.#cancelTimer = this.#clock.schedule(INTERFACE_POLL_MS, () => {
      this.#schedule();
      const interfaces = this.#list();
      if (isSame(interfaces, this.interfaces)) return;
      this.interfaces = interfaces;
      this.emit("change", interfaces);
    });
  }
}

function isSame(a: readonly NetworkInterface[], b: readonly NetworkInterface[]): boolean {
  const keys = (list: readonly NetworkInterface[]): string =>
    list.map(({ name, host, internal }) => `${name} ${host} ${internal}`).sort().join("\n");
  return a.length === b.length && keys(a) === keys(b);
}

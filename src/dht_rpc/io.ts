/**
 * The sockets of a node: binding them within a range of ports, letting go of them and binding them again.
 *
 * @module
 */
import type { NetworkInterface, NetworkInterfaces, UDX, UDXAddress, UDXSocket } from "../udx/mod.ts";
import { PORT_RANGE } from "./limits.ts";
import type { CommandStats, RequestStats } from "./request_machine.ts";

/** Options of {@linkcode IO}. */
export interface IOOptions {
  readonly udx: UDX;
  readonly host: string;
  readonly port: number | readonly [start: number, end: number];
  readonly anyPort: boolean;
  readonly onBound: (io: IO) => void;
  readonly onDatagram: (socket: UDXSocket, bytes: Uint8Array, from: UDXAddress) => void;
  readonly onInterfaces: (interfaces: NetworkInterface[]) => void;
  /** What users may ask the sockets' owner. */
  readonly state: IOState;
}

/** What a node tells through its `io`. */
export interface IOState {
  /** See `dht.firewalled`. */
  readonly firewalled: boolean;
  /** See `dht.ephemeral`. */
  readonly ephemeral: boolean;
  /** Requests under way. */
  readonly inflightCount: number;
  /** Counters of requests and of the commands 0 to 3. */
  readonly stats: { readonly requests: RequestStats; readonly commands: readonly CommandStats[] };
  /** Requests that may leave within 750 ms. */
  readonly maxWindow: number;
}

/** The sockets of a node. */
export class IO {
  /** Receives what comes unasked; null before binding. */
  serverSocket: UDXSocket | null = null;
  /** Sends while the node is behind a firewall; null before binding. */
  clientSocket: UDXSocket | null = null;
  /** Watches the network interfaces; null before binding, and without the permission to list them. */
  networkInterfaces: NetworkInterfaces | null = null;
  /** Ports that are tried for the server socket, end exclusive. */
  readonly portRange: readonly [start: number, end: number];
  /** Sockets are let go of. */
  suspended = false;
  readonly #options: IOOptions;
  #binding: Promise<void> | null = null;
  #destroying: Promise<void> | null = null;
  #boundServerPort = 0;
  #boundClientPort = 0;

  /** Called by nodes. */
  constructor(options: IOOptions) {
    this.#options = options;
    const { port } = options;
    this.portRange = typeof port === "number" ? (port === 0 ? [0, 0] : [port, port + PORT_RANGE]) : port;
  }

  /** See `dht.firewalled`. */
  get firewalled(): boolean {
    return this.#options.state.firewalled;
  }

  /** See `dht.ephemeral`. */
  get ephemeral(): boolean {
    return this.#options.state.ephemeral;
  }

  /** Requests under way. */
  get inflightCount(): number {
    return this.#options.state.inflightCount;
  }

  /** Counters. */
  get stats(): IOState["stats"] {
    return this.#options.state.stats;
  }

  /** Requests that may leave within 750 ms. */
  get maxWindow(): number {
    return this.#options.state.maxWindow;
  }

  /** A datagram arrived on `socket`, which need not be one of these. */
  onmessage(socket: UDXSocket, bytes: Uint8Array, from: UDXAddress): void {
    this.#options.onDatagram(socket, bytes, from);
  }

  /** Binds the sockets once. @throws {PlatformError} (as a rejection) as `UDXSocket.bind()`. */
  bind(): Promise<void> {
    this.#binding ??= this.#bind();
    return this.#binding;
  }

  /** Closes the sockets until {@linkcode IO.resume}. */
  async suspend(): Promise<void> {
    this.suspended = true;
    await this.#close();
  }

  /** Binds the sockets again, to the same ports if they are free. */
  resume(): Promise<void> {
    this.suspended = false;
    const before = this.#binding;
    this.#binding = (async () => {
      await before;
      if (this.#destroying) return this.#destroying;
      await this.#bind();
    })();
    return this.#binding;
  }

  /** Closes the sockets for good. */
  destroy(): Promise<void> {
    this.#destroying ??= (async () => {
      // A failure to bind is told to whoever waits for it; there is nothing to close then.
      await this.#binding?.catch(() => {});
      await this.#close();
    })();
    return this.#destroying;
  }

  async #bind(): Promise<void> {
    // The first moment belongs to the caller, who may still add listeners.
    await Promise.resolve();
    if (this.#destroying) return;
    const { udx, host, onBound } = this.#options;
    const serverSocket = udx.createSocket();
    const clientSocket = udx.createSocket();
    try {
      this.#bindServer(serverSocket, host);
      bindFirstFree(clientSocket, [this.#boundClientPort, 0], host);
    } catch (error) {
      await Promise.all([serverSocket.close(), clientSocket.close()]);
      throw error;
    }
    this.#boundServerPort = serverSocket.address()!.port;
    this.#boundClientPort = clientSocket.address()!.port;
    for (const socket of [serverSocket, clientSocket]) {
      socket.on("message", (bytes, from) => this.#options.onDatagram(socket, bytes, from));
    }
    this.serverSocket = serverSocket;
    this.clientSocket = clientSocket;
    this.#watchInterfaces();
    onBound(this);
  }

  #bindServer(socket: UDXSocket, host: string): void {
    const [start, end] = this.portRange;
    const ports: number[] = this.#boundServerPort ? [this.#boundServerPort] : [];
    for (let port = start; port < end; port++) ports.push(port);
    if (this.#options.anyPort || ports.length === 0) ports.push(0);
    // Compat: dht-rpc lib/io.js without `anyPort` gives up after the first port, so a range has only one then.
    bindFirstFree(socket, this.#options.anyPort ? ports : ports.slice(0, 1), host);
  }

  #watchInterfaces(): void {
    try {
      this.networkInterfaces = this.#options.udx.watchNetworkInterfaces(this.#options.onInterfaces);
    } catch (error) {
      // Without --allow-sys a node works, only changes of the network are noticed later.
      if ((error as { code?: string }).code !== "ERR_PERMISSION") throw error;
    }
  }

  async #close(): Promise<void> {
    const { networkInterfaces } = this;
    this.networkInterfaces = null;
    await Promise.all([this.serverSocket?.close(), this.clientSocket?.close(), networkInterfaces?.destroy()]);
  }
}

/** Binds to the first port that is free. @throws {PlatformError} what the last one, or a missing permission, threw. */
function bindFirstFree(socket: UDXSocket, ports: readonly number[], host: string): void {
  let failure: unknown;
  for (const port of ports) {
    try {
      socket.bind(port, host);
      return;
    } catch (error) {
      if ((error as { code?: string }).code === "ERR_PERMISSION") throw error;
      failure = error;
    }
  }
  throw failure;
}

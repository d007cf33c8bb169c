/**
 * Replicates our cores over TCP on 127.0.0.1, and ends every connection it made.
 *
 * @module
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** The part of a core (or of a store of cores) that a connection needs. */
export interface Replicating {
  // deno-lint-ignore no-explicit-any -- the stream of either make
  replicate(isInitiatorOrStream: any): any;
}

/** TCP servers and connections of one test. */
export class TcpReplication implements AsyncDisposable {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  /** Errors that ended a stream, in order. */
  readonly errors: Error[] = [];

  /** Serves `cores`; resolves to the port. */
  async listen(...cores: Replicating[]): Promise<number> {
    const server = createServer((socket) => this.#attach(socket, false, cores));
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }

  /** Replicates `cores` with whoever listens on `port`. */
  connect(port: number, ...cores: Replicating[]): Socket {
    const socket = connect(port, "127.0.0.1");
    this.#attach(socket, true, cores);
    return socket;
  }

  /** Connects two sets of cores with each other. */
  async link(cores: Replicating[], others: Replicating[]): Promise<void> {
    this.connect(await this.listen(...cores), ...others);
  }

  #attach(socket: Socket, isInitiator: boolean, cores: Replicating[]): void {
    this.#sockets.add(socket);
    const [first, ...rest] = cores;
    const stream = first!.replicate(isInitiator);
    for (const core of rest) core.replicate(stream);
    stream.on("error", (error: Error) => {
      this.errors.push(error);
      socket.destroy();
    });
    socket.on("error", (error) => stream.destroy(error));
    socket.on("close", () => {
      this.#sockets.delete(socket);
      stream.destroy();
    });
    stream.pipe(socket).pipe(stream);
  }

  /** Cuts every connection; servers go on. */
  async cut(): Promise<void> {
    await Promise.all(Array.from(this.#sockets, (socket) => ended(socket)));
  }

  /** Cuts every connection and stops serving. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)));
    await this.cut();
    await Promise.all(closed);
  }
}

function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
    socket.destroy();
  });
}

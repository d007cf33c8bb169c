/**
 * Hosts on the loopback that can be cut off: `127.0.1.1` and so on, each as good as a machine with a cable.
 *
 * @module
 */

interface Datagrams {
  readonly addr: Deno.NetAddr;
  receive(into?: Uint8Array): Promise<[Uint8Array, Deno.NetAddr]>;
  send(bytes: Uint8Array, to: Deno.NetAddr): Promise<number>;
}

/** Cuts between hosts, for all sockets of `Deno.listenDatagram` that are made from its construction on. */
export class LoopbackHosts {
  readonly #cut = new Set<string>();
  readonly #between = new Set<string>();

  /** Replaces `Deno.listenDatagram`. */
  constructor() {
    const listen = Deno.listenDatagram;
    const isLost = (from: string, to: string): boolean => this.#isLost(from, to);
    Object.assign(Deno, {
      listenDatagram: (options: Parameters<typeof listen>[0]): Deno.DatagramConn => {
        const socket = listen(options);
        const { receive, send, addr } = bound(socket as unknown as Datagrams);
        const { hostname } = addr;
        return Object.assign(socket, {
          send: (bytes: Uint8Array, to: Deno.NetAddr): Promise<number> =>
            isLost(hostname, to.hostname) ? Promise.resolve(bytes.byteLength) : send(bytes, to),
          receive: async (into?: Uint8Array): Promise<[Uint8Array, Deno.NetAddr]> => {
            while (true) {
              const received = await receive(into);
              if (!isLost(received[1].hostname, hostname)) return received;
            }
          },
        });
      },
    });
  }

  /** From now on nothing comes from or to `host`, and nobody is told. */
  cut(host: string): void {
    this.#cut.add(host);
  }

  /** The cable of `host` is whole again. */
  heal(host: string): void {
    this.#cut.delete(host);
  }

  /** From now on nothing passes between two hosts. */
  separate(one: string, other: string): void {
    this.#between.add(`${one} ${other}`).add(`${other} ${one}`);
  }

  #isLost(from: string, to: string): boolean {
    return this.#cut.has(from) || this.#cut.has(to) || this.#between.has(`${from} ${to}`);
  }
}

/** The methods without `this`. */
function bound(socket: Datagrams): Datagrams {
  return { addr: socket.addr, receive: socket.receive.bind(socket), send: socket.send.bind(socket) };
}

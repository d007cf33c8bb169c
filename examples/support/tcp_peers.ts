/**
 * Peers over TCP on this machine, for examples that need two processes and no network: what a swarm does elsewhere.
 *
 * @module
 */
import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import type { Bridge } from "@quince/quince/secret-stream";

/** Makes the stream to replicate over; `isInitiator` for the side that connected. */
export type Replicate = (isInitiator: boolean) => Bridge;

/** Serves peers on `port` (0 for any free one) of 127.0.0.1; resolves to the address. */
export async function servePeers(replicate: Replicate, port = 0): Promise<string> {
  const server = createServer((socket) => join(socket, replicate(false), () => {}));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Connects to the peer at `address`; `onend` is called when the connection is over, with the reason if there is one. */
export function connectPeer(address: string, replicate: Replicate, onend: (error?: Error) => void): void {
  const [host, port] = address.split(":");
  join(connect({ host, port: Number(port) }), replicate(true), onend);
}

function join(socket: Socket, stream: Bridge, onend: (error?: Error) => void): void {
  stream.pipe(socket).pipe(stream);
  stream.on("error", onend);
  socket.on("error", (error) => stream.destroy(error));
  socket.on("close", () => onend());
}

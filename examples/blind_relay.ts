// deno-lint-ignore-file no-console -- a program that prints
/**
 * Two peers that cannot reach each other talk through a relay that cannot read what they say.
 *
 * All three are in this process, on 127.0.0.1; each peer sends to the relay only.
 *
 *     deno run --allow-net=127.0.0.1 examples/blind_relay.ts
 *
 * @module
 */
import relay, { PUBLIC_LIMITS } from "@quince/quince/blind-relay";
import SecretStream from "@quince/quince/secret-stream";
import UDX, { type UDXSocket } from "@quince/quince/udx";

/** What both peers know, and the relay cannot guess. */
const token = relay.token();

/** A relay for two clients, with bounds for strangers. Resolves to its port. */
function startRelay(socket: UDXSocket): number {
  socket.bind(0, "127.0.0.1");
  let lastId = 100;
  const server = new relay.Server({
    createStream: (options) => socket.udx.createStream(++lastId, options),
    limits: PUBLIC_LIMITS,
  });
  // A DHT would bring the connections; here the peers know that 10 and 11 wait for them.
  for (const id of [10, 11]) {
    const raw = socket.udx.createStream(id, {
      firewall: (from, port, host) => {
        raw.connect(from, 1, port, host);
        return false;
      },
    });
    const connection = new SecretStream(false, raw);
    connection.on("error", () => {}); // a client that goes away
    server.accept(connection).on("close", () => connection.end());
  }
  return socket.address()!.port;
}

/** A peer: asks the relay for the pair, and gives the encrypted stream to the other peer. */
function connectThrough(socket: UDXSocket, relayPort: number, relayStreamId: number, isInitiator: boolean) {
  socket.bind(0, "127.0.0.1");
  const toRelay = socket.udx.createStream(1);
  toRelay.connect(socket, relayStreamId, relayPort);
  const connection = new SecretStream(true, toRelay);
  const client = relay.Client.from(connection);
  client.on("unpair", (_token, error) => console.error(`the relay says ${error.message}`));
  client.on("close", () => connection.end());

  const raw = socket.udx.createStream(2);
  const stream = new SecretStream(isInitiator, null, { autoStart: false });
  client.pair(isInitiator, token, raw).on("data", (remoteId) => {
    raw.connect(socket, remoteId, relayPort);
    raw.trySend(new Uint8Array(1)); // shows the relay where to send what comes first
    stream.start(raw);
  });
  stream.on("end", () => stream.end());
  raw.on("close", () => client.destroy()); // not before: the last acknowledgement passes the relay too
  return stream;
}

const [relaySocket, leftSocket, rightSocket] = [new UDX(), new UDX(), new UDX()].map((udx) =>
  udx.createSocket()
);
const relayPort = startRelay(relaySocket!);
const left = connectThrough(leftSocket!, relayPort, 10, true);
const right = connectThrough(rightSocket!, relayPort, 11, false);

right.on("data", (text) => {
  console.log(`right hears: ${text}`);
  right.write("I hear you");
});
left.on("data", (text) => {
  console.log(`left hears: ${text}`);
  left.end();
});
left.write("can you hear me?");

await Promise.all(
  [left, right].map((stream) => new Promise<void>((done) => stream.once("close", () => done()))),
);
await Promise.all([leftSocket, rightSocket, relaySocket].map((socket) => socket!.close()));
console.log("closed");

/** Streams that have a direct way before both peers have met at the relay. */
import { strict as assert } from "node:assert";
import { utf8Text } from "../../../src/base/mod.ts";
import relay from "../../../src/blind_relay/mod.ts";
import type { NodeHost } from "../../../src/hyperdht/node_host.ts";
import { RelayMeeting } from "../../../src/hyperdht/relay_meeting.ts";
import type { HyperDHT } from "../../../src/hyperdht/mod.ts";
import createTestnet from "../../../src/hyperdht/testnet/mod.ts";
import type { SecretStream } from "../../../src/secret_stream/mod.ts";
import type { UDXSocket, UDXStream } from "../../../src/udx/mod.ts";
import { VirtualClock } from "../../helpers/virtual_clock.ts";
import { keyPairOf } from "./support.ts";

const TOKEN = new Uint8Array(32).fill(7);

interface Site extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly relayKey: Uint8Array;
  /** Our stream, its meeting, and the connection to the relay. */
  readonly own: UDXStream;
  readonly meeting: RelayMeeting;
  readonly connection: SecretStream;
  /** The peer, which does as libudx: what it has sent over the relay stays there. */
  readonly peerNode: HyperDHT;
  readonly peer: UDXStream;
  /** Where both have sockets besides those of their nodes. */
  readonly ownSocket: UDXSocket;
  readonly peerSocket: UDXSocket;
  /** Paths that the meeting offered. */
  readonly offered: unknown[];
}

async function site(): Promise<Site> {
  const testnet = await createTestnet(4);
  const [relayNode, ownNode, peerNode] = testnet.nodes as [HyperDHT, HyperDHT, HyperDHT];
  const relays = new relay.Server({ createStream: (options) => relayNode.createRawStream(options) });
  const { publicKey } = await relayNode.createServer({ shareLocalAddress: false }, (socket) => {
    socket.on("error", () => {});
    relays.accept(socket, { id: socket.remotePublicKey }).on("error", () => {});
  }).listen(keyPairOf(100));
  const clock = new VirtualClock();
  const offered: unknown[] = [];
  const connection = ownNode.connect(publicKey!);
  const own = ownNode.createRawStream({
    checksRemote: true,
    firewall: (socket, port, host) => meeting.noteTraffic(socket, port, host) && false,
  });
  const peer = peerNode.createRawStream({ firewall: () => false });
  for (const stream of [own, peer]) stream.on("error", () => {});
  const [ownSocket, peerSocket] = [own.udx.createSocket(), peer.udx.createSocket()];
  for (const socket of [ownSocket, peerSocket]) socket.bind(0, "127.0.0.1");
  const meeting = new RelayMeeting({
    host: { clock, connectToRelay: () => connection } as unknown as NodeHost,
    publicKey: publicKey!,
    token: TOKEN,
    isInitiator: true,
    rawStream: own,
    keepAliveMs: 5000,
    onpaired: (path) => void offered.push(path),
    onfailed: () => {},
  });
  return {
    clock,
    relayKey: publicKey!,
    own,
    meeting,
    connection,
    peerNode,
    peer,
    ownSocket,
    peerSocket,
    offered,
    async [Symbol.asyncDispose]() {
      await testnet.destroy();
      await Promise.all([ownSocket.close(), peerSocket.close()]);
    },
  };
}

function once(stream: { once(event: string, listener: (value: unknown) => void): unknown }, event: string) {
  return new Promise<unknown>((resolve) => stream.once(event, resolve));
}

/** Our stream takes the direct way. */
function connectDirectly({ own, ownSocket, peer, peerSocket, meeting }: Site): void {
  own.connect(ownSocket, peer.id, peerSocket.address()!.port);
  meeting.handleDirect();
}

/** The peer comes to the relay and has its stream run there. */
async function comeToRelay({ peer, peerNode, relayKey }: Site): Promise<void> {
  const connection = peerNode.connect(relayKey);
  connection.on("error", () => {});
  const client = relay.Client.from(connection, { id: connection.publicKey });
  const remoteId = await once(client.pair(false, TOKEN, peer), "data") as number;
  const raw = connection.rawStream as UDXStream;
  peer.connect(raw.socket!, remoteId, raw.remotePort, raw.remoteHost!);
}

Deno.test("DHT-077 what a peer sends over the relay arrives though our stream goes directly", async () => {
  await using net = await site();
  const { connection, own, ownSocket, peer, peerSocket, meeting, offered } = net;
  await once(connection, "open");
  connectDirectly(net);
  assert.equal(meeting.isActive, true);
  await comeToRelay(net);
  const heard = once(own, "data");
  peer.write("over the relay");
  assert.equal(utf8Text(await heard as Uint8Array), "over the relay");
  assert.deepEqual(offered, []);
  assert.equal(own.remotePort, peerSocket.address()!.port);
  assert.equal(meeting.isActive, true);

  // A peer that has moved says so with an empty message, and the relay is left.
  const gone = once(connection, "close");
  await peer.changeRemote(peerSocket, own.id, ownSocket.address()!.port);
  await peer.send(new Uint8Array(0));
  await gone;
  assert.equal(meeting.isActive, false);
});

Deno.test("DHT-077 a relay where the peer says nothing is left 15 s after both have met", async () => {
  await using net = await site();
  const { connection, clock, meeting, own } = net;
  let greetings = 0;
  const isGreeted = new Promise<void>((resolve) => {
    own.greetRelay = () => {
      greetings++;
      resolve();
    };
  });
  await once(connection, "open");
  connectDirectly(net);
  await comeToRelay(net);
  await isGreeted;
  clock.advance(14_999);
  assert.equal(meeting.isActive, true);
  clock.advance(1);
  assert.equal(meeting.isActive, false);
  assert.equal(greetings, 15);
  await once(connection, "close");
});

Deno.test("DHT-077 a peer that stays at the relay is heard there for as long as it does", async () => {
  await using net = await site();
  const { connection, clock, meeting, own, peer } = net;
  await once(connection, "open");
  connectDirectly(net);
  await comeToRelay(net);
  for (const text of ["first", "second", "third"]) {
    const heard = once(own, "data");
    peer.write(text);
    assert.equal(utf8Text(await heard as Uint8Array), text);
    clock.advance(15_000);
    assert.equal(meeting.isActive, true);
  }
  clock.advance(15_000);
  assert.equal(meeting.isActive, false);
  await once(connection, "close");
});

Deno.test("DHT-077 a relay that was not asked yet is left at once", async () => {
  await using net = await site();
  const { connection, meeting } = net;
  connectDirectly(net);
  assert.equal(meeting.isActive, false);
  await once(connection, "close");
});

Deno.test("DHT-077 a relay that does not answer is left once the peer is heard directly", async () => {
  await using net = await site();
  const { connection, own, ownSocket, peer, peerSocket, meeting } = net;
  await once(connection, "open");
  connectDirectly(net);
  peer.connect(peerSocket, own.id, ownSocket.address()!.port);
  peer.write("directly");
  await once(connection, "close");
  assert.equal(meeting.isActive, false);
});

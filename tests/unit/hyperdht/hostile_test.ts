/** Peers that flood, lie, or accept and never answer: whole nodes on a virtual clock, and on real sockets. */
import { strict as assert } from "node:assert";
import { hexText } from "../../../src/base/mod.ts";
import { encode } from "../../../src/compact_encoding/mod.ts";
import { randomBytes } from "../../../src/crypto/mod.ts";
import { COMMANDS } from "../../../src/hyperdht/constants.ts";
import { announce, handshake, holepunch, mutablePut } from "../../../src/hyperdht/messages.ts";
import { type HyperDHT, type HyperDHTOptions, NoiseWrap, type Server } from "../../../src/hyperdht/mod.ts";
import createTestnet, { type Testnet } from "../../../src/hyperdht/testnet/mod.ts";
import type { SecretStream } from "../../../src/secret_stream/mod.ts";
import { VirtualClock } from "../../helpers/virtual_clock.ts";
import { EMPTY_PAYLOAD, keyPairOf } from "./support.ts";

function echoing(socket: SecretStream): void {
  socket.on("data", (data) => socket.write(data));
  socket.on("end", () => socket.end());
  socket.on("error", () => {});
}

async function echo(socket: SecretStream): Promise<void> {
  const closed = new Promise<void>((resolve, reject) => {
    socket.on("close", () => resolve());
    socket.on("error", reject);
  });
  socket.on("data", () => socket.end());
  socket.write("hello");
  await closed;
}

/** A firewalled server, so that each handshake costs it a stream and a socket. */
async function firewalledServer(
  testnet: Testnet,
  options: HyperDHTOptions = {},
): Promise<{ node: HyperDHT; server: Server }> {
  const node = testnet.createNode({ ephemeral: true, quickFirewall: false, ...options });
  await node.fullyBootstrapped();
  const server = await node.createServer({ shareLocalAddress: false }, echoing).listen(keyPairOf(1));
  return { node, server };
}

Deno.test("DHT-025 a flood of handshakes that lead nowhere is bounded, and an honest client is served", async () => {
  await using testnet = await createTestnet(3);
  const clock = new VirtualClock();
  const { node, server } = await firewalledServer(testnet, { clock });
  const attacker = testnet.createNode();
  await attacker.fullyBootstrapped();
  const relay = server.relayAddresses[0]!;
  const shake = async (i: number): Promise<void> => {
    const noise = new NoiseWrap(keyPairOf(1 + i % 200), server.publicKey!).send({
      ...EMPTY_PAYLOAD,
      addresses4: [{ host: "10.0.0.1", port: 1 + i }],
    });
    const value = encode(handshake, { mode: 0, noise });
    await attacker.request({ command: COMMANDS.PEER_HANDSHAKE, target: server.target!, value }, relay);
  };
  // 700 within 3.5 s, each of which would last for ten: the oldest 188 have given way.
  for (let i = 0; i < 700; i += 20) {
    await Promise.all(Array.from({ length: 20 }, (_, k) => shake(i + k)));
    clock.advance(100);
    assert.equal(server.halfOpenCount, Math.min(i + 20, 512));
    assert.equal(node.rawStreams.size, Math.min(i + 20, 512));
  }
  const { socketsAdded, socketsRemoved } = node.stats.socketPool;
  assert.equal(socketsAdded - socketsRemoved, 512);

  const honest = testnet.createNode();
  await honest.fullyBootstrapped();
  await echo(honest.connect(server.publicKey!));
  clock.advance(10_000);
  assert.equal(server.halfOpenCount, 0);
  // Streams and sockets close a moment later.
  await server.close();
  assert.equal(node.rawStreams.size, 0);
  assert.equal(node.stats.socketPool.socketsRemoved, node.stats.socketPool.socketsAdded);
});

Deno.test("DHT-025 the same handshake sent many times is one handshake, with one answer", async () => {
  await using testnet = await createTestnet(3);
  const { node, server } = await firewalledServer(testnet, { clock: new VirtualClock() });
  const attacker = testnet.createNode();
  await attacker.fullyBootstrapped();
  const noise = new NoiseWrap(keyPairOf(2), server.publicKey!).send(EMPTY_PAYLOAD);
  const value = encode(handshake, { mode: 0, noise });
  const ask = () =>
    attacker.request(
      { command: COMMANDS.PEER_HANDSHAKE, target: server.target!, value },
      server.relayAddresses[0]!,
    );
  const replies = await Promise.all(Array.from({ length: 30 }, ask));
  assert.equal(new Set(replies.map(({ value }) => hexText(value!).slice(0, 40))).size, 1);
  assert.equal(server.halfOpenCount, 1);
  assert.equal(node.rawStreams.size, 1);
});

Deno.test("DHT-W03 requests with garbage get no answer or an empty one, and change nothing", async () => {
  await using testnet = await createTestnet(3);
  const { server } = await firewalledServer(testnet);
  const attacker = testnet.createNode();
  await attacker.fullyBootstrapped();
  const keeper = testnet.nodes[1]!;
  const to = { host: "127.0.0.1", port: keeper.address()!.port };
  const [target, token] = [server.target!, randomBytes(32)];
  const garbage = [
    new Uint8Array(0),
    Uint8Array.of(255),
    randomBytes(40),
    randomBytes(1000),
    encode(handshake, { mode: 0, noise: new Uint8Array(0) }),
    encode(handshake, { mode: 2, noise: randomBytes(500), peerAddress: { host: "0.0.0.0", port: 0 } }),
    encode(handshake, { mode: 3, noise: randomBytes(100), peerAddress: to, relayAddress: to }),
    encode(holepunch, { mode: 2, id: 0, payload: randomBytes(100), peerAddress: to }),
    encode(holepunch, { mode: 2, id: 2 ** 40, payload: new Uint8Array(0), peerAddress: to }),
    encode(announce, {
      peer: { publicKey: randomBytes(32), relayAddresses: [] },
      signature: randomBytes(64),
    }),
    encode(mutablePut, {
      publicKey: randomBytes(32),
      seq: 1,
      value: randomBytes(100),
      signature: randomBytes(64),
    }),
  ];
  const before = keeper.metrics().records;
  const session = attacker.session();
  const receivers = [to, { host: "127.0.0.1", port: server.dht.address()!.port }];
  const contents = [...Object.values(COMMANDS), 11].flatMap((command) =>
    [...garbage, null].flatMap((value) => [{ command, target, value }, { command, value }])
  );
  contents.push({ command: COMMANDS.ANNOUNCE, target, value: garbage.at(-2)!, token } as typeof contents[0]);
  await Promise.all(
    receivers.flatMap((receiver) =>
      contents.map((content) => session.request(content, receiver, { retry: false }).catch(() => {}))
    ),
  );
  assert.deepEqual(keeper.metrics().records, before);
  const honest = testnet.createNode();
  await honest.fullyBootstrapped();
  await echo(honest.connect(server.publicKey!));
});

Deno.test("DHT-057 a node that answers handshakes with garbage cannot keep the true answer out", async () => {
  await using testnet = await createTestnet(3);
  const liar = testnet.createNode();
  await liar.fullyBootstrapped();
  liar.onrequest = (request) => {
    request.reply(encode(handshake, { mode: 4, noise: randomBytes(100) }), {
      token: false,
      closerNodes: false,
    });
    return true;
  };
  const server = await testnet.createNode().createServer(echoing).listen(keyPairOf(1));
  const client = testnet.createNode();
  await client.fullyBootstrapped();
  const liarAddress = { host: "127.0.0.1", port: liar.io.serverSocket!.address()!.port };
  const socket = client.connect(server.publicKey!, {
    relayAddresses: [liarAddress, ...server.relayAddresses],
  });
  await echo(socket);
});

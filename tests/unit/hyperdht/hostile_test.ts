/** Peers that flood, lie, or accept and never answer: whole nodes on a virtual clock, and on real sockets. */
import { strict as assert } from "node:assert";
import { hexText } from "../../../src/base/mod.ts";
import { encode } from "../../../src/compact_encoding/mod.ts";
import { randomBytes } from "../../../src/crypto/mod.ts";
import { COMMANDS } from "../../../src/hyperdht/constants.ts";
import { announce, handshake, holepunch, mutablePut } from "../../../src/hyperdht/messages.ts";
import DHT, {
  type DHTError,
  type HyperDHT,
  type HyperDHTOptions,
  NoiseWrap,
  type Server,
} from "../../../src/hyperdht/mod.ts";
import { signAnnounce } from "../../../src/hyperdht/signatures.ts";
import createTestnet, { type Testnet } from "../../../src/hyperdht/testnet/mod.ts";
import { SecretStream } from "../../../src/secret_stream/mod.ts";
import { durationOf, VirtualClock } from "../../helpers/virtual_clock.ts";
import { EMPTY_PAYLOAD, ownKeyPair } from "./support.ts";

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
  const server = await node.createServer({ shareLocalAddress: false }, echoing).listen(ownKeyPair(1));
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
    const noise = new NoiseWrap(ownKeyPair(1 + i % 200), server.publicKey!).send({
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
  const noise = new NoiseWrap(ownKeyPair(2), server.publicKey!).send(EMPTY_PAYLOAD);
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
  const server = await testnet.createNode().createServer(echoing).listen(ownKeyPair(1));
  const client = testnet.createNode();
  await client.fullyBootstrapped();
  const liarAddress = { host: "127.0.0.1", port: liar.io.serverSocket!.address()!.port };
  const socket = client.connect(server.publicKey!, {
    relayAddresses: [liarAddress, ...server.relayAddresses],
  });
  await echo(socket);
});

Deno.test("DHT-060 announcements that cannot be verified leave nothing at a node, which keeps those of others", async () => {
  await using testnet = await createTestnet(3);
  const keeper = testnet.nodes[1]!;
  const to = { host: "127.0.0.1", port: keeper.address()!.port };
  const [attacker, honest] = [testnet.createNode(), testnet.createNode()];
  await Promise.all([attacker.fullyBootstrapped(), honest.fullyBootstrapped()]);
  const target = DHT.hash(randomBytes(32));
  const { token } = await attacker.request({ command: COMMANDS.LOOKUP, target }, to);
  const before = keeper.metrics().records!;
  const session = attacker.session();
  let unanswered = 0;
  const flood = Array.from({ length: 2000 }, (_, i) => {
    const { publicKey } = ownKeyPair(i % 200);
    // Signed for another topic, so that only the whole check tells.
    const message = { peer: { publicKey, relayAddresses: [] } };
    const signature = signAnnounce(
      randomBytes(32),
      token!,
      keeper.id!,
      message,
      ownKeyPair(i % 200),
    ) as Uint8Array;
    const value = encode(announce, { ...message, signature });
    return session.request({ command: COMMANDS.ANNOUNCE, target, token, value }, to, { retry: false })
      .catch(() => unanswered++);
  });
  for (let i = 0; i < 10; i++) {
    await honest.announce(target, ownKeyPair(200 + i)).finished();
  }
  const found = new Set<string>();
  for await (const { peers } of honest.lookup(target)) {
    for (const { publicKey } of peers) found.add(hexText(publicKey));
  }
  assert.equal(found.size, 10);
  assert.deepEqual(keeper.metrics().records, { ...before, records: before.records + 10 });
  session.destroy();
  await Promise.all(flood);
  assert.equal(unanswered, 2000);
});

Deno.test("DHT-057 servers that accept and never answer cost their connects 30 s each, and no other anything", async () => {
  await using testnet = await createTestnet(3);
  const clock = new VirtualClock();
  const [silent, talking, client] = [1, 2, 3].map(() => testnet.createNode({ clock })) as [DHT, DHT, DHT];
  await Promise.all([silent, talking, client].map((node) => node.fullyBootstrapped()));
  // What it makes of the handshake never reads or writes.
  const createSecretStream = () => new SecretStream(false);
  const servers = Array.from({ length: 50 }, () => silent.createServer({ createSecretStream }));
  // More requests than a node makes at once.
  await durationOf(Promise.all(servers.map((server, i) => server.listen(ownKeyPair(i)))), clock);
  const honest = await talking.createServer(echoing).listen(ownKeyPair(100));
  const codes: (string | undefined)[] = [];
  const ends = servers.map(({ publicKey }) =>
    new Promise<void>((resolve) => {
      const socket = client.connect(publicKey!);
      socket.on("error", (error) => codes.push((error as DHTError).code));
      socket.on("close", () => resolve());
    })
  );
  const serveMs = () => durationOf(echo(client.connect(honest.publicKey!)), clock);
  for (let i = 0; i < 3; i++) assert.ok(await serveMs() < 5000);
  assert.equal(client.rawStreams.size, 50);
  assert.deepEqual(codes, []);
  await durationOf(Promise.all(ends), clock);
  assert.deepEqual(codes, Array(50).fill("PEER_CONNECTION_FAILED"));
  assert.equal(client.rawStreams.size, 0);
  assert.ok(await serveMs() < 5000);
});

Deno.test("DHT-W03 datagrams of any size that are nothing leave nothing, and others are served", async () => {
  await using testnet = await createTestnet(3);
  const { node, server } = await firewalledServer(testnet);
  const receivers = [testnet.nodes[1]!, node].map(({ io }) => io.serverSocket!.address()!.port);
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  for (const byteLength of [0, 1, 20, 1400, 2047, 2048, 2049, 9000, 65_507]) {
    for (const port of receivers) {
      const bytes = randomBytes(Math.min(byteLength, 1400));
      const whole = new Uint8Array(byteLength);
      whole.set(bytes.subarray(0, byteLength));
      await socket.send(whole, { transport: "udp", hostname: "127.0.0.1", port });
    }
  }
  socket.close();
  assert.equal(node.rawStreams.size, 0);
  assert.equal(server.halfOpenCount, 0);
  const honest = testnet.createNode();
  await honest.fullyBootstrapped();
  await echo(honest.connect(server.publicKey!));
});

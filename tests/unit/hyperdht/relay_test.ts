/** Connections over a blind relay of ours: met at, left for a direct path, and lost. */
import { strict as assert } from "node:assert";
import { utf8Text } from "../../../src/base/mod.ts";
import relay from "../../../src/blind_relay/mod.ts";
import { encode } from "../../../src/compact_encoding/mod.ts";
import { COMMANDS } from "../../../src/hyperdht/constants.ts";
import { handshake } from "../../../src/hyperdht/messages.ts";
import DHT, {
  type DHTError,
  type HyperDHT,
  type HyperDHTOptions,
  NoiseWrap,
  type Server,
} from "../../../src/hyperdht/mod.ts";
import createTestnet, { type Testnet } from "../../../src/hyperdht/testnet/mod.ts";
import { SecretStream } from "../../../src/secret_stream/mod.ts";
import type { UDXStream } from "../../../src/udx/mod.ts";
import { VirtualClock } from "../../helpers/virtual_clock.ts";
import { EMPTY_PAYLOAD, ownKeyPair } from "./support.ts";

const FIREWALLED = { ephemeral: true, quickFirewall: false };
const UNREACHABLE = { shareLocalAddress: false, holepunch: false as const };

interface RelayNetwork extends AsyncDisposable {
  readonly testnet: Testnet;
  readonly a: HyperDHT;
  readonly b: HyperDHT;
  readonly relayServer: Server;
  readonly relayKey: Uint8Array;
  readonly relays: InstanceType<typeof relay.Server>;
}

async function network(options: HyperDHTOptions = {}): Promise<RelayNetwork> {
  const testnet = await createTestnet(4);
  const [a, b] = [testnet.createNode({ ...FIREWALLED, ...options }), testnet.createNode(FIREWALLED)];
  await Promise.all([a.fullyBootstrapped(), b.fullyBootstrapped()]);
  const relayNode = testnet.nodes[1]!;
  const relays = new relay.Server({ createStream: (options) => relayNode.createRawStream(options) });
  const relayServer = await relayNode.createServer({ shareLocalAddress: false }, (socket) => {
    socket.on("error", () => {});
    relays.accept(socket, { id: socket.remotePublicKey });
  }).listen(ownKeyPair(100));
  return {
    testnet,
    a,
    b,
    relayServer,
    relayKey: relayServer.publicKey!,
    relays,
    [Symbol.asyncDispose]: () => testnet.destroy(),
  };
}

function echoing(socket: SecretStream): void {
  socket.on("data", (data) => socket.write(data));
  socket.on("end", () => socket.end());
  socket.on("error", () => {});
}

async function exchange(socket: SecretStream, text: string): Promise<string> {
  const answer = new Promise<string>((resolve, reject) => {
    socket.once("data", (data) => resolve(utf8Text(data)));
    socket.once("error", reject);
  });
  socket.write(text);
  return await answer;
}

function closed(stream: { on(event: "close", listener: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => stream.on("close", () => resolve()));
}

Deno.test("DHT-028 DHT-029 DHT-077 a server's relay: a key, keys or a function, with its keep-alive", async () => {
  await using net = await network();
  const keepAlives: number[] = [];
  const { setKeepAlive } = SecretStream.prototype;
  SecretStream.prototype.setKeepAlive = function (ms) {
    keepAlives.push(ms);
    setKeepAlive.call(this, ms);
  };
  for (const [index, relayThrough] of [net.relayKey, [net.relayKey], () => net.relayKey].entries()) {
    const server = await net.a.createServer(
      { ...UNREACHABLE, relayThrough, relayKeepAlive: 1000 + index },
      echoing,
    )
      .listen(ownKeyPair(index));
    const socket = net.b.connect(server.publicKey!, { localConnection: false });
    assert.equal(await exchange(socket, "over the relay"), "over the relay");
    assert.equal((socket.rawStream as UDXStream).remotePort, net.testnet.nodes[1]!.address()!.port);
    const gone = closed(socket);
    socket.end();
    await gone;
  }
  SecretStream.prototype.setKeepAlive = setKeepAlive;
  assert.deepEqual(keepAlives.filter((ms) => ms < 1010 && ms >= 1000), [1000, 1001, 1002]);
  assert.deepEqual(net.a.stats.relaying, { attempts: 3, successes: 3, aborts: 0 });
});

Deno.test("DHT-048 DHT-077 both sides leave the relay once a hole is open, and its pair ends", async () => {
  await using net = await network();
  const server = await net.a.createServer({ shareLocalAddress: false }, echoing).listen(ownKeyPair(1));
  const paired = new Promise<void>((resolve) => {
    const accept = net.relays.accept.bind(net.relays);
    let closedCount = 0;
    net.relays.accept = (...args) => {
      const session = accept(...args);
      session.on("error", () => {});
      // Both sides end their sessions when they have heard of each other directly.
      session.on("close", () => {
        if (++closedCount === 2) resolve();
      });
      return session;
    };
  });
  const socket = net.b.connect(server.publicKey!, { localConnection: false, relayThrough: net.relayKey });
  assert.equal(await exchange(socket, "first"), "first");
  const raw = socket.rawStream as UDXStream;
  const relayPort = net.testnet.nodes[1]!.address()!.port;
  if (raw.remotePort === relayPort) await new Promise<void>((resolve) => raw.once("remote-changed", resolve));
  assert.notEqual(raw.remotePort, relayPort);
  assert.equal(await exchange(socket, "second"), "second");
  if (net.a.stats.relaying.successes > 0) await paired;
  assert.equal(await exchange(socket, "third"), "third");
  const gone = closed(socket);
  socket.end();
  await gone;
});

Deno.test("DHT-048 a server connects to at most 64 relays that clients chose", async () => {
  // Time stands still for the server: whatever it has begun lasts.
  await using net = await network({ clock: new VirtualClock() });
  const server = await net.a.createServer(UNREACHABLE, echoing).listen(ownKeyPair(1));
  // Never answers.
  const silent = await net.testnet.nodes[2]!.createServer({ firewall: () => true }).listen(ownKeyPair(101));
  const to = server.relayAddresses[0]!;
  await Promise.all(Array.from({ length: 70 }, (_, i) => {
    const noise = new NoiseWrap(ownKeyPair(i), server.publicKey!).send({
      ...EMPTY_PAYLOAD,
      relayThrough: { publicKey: silent.publicKey!, token: new Uint8Array(32).fill(i) },
    });
    const value = encode(handshake, { mode: 0, noise });
    return net.b.request({ command: COMMANDS.PEER_HANDSHAKE, target: server.target!, value }, to);
  }));
  assert.equal(server.halfOpenCount, 70);
  assert.equal(net.a.stats.relaying.attempts, 64);
});

Deno.test("DHT-028 DHT-048 a relay that is no key is a mistake of the caller", async () => {
  await using net = await network();
  const relayThrough = new Uint8Array(31);
  assert.throws(() => net.a.createServer({ relayThrough }), TypeError);
  assert.throws(() => net.a.connect(net.relayKey, { relayThrough: [relayThrough] }), TypeError);
});

Deno.test("DHT-041 DHT-077 a relayed connection outlives its server", async () => {
  await using net = await network();
  const server = await net.a.createServer({ ...UNREACHABLE, relayThrough: net.relayKey }, echoing).listen(
    ownKeyPair(1),
  );
  const socket = net.b.connect(server.publicKey!, { localConnection: false });
  assert.equal(await exchange(socket, "one"), "one");
  await server.close();
  assert.equal(await exchange(socket, "two"), "two");
  const gone = closed(socket);
  socket.end();
  await gone;
});

Deno.test("DHT-057 DHT-048 a relay that is nowhere: the connect fails when nothing else is left, and says so", async () => {
  await using net = await network();
  const server = await net.a.createServer(UNREACHABLE, echoing).listen(ownKeyPair(1));
  const socket = net.b.connect(server.publicKey!, {
    localConnection: false,
    relayThrough: DHT.keyPair().publicKey,
  });
  const error = await new Promise<DHTError>((resolve) =>
    socket.on("error", (error) => resolve(error as DHTError))
  );
  assert.ok(["HOLEPUNCH_ABORTED", "RELAY_ABORTED"].includes(error.code));
  const outcomes = new Map(error.report!.attempts.map(({ stage, outcome }) => [stage, outcome]));
  assert.equal(outcomes.get("relay"), "PEER_NOT_FOUND");
  assert.equal(outcomes.get("holepunch"), "REQUEST_TIMEOUT");
  assert.match(
    error.message,
    /; tried: relay PEER_NOT_FOUND, holepunch REQUEST_TIMEOUT; NATs: ours \w+, theirs /,
  );
  assert.deepEqual(net.a.stats.relaying, { attempts: 1, successes: 0, aborts: 1 });
});

// Records what hyperdht and hyperdht-address make of messages, signatures, handshakes and addresses. Run by Node from any
// folder:
//
//   node tests/vectors/record/hyperdht.mjs
//
// Writes tests/vectors/hyperdht/{messages,signatures,handshakes,addresses}.json.
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../interop/peers/package.json", import.meta.url));
const c = require("compact-encoding");
const m = require("hyperdht/lib/messages");
const Persistent = require("hyperdht/lib/persistent");
const NoiseWrap = require("hyperdht/lib/noise-wrap");
const { NS, COMMANDS, ERROR, FIREWALL, BOOTSTRAP_NODES } = require("hyperdht/lib/constants");
const { createKeyPair, hash } = require("hyperdht/lib/crypto");
const address = require("hyperdht-address");
const { version } = require("hyperdht/package.json");
const { version: addressVersion } = require("hyperdht-address/package");

const bytes = (byte, length = 32) => Buffer.alloc(length, byte);
const ipv4 = (i) => ({ host: `198.51.100.${i}`, port: 40_000 + i });
const ipv6 = (i) => ({ host: `2001:db8:0:0:0:0:0:${i.toString(16)}`, port: 50_000 + i });
const relays = [{ relayAddress: ipv4(1), peerAddress: ipv4(2) }, { relayAddress: ipv4(3), peerAddress: ipv4(4) }];
const record = (i, count) => ({
  publicKey: bytes(i),
  relayAddresses: Array.from({ length: count }, (_, index) => ipv4(10 * i + index)),
});
const emptyPayload = {
  version: 1,
  error: 0,
  firewall: 0,
  holepunch: null,
  addresses4: [],
  addresses6: [],
  udx: null,
  secretStream: null,
  relayThrough: null,
  relayAddresses: null,
};

/** Values as they are decoded, by codec. */
const values = {
  handshake: [
    { mode: 0, noise: bytes(1, 3), peerAddress: null, relayAddress: null },
    { mode: 2, noise: bytes(2, 300), peerAddress: ipv4(1), relayAddress: null },
    { mode: 3, noise: bytes(3, 0), peerAddress: ipv4(1), relayAddress: ipv4(2) },
    { mode: 4, noise: bytes(4, 1), peerAddress: null, relayAddress: ipv4(9) },
  ],
  noisePayload: [
    emptyPayload,
    { ...emptyPayload, error: 2, firewall: 3, holepunch: { id: 0, relays: [] } },
    { ...emptyPayload, holepunch: { id: 70_000, relays }, addresses4: [ipv4(5), ipv4(6)], addresses6: [ipv6(1)] },
    { ...emptyPayload, firewall: 1, udx: { version: 1, reusableSocket: true, id: 0xfedcba98, seq: 0 } },
    {
      version: 1,
      error: 0,
      firewall: 1,
      holepunch: { id: 3, relays: relays.slice(1) },
      addresses4: [ipv4(7)],
      addresses6: [ipv6(2), ipv6(3)],
      udx: { version: 1, reusableSocket: false, id: 1, seq: 300 },
      secretStream: { version: 1 },
      relayThrough: { version: 1, publicKey: bytes(5), token: bytes(6) },
      relayAddresses: [ipv4(8), ipv4(9), ipv4(10)],
    },
  ],
  holepunch: [
    { mode: 0, id: 0, payload: bytes(1, 40), peerAddress: ipv4(1) },
    { mode: 1, id: 300, payload: bytes(2, 260), peerAddress: null },
  ],
  peer: [record(1, 0), record(2, 3)],
  peers: [[], [record(1, 1), record(2, 0)]],
  announce: [
    { peer: record(1, 0), refresh: null, signature: bytes(7, 64), bump: 0 },
    { peer: record(2, 2), refresh: bytes(8), signature: bytes(9, 64), bump: 1_770_000_000_000 },
    { peer: null, refresh: bytes(10), signature: null, bump: 0 },
    { peer: null, refresh: null, signature: null, bump: 0 },
  ],
  mutableSignable: [{ seq: 0, value: bytes(1, 0) }, { seq: 300, value: bytes(2, 5) }],
  mutablePutRequest: [{ publicKey: bytes(1), seq: 70_000, value: bytes(2, 7), signature: bytes(3, 64) }],
  mutableGetResponse: [{ seq: 1, value: bytes(2, 7), signature: bytes(3, 64) }],
  pluginRequest: [
    { plugin: "echo", version: 1, command: 300, value: bytes(1, 3) },
    { plugin: "", version: 0, command: 0, value: null },
  ],
};

const plain = (value) =>
  JSON.parse(JSON.stringify(value, (_, v) => (v && v.type === "Buffer" ? Buffer.from(v.data).toString("hex") : v)));

const messages = Object.entries(values).flatMap(([codec, list]) =>
  list.map((value) => ({ codec, hex: c.encode(m[codec], value).toString("hex"), value: plain(value) }))
);
const lookupReplies = [
  { peers: [], bump: 0 },
  { peers: [record(1, 3), record(2, 0)], bump: 1_770_000_000_000 },
].map((value) => ({
  codec: "lookupRawReply",
  hex: c.encode(m.lookupRawReply, { ...value, peers: value.peers.map((peer) => c.encode(m.peer, peer)) }).toString("hex"),
  value: plain(value),
}));
const otherVersion = Buffer.from("02ff00", "hex");

const keyPair = createKeyPair(bytes(1));
const [target, token, id] = [bytes(2), bytes(3), bytes(4)];
const announcements = [record(1, 0), record(2, 2)].flatMap((peer) =>
  [null, bytes(8)].map((refresh) => {
    const announcement = { peer: { ...peer, publicKey: keyPair.publicKey }, refresh };
    return {
      announcement: plain(announcement),
      announce: Persistent.signAnnounce(target, token, id, announcement, keyPair).toString("hex"),
      unannounce: Persistent.signUnannounce(target, token, id, announcement, keyPair).toString("hex"),
    };
  })
);
const mutables = [[0, bytes(5, 0)], [1, bytes(6, 10)], [70_000, bytes(7, 1000)]].map(([seq, value]) => ({
  seq,
  value: value.toString("hex"),
  signature: Persistent.signMutable(seq, value, keyPair).toString("hex"),
}));

/** A whole handshake: both messages with known ephemeral keys, and what each side ends with. */
function shakeHands(clientPayload, serverPayload) {
  const [clientKeys, serverKeys] = [createKeyPair(bytes(11)), createKeyPair(bytes(12))];
  const client = new NoiseWrap(clientKeys, serverKeys.publicKey);
  const server = new NoiseWrap(serverKeys, null);
  client.handshake.e = createKeyPair(bytes(13));
  server.handshake.e = createKeyPair(bytes(14));
  // Noise wipes the keys that it has read where they lie: in the messages.
  const first = Buffer.from(client.send(clientPayload));
  const received = server.recv(Buffer.from(first));
  const second = Buffer.from(server.send(serverPayload));
  client.recv(Buffer.from(second));
  const side = (wrap) => {
    const { isInitiator, publicKey, remotePublicKey, remoteId, holepunchSecret, hash, rx, tx } = wrap.final();
    return plain({ isInitiator, publicKey, remotePublicKey, remoteId, holepunchSecret, hash, rx, tx });
  };
  return {
    first: first.toString("hex"),
    second: second.toString("hex"),
    clientPayload: plain(received),
    serverPayload: plain(serverPayload),
    client: side(client),
    server: side(server),
  };
}

const addresses = [null, [], [ipv4(1), ipv4(2)]].map((nodes) => ({
  key: bytes(1).toString("hex"),
  nodes,
  hex: address.encode(bytes(1), nodes).toString("hex"),
}));

const folder = new URL("../hyperdht/", import.meta.url);
mkdirSync(folder, { recursive: true });
const origin = { package: "hyperdht", version, recorder: "hyperdht.mjs" };
const write = (name, content) =>
  writeFileSync(new URL(`${name}.json`, folder), JSON.stringify({ origin, ...content }, null, 2) + "\n");

write("messages", {
  constants: plain({ NS, COMMANDS, ERROR, FIREWALL, BOOTSTRAP_NODES }),
  messages: [...messages, ...lookupReplies],
  otherVersion: { hex: otherVersion.toString("hex"), value: plain(c.decode(m.noisePayload, otherVersion)) },
});
write("signatures", {
  secretKey: keyPair.secretKey.toString("hex"),
  target: target.toString("hex"),
  token: token.toString("hex"),
  id: id.toString("hex"),
  announcements,
  mutables,
  hash: { data: "00ff", hex: hash(Buffer.from("00ff", "hex")).toString("hex") },
});
write("handshakes", {
  handshakes: [
    shakeHands(values.noisePayload[3], values.noisePayload[4]),
    shakeHands(values.noisePayload[2], values.noisePayload[1]),
  ],
});
write("addresses", { origin: { package: "hyperdht-address", version: addressVersion, recorder: "hyperdht.mjs" }, addresses });

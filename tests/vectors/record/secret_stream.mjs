// Records what two streams of @hyperswarm/secret-stream say to each other when their keys and their randomness are
// known. Run by Node from any folder:
//
//   node tests/vectors/record/secret_stream.mjs
//
// Writes tests/vectors/secret_stream/streams.json.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../interop/peers/package.json", import.meta.url));
const sodium = require("sodium-universal");
const NAME = "@hyperswarm/secret-stream";

// The randomness: every draw is the hash of its number, and noted.
const draws = { ephemeral: [], header: [], counter: [] };
let drawCount = 0;

function draw(kind, byteLength) {
  const bytes = Buffer.alloc(32);
  sodium.crypto_generichash(bytes, Buffer.from(`draw ${drawCount++}`));
  draws[kind].push(hex(bytes.subarray(0, byteLength)));
  return bytes.subarray(0, byteLength);
}

sodium.crypto_sign_keypair = (publicKey, secretKey) => {
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, draw("ephemeral", 32));
};
sodium.crypto_secretstream_xchacha20poly1305_init_push = (state, header, key) => {
  header.set(draw("header", 24));
  // Both directions derive the same state from key and header.
  sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key);
};
sodium.randombytes_buf = (out) => {
  out.set(draw("counter", out.byteLength));
};

const SecretStream = require(NAME);

const MESSAGES = {
  initiator: ["hello", "", "x".repeat(300), "after a long one"],
  responder: ["hi", "y".repeat(3000)],
};
const DATAGRAMS = { initiator: ["", "datagram", "another"], responder: ["pong"] };

const cases = [];
for (const pattern of ["XX", "IK", "XK"]) cases.push(await record(pattern));
const { version } = require(`${NAME}/package.json`);
const file = new URL("../secret_stream/streams.json", import.meta.url);
writeFileSync(
  file,
  JSON.stringify({ origin: { package: NAME, version, recorder: "secret_stream.mjs" }, cases }, null, 2) + "\n",
);

async function record(pattern) {
  for (const list of Object.values(draws)) list.length = 0;
  const seeds = { initiator: seedOf(`${pattern} initiator`), responder: seedOf(`${pattern} responder`) };
  const keyPairs = {
    initiator: SecretStream.keyPair(seeds.initiator),
    responder: SecretStream.keyPair(seeds.responder),
  };
  const remotePublicKey = pattern === "XX" ? null : keyPairs.responder.publicKey;
  const initiator = new SecretStream(true, null, { pattern, keyPair: keyPairs.initiator, remotePublicKey });
  const responder = new SecretStream(false, null, { pattern, keyPair: keyPairs.responder });
  const wire = {
    initiator: connect(initiator, responder),
    responder: connect(responder, initiator),
  };
  const streams = { initiator, responder };
  const received = { initiator: [], responder: [] };
  for (const role of ["initiator", "responder"]) {
    streams[role].on("data", (data) => received[role].push(data));
  }
  await Promise.all([initiator.opened, responder.opened]);
  for (const role of ["initiator", "responder"]) {
    for (const message of MESSAGES[role]) {
      streams[role].write(Buffer.from(message));
      // One write at a time: an empty message behind another one is forgotten by streamx.
      await streams[role].flush();
    }
  }
  while (
    received.initiator.length < MESSAGES.responder.length ||
    received.responder.length < MESSAGES.initiator.length
  ) await new Promise(setImmediate);

  const sides = {};
  for (const role of ["initiator", "responder"]) {
    const datagrams = [];
    streams[role].rawStream.send = (datagram) => datagrams.push(hex(datagram));
    for (const message of DATAGRAMS[role]) streams[role].send(Buffer.from(message));
    const bytes = Buffer.concat(wire[role]);
    sides[role] = {
      seed: hex(seeds[role]),
      publicKey: hex(keyPairs[role].publicKey),
      secretKey: hex(keyPairs[role].secretKey),
      ephemeralSeed: draws.ephemeral[role === "initiator" ? 0 : 1],
      header: draws.header.find((header) => bytes.includes(Buffer.from(header, "hex"))),
      counter: draws.counter.find((counter) => isNextCounter(counter, datagrams[0])),
      streamId: hex(SecretStream.id(initiator.handshakeHash, role === "initiator")),
      messages: MESSAGES[role].map((message) => hex(Buffer.from(message))),
      wire: hex(bytes),
      rawBytesWritten: streams[role].rawBytesWritten,
      rawBytesRead: streams[role].rawBytesRead,
      datagrams: datagrams.map((wire, index) => ({ message: hex(Buffer.from(DATAGRAMS[role][index])), wire })),
    };
  }
  const handshakeHash = hex(initiator.handshakeHash);
  if (handshakeHash !== hex(responder.handshakeHash)) throw new Error("The hashes differ");
  initiator.destroy();
  responder.destroy();
  return { pattern, handshakeHash, ...sides };
}

/** Hands on what `from` sends, and keeps it. */
function connect(from, to) {
  const sent = [];
  from.rawStream.on("data", (data) => {
    sent.push(Buffer.from(data));
    to.rawStream.write(Buffer.from(data));
  });
  return sent;
}

function isNextCounter(counter, datagram) {
  const next = Buffer.from(counter, "hex");
  sodium.sodium_increment(next);
  return datagram.startsWith(hex(next));
}

function seedOf(name) {
  const seed = Buffer.alloc(32);
  sodium.crypto_generichash(seed, Buffer.from(name));
  return seed;
}

function hex(bytes) {
  return Buffer.from(bytes).toString("hex");
}

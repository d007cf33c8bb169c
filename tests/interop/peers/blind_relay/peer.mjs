// A relay or a client of one, with udx-native, @hyperswarm/secret-stream and blind-relay: one socket, commands as lines
// of JSON. Connections to the relay, and the pairs, are encrypted streams over UDX; who has which id is agreed.
//
//   relay:  { accept: { id, remoteId, port } }
//   client: { join: { id, remoteId, port } }, { pair: { isInitiator, token, id, byteLength } }, { unpair: token },
//           { leave: true }, { finish: id }, { abort: id }
//   both:   { stats: true }
import { createHash } from "node:crypto";
import SecretStream from "@hyperswarm/secret-stream";
import relay from "blind-relay";
import UDX from "udx-native";
import { hex, onCommand, report } from "../report.mjs";

const udx = new UDX();
const socket = udx.createSocket();
socket.bind(0, "127.0.0.1");

let lastRelayId = 1000;
const server = new relay.Server({
  createStream: (options) => udx.createStream(++lastRelayId, options),
});
const pairs = new Map();
let client = null;
let relayPort = 0;

function connect(isInitiator, { id, remoteId, port }) {
  const raw = udx.createStream(id, { framed: true });
  raw.connect(socket, remoteId, port, "127.0.0.1");
  const stream = new SecretStream(isInitiator, raw);
  stream.on("error", (error) => report("connectionError", { code: error.code ?? error.message }));
  return stream;
}

const commands = {
  accept(options) {
    const stream = connect(false, options);
    stream.on("open", () => {
      const session = server.accept(stream, { id: stream.remotePublicKey });
      session.on("error", (error) => report("sessionError", { code: error.code }));
      session.on("pair", (isInitiator, token, _stream, remoteId) => {
        report("relayPair", { isInitiator, token: hex(token), remoteId });
      });
      session.on("close", () => report("sessionClose"));
    });
  },
  join(options) {
    relayPort = options.port;
    const stream = connect(true, options);
    stream.on("open", () => {
      client = relay.Client.from(stream, { id: stream.publicKey });
      client.on("open", () => report("joined"));
      client.on("close", () => report("clientClose"));
    });
  },
  pair({ isInitiator, token, id, byteLength }) {
    const raw = udx.createStream(id, { framed: true });
    raw.on("error", () => {});
    const request = client.pair(isInitiator, Buffer.from(token, "hex"), raw);
    request.on("open", () => report("asked"));
    request.on("error", (error) => report("pairError", { code: error.code }));
    request.on("data", (remoteId) => {
      raw.connect(socket, remoteId, relayPort, "127.0.0.1");
      raw.trySend(Buffer.alloc(1));
      const stream = new SecretStream(isInitiator, raw);
      pairs.set(id, stream);
      const received = createHash("sha256");
      let receivedBytes = 0;
      stream.on("data", (data) => {
        received.update(data);
        receivedBytes += data.length;
        if (receivedBytes === byteLength) report("received", { sha256: received.digest("hex") });
      });
      let code = null;
      stream.on("error", (error) => (code = error.code ?? error.message));
      stream.on("close", () => report("pairClose", { id, code }));
      const sent = createHash("sha256");
      for (let offset = 0; offset < byteLength; offset += 32768) {
        const chunk = Buffer.alloc(Math.min(32768, byteLength - offset), (offset >> 15) + id);
        sent.update(chunk);
        stream.write(chunk);
      }
      report("paired", { remoteId, sha256: sent.digest("hex") });
    });
  },
  finish(id) {
    pairs.get(id).end();
  },
  abort(id) {
    pairs.get(id).destroy();
  },
  unpair(token) {
    client.unpair(Buffer.from(token, "hex"));
  },
  leave() {
    client.destroy();
  },
  stats() {
    report("stats", { stats: server.stats });
  },
};

onCommand((command) => {
  const [[name, options]] = Object.entries(command);
  commands[name](options);
});
report("bound", { port: socket.address().port });

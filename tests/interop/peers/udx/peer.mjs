/**
 * A udx-native peer: one socket, commands as lines of JSON on standard input, events as lines on standard output.
 */
import { createHash } from "node:crypto";
import process from "node:process";
import readline from "node:readline";
import UDX from "udx-native";

const udx = new UDX();
const socket = udx.createSocket();
socket.bind(0, "127.0.0.1");
const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");
const streams = new Map();

/** Bytes that depend on `seed`, the same on both sides of a test. */
function pattern(seed, byteLength) {
  const bytes = Buffer.allocUnsafe(byteLength);
  let state = seed >>> 0;
  for (let i = 0; i < byteLength; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

const commands = {
  stream({ id, remoteId, port, framed, seq, ack, halfOpen, connect = true }) {
    const stream = udx.createStream(id, { framed, seq, firewall: () => false });
    const entry = { stream, hash: createHash("sha256"), byteLength: 0, isWriting: false };
    streams.set(id, entry);
    stream.on("data", (data) => {
      if (entry.byteLength === 0) say({ event: "first", id });
      entry.hash.update(data);
      entry.byteLength += data.length;
    });
    stream.on("end", () => {
      say({ event: "end", id, byteLength: entry.byteLength, sha256: entry.hash.digest("hex") });
      if (!halfOpen && !entry.isWriting) stream.end();
    });
    let error = null;
    stream.on("error", (err) => (error = err.code ?? err.message));
    stream.on("close", () => say({ event: "close", id, error }));
    stream.on("message", (message) => say({ event: "message", id, hex: message.toString("hex") }));
    stream.on("remote-changed", () => say({ event: "remoteChanged", id }));
    if (connect) stream.connect(socket, remoteId, port, "127.0.0.1", ack ? { ack } : {});
    say({ event: "ready", id });
  },
  connect({ id, remoteId, port }) {
    streams.get(id).stream.connect(socket, remoteId, port, "127.0.0.1");
  },
  write({ id, byteLength, seed, end = true }) {
    const entry = streams.get(id);
    const { stream } = entry;
    entry.isWriting = true;
    const chunk = pattern(seed, 65536);
    const hash = createHash("sha256");
    let left = byteLength;
    const step = () => {
      while (left > 0 && !stream.destroying) {
        const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
        left -= part.length;
        hash.update(part);
        if (!stream.write(part)) return stream.once("drain", step);
      }
      if (end) stream.end();
      say({ event: "written", id, sha256: hash.digest("hex") });
    };
    step();
  },
  end({ id }) {
    streams.get(id).stream.end();
  },
  destroy({ id }) {
    streams.get(id).stream.destroy();
  },
  send({ id, hex }) {
    streams.get(id).stream.trySend(Buffer.from(hex, "hex"));
  },
  socketSend({ hex, port }) {
    socket.trySend(Buffer.from(hex, "hex"), port, "127.0.0.1");
  },
  relay({ a, b }) {
    streams.get(a).stream.relayTo(streams.get(b).stream);
    streams.get(b).stream.relayTo(streams.get(a).stream);
    say({ event: "relaying" });
  },
  changeRemote({ id, remoteId, port }) {
    streams.get(id).stream.changeRemote(socket, remoteId, port, "127.0.0.1").catch(() => {});
  },
  stats({ id }) {
    const { stream } = streams.get(id);
    say({ event: "stats", id, mtu: stream.mtu, rtt: stream.rtt, retransmits: stream.retransmits });
  },
  exit() {
    process.exit(0);
  },
};

socket.on("message", (message, from) => {
  say({ event: "datagram", hex: message.toString("hex"), port: from.port });
});
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const { op, ...args } = JSON.parse(line);
  commands[op](args);
}).on("close", () => process.exit(0));
say({ event: "bound", port: socket.address().port });

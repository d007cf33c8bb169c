// One end of a TCP connection with a stream of @hyperswarm/secret-stream over it. Takes its options as JSON:
//   port            connect there; without it, listen and report the port
//   isInitiator, pattern, seed, remotePublicKey, keepAlive, timeout   as the package has them, keys in hexadecimal
//   halfOpen        whether the socket may be open in one direction only
//   write           what to write at once, see below
//   reportEvery     how many messages there are between two reports of "stats"
//   mode            "stream" (default), "silent" (no stream at all) or "half" (close after the first bytes)
// Commands: { write: { count, byteLength } }, { end: true }, { destroy: true }, { stats: true },
// { keepAlive: ms }, { timeout: ms }.
import { createHash } from "node:crypto";
import net from "node:net";
import SecretStream from "@hyperswarm/secret-stream";
import { hex, onCommand, report } from "../report.mjs";
import { messageOf } from "./messages.mjs";

const options = JSON.parse(process.argv[2]);
let stream = null;

if (options.port) {
  use(
    net.connect({
      port: options.port,
      host: "127.0.0.1",
      allowHalfOpen: options.halfOpen,
    }),
  );
} else {
  const server = net.createServer(
    { allowHalfOpen: options.halfOpen },
    (socket) => {
      server.close();
      use(socket);
    },
  );
  server.listen(
    0,
    "127.0.0.1",
    () => report("listening", { port: server.address().port }),
  );
}

onCommand((command) => {
  if (command.write) {
    const { count, byteLength } = command.write;
    for (let index = 0; index < count; index++) {
      stream.write(messageOf(index, byteLength));
    }
  }
  if (command.keepAlive !== undefined) stream.setKeepAlive(command.keepAlive);
  if (command.timeout !== undefined) stream.setTimeout(command.timeout);
  if (command.stats) report("stats", stats());
  if (command.end) stream.end();
  if (command.destroy) stream.destroy();
});

function write({ count, byteLength }) {
  for (let index = 0; index < count; index++) {
    stream.write(messageOf(index, byteLength));
  }
}

const seen = {
  count: 0,
  emptyCount: 0,
  byteLength: 0,
  hash: createHash("sha256"),
};

function stats() {
  const { count, emptyCount, byteLength, hash } = seen;
  const { rawBytesRead, rawBytesWritten } = stream;
  return {
    count,
    emptyCount,
    byteLength,
    digest: hash.copy().digest("hex"),
    rawBytesRead,
    rawBytesWritten,
  };
}

function use(socket) {
  if (options.mode === "silent") {
    socket.on("error", () => {});
    socket.on("close", () => end("closed"));
    socket.resume();
    return;
  }
  if (options.mode === "half") {
    socket.once("data", () => socket.destroy());
    socket.on("close", () => end("closed"));
    return;
  }
  stream = new SecretStream(options.isInitiator, socket, {
    pattern: options.pattern,
    keyPair: options.seed &&
      SecretStream.keyPair(Buffer.from(options.seed, "hex")),
    remotePublicKey: options.remotePublicKey &&
      Buffer.from(options.remotePublicKey, "hex"),
    keepAlive: options.keepAlive,
  });
  if (options.timeout) stream.setTimeout(options.timeout);
  if (options.write) write(options.write);
  let error = null;
  stream.on("open", () => {
    report("open", {
      publicKey: hex(stream.publicKey),
      remotePublicKey: hex(stream.remotePublicKey),
      handshakeHash: hex(stream.handshakeHash),
    });
  });
  stream.on("data", (message) => {
    seen.count++;
    if (message.byteLength === 0) seen.emptyCount++;
    seen.byteLength += message.byteLength;
    seen.hash.update(`${message.byteLength}:`).update(message);
    if (options.reportEvery && seen.count % options.reportEvery === 0) {
      report("stats", stats());
    }
  });
  stream.on("end", () => report("end", stats()));
  stream.on("error", (reason) => (error = reason));
  stream.on("close", async () => {
    report("close", {
      error: error && error.message,
      opened: await stream.opened,
    });
    end();
  });
}

function end(event) {
  if (event) report(event);
  process.stdin.destroy();
}

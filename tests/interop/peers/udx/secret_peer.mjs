/**
 * An encrypted stream over udx-native: echoes messages, and datagrams. Arguments: whether it initiates, our port.
 */
import { createHash } from "node:crypto";
import process from "node:process";
import readline from "node:readline";
import SecretStream from "@hyperswarm/secret-stream";
import UDX from "udx-native";

const isInitiator = process.argv[2] === "true";
const udx = new UDX();
const socket = udx.createSocket();
socket.bind(0, "127.0.0.1");
const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");
const raw = udx.createStream(2, { framed: true });
raw.connect(socket, 1, Number(process.argv[3]), "127.0.0.1");
const stream = new SecretStream(isInitiator, raw);
const hash = createHash("sha256");
let byteLength = 0;
stream.on("open", () => say({ event: "open", hash: stream.handshakeHash.toString("hex") }));
stream.on("data", (data) => {
  hash.update(data);
  byteLength += data.length;
  stream.write(data);
});
stream.on("message", (message) => stream.send(message));
stream.on("end", () => {
  say({ event: "end", byteLength, sha256: hash.digest("hex") });
  stream.end();
});
let error = null;
stream.on("error", (err) => (error = err.code ?? err.message));
stream.on("close", () => say({ event: "close", error }));
readline.createInterface({ input: process.stdin }).on("close", () => process.exit(0));
say({ event: "bound", port: socket.address().port });

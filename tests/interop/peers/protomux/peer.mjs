// An actor with the npm muxer at one end of a TCP connection. Takes its options as JSON:
//   port      connect there; without it, listen and report the port
//   framing   "length" or "secret"
// Commands are lists of what an actor does, see actor.mjs; "acted" is reported behind each list.
import { createRequire } from "node:module";
import net from "node:net";
import { onCommand, report } from "../report.mjs";
import { Actor } from "./actor.mjs";
import { LengthFramed } from "./length_framed.mjs";

const require = createRequire(import.meta.url);
const Protomux = require("protomux");
const SecretStream = require("@hyperswarm/secret-stream");
const c = require("compact-encoding");

const { port, framing } = JSON.parse(process.argv[2]);
let actor;

if (port) {
  use(net.connect(port, "127.0.0.1"), true);
} else {
  const server = net.createServer((socket) => {
    server.close();
    use(socket, false);
  });
  server.listen(
    0,
    "127.0.0.1",
    () => report("listening", { port: server.address().port }),
  );
}

onCommand((commands) => {
  actor.act(...commands);
  report("acted");
});

function use(socket, isInitiator) {
  const stream = framing === "secret" ? new SecretStream(isInitiator, socket) : new LengthFramed(socket);
  actor = new Actor(new Protomux(stream), c, report);
  report("connected");
}

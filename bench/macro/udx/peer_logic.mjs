/**
 * What both sides of the UDX bench do, with whichever UDX class they are given: ours in Deno, udx-native in Node.
 *
 * Lines of JSON on the standard streams: `{ event: "bound", port }` goes out, `{ port }` (the other side's) comes in,
 * `{ event: "done", ... }` goes out.
 */
import process from "node:process";
import readline from "node:readline";

/** Runs a peer: `role` is "send" or "receive", `streams` share `byteLength` bytes. */
export function runPeer(UDX, { role, byteLength, streams }) {
  const udx = new UDX();
  const socket = udx.createSocket();
  socket.bind(0, "127.0.0.1");
  const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");
  say({ event: "bound", port: socket.address().port });
  const lines = readline.createInterface({ input: process.stdin });
  // What got lost is sent again until the other side is done too.
  lines.once("close", () => process.exit(0));
  lines.once("line", (line) => {
    const { port } = JSON.parse(line);
    const run = role === "send" ? send : receive;
    run({ udx, socket, port, byteLength, streams, say });
  });
}

function finish(say, startedAt, cpuAtStart, list, extra) {
  const cpu = process.cpuUsage(cpuAtStart);
  say({
    event: "done",
    ms: performance.now() - startedAt,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    retransmits: list.reduce((sum, stream) => sum + stream.retransmits, 0),
    packets: list.reduce((sum, stream) => sum + stream.packetsTransmitted, 0),
    mtu: list[0].mtu,
    ...extra,
  });
}

function send({ udx, socket, port, byteLength, streams, say }) {
  const chunk = new Uint8Array(65536).fill(7);
  const startedAt = performance.now();
  const cpuAtStart = process.cpuUsage();
  const list = [];
  let open = streams;
  for (let i = 0; i < streams; i++) {
    const stream = udx.createStream(1000 + i);
    list.push(stream);
    stream.connect(socket, 2000 + i, port, "127.0.0.1");
    let left = Math.ceil(byteLength / streams / chunk.length);
    const write = () => {
      while (left-- > 0) {
        if (!stream.write(chunk)) return stream.once("drain", write);
      }
      stream.end();
    };
    stream.resume();
    stream.on(
      "close",
      () => --open === 0 && finish(say, startedAt, cpuAtStart, list, {}),
    );
    write();
  }
}

function receive({ udx, socket, port, streams, say }) {
  let startedAt = 0;
  let cpuAtStart;
  let byteLength = 0;
  let open = streams;
  const list = [];
  for (let i = 0; i < streams; i++) {
    const stream = udx.createStream(2000 + i);
    list.push(stream);
    stream.connect(socket, 1000 + i, port, "127.0.0.1");
    stream.on("data", (data) => {
      if (startedAt === 0) {
        startedAt = performance.now();
        cpuAtStart = process.cpuUsage();
      }
      byteLength += data.length;
    });
    stream.on("end", () => {
      stream.end();
      if (--open === 0) {
        finish(say, startedAt, cpuAtStart, list, { byteLength });
      }
    });
  }
}

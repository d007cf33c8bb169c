/** Encrypted streams over UDX, ours and those of the npm packages. */
import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { hexText } from "../../src/base/mod.ts";
import { SecretStream } from "../../src/secret_stream/mod.ts";
import UDX from "../../src/udx/mod.ts";
import { DatagramProxy } from "../helpers/datagram_proxy.ts";
import { NodePeer } from "../helpers/node_peer.ts";

const MESSAGE_COUNT = 400;
const MESSAGE_BYTES = 10_000;

/** Message `index`: its bytes tell which one it is. */
function message(index: number): Uint8Array {
  return new Uint8Array(1 + (index * 37) % MESSAGE_BYTES).fill(index);
}

interface Echo {
  readonly stream: SecretStream;
  /** Resolves when the stream is closed. */
  readonly closed: Promise<void>;
}

function open(isInitiator: boolean, raw: ConstructorParameters<typeof SecretStream>[1]): Echo {
  const stream = new SecretStream(isInitiator, raw);
  const closed = new Promise<void>((resolve, reject) => {
    stream.once("error", reject);
    stream.once("close", () => resolve());
  });
  return { stream, closed };
}

/** Sends all messages to an echo, and checks what comes back. */
async function exchange({ stream, closed }: Echo): Promise<{ byteLength: number; sha256: string }> {
  const sent = createHash("sha256");
  const received = createHash("sha256");
  let [sentBytes, receivedCount] = [0, 0];
  stream.on("data", (data) => {
    received.update(data);
    receivedCount++;
  });
  for (let i = 0; i < MESSAGE_COUNT; i++) {
    const bytes = message(i);
    sent.update(bytes);
    sentBytes += bytes.length;
    stream.write(bytes);
  }
  stream.end();
  await closed;
  const sha256 = sent.digest("hex");
  assert.equal(received.digest("hex"), sha256);
  assert.equal(receivedCount, MESSAGE_COUNT);
  return { byteLength: sentBytes, sha256 };
}

for (const isInitiator of [true, false]) {
  for (const lossRate of [0, 0.02]) {
    const role = isInitiator ? "initiator" : "responder";
    Deno.test(`UDX-024 UDX-030 secret stream as ${role} with the npm packages, ${lossRate * 100} % loss`, async () => {
      const udx = new UDX();
      await using socket = udx.createSocket();
      socket.bind(0, "127.0.0.1");
      const ownPort = socket.address()!.port;
      // Only what we send passes the proxy: the peer is told our own port when it starts.
      await using peer = NodePeer.start("udx/secret_peer.mjs", { args: [String(!isInitiator), ownPort] });
      const peerPort = (await peer.next("bound")).port as number;
      await using proxy = await DatagramProxy.start(ownPort, peerPort, { latencyMs: 1, lossRate });
      const raw = udx.createStream(1, { framed: true });
      raw.connect(socket, 2, proxy.senderSidePort);
      const echo = open(isInitiator, raw);
      const sent = await exchange(echo);
      const end = await peer.next("end");
      assert.deepEqual({ byteLength: end.byteLength, sha256: end.sha256 }, sent);
      assert.equal((await peer.next("close")).error, null);
    });
  }
}

Deno.test("UDX-022 datagrams of a secret stream come back from the npm packages", async () => {
  const udx = new UDX();
  await using socket = udx.createSocket();
  socket.bind(0, "127.0.0.1");
  await using peer = NodePeer.start("udx/secret_peer.mjs", { args: ["false", socket.address()!.port] });
  const raw = udx.createStream(1);
  raw.connect(socket, 2, (await peer.next("bound")).port as number);
  const { stream, closed } = open(true, raw);
  await peer.next("open");
  const echoed = new Promise<Uint8Array>((resolve) => stream.once("message", resolve));
  await stream.send(new Uint8Array([1, 2, 3]));
  assert.equal(hexText(await echoed), "010203");
  stream.on("data", () => {});
  stream.end();
  await closed;
});

Deno.test("UDX-024 secret streams over UDX, ours with ours", async () => {
  const udx = new UDX();
  await using a = udx.createSocket();
  await using b = udx.createSocket();
  a.bind(0, "127.0.0.1");
  b.bind(0, "127.0.0.1");
  const [left, right] = [udx.createStream(1, { framed: true }), udx.createStream(2, { framed: true })];
  left.connect(a, 2, b.address()!.port);
  right.connect(b, 1, a.address()!.port);
  const echo = open(false, right);
  echo.stream.on("data", (data) => echo.stream.write(data));
  echo.stream.on("end", () => echo.stream.end());
  await exchange(open(true, left));
  await echo.closed;
});

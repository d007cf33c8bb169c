/** How fast bare datagrams go through our socket API between two processes: prints MB/s. */
import process from "node:process";
import { bindDatagramSocket, type DatagramSocket } from "../../../src/platform/mod.ts";

const PAYLOAD_BYTES = 1452;
const DATAGRAM_BYTES = 1472;
const DATAGRAM_COUNT = 200_000;
const BATCH = 32;

const [backend, role, port] = process.argv.slice(2) as [
  "deno" | "node",
  string | undefined,
  string | undefined,
];

function bind(
  onReceive: (count: number, byteLength: number) => void,
): DatagramSocket {
  return bindDatagramSocket({
    host: "127.0.0.1",
    port: 0,
    backend,
    handlers: {
      onReceive: (datagrams, count) => onReceive(count, datagrams[0]!.bytes.length),
      onWritable: () => room.resolve(),
      onSendError: () => {},
    },
  });
}

let room = Promise.withResolvers<void>();

async function send(): Promise<void> {
  const socket = bind(() => {});
  const address = { host: "127.0.0.1", port: Number(port), family: 4 as const };
  const batch = Array.from(
    { length: BATCH },
    () => ({ bytes: new Uint8Array(DATAGRAM_BYTES), address }),
  );
  for (let sent = 0; sent < DATAGRAM_COUNT; sent += BATCH) {
    if (!socket.isWritable) await room.promise;
    room = Promise.withResolvers();
    socket.sendMany(batch, BATCH);
  }
  for (let i = 0; i < 10; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await socket.send(new Uint8Array(1), address);
  }
  await socket.close();
}

async function receive(): Promise<void> {
  const done = Promise.withResolvers<void>();
  let count = 0;
  let startedAt = 0;
  let endedAt = 0;
  const socket = bind((batchCount, byteLength) => {
    if (byteLength === 1) return done.resolve();
    endedAt = performance.now();
    if (count === 0) startedAt = endedAt;
    count += batchCount;
  });
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--unstable-net",
      import.meta.filename!,
      backend,
      "send",
      String(socket.address.port),
    ],
    env: { DENO_NO_PACKAGE_JSON: "1" },
    stderr: "inherit",
  }).spawn();
  await done.promise;
  await child.status;
  await socket.close();
  process.stdout.write(
    String((count * PAYLOAD_BYTES) / (endedAt - startedAt) / 1000),
  );
}

if (role === "send") await send();
else await receive();

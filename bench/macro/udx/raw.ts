/**
 * How fast bare datagrams go through our socket API between two processes, and for how much CPU time: prints
 * `{ megabytesPerSecond, cpuSecondsPerGigabyte }`, the latter for each side's own datagrams.
 */
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

/** CPU time of this process since it started. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function send(): Promise<void> {
  const socket = bind(() => {});
  const address = { host: "127.0.0.1", port: Number(port), family: 4 as const };
  const batch = Array.from(
    { length: BATCH },
    () => ({ bytes: new Uint8Array(DATAGRAM_BYTES), address }),
  );
  const cpuAtStart = cpuSeconds();
  for (let sent = 0; sent < DATAGRAM_COUNT; sent += BATCH) {
    if (!socket.isWritable) await room.promise;
    room = Promise.withResolvers();
    socket.sendMany(batch, BATCH);
  }
  process.stdout.write(String((cpuSeconds() - cpuAtStart) / (DATAGRAM_COUNT * PAYLOAD_BYTES / 1e9)));
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
  let cpuAtStart = 0;
  const socket = bind((batchCount, byteLength) => {
    if (byteLength === 1) return done.resolve();
    endedAt = performance.now();
    if (count === 0) {
      startedAt = endedAt;
      cpuAtStart = cpuSeconds();
    }
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
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  await done.promise;
  const ownCpu = (cpuSeconds() - cpuAtStart) / (count * PAYLOAD_BYTES / 1e9);
  const { stdout } = await child.output();
  await socket.close();
  process.stdout.write(JSON.stringify({
    megabytesPerSecond: (count * PAYLOAD_BYTES) / (endedAt - startedAt) / 1000,
    cpuSecondsPerGigabyte: ownCpu + Number(new TextDecoder().decode(stdout)),
  }));
}

if (role === "send") await send();
else await receive();

// What is measured on a hypercore, written once: the class is ours or npm's, and their API is the same.
// Each task prepares, checks what it is about to measure, measures, and returns { value, unit } (more is better, but for MB).
import { connect, createServer } from "node:net";
import { block, check, same, timed } from "./task_parts.mjs";

const SMALL = 100;
const LARGE = 65536;

export const tasks = {
  "append 100 B singly": (context) =>
    append(context, {
      count: 10_000,
      batch: 1,
      byteLength: SMALL,
      unit: "blocks/s",
    }),
  "append 100 B in batches of 1000": (context) =>
    append(context, {
      count: 100_000,
      batch: 1000,
      byteLength: SMALL,
      unit: "blocks/s",
    }),
  "append 64 KiB": (context) => append(context, { count: 1000, batch: 1, byteLength: LARGE, unit: "MB/s" }),
  "get 100 B sequential": (context) =>
    get(context, {
      count: 20_000,
      inFlight: 1,
      byteLength: SMALL,
      unit: "blocks/s",
    }),
  "get 100 B, 100 in flight": (context) =>
    get(context, {
      count: 40_000,
      inFlight: 100,
      byteLength: SMALL,
      unit: "blocks/s",
    }),
  "get 64 KiB": (context) => get(context, { count: 1000, inFlight: 1, byteLength: LARGE, unit: "MB/s" }),
  "replicate 64 KiB over TCP": (context) =>
    replicate(context, { count: 2000, byteLength: LARGE, unit: "MB/s" }),
  "replicate 100 B over TCP": (context) =>
    replicate(context, { count: 100_000, byteLength: SMALL, unit: "blocks/s" }),
  "replicate 64 KiB over UDX": (context) =>
    replicate(context, {
      count: 2000,
      byteLength: LARGE,
      unit: "MB/s",
      connectVia: connectUdx,
    }),
  "replicate 100 B over UDX": (context) =>
    replicate(context, {
      count: 100_000,
      byteLength: SMALL,
      unit: "blocks/s",
      connectVia: connectUdx,
    }),
  "memory after 1 million blocks": memory,
};

// The other half of a replication, in a process of its own: over UDX to `udxPort` if there is one, else over TCP.
export async function serve(
  { Hypercore, transport, folder, key, count, byteLength, udxPort, report },
) {
  const core = new Hypercore(folder, key);
  await core.ready();
  await fill(core, count, byteLength);
  if (udxPort) {
    const socket = bindUdx(transport);
    report({
      key: core.key.toString("hex"),
      port: socket.address().port,
    });
    core.replicate(secretStream(transport, socket, false, udxPort));
    return;
  }
  const server = createServer((socket) => {
    const stream = core.replicate(false);
    stream.on("error", () => {});
    socket.on("error", () => {});
    stream.pipe(socket).pipe(stream);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  report({ key: core.key.toString("hex"), port: server.address().port });
}

async function append(
  { Hypercore, folder, cpuMs },
  { count, batch, byteLength, unit },
) {
  const core = new Hypercore(folder);
  await core.ready();
  const blocks = Array.from({ length: batch }, (_, i) => block(i, byteLength));
  await core.append(blocks);
  const measured = await timed(cpuMs, async () => {
    for (let i = 0; i < count; i += batch) {
      await core.append(batch === 1 ? blocks[0] : blocks);
    }
  });
  check(core.length === count + batch, "the length after appending");
  await core.close();
  return rate(count, byteLength, measured, unit);
}

async function get(
  { Hypercore, folder, cpuMs },
  { count, inFlight, byteLength, unit },
) {
  const writer = new Hypercore(folder);
  await writer.ready();
  await fill(writer, count, byteLength);
  const { key } = writer;
  await writer.close();
  const core = new Hypercore(folder, key);
  await core.ready();
  check(
    same(await core.get(count - 1), block(count - 1, byteLength)),
    "the last block",
  );
  let bytes = 0;
  const measured = await timed(cpuMs, async () => {
    for (let i = 0; i < count; i += inFlight) {
      if (inFlight === 1) {
        bytes += (await core.get(i)).byteLength;
      } else {
        const blocks = await Promise.all(
          Array.from({ length: inFlight }, (_, k) => core.get(i + k)),
        );
        for (const block of blocks) bytes += block.byteLength;
      }
    }
  });
  check(bytes === count * byteLength, "the bytes read");
  await core.close();
  return rate(count, byteLength, measured, unit);
}

async function replicate(
  { Hypercore, transport, folder, startServer, cpuMs },
  { count, byteLength, unit, connectVia = connectTcp },
) {
  const connection = connectVia(transport);
  const { key, port } = await startServer({
    count,
    byteLength,
    udxPort: connection.port,
  });
  const core = new Hypercore(folder, key);
  await core.ready();
  const measured = await timed(cpuMs, async () => {
    connection.open(core, port);
    await core.download({ start: 0, end: count }).done();
  });
  check(
    same(await core.get(count - 1), block(count - 1, byteLength)),
    "the last block",
  );
  connection.close();
  await core.close();
  return rate(count, byteLength, measured, unit);
}

function connectTcp() {
  let socket;
  return {
    open(core, port) {
      socket = connect(port, "127.0.0.1");
      const stream = core.replicate(true);
      stream.on("error", () => {});
      socket.on("error", () => {});
      stream.pipe(socket).pipe(stream);
    },
    close: () => socket.destroy(),
  };
}

// As hyperswarm does it: an encrypted stream straight on a UDX stream.
function connectUdx(transport) {
  const socket = bindUdx(transport);
  let stream;
  return {
    port: socket.address().port,
    open(core, port) {
      stream = secretStream(transport, socket, true, port);
      core.replicate(stream);
    },
    close: () => stream.destroy(),
  };
}

function bindUdx({ UDX }) {
  const socket = new UDX().createSocket();
  socket.bind(0, "127.0.0.1");
  return socket;
}

function secretStream({ SecretStream }, socket, isInitiator, port) {
  const ids = isInitiator ? [1, 2] : [2, 1];
  const raw = socket.udx.createStream(ids[0], { framed: true });
  raw.connect(socket, ids[1], port, "127.0.0.1");
  const stream = new SecretStream(isInitiator, raw);
  stream.on("error", () => {});
  return stream;
}

async function memory({ Hypercore, folder, residentBytes }) {
  const core = new Hypercore(folder);
  await core.ready();
  await fill(core, 1_000_000, SMALL);
  check(core.length === 1_000_000, "the length");
  const value = residentBytes() / 1e6;
  await core.close();
  return { value, unit: "MB resident", lessIsBetter: true };
}

async function fill(core, count, byteLength) {
  const batch = Math.max(1, Math.min(1000, Math.floor(8e6 / byteLength)));
  for (let i = core.length; i < count; i += batch) {
    await core.append(
      Array.from(
        { length: Math.min(batch, count - i) },
        (_, k) => block(i + k, byteLength),
      ),
    );
  }
}

function rate(count, byteLength, { seconds, cpuMs }, unit) {
  return {
    value: unit === "MB/s" ? (count * byteLength) / 1e6 / seconds : count / seconds,
    unit,
    cpuMs,
  };
}

// What is measured on drives and swarms, written once: the classes are ours or npm's, and their API is the same.
// `serve` is the half of a task in a process of its own; `run` checks what it measures and returns { value, unit, cpuMs }.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { block, check, same, timed } from "./task_parts.mjs";

const HOST = "127.0.0.1";
const FILE_BYTES = 4096;
const BIG_BYTES = 64 << 20;
const CHUNK_BYTES = 65536;

export const tasks = {
  "drive: put 4 KiB files": { run: putFiles },
  "drive: get 4 KiB files": { run: getFiles },
  "drive: a file of 64 MiB in": { run: streamIn },
  "drive: a file of 64 MiB out": { run: streamOut },
  "drive: mirror 20 000 files of 4 KiB from a folder": { run: mirrorFolder },
  "drive: mirror 256 MiB over a swarm": overSwarmDrive(256 * 2 ** 20),
  "drive: mirror 2 GiB over a swarm": overSwarmDrive(2 * 2 ** 30),
  "replicate 64 KiB over Hyperswarm": overSwarm({ count: 2000, byteLength: 65536, unit: "MB/s" }),
  "replicate 100 B over Hyperswarm": overSwarm({ count: 100_000, byteLength: 100, unit: "blocks/s" }),
};

async function putFiles({ Corestore, Hyperdrive, folder, cpuMs }) {
  const COUNT = 5000;
  const drive = new Hyperdrive(new Corestore(folder));
  await drive.ready();
  const measured = await timed(cpuMs, async () => {
    for (let i = 0; i < COUNT; i++) await drive.put(filePath(i), block(i, FILE_BYTES));
  });
  check(same(await drive.get(filePath(COUNT - 1)), block(COUNT - 1, FILE_BYTES)), "the last file");
  await drive.close();
  return rate(COUNT, measured, "files/s");
}

async function getFiles({ Corestore, Hyperdrive, folder, cpuMs }) {
  const COUNT = 5000;
  const before = new Hyperdrive(new Corestore(folder));
  await before.ready();
  const batch = before.batch();
  for (let i = 0; i < COUNT; i++) await batch.put(filePath(i), block(i, FILE_BYTES));
  await batch.flush();
  await before.close();
  const drive = new Hyperdrive(new Corestore(folder));
  await drive.ready();
  let bytes = 0;
  const measured = await timed(cpuMs, async () => {
    for (let i = 0; i < COUNT; i++) bytes += (await drive.get(filePath(i * 7 % COUNT))).byteLength;
  });
  check(bytes === COUNT * FILE_BYTES, "the bytes read");
  check(same(await drive.get(filePath(77)), block(77, FILE_BYTES)), "a file");
  await drive.close();
  return rate(COUNT, measured, "files/s");
}

async function streamIn({ Corestore, Hyperdrive, folder, cpuMs }) {
  const drive = new Hyperdrive(new Corestore(folder));
  await drive.ready();
  await writeStream(drive, "/warm-up", 1 << 20);
  const measured = await timed(cpuMs, () => writeStream(drive, "/big", BIG_BYTES));
  check((await drive.entry("/big")).value.blob.byteLength === BIG_BYTES, "the file's length");
  await drive.close();
  return rate(BIG_BYTES / 1e6, measured, "MB/s");
}

async function streamOut({ Corestore, Hyperdrive, folder, cpuMs }) {
  const before = new Hyperdrive(new Corestore(folder));
  await writeStream(before, "/big", BIG_BYTES);
  await before.close();
  const drive = new Hyperdrive(new Corestore(folder));
  await drive.ready();
  let bytes = 0;
  const measured = await timed(cpuMs, async () => {
    for await (const chunk of drive.createReadStream("/big")) bytes += chunk.byteLength;
  });
  check(bytes === BIG_BYTES, "the bytes read");
  await drive.close();
  return rate(BIG_BYTES / 1e6, measured, "MB/s");
}

async function mirrorFolder({ Corestore, Hyperdrive, Localdrive, folder, cpuMs }) {
  const COUNT = 20_000;
  const files = join(folder, "files");
  for (let i = 0; i < COUNT; i++) {
    if (i % 100 === 0) await mkdir(join(files, `${i / 100}`), { recursive: true });
    await writeFile(join(files, filePath(i)), block(i, FILE_BYTES));
  }
  const drive = new Hyperdrive(new Corestore(join(folder, "store")));
  await drive.ready();
  const mirror = new Localdrive(files).mirror(drive);
  const measured = await timed(cpuMs, () => mirror.done());
  check(mirror.count.add === COUNT, "the count of files");
  check(same(await drive.get(filePath(COUNT - 1)), block(COUNT - 1, FILE_BYTES)), "the last file");
  await drive.close();
  return rate(COUNT, measured, "files/s");
}

function overSwarmDrive(byteLength) {
  return {
    serve: (context) => serveDrive(context, byteLength),
    run: (context) => mirrorDrive(context, byteLength),
  };
}

async function serveDrive({ Corestore, Hyperdrive, folder, report, joinSwarm }, byteLength) {
  const drive = new Hyperdrive(new Corestore(folder));
  await drive.ready();
  await writeStream(drive, "/big", byteLength);
  const swarm = joinSwarm((connection) => drive.replicate(connection));
  await swarm.join(drive.discoveryKey, { server: true, client: false }).flushed();
  report({ key: hex(drive.key) });
}

async function mirrorDrive({ Corestore, Hyperdrive, folder, served, cpuMs, joinSwarm }, byteLength) {
  const from = new Hyperdrive(new Corestore(join(folder, "from")), Buffer.from(served.key, "hex"));
  const to = new Hyperdrive(new Corestore(join(folder, "to")));
  await from.ready();
  await to.ready();
  const found = from.findingPeers();
  const swarm = joinSwarm((connection) => from.replicate(connection));
  let mirror = null;
  const measured = await timed(cpuMs, async () => {
    swarm.join(from.discoveryKey, { server: false, client: true });
    swarm.flush().then(found, found);
    await from.update({ wait: true });
    mirror = from.mirror(to);
    await mirror.done();
  });
  check(mirror.count.add === 1, "the count of files");
  check((await to.entry("/big")).value.blob.byteLength === byteLength, "the file's length");
  await swarm.destroy();
  await from.close();
  await to.close();
  return rate(byteLength / 1e6, measured, "MB/s");
}

function overSwarm({ count, byteLength, unit }) {
  return {
    serve: async ({ Hypercore, folder, report, joinSwarm }) => {
      const core = new Hypercore(folder);
      await core.ready();
      const batch = Math.min(1000, Math.floor(8e6 / byteLength));
      for (let i = 0; i < count; i += batch) {
        await core.append(
          Array.from({ length: Math.min(batch, count - i) }, (_, k) => block(i + k, byteLength)),
        );
      }
      const swarm = joinSwarm((connection) => core.replicate(connection));
      await swarm.join(core.discoveryKey, { server: true, client: false }).flushed();
      report({ key: hex(core.key) });
    },
    run: async ({ Hypercore, folder, served, cpuMs, joinSwarm }) => {
      const core = new Hypercore(folder, Buffer.from(served.key, "hex"));
      await core.ready();
      const swarm = joinSwarm((connection) => core.replicate(connection));
      const measured = await timed(cpuMs, async () => {
        swarm.join(core.discoveryKey, { server: false, client: true });
        await core.download({ start: 0, end: count }).done();
      });
      check(same(await core.get(count - 1), block(count - 1, byteLength)), "the last block");
      await swarm.destroy();
      await core.close();
      return rate(unit === "MB/s" ? count * byteLength / 1e6 : count, measured, unit);
    },
  };
}

/** Makes `joinSwarm` of the tasks: swarms on the network that `bootstrap` leads to. */
export function swarmsOf({ Hyperswarm, DHT }, bootstrap) {
  return (replicate) => {
    const swarm = new Hyperswarm({ dht: new DHT({ bootstrap, host: HOST }) });
    swarm.on("connection", (connection) => {
      connection.on("error", () => {});
      replicate(connection);
    });
    return swarm;
  };
}

async function writeStream(drive, path, byteLength) {
  const stream = drive.createWriteStream(path);
  const finished = new Promise((resolve, reject) => stream.on("close", resolve).on("error", reject));
  for (let i = 0; i < byteLength / CHUNK_BYTES; i++) {
    if (!stream.write(block(i, CHUNK_BYTES))) await new Promise((resolve) => stream.once("drain", resolve));
  }
  stream.end();
  await finished;
}

function filePath(index) {
  return `/${Math.floor(index / 100)}/${index}.txt`;
}

function hex(bytes) {
  return Buffer.from(bytes).toString("hex");
}

function rate(amount, { seconds, cpuMs }, unit) {
  return { value: amount / seconds, unit, cpuMs };
}

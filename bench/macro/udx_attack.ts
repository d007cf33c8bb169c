// deno-lint-ignore-file no-console -- a program that prints
/**
 * A transfer between two of our streams while another process floods both sockets with hostile packets: does it
 * complete, what does a hostile packet cost, what stays in memory.
 *
 *     deno run -A --config=deno.json bench/macro/udx_attack.ts [--mebibytes=128]
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import process from "node:process";
import UDX, { type UDXStream } from "../../src/udx/mod.ts";

const ATTACKER = new URL("./udx/attacker.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const mebibytes = Number(Deno.args.find((arg) => arg.startsWith("--mebibytes="))?.split("=")[1] ?? "128");

interface Outcome {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly packetsReceived: number;
  readonly residentMegabytes: number;
  readonly error: string | null;
}

async function transfer(isAttacked: boolean): Promise<Outcome> {
  const udx = new UDX();
  const [a, b] = [udx.createSocket(), udx.createSocket()];
  a.bind(0, "127.0.0.1");
  b.bind(0, "127.0.0.1");
  const ports = [a.address()!.port, b.address()!.port] as const;
  const [left, right] = [udx.createStream(1), udx.createStream(2)];
  left.connect(a, 2, ports[1]);
  right.connect(b, 1, ports[0]);
  const attacker = isAttacked
    ? new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", `--config=${CONFIG}`, ATTACKER, ...ports.map(String)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn()
    : null;
  // The first hostile packet, so that the whole transfer is attacked.
  if (attacker) await new Promise((resolve) => a.once("message", resolve));
  const startMs = performance.now();
  const cpuAtStart = process.cpuUsage();
  const packetsAtStart = udx.packetsReceived;
  let residentBytes = 0;
  const watch = setInterval(() => (residentBytes = Math.max(residentBytes, process.memoryUsage().rss)), 50);
  const errors: string[] = [];
  const closed = Promise.all([left, right].map((stream) => closing(stream, errors)));
  const [sent, received] = [createHash("sha256"), createHash("sha256")];
  right.on("data", (data) => received.update(data));
  right.on("end", () => right.end());
  left.resume();
  const chunk = new Uint8Array(65536);
  for (let i = 0; i < chunk.length; i++) chunk[i] = (i * 31) ^ (i >> 7);
  for (let i = 0; i < mebibytes * 16 && !left.destroying; i++) {
    sent.update(chunk);
    if (!left.write(chunk)) {
      await Promise.race([new Promise<void>((resolve) => left.once("drain", () => resolve())), closed]);
    }
  }
  left.end();
  await closed;
  const seconds = (performance.now() - startMs) / 1000;
  const cpu = process.cpuUsage(cpuAtStart);
  const packetsReceived = udx.packetsReceived - packetsAtStart;
  clearInterval(watch);
  if (errors.length === 0) assert.equal(received.digest("hex"), sent.digest("hex"), "every byte arrives");
  await Promise.all([a.close(), b.close()]);
  await attacker?.stdin.close();
  await attacker?.output();
  return {
    seconds,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    packetsReceived,
    residentMegabytes: residentBytes / 1e6,
    error: errors[0] ?? null,
  };
}

function closing(stream: UDXStream, errors: string[]): Promise<void> {
  stream.on("error", (error) => errors.push((error as Error & { code?: string }).code ?? error.message));
  return new Promise((resolve) => stream.once("close", () => resolve()));
}

const calm = await transfer(false);
const attacked = await transfer(true);
for (const [name, outcome] of Object.entries({ calm, attacked })) {
  const { seconds, cpuSeconds, packetsReceived, residentMegabytes, error } = outcome;
  const rate = `${(mebibytes * 1.048576 / seconds).toFixed(1)} MB/s`;
  console.log(
    `${name}: ${error === null ? rate : `ended with ${error} after ${seconds.toFixed(1)} s`}, ${
      cpuSeconds.toFixed(1)
    } CPU s, ` +
      `${packetsReceived} packets received, ${residentMegabytes.toFixed(0)} MB resident`,
  );
}
const hostileCount = attacked.packetsReceived - calm.packetsReceived;
console.log(
  `${hostileCount} hostile packets received, ${
    (hostileCount / attacked.seconds / 1000).toFixed(1)
  } thousand a second, ` +
    `${(1e6 * (attacked.cpuSeconds - calm.cpuSeconds) / hostileCount).toFixed(1)} us of CPU each`,
);

/**
 * UDX, ours against udx-native: two processes each, side by side in one run.
 *
 * `DENO_NO_PACKAGE_JSON=1 deno run -A bench/macro/udx.ts [--mebibytes=256] [--rounds=3] [--only=name] [--sides=words]`
 */
import { strict as assert } from "node:assert";
import { DatagramProxy } from "../../tests/helpers/datagram_proxy.ts";

interface Side {
  readonly name: string;
  readonly command: (options: string) => Deno.Command;
}

interface Result {
  readonly megabytesPerSecond: number;
  readonly cpuSecondsPerGigabyte: number;
  readonly retransmits: number;
  readonly packets: number;
  readonly mtu: number;
}

interface Scenario {
  readonly name: string;
  readonly streams: number;
  readonly share: number;
  readonly proxy?: { readonly latencyMs: number; readonly lossRate: number };
}

const FOLDER = new URL("./udx/", import.meta.url);
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

function ours(name: string, backend: string): Side {
  const flags = [
    "run",
    "-A",
    `--config=${CONFIG}`,
    "--unstable-net",
    new URL("ours.ts", FOLDER).pathname,
  ];
  return {
    name,
    command: (options) =>
      new Deno.Command(Deno.execPath(), {
        args: [...flags, JSON.stringify({ backend, ...JSON.parse(options) })],
        env: { DENO_NO_PACKAGE_JSON: "1" },
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }),
  };
}

const NATIVE: Side = {
  name: "udx-native",
  command: (options) =>
    new Deno.Command("node", {
      args: [new URL("native.mjs", FOLDER).pathname, options],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }),
};

const OURS = ours("ours, Deno.listenDatagram", "deno");

/** One make sends to the other; a single stream, as many of udx-native's overrun a short queue and time out. */
function mixed(name: string, sender: Side, receiver: Side): Side {
  return {
    name,
    command: (options) => (JSON.parse(options).role === "send" ? sender : receiver).command(options),
  };
}

const SIDES: readonly Side[] = [NATIVE, OURS, ours("ours, node:dgram", "node")];

const MIXED: readonly Side[] = [
  mixed("udx-native to ours, Deno.listenDatagram", NATIVE, OURS),
  mixed("ours, Deno.listenDatagram, to udx-native", OURS, NATIVE),
];

const SCENARIOS: readonly Scenario[] = [
  { name: "1 stream, clean", streams: 1, share: 1 },
  { name: "10 streams, clean", streams: 10, share: 1 },
  { name: "50 streams, clean", streams: 50, share: 0.25 },
  { name: "200 streams, clean", streams: 200, share: 0.25 },
  {
    name: "1 stream, 20 ms and 1 % loss",
    streams: 1,
    share: 0.25,
    proxy: { latencyMs: 10, lossRate: 0.01 },
  },
];

class Peer {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(side: Side, options: Record<string, unknown>) {
    this.#child = side.command(JSON.stringify(options)).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
  }

  async next(): Promise<Record<string, number>> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return JSON.parse(line);
      }
      const { value, done } = await this.#lines.read();
      if (done) throw new Error("A bench peer ended early");
      this.#rest += value;
    }
  }

  async tell(message: Record<string, unknown>): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(
      new TextEncoder().encode(JSON.stringify(message) + "\n"),
    );
    writer.releaseLock();
  }

  async close(): Promise<void> {
    await this.#child.stdin.close().catch(() => {});
    await this.#child.status;
    await this.#lines.cancel();
  }
}

async function measure(
  side: Side,
  scenario: Scenario,
  byteLength: number,
): Promise<Result> {
  const options = { byteLength, streams: scenario.streams };
  const receiver = new Peer(side, { ...options, role: "receive" });
  const sender = new Peer(side, { ...options, role: "send" });
  const [{ port: receiverPort }, { port: senderPort }] = await Promise.all([
    receiver.next(),
    sender.next(),
  ]);
  const proxy = scenario.proxy ? await DatagramProxy.start(senderPort!, receiverPort!, scenario.proxy) : null;
  await receiver.tell({ port: proxy?.receiverSidePort ?? senderPort });
  await sender.tell({ port: proxy?.senderSidePort ?? receiverPort });
  const [received, sent] = await Promise.all([receiver.next(), sender.next()]);
  await Promise.all([receiver.close(), sender.close()]);
  await proxy?.close();
  assert(received.byteLength! >= byteLength, "all bytes arrive");
  return {
    megabytesPerSecond: received.byteLength! / received.ms! / 1000,
    cpuSecondsPerGigabyte: (received.cpuSeconds! + sent.cpuSeconds!) /
      (received.byteLength! / 1e9),
    retransmits: sent.retransmits!,
    packets: sent.packets!,
    mtu: sent.mtu!,
  };
}

/** Bare datagrams of a full packet's size through the same socket API, one process each way of two. */
async function rawCeiling(backend: "deno" | "node"): Promise<Result> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      `--config=${CONFIG}`,
      "--unstable-net",
      new URL("raw.ts", FOLDER).pathname,
      backend,
    ],
    env: { DENO_NO_PACKAGE_JSON: "1" },
    stderr: "inherit",
  }).output();
  return { ...JSON.parse(new TextDecoder().decode(output.stdout)), retransmits: 0, packets: 0, mtu: 0 };
}

function flag(name: string, fallback: string): string {
  return Deno.args.find((arg) => arg.startsWith(`--${name}=`))?.split("=")[1] ??
    fallback;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

const byteLength = Number(flag("mebibytes", "256")) * 1024 * 1024;
const rounds = Number(flag("rounds", "3"));
const only = flag("only", "");
// deno-lint-ignore no-console
const print = console.log;

function isMeasured({ name }: Side): boolean {
  return name === NATIVE.name || name.includes(flag("sides", ""));
}

/** One measurement; `raw` is measured beside the clean scenarios, in turn with them. */
interface Contender {
  readonly name: string;
  readonly run: () => Promise<Result>;
}

function contenders(scenario: Scenario): Contender[] {
  const sides = scenario.streams === 1 ? [...SIDES, ...MIXED] : SIDES;
  const list: Contender[] = sides.filter(isMeasured).map((side) => ({
    name: side.name,
    run: () => measure(side, scenario, byteLength * scenario.share),
  }));
  if (scenario.proxy) return list;
  for (const [backend, name] of [["deno", "Deno.listenDatagram"], ["node", "node:dgram"]] as const) {
    if (!name.includes(flag("sides", ""))) continue;
    list.push({ name: `bare datagrams, ${name}`, run: () => rawCeiling(backend) });
  }
  return list;
}

function describe(name: string, list: readonly Result[], reference: number): string {
  const rates = list.map((result) => result.megabytesPerSecond);
  const rate = median(rates);
  const range = `${Math.min(...rates).toFixed(1)} to ${Math.max(...rates).toFixed(1)}`;
  const cpu = median(list.map((result) => result.cpuSecondsPerGigabyte)).toFixed(1);
  const { retransmits, packets, mtu } = list.at(-1)!;
  const repeats = packets > 0 ? `, ${retransmits} of ${packets} packets sent again, MTU ${mtu}` : "";
  return `  ${name}: ${rate.toFixed(1)} MB/s (${range}), ratio ${(rate / reference).toFixed(2)}, ` +
    `${cpu} CPU s/GB${repeats}`;
}

for (const scenario of SCENARIOS) {
  if (only && !scenario.name.includes(only)) continue;
  const list = contenders(scenario);
  const results = new Map<string, Result[]>(list.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    // Each goes first in turn: a slow minute is not always the same one's.
    for (let i = 0; i < list.length; i++) {
      const { name, run } = list[(round + i) % list.length]!;
      results.get(name)!.push(await run());
    }
  }
  const reference = median(results.get(NATIVE.name)!.map((result) => result.megabytesPerSecond));
  print(`\n${scenario.name}`);
  for (const [name, measured] of results) print(describe(name, measured, reference));
}

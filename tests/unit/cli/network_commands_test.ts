import assert from "node:assert/strict";
import { runCommandLine } from "../../../src/cli/mod.ts";
import { idEncoding } from "../../../src/hypercore_crypto/mod.ts";
import { HyperDHT } from "../../../src/hyperdht/mod.ts";
import createTestnet, { type Testnet } from "../../../src/hyperdht/testnet/mod.ts";
import { RecordingTerminal } from "../../helpers/recording_terminal.ts";

const SEED = "5e".repeat(32);

function network(testnet: Testnet): string[] {
  const [first] = testnet.bootstrap as { host: string; port: number }[];
  return ["--host", "127.0.0.1", "--bootstrap", `${first!.host}:${first!.port}`];
}

/** A port that is free now. */
async function freePort(): Promise<string> {
  await using node = new HyperDHT({ host: "127.0.0.1", bootstrap: [] });
  await node.bind();
  return String(node.address()!.port);
}

/** Runs a command to its end. */
async function run(...args: string[]): Promise<{ code: number; terminal: RecordingTerminal }> {
  const terminal = new RecordingTerminal();
  return { code: await runCommandLine(args, terminal), terminal };
}

Deno.test("--help lists the commands and ends with 0; without a command it ends with 64", async () => {
  const help = await run("--help");
  assert.equal(help.code, 0);
  for (const command of ["dht", "relay", "lookup", "announce", "ping", "doctor"]) {
    assert.match(help.terminal.output, new RegExp(`^  ${command} `, "m"));
  }
  assert.equal((await run()).code, 64);
});

Deno.test("wrong command lines end with 64 and say what is wrong", async () => {
  for (
    const [args, words] of [
      [["nothing"], /unknown command 'nothing'/],
      [["dht", "--port", "70000"], /0 to 65535/],
      [["dht", "--bootstrap", "nowhere"], /host:port/],
      [["dht", "--bootstrap", "127.0.0.1:65536"], /ports are 1 to 65535/],
      [["dht", "--bootstrap", "127.0.0.1:0"], /ports are 1 to 65535/],
      [["dht", "--bootstrap", ","], /host:port/],
      [["dht", "--host", "here"], /IPv4 address of this machine/],
      [["dht", "--nodes", "0"], /whole number from 1/],
      [["relay", "--seed", "abc"], /52 characters/],
      [["relay", "--rate", "-1"], /greater than 0/],
      [["lookup", "words"], /"words" is no key/],
      [["ping"], /missing required argument/],
    ] as const
  ) {
    const { code, terminal } = await run(...args);
    assert.equal(code, 64, args.join(" "));
    assert.match(terminal.errors, words);
  }
});

Deno.test("--version prints the version of the package", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("../../../deno.json", import.meta.url)));
  const { code, terminal } = await run("--version");
  assert.deepEqual([code, terminal.output], [0, `${version}\n`]);
});

/** Where nobody answers. */
const SILENCE = ["--host", "127.0.0.1", "--bootstrap", "127.0.0.1:9"];

Deno.test("a network that does not answer is not one where nobody is: lookup, announce and ping say so", async () => {
  const commands = [["lookup", SEED], ["announce", SEED], ["ping", SEED]];
  const results = await Promise.all(commands.map((args) => run(...args, ...SILENCE)));
  const silence =
    `No node of the network answers, of 127.0.0.1:9; "quince doctor" with the same flags tells more\n`;
  assert.deepEqual(results.map(({ code, terminal }) => [code, terminal.errors]), [
    [1, silence],
    [1, silence],
    [1, "PEER_NOT_FOUND: Peer not found, no node of the network answered\n"],
  ]);
});

Deno.test("dht and relay go on where the network does not answer yet, and tell when it does", async () => {
  const port = await freePort();
  const silent = ["--host", "127.0.0.1", "--bootstrap", `127.0.0.1:${port}`];
  const [node, relay] = [new RecordingTerminal(), new RecordingTerminal()];
  const running = runCommandLine(["dht", ...silent], node);
  const relaying = runCommandLine(["relay", "--json", ...silent], relay);
  assert.equal(
    await node.line("No node"),
    `No node of the network answers, of 127.0.0.1:${port}; it is asked again within a minute`,
  );
  await relay.line("listening");
  assert.deepEqual(relay.values.map(({ event }) => event), ["offline", "listening"]);
  const first = new RecordingTerminal();
  const bootstrap = runCommandLine(["dht", "--bootstrap", "--host", "127.0.0.1", "--port", port], first);
  await first.line("Bootstrap node");
  // It hears of the others from a third one; they would ask by themselves within a minute.
  const [, nodePort] = /127\.0\.0\.1:(\d+)/.exec(await node.line("is bound to"))!;
  await using third = new HyperDHT({ host: "127.0.0.1", ephemeral: false, bootstrap: [`127.0.0.1:${port}`] });
  await third.fullyBootstrapped();
  await third.ping({ host: "127.0.0.1", port: Number(nodePort) });
  assert.equal(await node.line("The network answers"), "The network answers");
  for (const terminal of [node, relay, first]) terminal.stop();
  assert.deepEqual(await Promise.all([running, relaying, bootstrap]), [0, 0, 0]);
});

Deno.test("DHT-082 a --port that is taken is not replaced by another one", async () => {
  await using node = new HyperDHT({ host: "127.0.0.1", bootstrap: [] });
  await node.bind();
  const port = String(node.address()!.port);
  const flags = ["--port", port, "--host", "127.0.0.1", "--bootstrap", "127.0.0.1:9"];
  const commands = [["dht"], ["relay"], ["lookup", SEED], ["announce", SEED], ["ping", "127.0.0.1:9"]];
  for (const args of commands) {
    const { code, terminal } = await run(...args, ...flags);
    assert.equal(code, 1, args[0]);
    assert.equal(
      terminal.errors,
      `EADDRINUSE: Cannot bind 127.0.0.1:${port}, the address is in use; ` +
        "give another port, or end the program that has it\n",
    );
  }
  const doctor = await run("doctor", ...flags);
  assert.match(doctor.terminal.output, /^failed {2}bind .*EADDRINUSE.*\n +Give another --port/);
});

Deno.test({
  name: "commands that may not send to the nodes of the network name the flag that is missing",
  permissions: { net: ["127.0.0.1"] },
  fn: async () => {
    const forbidden = ["--host", "127.0.0.1", "--bootstrap", "127.0.0.2:9"];
    const commands = [["lookup", SEED], ["announce", SEED], ["relay"], ["ping", SEED], [
      "ping",
      "127.0.0.2:9",
    ]];
    for (const args of commands) {
      const { code, terminal } = await run(...args, ...forbidden);
      assert.equal(code, 1, args[0]);
      assert.match(terminal.errors, /--allow-net/, args[0]);
    }
    const doctor = await run("doctor", "--json", ...forbidden);
    const finding = doctor.terminal.values[1]!;
    assert.deepEqual([finding.stage, finding.status], ["bootstrap", "failed"]);
    assert.match(finding.summary as string, /ERR_PERMISSION: Cannot send to 127\.0\.0\.2:9/);
    assert.match(finding.advice as string, /--allow-net/);
  },
});

Deno.test("Ctrl-C ends commands that wait for the network", async () => {
  for (
    const args of [["lookup", SEED], ["announce", SEED], ["ping", SEED], ["ping", "127.0.0.1:9"], ["doctor"]]
  ) {
    const terminal = new RecordingTerminal();
    const running = runCommandLine([...args, ...SILENCE], terminal);
    terminal.stop();
    assert.equal(await running, 1, args.join(" "));
    assert.equal(terminal.errors, "Stopped\n");
  }
});

Deno.test("DHT-084 dht --bootstrap alone needs --host", async () => {
  const { code, terminal } = await run("dht", "--bootstrap");
  assert.equal(code, 1);
  assert.match(terminal.errors, /--host/);
});

Deno.test("DHT-082 dht --port goes with a single node", async () => {
  const { code, terminal } = await run("dht", "--port", "4000", "--nodes", "2");
  assert.equal(code, 1);
  assert.match(terminal.errors, /single node/);
});

Deno.test("DHT-081 DHT-082 DHT-083 DHT-084 DHT-085 DHT-086 dht runs a bootstrap node, and nodes that join it", async () => {
  const first = new RecordingTerminal();
  const port = await freePort();
  const running = runCommandLine(["dht", "--bootstrap", "--host", "127.0.0.1", "--port", port], first);
  assert.equal(await first.line("Bootstrap node"), `Bootstrap node bound to 127.0.0.1:${port}`);

  const more = new RecordingTerminal();
  const args = ["dht", "--bootstrap", `127.0.0.1:${port}`, "--host", "127.0.0.1", "--nodes", "2", "--json"];
  const joining = runCommandLine(args, more);
  await more.line("started");
  assert.deepEqual(
    more.values.map(({ event, node }) => [event, node]).filter(([event]) => event === "bound"),
    [
      ["bound", 0],
      ["bound", 1],
    ],
  );
  const single = new RecordingTerminal();
  const last = runCommandLine([...args.slice(0, -1), "--node"], single);
  assert.equal(await single.line("running"), "1 node is running");
  for (const terminal of [first, more, single]) terminal.stop();
  assert.deepEqual(await Promise.all([running, joining, last]), [0, 0, 0]);
});

Deno.test("announce and lookup meet under a topic; ping measures peers and nodes", async () => {
  await using testnet = await createTestnet(3);
  const announcer = new RecordingTerminal();
  const announcing = runCommandLine(
    ["announce", "a topic", "--text", "--seed", SEED, ...network(testnet)],
    announcer,
  );
  const key = idEncoding.encode(HyperDHT.keyPair(Buffer.from(SEED, "hex")).publicKey);
  assert.equal(await announcer.line("Announced"), `Announced as ${key}`);

  const found = await run("lookup", "a topic", "--text", "--json", ...network(testnet));
  assert.equal(found.code, 0);
  assert.deepEqual(found.terminal.values.map(({ event, key }) => ({ event, key })), [{ event: "peer", key }]);
  const none = await run("lookup", key, ...network(testnet));
  assert.deepEqual([none.code, none.terminal.errors], [2, "Nobody has announced this topic\n"]);

  const peer = await run("ping", key, ...network(testnet));
  assert.match(peer.terminal.output, new RegExp(`^${key} answered in \\d+ ms\n$`));
  assert.match(await announcer.line("Connection"), /^Connection from [a-z0-9]{52}$/);
  const [{ host, port }] = testnet.bootstrap as [{ host: string; port: number }];
  const node = await run("ping", `${host}:${port}`, "--json", ...network(testnet));
  assert.equal(node.terminal.values[0]!.event, "answered");
  const nobody = await run("ping", SEED, ...network(testnet));
  assert.deepEqual([nobody.code, nobody.terminal.errors.startsWith("PEER_NOT_FOUND")], [1, true]);

  announcer.stop();
  assert.equal(await announcing, 0);
  assert.equal((await run("lookup", "a topic", "--text", ...network(testnet))).code, 2);
});

Deno.test("announce ends when it is stopped, also where the network has gone, and says that it was not withdrawn", async () => {
  // At an address of its own: nodes of other tests may get ports that are given back, and would answer there.
  const host = "127.0.0.9";
  const bootstrap: string[] = [];
  const nodes: HyperDHT[] = [];
  for (let i = 0; i < 3; i++) {
    const node = new HyperDHT({ host, ephemeral: false, firewalled: false, bootstrap });
    await node.fullyBootstrapped();
    nodes.push(node);
    if (i === 0) bootstrap.push(`${host}:${node.address()!.port}`);
  }
  const terminal = new RecordingTerminal();
  const announcing = runCommandLine(
    ["announce", SEED, "--host", host, "--bootstrap", bootstrap[0]!],
    terminal,
  );
  await terminal.line("Announced");
  for (const node of nodes) await node.destroy();
  terminal.stop();
  assert.equal(await announcing, 0);
  assert.deepEqual([terminal.lines.at(-1), terminal.errors], [
    "Not withdrawn, the network does not answer; nodes forget it within 20 minutes",
    "",
  ]);
});

Deno.test("relay joins peers that meet at it, and tells what it relayed", async () => {
  await using testnet = await createTestnet(4);
  const terminal = new RecordingTerminal();
  const relaying = runCommandLine(
    [
      "relay",
      "--seed",
      SEED,
      "--pairs",
      "4",
      "--rate",
      "512",
      "--total-rate",
      "2048",
      "--hours",
      "1",
      ...network(testnet),
    ],
    terminal,
  );
  const relay = HyperDHT.keyPair(Buffer.from(SEED, "hex")).publicKey;
  assert.equal(await terminal.line("Relaying"), `Relaying as ${idEncoding.encode(relay)}`);

  const found = await run("doctor", "--relay", idEncoding.encode(relay), ...network(testnet));
  assert.deepEqual([found.code, found.terminal.errors], [0, ""]);
  assert.match(found.terminal.lines.at(-1)!, /^ {2}ok {4}relay {6}The relay is connected in \d+ ms, at 127/);

  // As behind firewalls: they neither offer their own addresses nor find out that they could.
  const [one, other] = [1, 2].map(() => testnet.createNode({ quickFirewall: false })) as [HyperDHT, HyperDHT];
  await Promise.all([one.fullyBootstrapped(), other.fullyBootstrapped()]);
  const server = one.createServer(
    { relayThrough: relay, holepunch: false, shareLocalAddress: false },
    (socket) => {
      socket.on("error", () => {});
      socket.pipe(socket);
    },
  );
  await server.listen();
  const socket = other.connect(server.publicKey!, { relayThrough: relay, localConnection: false });
  socket.write("through the relay");
  const [data] = await new Promise<[Uint8Array]>((resolve, reject) => {
    socket.once("data", (bytes: Uint8Array) => resolve([bytes]));
    socket.once("error", reject);
  });
  assert.equal(String(data), "through the relay");
  const closed = new Promise<void>((resolve) => socket.once("close", resolve));
  socket.end();
  await closed;
  await server.close();
  terminal.stop();
  assert.equal(await relaying, 0);
  const [, pairCount, byteCount] = /^Relayed pairs: (\d+), bytes: (\d+)$/m.exec(terminal.output)!;
  assert.deepEqual([pairCount, Number(byteCount) > 0], ["1", true]);
});

Deno.test("doctor says what works and explains what does not", async () => {
  await using testnet = await createTestnet(4);
  await using node = testnet.createNode();
  const server = node.createServer((socket) => {
    socket.on("error", () => {});
    socket.end();
  });
  await server.listen();
  const key = idEncoding.encode(server.publicKey!);
  const healthy = await run("doctor", "--peer", key, ...network(testnet));
  assert.equal(healthy.code, 0);
  assert.deepEqual(
    healthy.terminal.lines.filter((line) => !line.startsWith("    ")).map((line) =>
      line.slice(0, 18).trim().split(/\s+/).slice(0, 2).join(" ")
    ),
    [
      "ok bind",
      "ok bootstrap",
      "ok nat",
      "warn lan",
      "ok reachable",
      "ok peer",
      "- relay",
    ],
  );
  const noRelay = await run("doctor", "--relay", key, "--json", ...network(testnet));
  assert.equal(noRelay.code, 1);
  const { status, summary, advice } = noRelay.terminal.values.at(-1)!;
  assert.equal(status, "failed");
  assert.match(summary as string, /^The peer with this key is connected in \d+ ms, and is no relay$/);
  assert.match(advice as string, /Check the key/);
  const lost = await run("doctor", "--peer", SEED, "--relay", SEED, "--json", ...network(testnet));
  assert.equal(lost.code, 1);
  assert.deepEqual(
    lost.terminal.values.filter(({ status }) => status === "failed").map(({ stage }) => stage),
    [
      "peer",
      "relay",
    ],
  );
  const peer = lost.terminal.values.find(({ stage }) => stage === "peer")!;
  assert.match(peer.summary as string, /nobody on the network knows this key/);
  assert.match(peer.advice as string, /Check the key/);
  assert.equal(lost.terminal.errors, "2 of the checks failed\n");
});

Deno.test("a network of ephemeral nodes answers, and the doctor says that it keeps nothing", async () => {
  await using root = new HyperDHT({ bootstrap: [], host: "127.0.0.1" });
  await root.fullyBootstrapped();
  const flags = ["--host", "127.0.0.1", "--bootstrap", `127.0.0.1:${root.address()!.port}`];
  const lookup = await run("lookup", SEED, ...flags);
  assert.deepEqual([lookup.code, lookup.terminal.errors], [2, "Nobody has announced this topic\n"]);
  const doctor = await run("doctor", "--json", ...flags);
  assert.equal(doctor.code, 1);
  const { stage, summary, advice } = doctor.terminal.values.at(-1)!;
  assert.equal(stage, "bootstrap");
  assert.match(summary as string, /^Nodes answer, and none of them is persistent/);
  assert.match(advice as string, /quince dht --bootstrap/);
});

Deno.test("doctor stops where nothing further can work", async () => {
  const dead = await run("doctor", "--host", "127.0.0.1", "--bootstrap", "127.0.0.1:9", "--json");
  assert.equal(dead.code, 1);
  assert.deepEqual(dead.terminal.values.map(({ stage, status }) => `${stage} ${status}`), [
    "bind ok",
    "bootstrap failed",
  ]);
  const nowhere = await run("doctor", "--host", "203.0.113.77", "--json");
  assert.deepEqual(nowhere.terminal.values.map(({ stage, status }) => `${stage} ${status}`), ["bind failed"]);
});

/**
 * Nodes of dht-rpc in one process: commands as lines of JSON on standard input, answers as lines on standard output.
 *
 * Every node keeps values: command 1 stores with a token and reads without, 2 names who asks, 3 passes on.
 */
import process from "node:process";
import readline from "node:readline";
import DHT from "dht-rpc";

const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");
const hex = (bytes) => (bytes ? bytes.toString("hex") : null);
const bytes = (text) => (text === null || text === undefined ? null : Buffer.from(text, "hex"));
const nodes = new Map();

function serve(node) {
  const values = new Map();
  node.on("request", (request) => {
    switch (request.command) {
      case 1: {
        const key = hex(request.target);
        if (request.token) values.set(key, request.value);
        return request.reply(request.token ? null : values.get(key) ?? null);
      }
      case 2:
        return request.reply(Buffer.from(`${request.from.host}:${request.from.port}`));
      case 3: {
        const { via, back } = JSON.parse(request.value);
        const value = Buffer.from(JSON.stringify({ back: back ?? request.from }));
        if (via) return request.relay(value, via);
        return request.reply(Buffer.from("relayed"), { to: back, token: false, closerNodes: false });
      }
      case 4:
        return request.error(20, { token: true });
      default:
        return request.error(DHT.ERROR_UNKNOWN_COMMAND);
    }
  });
}

const state = (node) => ({
  id: hex(node.id),
  ephemeral: node.ephemeral,
  firewalled: node.firewalled,
  host: node.host,
  port: node.port,
  address: node.address(),
  remoteAddress: node.remoteAddress(),
  serverPort: node.io.serverSocket.address().port,
  clientPort: node.io.clientSocket.address().port,
  nodes: node.toArray(),
  stats: node.stats,
});

const reply = (message) => ({
  from: { id: hex(message.from.id), host: message.from.host, port: message.from.port },
  to: { host: message.to.host, port: message.to.port },
  token: hex(message.token),
  closerNodes: message.closerNodes?.map(({ host, port }) => ({ host, port })) ?? null,
  error: message.error,
  value: hex(message.value),
});

const commands = {
  async start({ name, options = {}, bootstrapper }) {
    const node = bootstrapper
      ? DHT.bootstrapper(bootstrapper.port, bootstrapper.host, options)
      : new DHT(options);
    nodes.set(name, node);
    serve(node);
    const events = [];
    for (const event of ["listening", "ready", "persistent", "nat-update"]) {
      node.on(event, () => events.push(event));
    }
    await node.fullyBootstrapped();
    return { ...state(node), events };
  },
  state: ({ name }) => state(nodes.get(name)),
  async ping({ name, to, options }) {
    return reply(await nodes.get(name).ping(to, options));
  },
  async delayedPing({ name, to, delayMs, options }) {
    return reply(await nodes.get(name).delayedPing(to, delayMs, options));
  },
  async request({ name, to, token, target, command, value, options }) {
    const content = { token: bytes(token), target: bytes(target), command, value: bytes(value) };
    return reply(await nodes.get(name).request(content, to, options));
  },
  async query({ name, target, command, value, options }) {
    const query = nodes.get(name).query({ target: bytes(target), command, value: bytes(value) }, options);
    const values = [];
    for await (const message of query) if (message.value) values.push(hex(message.value));
    return {
      values,
      closestNodes: query.closestNodes.map(({ host, port }) => ({ host, port })),
      successes: query.successes,
      errors: query.errors,
    };
  },
  async suspend({ name }) {
    await nodes.get(name).suspend();
    return {};
  },
  async resume({ name }) {
    await nodes.get(name).resume();
    return {};
  },
  async destroy({ name }) {
    await nodes.get(name).destroy();
    nodes.delete(name);
    return {};
  },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { call, event, ...args } = JSON.parse(line);
  Promise.resolve(commands[call](args)).then(
    (result) => say({ event, result }),
    (error) => say({ event, error: { code: error.code ?? null, message: error.message } }),
  );
}
await Promise.all(Array.from(nodes.values(), (node) => node.destroy()));

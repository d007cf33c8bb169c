/**
 * A process with any number of hyperdht nodes, servers and connections, told what to do line by line.
 */
import process from "node:process";
import DHT from "hyperdht";
import relay from "blind-relay";
import address from "hyperdht-address";
import createTestnet from "hyperdht/testnet.js";
import { serveCommands } from "../commands.mjs";
import { hex, report } from "../report.mjs";

const nodes = [];
const servers = [];
const sockets = [];
const bytes = (text) => (text ? Buffer.from(text, "hex") : text);
const keyPairOf = (seed) => (seed ? DHT.keyPair(Buffer.alloc(32, seed)) : undefined);
const keep = (list, value) => list.push(value) - 1;
let testnet = null;

/** Counts what comes in, echoes it when asked, and reports the end. */
function watch(socket, { echo = false } = {}) {
  const index = keep(sockets, socket);
  let [received, error] = [0, null];
  socket.on("data", (data) => {
    received += data.length;
    if (echo) socket.write(data);
    else report("data", { socket: index, text: data.toString() });
  });
  socket.on("end", () => socket.end());
  socket.on("error", (err) => (error = err.code ?? err.message));
  socket.on("close", () => report("close", { socket: index, received, error }));
  return index;
}

const commands = {
  async testnet({ size, bootstrap }) {
    testnet = await createTestnet(size, { bootstrap });
    nodes.push(...testnet.nodes);
    return { bootstrap: testnet.bootstrap, nodes: nodes.map((node) => node.address()) };
  },
  async node({ ready = true, seed, ...options }) {
    const node = new DHT({ host: "127.0.0.1", keyPair: keyPairOf(seed), ...options });
    const index = keep(nodes, node);
    if (ready) await node.fullyBootstrapped();
    return { node: index, port: node.address()?.port };
  },
  async bootstrapper({ port }) {
    const node = DHT.bootstrapper(port, "127.0.0.1", { host: "127.0.0.1" });
    await node.fullyBootstrapped();
    return { node: keep(nodes, node), port: node.address().port };
  },
  async server({ node, seed, echo = true, relayThrough, refuse = false, vetoes, ...options }) {
    const server = nodes[node].createServer({
      ...options,
      relayThrough: relayThrough ? bytes(relayThrough) : null,
      firewall: () => refuse,
      ...(vetoes ? { holepunch: () => false } : {}),
    });
    const index = keep(servers, server);
    server.on("connection", (socket) => {
      report("connection", { server: index, remotePublicKey: hex(socket.remotePublicKey) });
      watch(socket, { echo });
    });
    await server.listen(keyPairOf(seed));
    return {
      server: index,
      publicKey: hex(server.publicKey),
      relayAddresses: server.relayAddresses,
      address: hex(address.encode(server.publicKey, server.relayAddresses)),
    };
  },
  address({ node }) {
    const { firewalled, ephemeral } = nodes[node];
    return { port: nodes[node].address().port, firewalled, ephemeral };
  },
  async closeServer({ server }) {
    await servers[server].close();
  },
  relayServer({ node, seed }) {
    const relays = new relay.Server({ createStream: (options) => nodes[node].createRawStream(options) });
    const server = nodes[node].createServer({ shareLocalAddress: false }, (socket) => {
      const session = relays.accept(socket, { id: socket.remotePublicKey });
      session.on("pair", () => report("relay-pair"));
      session.on("error", () => {});
    });
    servers.push(server);
    return server.listen(keyPairOf(seed)).then(() => ({ publicKey: hex(server.publicKey) }));
  },
  async connect({ node, target, text, echo, relayThrough, ...options }) {
    const socket = nodes[node].connect(bytes(target), {
      ...options,
      relayThrough: relayThrough ? bytes(relayThrough) : null,
    });
    const index = watch(socket, { echo });
    if (text) socket.write(text);
    await socket.opened;
    return { socket: index, connected: socket.connected, handshakeHash: hex(socket.handshakeHash) };
  },
  write({ socket, text }) {
    sockets[socket].write(text);
  },
  path({ socket }) {
    const { remotePort, rtt } = sockets[socket].rawStream;
    return { remotePort, rtt };
  },
  end({ socket }) {
    sockets[socket].end();
  },
  async announce({ node, topic, seed, relayAddresses = [], ...options }) {
    const query = nodes[node].announce(bytes(topic), keyPairOf(seed), relayAddresses, options);
    await query.finished();
    return { closest: query.closestNodes.length };
  },
  async unannounce({ node, topic, seed }) {
    await nodes[node].unannounce(bytes(topic), keyPairOf(seed));
  },
  async lookup({ node, topic }) {
    const found = new Map();
    let bump = 0;
    for await (const data of nodes[node].lookup(bytes(topic))) {
      bump = Math.max(bump, data.bump);
      for (const peer of data.peers) found.set(hex(peer.publicKey), peer.relayAddresses);
    }
    return {
      peers: Array.from(found, ([publicKey, relayAddresses]) => ({ publicKey, relayAddresses })),
      bump,
    };
  },
  async findPeer({ node, publicKey }) {
    const found = [];
    for await (const { from, peer } of nodes[node].findPeer(bytes(publicKey))) {
      found.push({ port: from.port, publicKey: hex(peer.publicKey) });
    }
    return { found };
  },
  async immutablePut({ node, value }) {
    return { hash: hex((await nodes[node].immutablePut(bytes(value))).hash) };
  },
  async immutableGet({ node, hash }) {
    return { value: hex((await nodes[node].immutableGet(bytes(hash)))?.value) };
  },
  async mutablePut({ node, seed, value, seq }) {
    const { signature } = await nodes[node].mutablePut(keyPairOf(seed), bytes(value), { seq });
    return { signature: hex(signature) };
  },
  async mutableGet({ node, publicKey, ...options }) {
    const result = await nodes[node].mutableGet(bytes(publicKey), options);
    return { seq: result?.seq ?? null, value: hex(result?.value), signature: hex(result?.signature) };
  },
  async rawEcho({ socket, remoteId }) {
    const stream = sockets[socket];
    const raw = nodes[0].createRawStream();
    DHT.connectRawStream(stream, raw, remoteId);
    raw.on("data", (data) => raw.write(data));
    raw.on("end", () => raw.end());
    raw.on("error", () => {});
    return { rawId: raw.id };
  },
  async suspend({ node }) {
    await nodes[node].suspend();
  },
  async resume({ node }) {
    await nodes[node].resume();
  },
  async destroyNode({ node, force }) {
    await nodes[node].destroy({ force });
  },
  async exit() {
    for (const node of nodes) await node.destroy({ force: true });
    process.exit(0);
  },
};

serveCommands(commands);

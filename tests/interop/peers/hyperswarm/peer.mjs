/**
 * Any number of npm swarms in one process, told what to do line by line; each command is answered by one line. Swarms
 * answer every message of a connection with the same message in capitals, and report connections and messages.
 */
import Hyperswarm from "hyperswarm";
import createTestnet from "hyperdht/testnet.js";
import DHT from "hyperdht";
import Hypercore from "hypercore";
import { serveCommands } from "../commands.mjs";
import { hex, report } from "../report.mjs";

const bytes = (text) => Buffer.from(text, "hex");
const swarms = [];
const sessions = [];
const cores = [];
let testnet = null;

const commands = {
  async testnet({ size, bootstrap }) {
    testnet = await createTestnet(size, { bootstrap });
    return testnet.bootstrap;
  },
  async swarm({ bootstrap, seed, ...options }) {
    const keyPair = DHT.keyPair(Buffer.alloc(32, seed));
    const swarm = new Hyperswarm({ ...options, keyPair, dht: new DHT({ bootstrap, host: "127.0.0.1" }) });
    const index = swarms.push(swarm) - 1;
    swarm.on("connection", (socket, info) => {
      const remote = hex(socket.remotePublicKey);
      socket.on("error", () => {});
      if (cores[index]) return cores[index].replicate(socket);
      socket.on("data", (data) => {
        const text = data.toString();
        report("message", { swarm: index, remote, text });
        if (text !== text.toUpperCase()) socket.write(text.toUpperCase());
      });
      socket.on("close", () => report("close", { swarm: index, remote }));
      report("connection", { swarm: index, remote, client: info.client, topics: info.topics.map(hex) });
    });
    return { swarm: index, publicKey: hex(keyPair.publicKey) };
  },
  async core({ swarm, folder, key, blocks }) {
    const core = new Hypercore(folder, key ? bytes(key) : null, { valueEncoding: "utf-8" });
    await core.ready();
    if (blocks) await core.append(blocks);
    cores[swarm] = core;
    return { key: hex(core.key), discoveryKey: hex(core.discoveryKey) };
  },
  async append({ swarm, blocks }) {
    await cores[swarm].append(blocks);
  },
  async read({ swarm, count }) {
    const core = cores[swarm];
    await core.update({ wait: true });
    return await Promise.all(Array.from({ length: count }, (_, index) => core.get(index)));
  },
  async join({ swarm, topic, ...options }) {
    const session = swarms[swarm].join(bytes(topic), options);
    sessions[swarm] = session;
    await session.flushed();
  },
  async flush({ swarm }) {
    return await swarms[swarm].flush();
  },
  joinPeer({ swarm, publicKey }) {
    swarms[swarm].joinPeer(bytes(publicKey));
  },
  async listen({ swarm }) {
    await swarms[swarm].listen();
  },
  say({ swarm, text }) {
    for (const socket of swarms[swarm].connections) socket.write(text);
  },
  connections: ({ swarm }) =>
    Array.from(
      swarms[swarm].connections,
      (socket) => ({ remote: hex(socket.remotePublicKey), isInitiator: socket.isInitiator }),
    ),
  async leave({ swarm, topic }) {
    await swarms[swarm].leave(bytes(topic));
  },
  async lookup({ swarm, topic }) {
    const found = new Set();
    for await (const { peers } of swarms[swarm].dht.lookup(bytes(topic))) {
      for (const { publicKey } of peers) found.add(hex(publicKey));
    }
    return Array.from(found);
  },
  async destroy({ swarm }) {
    await swarms[swarm].destroy();
  },
};

serveCommands(commands);

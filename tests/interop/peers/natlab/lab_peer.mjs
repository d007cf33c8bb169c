/**
 * A program on a host of the NAT laboratory: nodes, servers and connections by lines of JSON. It knows nothing of who
 * made the packages it is given, so both makes are measured by the same code.
 */

/** How long a connect may take. */
const CONNECT_TIMEOUT_MS = 60_000;

/** Between two beats of a connection that is watched. */
const BEAT_MS = 100;

/** Between two attempts to get a lost connection back. */
const RECONNECT_MS = 250;

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (text) => Uint8Array.from(text.match(/../g), (pair) => Number.parseInt(pair, 16));

/**
 * Serves commands until there are no more lines.
 *
 * @param {object} make HyperDHT and the blind relay's module of one make, `toBuffer` for buffers it accepts, and
 *   `toOptions` for options of nodes that lines cannot carry
 * @param {(message: object) => void} say prints an event
 * @param {AsyncIterable<string>} lines commands
 */
export async function servePeer({ HyperDHT, relay, toBuffer, toOptions = (options) => options }, say, lines) {
  const nodes = new Map();
  const watched = new Map();

  /** Options as they come over the line: keys in hex. */
  function connectOptions({ relayThrough, ...rest }) {
    return relayThrough ? { ...rest, relayThrough: toBuffer(unhex(relayThrough)) } : rest;
  }

  function remoteOf(stream) {
    const raw = stream.rawStream;
    return raw ? `${raw.remoteHost}:${raw.remotePort}` : null;
  }

  function echo(stream) {
    stream.on("data", (data) => stream.write(data));
    stream.on("end", () => stream.end());
    stream.on("error", () => {});
  }

  const commands = {
    async start({ id, bootstrapper, options }) {
      const dht = bootstrapper
        ? HyperDHT.bootstrapper(bootstrapper.port, bootstrapper.host)
        : new HyperDHT(toOptions(options));
      nodes.set(id, dht);
      const startMs = performance.now();
      await dht.fullyBootstrapped();
      const ms = performance.now() - startMs;
      const { firewalled, host, port } = dht;
      say({ event: "started", id, ms, firewalled, host, port });
    },

    async relay({ id }) {
      const dht = nodes.get(id);
      const blind = new relay.Server({
        createStream: (options) => dht.createRawStream({ ...options, framed: true }),
      });
      const server = dht.createServer((stream) => {
        blind.accept(stream, { id: stream.remotePublicKey }).on("error", () => {});
        stream.on("error", () => {});
      });
      await server.listen();
      say({ event: "listening", id, key: hex(server.publicKey) });
    },

    async listen({ id, options }) {
      const server = nodes.get(id).createServer(connectOptions(options ?? {}), (stream) => {
        say({ event: "connection", id, remote: remoteOf(stream) });
        stream.rawStream.on("remote-changed", () => say({ event: "upgraded", id, remote: remoteOf(stream) }));
        echo(stream);
      });
      await server.listen();
      say({ event: "listening", id, key: hex(server.publicKey) });
    },

    /** Connects once, sends a few bytes there and back, and closes. */
    connect({ id, key, options, holdMs = 0 }) {
      const dht = nodes.get(id);
      const startMs = performance.now();
      const stream = dht.connect(toBuffer(unhex(key)), connectOptions(options ?? {}));
      let openMs = null;
      let echoMs = null;
      let upgradedMs = null;
      let error = null;
      let first = null;
      const timer = setTimeout(() => {
        error = "TOO_SLOW";
        stream.destroy();
      }, CONNECT_TIMEOUT_MS);
      stream.on("open", () => {
        openMs = performance.now() - startMs;
        first = remoteOf(stream);
        stream.rawStream.on("remote-changed", () => upgradedMs ??= performance.now() - startMs);
        stream.write(toBuffer(new Uint8Array([1, 2, 3, 4])));
      });
      stream.on("data", () => {
        echoMs ??= performance.now() - startMs;
        clearTimeout(timer);
        setTimeout(() => stream.end(), holdMs);
      });
      stream.on("error", (reason) => error ??= reason.code ?? String(reason));
      stream.on("close", () => {
        clearTimeout(timer);
        const ms = performance.now() - startMs;
        const isOk = echoMs !== null;
        say({ event: "connected", id, isOk, openMs, echoMs, upgradedMs, ms, error, remote: first });
      });
    },

    /** Keeps a connection and says when it is silent, lost and back. */
    watch({ id, key, options }) {
      const dht = nodes.get(id);
      const entry = { isOver: false, stream: null };
      watched.set(id, entry);
      let lastMs = performance.now();
      let isSilent = false;
      let attempts = 0;
      entry.report = () => say({ event: "report", id, attempts, sinceMs: performance.now() - lastMs });
      const open = () => {
        attempts++;
        const stream = entry.stream = dht.connect(toBuffer(unhex(key)), connectOptions(options ?? {}));
        let error = null;
        let timer;
        stream.on("open", () => {
          timer = setInterval(() => {
            if (performance.now() - lastMs > 5 * BEAT_MS) isSilent = true;
            stream.write(toBuffer(new Uint8Array([7])));
          }, BEAT_MS);
          stream.rawStream.on("remote-changed", () => say({ event: "moved", id, remote: remoteOf(stream) }));
          if (attempts === 1) lastMs = performance.now();
          say({ event: "open", id, attempts, remote: remoteOf(stream) });
        });
        stream.on("data", () => {
          const nowMs = performance.now();
          if (isSilent) say({ event: "back", id, silentMs: nowMs - lastMs, attempts });
          isSilent = false;
          lastMs = nowMs;
        });
        stream.on("error", (reason) => error = reason.code ?? String(reason));
        stream.on("close", () => {
          clearInterval(timer);
          if (entry.isOver) return;
          isSilent = true;
          say({ event: "lost", id, error, silentMs: performance.now() - lastMs });
          setTimeout(() => entry.isOver || open(), RECONNECT_MS);
        });
      };
      open();
    },

    /** How long a watched connection has been silent, and how often it was made. */
    report({ id }) {
      watched.get(id).report();
    },

    unwatch({ id }) {
      const entry = watched.get(id);
      entry.isOver = true;
      entry.stream.destroy();
      watched.delete(id);
      say({ event: "unwatched", id });
    },

    async stop({ id }) {
      const dht = nodes.get(id);
      nodes.delete(id);
      await dht.destroy({ force: true });
      say({ event: "stopped", id });
    },

    stats({ id }) {
      say({ event: "stats", id, punches: nodes.get(id).stats.punches });
    },
  };

  say({ event: "ready" });
  for await (const line of lines) {
    const { command, ...rest } = JSON.parse(line);
    const failed = (error) =>
      say({ event: "failed", command, id: rest.id, message: error?.stack ?? String(error) });
    try {
      Promise.resolve(commands[command](rest)).catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

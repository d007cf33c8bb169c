/**
 * Checks which parts of connecting to peers work here, one after the other.
 *
 * @module
 */
import { QuinceError } from "../../base/mod.ts";
import { BlindRelayClient } from "../../blind_relay/mod.ts";
import { HyperDHT, type SecretStream } from "../../hyperdht/mod.ts";
import { explainCode } from "./advice.ts";
import { type Finding, finding } from "./finding.ts";

/** Options of {@linkcode examine}. */
export interface DoctorOptions {
  /**
   * Makes a node as the user's program would: the one that is examined, and another one that connects to it, which
   * cannot have the same port. Both are destroyed at the end.
   */
  readonly createNode: (use: "examined" | "other") => HyperDHT;
  /** A peer to connect to, its public key. */
  readonly peer?: Uint8Array | null;
  /** A blind relay to connect to, its public key. */
  readonly relay?: Uint8Array | null;
  /** How long each step may take, ms (default 20 000). */
  readonly timeoutMs?: number;
  /** Ends the checks; the generator throws its reason. */
  readonly signal?: AbortSignal;
}

/** Within which bounds a step is made. */
interface StepLimits {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

const STEP_TIMEOUT_MS = 20_000;
const POLITE_END_MS = 1000;
/** How long a relay may take to open its channel, ms. */
const RELAY_ANSWER_MS = 5000;
const NET_ADVICE = "Run with --allow-net; peers have any address, so it cannot be narrowed to some hosts.";

/** Makes the checks and tells each finding as soon as it is made; stops where nothing further can work. */
export async function* examine(options: DoctorOptions): AsyncGenerator<Finding> {
  const { timeoutMs = STEP_TIMEOUT_MS, signal } = options;
  const limits = { timeoutMs, signal };
  signal?.throwIfAborted();
  await using nodes = new AsyncDisposableStack();
  const node = nodes.use(options.createNode("examined"));
  const bound = await checkBinding(node);
  yield bound;
  if (bound.status === "failed") return;
  const bootstrapped = await checkBootstrap(node, limits);
  yield bootstrapped;
  if (bootstrapped.status === "failed") return;
  yield checkNAT(node);
  yield checkLAN(node);
  yield await checkReachable(node, nodes.use(options.createNode("other")), limits);
  yield await checkPeer("peer", node, options.peer ?? null, limits);
  yield await checkPeer("relay", node, options.relay ?? null, limits);
}

async function checkBinding(node: HyperDHT): Promise<Finding> {
  try {
    await node.bind();
    const { host, port } = node.address()!;
    return finding("bind", "ok", `UDP sockets are bound, the first to ${host}:${port}`, { host, port });
  } catch (error) {
    const code = codeOf(error);
    const advice = code === "ERR_PERMISSION"
      ? NET_ADVICE
      : code === "EADDRINUSE"
      ? "Give another --port, or end the program that has it."
      : "Check that --host is an address of this machine and that UDP is allowed.";
    return finding("bind", "failed", `No UDP socket can be bound: ${messageOf(error)}`, { code }, advice);
  }
}

async function checkBootstrap(node: HyperDHT, { timeoutMs, signal }: StepLimits): Promise<Finding> {
  const startedMs = performance.now();
  const bootstrap = node.bootstrapNodes.map(({ host, port }) => `${host}:${port}`);
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    await node.fullyBootstrapped({ signal: signal ? AbortSignal.any([timeout, signal]) : timeout });
  } catch (error) {
    signal?.throwIfAborted();
    return notBootstrapped(bootstrap, { code: codeOf(error) }, node.refusal);
  }
  const nodeCount = node.toArray().length;
  const durationMs = Math.round(performance.now() - startedMs);
  if (nodeCount === 0 && node.stats.requests.responses > 0) {
    return finding(
      "bootstrap",
      "failed",
      "Nodes answer, and none of them is persistent, so that nobody keeps what is announced",
      { bootstrap, nodeCount, durationMs },
      "A network needs a persistent node: run `quince dht --bootstrap` on a machine that all others reach.",
    );
  }
  if (nodeCount === 0) return notBootstrapped(bootstrap, { durationMs }, node.refusal);
  const nodes = nodeCount === 1 ? "1 node is" : `${nodeCount} nodes are`;
  const summary = `The network answers: ${nodes} known after ${durationMs} ms`;
  return finding("bootstrap", "ok", summary, { bootstrap, nodeCount, durationMs });
}

function notBootstrapped(
  bootstrap: readonly string[],
  details: Readonly<Record<string, unknown>>,
  refusal: Error | null,
): Finding {
  if (refusal !== null) {
    const summary = `No node of the network was asked: ${refusal.message}`;
    return finding("bootstrap", "failed", summary, { bootstrap, code: codeOf(refusal) }, NET_ADVICE);
  }
  return finding(
    "bootstrap",
    "failed",
    `No node of the network answers, of ${bootstrap.join(", ") || "no bootstrap nodes"}`,
    { bootstrap, ...details },
    "UDP may be blocked: try another network, and look at the firewall of this machine and router. For a private " +
      "network give --bootstrap host:port of a node that runs.",
  );
}

function checkNAT(node: HyperDHT): Finding {
  const { host, port, firewalled, randomized } = node;
  const details = { host, port, firewalled, randomized };
  if (host === null) {
    return finding(
      "nat",
      "warning",
      "The nodes do not agree on our address, so the kind of NAT is not known",
      details,
      "Try again in a minute; with few nodes in the network it may stay so.",
    );
  }
  if (!firewalled) {
    return finding("nat", "ok", `This machine can be reached by anyone, at ${host}:${port}`, details);
  }
  if (randomized) {
    return finding(
      "nat",
      "warning",
      `The router gives every destination another port of ${host}: peers behind such a router cannot be reached`,
      details,
      "Use a relay (relayThrough) for those peers, or forward a UDP port on the router and give it as --port.",
    );
  }
  const summary = `We are seen as ${host}:${port} by everyone: holes can be punched to most peers`;
  return finding("nat", "ok", summary, details);
}

function checkLAN(node: HyperDHT): Finding {
  const { host } = node.address()!;
  if (host.startsWith("127.")) {
    const summary = `We are bound to ${host}, so peers in the same network cannot come directly`;
    return finding("lan", "warning", summary, { hosts: [] }, "Leave --host out, or give it a LAN address.");
  }
  try {
    const hosts = node.udx.networkInterfaces()
      .filter(({ family, internal }) => family === 4 && !internal)
      .map(({ host }) => host);
    if (hosts.length > 0) {
      const summary = `Peers in the same network can come directly, at ${hosts.join(", ")}`;
      return finding("lan", "ok", summary, { hosts });
    }
    const summary = "This machine has no address in a local network";
    return finding("lan", "warning", summary, { hosts }, "Connect it to a network for peers nearby.");
  } catch (error) {
    return finding(
      "lan",
      "warning",
      "The addresses of this machine cannot be listed, so peers in the same network are not told of them",
      { code: codeOf(error) },
      "Run with --allow-sys=networkInterfaces.",
    );
  }
}

/** A second node connects to a server on the first one by its key, which takes the whole way but the distance. */
async function checkReachable(node: HyperDHT, other: HyperDHT, limits: StepLimits): Promise<Finding> {
  const server = node.createServer((socket) => {
    socket.on("error", () => {}); // the other end tells
    socket.end();
  });
  try {
    await server.listen(HyperDHT.keyPair(), { signal: limits.signal });
    const startedMs = performance.now();
    await openAndClose(other.connect(server.publicKey!, { signal: limits.signal }), limits.timeoutMs);
    const durationMs = Math.round(performance.now() - startedMs);
    const summary = `A server here is found and connected by its key, in ${durationMs} ms`;
    return finding("reachable", "ok", summary, { durationMs });
  } catch (error) {
    limits.signal?.throwIfAborted();
    return failedConnect("reachable", "A server on this machine cannot be connected to by its key", error);
  } finally {
    await server.close();
  }
}

async function checkPeer(
  stage: "peer" | "relay",
  node: HyperDHT,
  publicKey: Uint8Array | null,
  { timeoutMs, signal }: StepLimits,
): Promise<Finding> {
  const name = stage === "peer" ? "The peer" : "The relay";
  if (publicKey === null) {
    const flag = stage === "peer" ? "--peer" : "--relay";
    return finding(stage, "skipped", `${name} was not checked: give its key with ${flag}`);
  }
  const startedMs = performance.now();
  const socket = node.connect(publicKey, { signal });
  let durationMs = 0;
  let isRight = true;
  try {
    const path = await openAndClose(socket, timeoutMs, async () => {
      durationMs = Math.round(performance.now() - startedMs);
      if (stage === "relay") isRight = await isRelay(socket);
    });
    if (!isRight) {
      const summary = `The peer with this key is connected in ${durationMs} ms, and is no relay`;
      return finding(
        stage,
        "failed",
        summary,
        { durationMs, path },
        "Check the key: `quince relay` prints it.",
      );
    }
    const summary = `${name} is connected in ${durationMs} ms, at ${path ?? "an unknown address"}`;
    return finding(stage, "ok", summary, { durationMs, path });
  } catch (error) {
    signal?.throwIfAborted();
    return failedConnect(stage, `${name} cannot be connected`, error);
  }
}

/** Whether a relay answers on an open connection: it opens the channel that relays have. */
async function isRelay(socket: SecretStream): Promise<boolean> {
  const client = BlindRelayClient.from(socket, { id: socket.publicKey });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), RELAY_ANSWER_MS);
  client.on("open", () => resolve(true));
  client.on("close", () => resolve(false));
  client.on("destroy", () => resolve(false));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    client.destroy();
  }
}

/**
 * Resolves, once the connection has been open, `whileOpen` has ended and it is closed again, with the address that it
 * went to.
 */
async function openAndClose(
  socket: SecretStream,
  timeoutMs: number,
  whileOpen = (): Promise<void> => Promise.resolve(),
): Promise<string | null> {
  let failure: Error | null = null;
  const closed = new Promise<void>((resolve) => socket.once("close", resolve));
  socket.on("error", (error: Error) => failure = error);
  const timer = setTimeout(
    () => socket.destroy(new QuinceError("ETIMEDOUT", "Nothing came in time")),
    timeoutMs,
  );
  try {
    const isOpen = await socket.opened;
    const { remoteHost, remotePort } = socket.rawStream ?? {};
    if (!isOpen) {
      await closed;
      throw failure ?? new QuinceError("PEER_CONNECTION_FAILED", "It closed at once");
    }
    await whileOpen();
    await endPolitely(socket, closed);
    return remoteHost ? `${remoteHost}:${remotePort}` : null;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** Ends the connection; a peer that does not end its side gets a second, not the whole step's time. */
async function endPolitely(socket: SecretStream, closed: Promise<void>): Promise<void> {
  const timer = setTimeout(() => socket.destroy(), POLITE_END_MS);
  socket.end();
  socket.resume();
  await closed;
  clearTimeout(timer);
}

function failedConnect(stage: "reachable" | "peer" | "relay", what: string, error: unknown): Finding {
  const code = codeOf(error);
  const { summary, advice } = explainCode(code);
  const report = (error as { report?: unknown } | null)?.report ?? null;
  return finding(stage, "failed", `${what}: ${summary}`, { code, message: messageOf(error), report }, advice);
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : error instanceof Error ? error.name : "unknown";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

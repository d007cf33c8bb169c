/**
 * Every kind of NAT with every other: who connects, and how fast.
 *
 * @module
 */
import type { NodePeer } from "../helpers/node_peer.ts";
import { Lab, type Make } from "./lab.ts";

/** A kind of home. */
export interface Kind {
  /** What `natlab` calls it. */
  readonly topology: string;
  /** Whether its ports are random. */
  readonly isRandom?: true;
  /**
   * Whether its router answers what nobody asked for, as Linux does by itself. It remembers such datagrams, and an
   * answer to one gets another port.
   */
  readonly isAnswering?: true;
}

/** Kinds of homes. */
export const KINDS: Readonly<Record<string, Kind>> = {
  "open": { topology: "open" },
  "firewall": { topology: "firewall" },
  "full-cone": { topology: "full-cone" },
  "restricted-cone": { topology: "restricted-cone" },
  "port-restricted": { topology: "port-restricted" },
  "remap": { topology: "port-restricted,remap" },
  "double": { topology: "double" },
  "symmetric": { topology: "symmetric", isRandom: true },
  "cgn-symmetric": { topology: "port-restricted+symmetric", isRandom: true },
  "answering": { topology: "port-restricted", isAnswering: true },
};

/** The kinds of the matrix: routers that drop what nobody asked for. */
export const MATRIX_KINDS: readonly string[] = Object.keys(KINDS).filter((kind) => !KINDS[kind]!.isAnswering);

/** One connect. */
export interface Try {
  /** Kind of the client's home. */
  readonly client: string;
  /** Kind of the server's home. */
  readonly server: string;
  /** Whether bytes went there and back. */
  readonly isOk: boolean;
  /** Until the connection was open, ms. */
  readonly openMs: number | null;
  /** Until it went from the relay to a direct path, ms. */
  readonly upgradedMs: number | null;
  /** The code of the failure. */
  readonly error: string | null;
  /** Until it was over, ms. */
  readonly ms: number;
  /** The server's address as the connection first had it. */
  readonly remote: string | null;
}

/** What to run. */
export interface MatrixOptions {
  /** Make of the clients. */
  readonly client: Make;
  /** Make of the servers. */
  readonly server: Make;
  /** Makes of the public nodes, one each; at least eight let NATs be sampled well. */
  readonly nodes: readonly Make[];
  /** Pairs of kinds, client first. */
  readonly pairs: readonly (readonly [string, string])[];
  /** Tries of each pair. */
  readonly tries: number;
  /** Whether clients ask for a blind relay; the make of the relay then. */
  readonly relay?: Make;
  /** How long connections are held, for upgrades to show. */
  readonly holdMs?: number;
  /** Which of the runtime's sockets Quince uses. */
  readonly backend?: "auto" | "deno" | "node";
  /** Told of each try. */
  readonly onTry?: (result: Try) => void;
}

/** Name of the host of a home; those of the tool are short. */
function hostOf(side: "client" | "server", kind: string): string {
  return `${side}${Object.keys(KINDS).indexOf(kind)}`;
}

/** Port of the first public node. */
const BOOTSTRAP_PORT = 49737;

/** All pairs of `kinds`. */
export function allPairs(kinds: readonly string[] = MATRIX_KINDS): (readonly [string, string])[] {
  return kinds.flatMap((client) => kinds.map((server) => [client, server] as const));
}

/** Runs the tries: as many pairs at a time as have different hosts. */
export async function runMatrix(options: MatrixOptions): Promise<Try[]> {
  const { pairs, tries } = options;
  const clients = unique(pairs.map(([client]) => client));
  const servers = unique(pairs.map(([, server]) => server));
  const publicCount = options.nodes.length + (options.relay ? 1 : 0);
  await using lab = await Lab.up([
    `public=${publicCount}`,
    ...clients.map((kind) => `${hostOf("client", kind)}=${KINDS[kind]!.topology}`),
    ...servers.map((kind) => `${hostOf("server", kind)}=${KINDS[kind]!.topology}`),
  ].join(" "));
  const bootstrap = await startNodes(lab, options.nodes);
  const relayThrough = options.relay ? await startRelay(lab, options.relay, publicCount, bootstrap) : null;
  const hosts = new Map<string, NodePeer>();
  const start = async (host: string, make: Make): Promise<void> => {
    hosts.set(host, await lab.start(host, make));
  };
  await Promise.all([
    ...clients.map((kind) => start(hostOf("client", kind), options.client)),
    ...servers.map((kind) => start(hostOf("server", kind), options.server)),
  ]);
  const pending = Array.from({ length: tries }, () => pairs).flat();
  return await runWhileFree(pending, async ([client, server]) => {
    const result = await runTry({ lab, hosts, bootstrap, relayThrough, options, client, server });
    options.onTry?.(result);
    return result;
  });
}

/** Tries at the same time: more would measure the processor. */
const PARALLEL_TRIES = 4;

/** Runs all pairs, each as soon as neither of its homes is in use. */
async function runWhileFree(
  pairs: readonly (readonly [string, string])[],
  run: (pair: readonly [string, string]) => Promise<Try>,
): Promise<Try[]> {
  const pending = new Set(pairs.map(([client, server]) => ({ client, server })));
  const busyClients = new Set<string>();
  const busyServers = new Set<string>();
  const running = new Set<Promise<void>>();
  const results: Try[] = [];
  while (pending.size > 0 || running.size > 0) {
    for (const pair of pending) {
      const { client, server } = pair;
      if (running.size === PARALLEL_TRIES) break;
      if (busyClients.has(client) || busyServers.has(server)) continue;
      pending.delete(pair);
      busyClients.add(client);
      busyServers.add(server);
      const job = run([client, server]).then((result) => {
        results.push(result);
        busyClients.delete(client);
        busyServers.delete(server);
        running.delete(job);
      });
      running.add(job);
    }
    await Promise.race(running);
  }
  return results;
}

/** Starts one public node per make on `pub1`, `pub2`, … and gives the bootstrap address. */
export async function startNodes(lab: Lab, makes: readonly Make[]): Promise<string[]> {
  const host = lab.publicAddress("pub1");
  const bootstrap = [`${host}:${BOOTSTRAP_PORT}`];
  for (const [i, make] of makes.entries()) {
    const node = await lab.start(`pub${i + 1}`, make);
    const isFirst = i === 0;
    await ask(node, {
      command: "start",
      id: "node",
      ...(isFirst ? { bootstrapper: { host, port: BOOTSTRAP_PORT } } : {
        options: { bootstrap, ephemeral: false, firewalled: false, port: BOOTSTRAP_PORT },
      }),
    }, "started");
  }
  return bootstrap;
}

async function startRelay(
  lab: Lab,
  make: Make,
  publicNumber: number,
  bootstrap: readonly string[],
): Promise<string> {
  const peer = await lab.start(`pub${publicNumber}`, make);
  await ask(peer, { command: "start", id: "relay", options: { bootstrap } }, "started");
  return await ask(peer, { command: "relay", id: "relay" }, "listening").then(({ key }) => key as string);
}

/** Sends a command and waits for its event; a failure of the program is thrown. */
export async function ask(
  peer: NodePeer,
  message: { readonly command: string; readonly [field: string]: unknown },
  event: string,
): Promise<{ readonly [field: string]: unknown }> {
  await peer.send(message);
  return await peer.next(event);
}

interface TryContext {
  readonly lab: Lab;
  readonly hosts: ReadonlyMap<string, NodePeer>;
  readonly bootstrap: readonly string[];
  readonly relayThrough: string | null;
  readonly options: MatrixOptions;
  readonly client: string;
  readonly server: string;
}

/** One connect between nodes that are new, through NATs that know nothing of earlier ones. */
async function runTry(context: TryContext): Promise<Try> {
  const { lab, hosts, bootstrap, relayThrough, options, client, server } = context;
  const [clientHost, serverHost] = [hostOf("client", client), hostOf("server", server)];
  const [from, to] = [hosts.get(clientHost)!, hosts.get(serverHost)!];
  await Promise.all([forget(lab, clientHost, client), forget(lab, serverHost, server)]);
  const { backend } = options;
  const nodeOptions = (make: Make) => make === "quince" && backend ? { bootstrap, backend } : { bootstrap };
  const [, key] = await Promise.all([
    ask(from, { command: "start", id: "c", options: nodeOptions(options.client) }, "started"),
    ask(to, { command: "start", id: "s", options: nodeOptions(options.server) }, "started")
      .then(() => ask(to, { command: "listen", id: "s" }, "listening"))
      .then(({ key }) => key),
  ]);
  const connect = {
    command: "connect",
    id: "c",
    key,
    holdMs: options.holdMs ?? 0,
    options: relayThrough ? { relayThrough } : {},
  };
  const { isOk, openMs, upgradedMs, error, ms, remote } = await ask(from, connect, "connected");
  await Promise.all([
    ask(from, { command: "stop", id: "c" }, "stopped"),
    ask(to, { command: "stop", id: "s" }, "stopped"),
  ]);
  return { client, server, isOk, openMs, upgradedMs, error, ms, remote } as Try;
}

/** Restarts a home's router. */
async function forget(lab: Lab, host: string, kind: string): Promise<void> {
  if (kind === "open") return;
  await lab.command("forget", host);
  if (!KINDS[kind]!.isAnswering) return;
  const accept = ["nft", "chain", "ip", "natlab", "input", "{ policy accept; }"];
  await lab.command("exec", `${host}.nat`, "--", ...accept);
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

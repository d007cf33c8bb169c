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

/** Whose packages take part in a try. */
export interface Makes {
  /** Make of the clients. */
  readonly client: Make;
  /** Make of the servers. */
  readonly server: Make;
  /** Makes of the public nodes, one each; at least eight let NATs be sampled well. */
  readonly nodes: readonly Make[];
  /** Whether clients ask for a blind relay; the make of the relay then. */
  readonly relay?: Make;
}

/** What to run. */
export interface MatrixOptions {
  /** Pairs of kinds, client first. */
  readonly pairs: readonly (readonly [string, string])[];
  /** Tries of each pair. */
  readonly tries: number;
  /** How long connections are held, for upgrades to show. */
  readonly holdMs?: number;
  /** Which of the runtime's sockets Quince uses. */
  readonly backend?: "auto" | "deno" | "node";
  /** Told of each try, with the index of its makes. */
  readonly onTry?: (result: Try, makes: number) => void;
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

/** Runs the tries of one combination of makes. */
export async function runMatrix({ client, server, nodes, relay, ...options }: Makes & MatrixOptions) {
  const [tries] = await runMatrices([{ client, server, nodes, relay }], options);
  return tries!;
}

/**
 * Runs the tries of several combinations of makes, by turns in the same homes, so that all of them meet the same load;
 * as many at a time as have different homes. The results are in the order of `all`.
 */
export async function runMatrices(all: readonly Makes[], options: MatrixOptions): Promise<Try[][]> {
  const { pairs, tries } = options;
  const clients = unique(pairs.map(([client]) => client));
  const servers = unique(pairs.map(([, server]) => server));
  const networks = planNetworks(all);
  await using lab = await Lab.up([
    `public=${networks.reduce((sum, { nodes, relays }) => sum + nodes.length + relays.length, 0)}`,
    ...clients.map((kind) => `${hostOf("client", kind)}=${KINDS[kind]!.topology}`),
    ...servers.map((kind) => `${hostOf("server", kind)}=${KINDS[kind]!.topology}`),
  ].join(" "));
  const sites = await Promise.all(networks.map((network) => startNetwork(lab, network)));
  const peers = new Map<string, NodePeer>();
  const start = async (host: string, make: Make): Promise<void> => {
    peers.set(`${make} on ${host}`, await lab.start(host, make));
  };
  for (const [side, kinds] of [["client", clients], ["server", servers]] as const) {
    for (const make of unique(all.map((makes) => makes[side]))) {
      await Promise.all(kinds.map((kind) => start(hostOf(side, kind), make)));
    }
  }
  const results: Try[][] = all.map(() => []);
  const jobs = Array.from({ length: tries }, () => pairs).flat()
    .flatMap(([client, server]) => all.map((makes, index): Job => ({ client, server, makes, index })));
  await runWhileFree(jobs, async (job) => {
    const { nodes, relay } = job.makes;
    const { bootstrap, relayKeys } = sites[networks.findIndex(({ name }) => name === nodes.join())]!;
    const relayThrough = relay ? relayKeys.get(relay)! : null;
    const result = await runTry({ lab, peers, bootstrap, relayThrough, options, job });
    results[job.index]!.push(result);
    options.onTry?.(result, job.index);
  });
  return results;
}

/** One connect that is to be made. */
interface Job {
  readonly client: string;
  readonly server: string;
  readonly makes: Makes;
  /** Which of all combinations of makes. */
  readonly index: number;
}

/** Public hosts that know each other, and relays among them. */
interface Network {
  readonly name: string;
  /** Number of its first host. */
  readonly first: number;
  readonly nodes: readonly Make[];
  readonly relays: readonly Make[];
}

/** Combinations of makes with the same public nodes share a network. */
function planNetworks(all: readonly Makes[]): Network[] {
  const networks: Network[] = [];
  let first = 1;
  for (const name of unique(all.map(({ nodes }) => nodes.join()))) {
    const members = all.filter(({ nodes }) => nodes.join() === name);
    const relays = unique(members.flatMap(({ relay }) => relay ? [relay] : []));
    const { nodes } = members[0]!;
    networks.push({ name, first, nodes, relays });
    first += nodes.length + relays.length;
  }
  return networks;
}

async function startNetwork(lab: Lab, { first, nodes, relays }: Network) {
  const bootstrap = await startNodes(lab, nodes, first);
  const relayKeys = new Map<Make, string>();
  for (const [i, make] of relays.entries()) {
    relayKeys.set(make, await startRelay(lab, make, first + nodes.length + i, bootstrap));
  }
  return { bootstrap, relayKeys };
}

/** Tries at the same time: more would measure the processor. */
const PARALLEL_TRIES = 4;

/** Runs all jobs, each as soon as neither of its homes is in use. */
async function runWhileFree(jobs: readonly Job[], run: (job: Job) => Promise<void>): Promise<void> {
  const pending = new Set(jobs);
  const busyClients = new Set<string>();
  const busyServers = new Set<string>();
  const running = new Set<Promise<void>>();
  while (pending.size > 0 || running.size > 0) {
    for (const job of pending) {
      const { client, server } = job;
      if (running.size === PARALLEL_TRIES) break;
      if (busyClients.has(client) || busyServers.has(server)) continue;
      pending.delete(job);
      busyClients.add(client);
      busyServers.add(server);
      const done = run(job).then(() => {
        busyClients.delete(client);
        busyServers.delete(server);
        running.delete(done);
      });
      running.add(done);
    }
    await Promise.race(running);
  }
}

/** Starts one public node per make on `pub1` (or the host of number `first`) and on; gives the bootstrap address. */
export async function startNodes(lab: Lab, makes: readonly Make[], first = 1): Promise<string[]> {
  const host = lab.publicAddress(`pub${first}`);
  const bootstrap = [`${host}:${BOOTSTRAP_PORT}`];
  for (const [i, make] of makes.entries()) {
    const node = await lab.start(`pub${first + i}`, make);
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
  /** Programs, by make and host. */
  readonly peers: ReadonlyMap<string, NodePeer>;
  readonly bootstrap: readonly string[];
  readonly relayThrough: string | null;
  readonly options: MatrixOptions;
  readonly job: Job;
}

/** One connect between nodes that are new, through NATs that know nothing of earlier ones. */
async function runTry({ lab, peers, bootstrap, relayThrough, options, job }: TryContext): Promise<Try> {
  const { client, server, makes } = job;
  const [clientHost, serverHost] = [hostOf("client", client), hostOf("server", server)];
  const from = peers.get(`${makes.client} on ${clientHost}`)!;
  const to = peers.get(`${makes.server} on ${serverHost}`)!;
  await Promise.all([forget(lab, clientHost, client), forget(lab, serverHost, server)]);
  const { backend } = options;
  const nodeOptions = (make: Make) => make === "quince" && backend ? { bootstrap, backend } : { bootstrap };
  const [, key] = await Promise.all([
    ask(from, { command: "start", id: "c", options: nodeOptions(makes.client) }, "started"),
    ask(to, { command: "start", id: "s", options: nodeOptions(makes.server) }, "started")
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

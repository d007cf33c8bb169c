/**
 * What happens to a connection when the network changes under it: each scenario has two homes of its own, and all of
 * them run at the same time.
 *
 * @module
 */
import type { NodePeer, PeerMessage } from "../helpers/node_peer.ts";
import { Lab, type Make } from "./lab.ts";
import { ask, startNodes } from "./matrix.ts";

/** How a connection took it. */
export interface ScenarioResult {
  /** Which scenario. */
  readonly name: string;
  /** Whether bytes went there and back in the end. */
  readonly isBack: boolean;
  /** Whether it was the same connection, not a new one. */
  readonly hasSurvived: boolean;
  /** From the last bytes before to the first ones after, ms; null when there was no silence, or no end of it. */
  readonly silentMs: number | null;
  /** The code that the connection was lost with. */
  readonly error: string | null;
}

/** Hosts of one scenario. */
interface Site {
  readonly lab: Lab;
  /** Name of the client's home. */
  readonly client: string;
  /** Name of the server's home. */
  readonly server: string;
}

/** One scenario. */
export interface Scenario {
  /** What happens. */
  readonly name: string;
  /** Kinds of the two homes. */
  readonly homes: readonly [string, string];
  /** Makes it happen; the network works again when it resolves. */
  readonly act: (site: Site) => Promise<void>;
  /** How long the connection may be silent afterwards, ms. */
  readonly limitMs: number;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function cut(seconds: number): Scenario["act"] {
  return async ({ lab, client }) => {
    await lab.command("cut", `${client}.nat`);
    await wait(seconds * 1000);
    await lab.command("heal", `${client}.nat`);
  };
}

const HOMES = ["port-restricted", "port-restricted"] as const;

/** All scenarios; the names are those of the table in `docs/interop.md`. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "cut of 5 s", homes: HOMES, act: cut(5), limitMs: 30_000 },
  { name: "cut of 20 s", homes: HOMES, act: cut(20), limitMs: 60_000 },
  { name: "cut of 60 s", homes: HOMES, act: cut(60), limitMs: 90_000 },
  {
    name: "the client's public address changes",
    homes: HOMES,
    act: async ({ lab, client }) => void await lab.command("roam", client),
    limitMs: 90_000,
  },
  {
    name: "the server's public address changes",
    homes: HOMES,
    act: async ({ lab, server }) => void await lab.command("roam", server),
    limitMs: 90_000,
  },
  {
    name: "the client moves to another home",
    homes: HOMES,
    act: async ({ lab, client }) => void await lab.command("move", client, "spare"),
    limitMs: 90_000,
  },
  {
    name: "the client's router restarts",
    homes: HOMES,
    act: async ({ lab, client }) => void await lab.command("forget", client),
    limitMs: 90_000,
  },
  {
    name: "the server's router restarts",
    homes: HOMES,
    act: async ({ lab, server }) => void await lab.command("forget", server),
    limitMs: 90_000,
  },
  {
    name: "the router of a symmetric client restarts",
    homes: ["symmetric", "full-cone"],
    act: async ({ lab, client }) => void await lab.command("forget", client),
    limitMs: 90_000,
  },
  {
    name: "5 % loss both ways, for 20 s",
    homes: HOMES,
    act: async ({ lab, client }) => {
      await lab.command("loss", client, "5");
      await wait(20_000);
      await lab.command("loss", client, "0");
    },
    limitMs: 30_000,
  },
];

/** Runs scenarios side by side. */
export async function runScenarios(
  makes: { readonly client: Make; readonly server: Make; readonly nodes: readonly Make[] },
  scenarios: readonly Scenario[] = SCENARIOS,
): Promise<ScenarioResult[]> {
  await using lab = await Lab.up([
    `public=${makes.nodes.length}`,
    "spare=port-restricted",
    ...scenarios.flatMap(({ homes }, i) => [`c${i}=${homes[0]}`, `s${i}=${homes[1]}`]),
  ].join(" "));
  const bootstrap = await startNodes(lab, makes.nodes);
  return await Promise.all(scenarios.map(async (scenario, i) => {
    const site = { lab, client: `c${i}`, server: `s${i}` };
    const server = await lab.start(site.server, makes.server);
    await ask(server, { command: "start", id: "s", options: { bootstrap } }, "started");
    const { key } = await ask(server, { command: "listen", id: "s" }, "listening");
    const client = await lab.start(site.client, makes.client);
    await ask(client, { command: "start", id: "c", options: { bootstrap } }, "started");
    await ask(client, { command: "watch", id: "c", key }, "open");
    return await watchThrough(client, scenario, site);
  }));
}

/** Bytes have to flow for so long before something happens. */
const CALM_MS = 2000;

async function watchThrough(client: NodePeer, scenario: Scenario, site: Site): Promise<ScenarioResult> {
  const { name, act, limitMs } = scenario;
  await wait(CALM_MS);
  await act(site);
  const deadlineMs = performance.now() + limitMs;
  let error: string | null = null;
  let silentMs: number | null = null;
  let isBack = false;
  let attempts = 1;
  // Short silences are not told, so quiet at the end means that all is well.
  while (performance.now() < deadlineMs) {
    await client.send({ command: "report", id: "c" });
    const message = await nextOf(client, ["lost", "back", "report"]);
    if (message.event === "lost") error ??= message.error as string | null;
    if (message.event === "back") silentMs = Math.max(silentMs ?? 0, message.silentMs as number);
    if (message.event !== "report") continue;
    attempts = message.attempts as number;
    isBack = (message.sinceMs as number) < 500;
    if (isBack && performance.now() > deadlineMs - limitMs + SETTLED_MS) break;
    await wait(250);
  }
  await ask(client, { command: "unwatch", id: "c" }, "unwatched");
  return { name, isBack, hasSurvived: attempts === 1 && isBack, silentMs, error };
}

/** A connection that was not harmed by then will not be. */
const SETTLED_MS = 20_000;

async function nextOf(peer: NodePeer, events: readonly string[]): Promise<PeerMessage> {
  for (;;) {
    const message = await peer.next();
    if (events.includes(message.event)) return message;
  }
}

/** How connects went while public nodes were lost. */
export interface LostNodesResult {
  /** Public nodes that were left. */
  readonly left: number;
  /** Whether a connection from before was alive. */
  readonly isAlive: boolean;
  /** Whether a new connect of nodes that had been there before succeeded. */
  readonly isConnected: boolean;
  /** How long it took, ms. */
  readonly ms: number | null;
}

/** Public nodes vanish one by one, the bootstrap node first; two remain. */
export async function runLostNodes(
  makes: { readonly client: Make; readonly server: Make; readonly nodes: readonly Make[] },
): Promise<LostNodesResult[]> {
  await using lab = await Lab.up(`public=${makes.nodes.length} c=port-restricted s=port-restricted`);
  const bootstrap = await startNodes(lab, makes.nodes);
  const [client, server] = await Promise.all([lab.start("c", makes.client), lab.start("s", makes.server)]);
  await ask(server, { command: "start", id: "s", options: { bootstrap } }, "started");
  const { key } = await ask(server, { command: "listen", id: "s" }, "listening");
  await ask(client, { command: "start", id: "c", options: { bootstrap } }, "started");
  await ask(client, { command: "watch", id: "c", key }, "open");
  const results: LostNodesResult[] = [];
  for (let lost = 1; lost <= makes.nodes.length - 2; lost++) {
    await lab.command("cut", `pub${lost}`);
    // An announcer pings its relays each 3 s and looks for others when it has lost some.
    await wait(10_000);
    const connected = await ask(client, { command: "connect", id: "c", key }, "connected");
    const report = await ask(client, { command: "report", id: "c" }, "report");
    results.push({
      left: makes.nodes.length - lost,
      isAlive: report.attempts === 1 && (report.sinceMs as number) < 500,
      isConnected: connected.isOk as boolean,
      ms: connected.openMs as number | null,
    });
  }
  await ask(client, { command: "unwatch", id: "c" }, "unwatched");
  return results;
}

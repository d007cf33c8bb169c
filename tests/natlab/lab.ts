/**
 * A small internet on this machine, by the `natlab` tool: public hosts, homes behind NATs, and programs on them.
 *
 * The tool is the program that `NATLAB` names, else `../shared/natlab/natlab` beside the checkout. It needs root.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { NodePeer } from "../helpers/node_peer.ts";

/** Whose packages a program runs. */
export type Make = "npm" | "quince";

const ROOT = new URL("../../", import.meta.url);

/** Waits of programs in the laboratory: a punch may take 35 s, a connect 60 s. */
const WAIT_TIMEOUT_MS = 90_000;

const PROGRAMS: Readonly<Record<Make, readonly string[]>> = {
  npm: ["node", fileURLToPath(new URL("tests/interop/peers/natlab/npm_peer.mjs", ROOT))],
  quince: [Deno.execPath(), "run", "-A", fileURLToPath(new URL("tests/natlab/quince_peer.ts", ROOT))],
};

/** A laboratory that is up. */
export class Lab implements AsyncDisposable {
  readonly #tool: string;
  readonly #id: string;
  readonly #addresses: Readonly<Record<string, string>>;
  readonly #peers = new Set<NodePeer>();

  private constructor(tool: string, id: string, addresses: Readonly<Record<string, string>>) {
    this.#tool = tool;
    this.#id = id;
    this.#addresses = addresses;
  }

  /** Builds a laboratory. @throws {Error} when the tool is missing or refuses. */
  static async up(topology: string): Promise<Lab> {
    const tool = findTool();
    const id = `q${crypto.randomUUID().slice(0, 8)}`;
    await run(tool, ["--id", id, "up", topology]);
    const env = await run(tool, ["--id", id, "env"]);
    const addresses: Record<string, string> = {};
    for (const [, name, address] of env.matchAll(/NATLAB_(\w+)_PUBLIC='?([\d.]+)/g)) {
      addresses[name!.toLowerCase()] = address!;
    }
    return new Lab(tool, id, addresses);
  }

  /** The address under which the public saw `host` when the laboratory was built. */
  publicAddress(host: string): string {
    const address = this.#addresses[host.toLowerCase().replaceAll("-", "_")];
    if (!address) throw new Error(`No host ${host} in the laboratory`);
    return address;
  }

  /** Runs a command of the tool, such as `roam alice`. */
  command(...args: string[]): Promise<string> {
    return run(this.#tool, ["--id", this.#id, ...args]);
  }

  /** Starts the program of one make on `host` and waits until it takes commands. */
  async start(host: string, make: Make): Promise<NodePeer> {
    const peer = this.startProgram(host, PROGRAMS[make], `${make} on ${host}`);
    await peer.next("ready");
    return peer;
  }

  /** Starts any program on `host` that talks as reference peers do. */
  startProgram(host: string, program: readonly string[], name = host): NodePeer {
    const command = [this.#tool, "--id", this.#id, "exec", host, "--", ...program];
    const peer = NodePeer.startCommand(name, command, { waitTimeoutMs: WAIT_TIMEOUT_MS });
    this.#peers.add(peer);
    return peer;
  }

  /** Ends all programs and takes the laboratory down. */
  async down(): Promise<void> {
    await Promise.all(Array.from(this.#peers, (peer) => peer.close()));
    await this.command("down");
  }

  /** Same as {@linkcode down}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.down();
  }
}

function findTool(): string {
  const path = Deno.env.get("NATLAB") ?? fileURLToPath(new URL("../shared/natlab/natlab", ROOT));
  try {
    Deno.statSync(path);
    return path;
  } catch (cause) {
    throw new Error(`No NAT laboratory at ${path}: set NATLAB to the path of natlab`, { cause });
  }
}

async function run(tool: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(tool, { args: [...args] }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`natlab ${args.join(" ")} failed: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

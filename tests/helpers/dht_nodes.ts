/**
 * Nodes of both makes behind one face, so that a test says who asks whom and nothing else.
 *
 * @module
 */
import { hexBytes, hexText, utf8Bytes, utf8Text } from "../../src/base/mod.ts";
import DHT, {
  type DHTOptions,
  type DHTStats,
  type IncomingRequest,
  type Reply,
} from "../../src/dht_rpc/mod.ts";
import { NodePeer } from "./node_peer.ts";

/** A host and a port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a node says of itself. */
export interface NodeState {
  readonly id: string | null;
  readonly ephemeral: boolean;
  readonly firewalled: boolean;
  readonly host: string | null;
  readonly port: number;
  readonly address: Address;
  readonly remoteAddress: Address | null;
  readonly serverPort: number;
  readonly clientPort: number;
  readonly nodes: readonly Address[];
  readonly stats: DHTStats;
}

/** A reply, its bytes as hexadecimal digits. */
export interface PlainReply {
  readonly from: Address & { readonly id: string | null };
  readonly to: Address;
  readonly token: string | null;
  readonly closerNodes: readonly Address[] | null;
  readonly error: number;
  readonly value: string | null;
}

/** What a query found. */
export interface PlainQuery {
  readonly values: readonly string[];
  readonly closestNodes: readonly Address[];
  readonly successes: number;
  readonly errors: number;
}

/** What to ask, bytes as hexadecimal digits. */
export interface PlainContent {
  readonly token?: string | null;
  readonly target?: string | null;
  readonly command: number;
  readonly value?: string | null;
}

/** Options that both makes take. */
export type PlainOptions = Record<string, unknown>;

/** A node of either make, with the commands of `peers/dht_rpc/nodes.mjs`. */
export interface AnyNode {
  readonly make: "ours" | "npm";
  state(): Promise<NodeState>;
  ping(to: Address, options?: PlainOptions): Promise<PlainReply>;
  delayedPing(to: Address, delayMs: number, options?: PlainOptions): Promise<PlainReply>;
  request(content: PlainContent, to: Address, options?: PlainOptions): Promise<PlainReply>;
  query(content: PlainContent & { readonly target: string }, options?: PlainOptions): Promise<PlainQuery>;
  suspend(): Promise<void>;
  resume(): Promise<void>;
  destroy(): Promise<void>;
}

/** Nodes of both makes that end together. */
export class MixedNodes implements AsyncDisposable {
  readonly #peer: NodePeer = NodePeer.start("dht_rpc/nodes.mjs");
  readonly #ours: DHT[] = [];
  #count = 0;

  /** Starts a node, and resolves when it has bootstrapped. */
  async start(make: AnyNode["make"], options: DHTOptions = {}): Promise<AnyNode> {
    const bound = { host: "127.0.0.1", ...options };
    return make === "ours" ? await this.#startOurs(new DHT(bound)) : await this.#startNpm({ options: bound });
  }

  /** Starts a node that others begin with. */
  async bootstrapper(make: AnyNode["make"], port: number): Promise<AnyNode> {
    const options = { host: "127.0.0.1" };
    return make === "ours"
      ? await this.#startOurs(DHT.bootstrapper(port, "127.0.0.1", options))
      : await this.#startNpm({ bootstrapper: { port, host: "127.0.0.1" }, options });
  }

  /** Same as closing every node. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#ours.map((node) => node.destroy()));
    await this.#peer.close();
  }

  async #startOurs(node: DHT): Promise<AnyNode> {
    this.#ours.push(node);
    serve(node);
    await node.fullyBootstrapped();
    return new OurNode(node);
  }

  async #startNpm(args: Record<string, unknown>): Promise<AnyNode> {
    const node = new NpmNode(`node ${++this.#count}`, this.#peer);
    await node.call("start", args);
    return node;
  }
}

/** A UDP port of the loopback that was free a moment ago. */
export function freePort(): number {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  socket.close();
  return port;
}

class NpmNode implements AnyNode {
  readonly make = "npm";
  readonly #name: string;
  readonly #peer: NodePeer;
  #count = 0;

  constructor(name: string, peer: NodePeer) {
    this.#name = name;
    this.#peer = peer;
  }

  async call<Result>(call: string, args: Record<string, unknown> = {}): Promise<Result> {
    const event = `${this.#name} ${++this.#count}`;
    await this.#peer.send({ call, event, name: this.#name, ...args });
    const { result, error } = await this.#peer.next(event) as unknown as {
      readonly result?: Result;
      readonly error?: { readonly code: string | null; readonly message: string };
    };
    if (error) throw Object.assign(new Error(error.message), { code: error.code });
    return result as Result;
  }

  state(): Promise<NodeState> {
    return this.call("state");
  }

  ping(to: Address, options?: PlainOptions): Promise<PlainReply> {
    return this.call("ping", { to, options });
  }

  delayedPing(to: Address, delayMs: number, options?: PlainOptions): Promise<PlainReply> {
    return this.call("delayedPing", { to, delayMs, options });
  }

  request(content: PlainContent, to: Address, options?: PlainOptions): Promise<PlainReply> {
    return this.call("request", { ...content, to, options });
  }

  query(content: PlainContent & { readonly target: string }, options?: PlainOptions): Promise<PlainQuery> {
    return this.call("query", { ...content, options });
  }

  suspend(): Promise<void> {
    return this.call("suspend");
  }

  resume(): Promise<void> {
    return this.call("resume");
  }

  destroy(): Promise<void> {
    return this.call("destroy");
  }
}

class OurNode implements AnyNode {
  readonly make = "ours";
  readonly #node: DHT;

  constructor(node: DHT) {
    this.#node = node;
  }

  state(): Promise<NodeState> {
    const node = this.#node;
    return Promise.resolve({
      id: node.id && hexText(node.id),
      ephemeral: node.ephemeral,
      firewalled: node.firewalled,
      host: node.host,
      port: node.port,
      address: node.address()!,
      remoteAddress: node.remoteAddress(),
      serverPort: node.io.serverSocket!.address()!.port,
      clientPort: node.io.clientSocket!.address()!.port,
      nodes: node.toArray(),
      stats: structuredClone(node.stats),
    });
  }

  async ping(to: Address, options?: PlainOptions): Promise<PlainReply> {
    return plainReply(await this.#node.ping(to, options));
  }

  async delayedPing(to: Address, delayMs: number, options?: PlainOptions): Promise<PlainReply> {
    return plainReply(await this.#node.delayedPing(to, delayMs, options));
  }

  async request(content: PlainContent, to: Address, options?: PlainOptions): Promise<PlainReply> {
    const { token, target, command, value } = content;
    const request = { command, token: fromHex(token), target: fromHex(target), value: fromHex(value) };
    return plainReply(await this.#node.request(request, to, options));
  }

  async query(
    content: PlainContent & { readonly target: string },
    options?: PlainOptions,
  ): Promise<PlainQuery> {
    const { target, command, value } = content;
    const query = this.#node.query({ target: hexBytes(target), command, value: fromHex(value) }, options);
    const values: string[] = [];
    for await (const reply of query) if (reply.value) values.push(hexText(reply.value));
    return {
      values,
      closestNodes: query.closestNodes.map(({ host, port }) => ({ host, port })),
      successes: query.successes,
      errors: query.errors,
    };
  }

  suspend(): Promise<void> {
    return this.#node.suspend();
  }

  resume(): Promise<void> {
    return this.#node.resume();
  }

  destroy(): Promise<void> {
    return this.#node.destroy();
  }
}

/** Answers as the nodes of `peers/dht_rpc/nodes.mjs` do. */
function serve(node: DHT): void {
  const values = new Map<string, Uint8Array | null>();
  node.on("request", (request: IncomingRequest) => {
    switch (request.command) {
      case 1: {
        const key = hexText(request.target!);
        if (request.token) values.set(key, request.value);
        return request.reply(request.token ? null : values.get(key) ?? null);
      }
      case 2:
        return request.reply(utf8Bytes(`${request.from.host}:${request.from.port}`));
      case 3: {
        const { via, back } = JSON.parse(utf8Text(request.value!));
        if (via) return request.relay(utf8Bytes(JSON.stringify({ back: back ?? request.from })), via);
        return request.reply(utf8Bytes("relayed"), { to: back, token: false, closerNodes: false });
      }
      case 4:
        return request.error(20, { token: true });
      default:
        return request.error(DHT.ERROR_UNKNOWN_COMMAND);
    }
  });
}

function fromHex(text: string | null | undefined): Uint8Array | null {
  return text === null || text === undefined ? null : hexBytes(text);
}

function plainReply({ from, to, token, closerNodes, error, value }: Reply): PlainReply {
  return {
    from: { id: from.id && hexText(from.id), host: from.host, port: from.port },
    to: { host: to.host, port: to.port },
    token: token && hexText(token),
    closerNodes: closerNodes?.map(({ host, port }) => ({ host, port })) ?? null,
    error,
    value: value && hexText(value),
  };
}

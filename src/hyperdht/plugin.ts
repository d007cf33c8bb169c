/**
 * Commands that programs add to a node.
 *
 * @module
 */
import { encode } from "../compact_encoding/mod.ts";
import type { IncomingRequest, Query, QueryOptions, Reply, RequestOptions } from "../dht_rpc/mod.ts";
import { COMMANDS } from "./constants.ts";
import type { HyperDHT } from "./hyperdht.ts";
import { type PeerAddress, type PluginRequest, pluginRequest } from "./messages.ts";

/** A request of a plugin. */
export interface PluginCall {
  /** Token of the node asked, for what changes its state. */
  readonly token?: Uint8Array | null;
  /** The plugin's own command. */
  readonly command: number;
  /** 32 bytes; needed for queries. */
  readonly target?: Uint8Array | null;
  /** Argument of the command. */
  readonly value?: Uint8Array | null;
}

/**
 * A set of commands that persistent nodes with the same plugin answer; add it with `dht.register(name, plugin)`.
 *
 * @example
 * ```ts
 * import { Plugin, type PluginRequest } from "@quince/quince/hyperdht";
 *
 * class Echo extends Plugin {
 *   override onrequest({ value }: PluginRequest, request: { reply(value: Uint8Array | null): void }): void {
 *     request.reply(value);
 *   }
 * }
 *
 * const echo = new Echo("echo", 1); // dht.register("echo", echo)
 * ```
 */
export abstract class Plugin {
  /** Name that requests are addressed to. */
  readonly name: string;
  /** Version that requests must have. */
  readonly version: number;
  /** The node; null before it is registered. */
  dht: HyperDHT | null = null;

  /** Creates a plugin. */
  constructor(name: string, version: number) {
    this.name = name;
    this.version = version;
  }

  /** Called when the plugin is registered. */
  onregister(dht: HyperDHT): void {
    this.dht = dht;
  }

  /** Called for each request to the plugin: answer with `request.reply()` or not at all. */
  abstract onrequest(call: PluginRequest, request: IncomingRequest): void;

  /** Called when the node becomes persistent. */
  onpersistent(): void {}

  /** Called when the node is destroyed. */
  destroy(): void {}

  /** Sends a request to one node. @throws {Error} before the plugin is registered. */
  request(call: PluginCall, to: PeerAddress, options?: RequestOptions): Promise<Reply> {
    const { token = null, target = null } = call;
    const request = { token, target, command: COMMANDS.PLUGIN, value: this.#encode(call) };
    return this.#node().request(request, to, options);
  }

  /** Asks the nodes nearest to the target. @throws {Error} before the plugin is registered. */
  query(call: PluginCall & { readonly target: Uint8Array }, options?: QueryOptions): Query {
    return this.#node().query(
      { target: call.target, command: COMMANDS.PLUGIN, value: this.#encode(call) },
      options,
    );
  }

  #encode({ command, value = null }: PluginCall): Uint8Array {
    return encode(pluginRequest, { plugin: this.name, version: this.version, command, value });
  }

  #node(): HyperDHT {
    if (this.dht === null) throw new Error(`Plugin ${this.name} is not registered`);
    return this.dht;
  }
}

/**
 * Messages of the user's own beside a log's replication.
 *
 * @module
 */
import { buffer, decode, encode, type Encoder } from "../compact_encoding/mod.ts";
import type { Peer } from "./replication/mod.ts";
import { encoderOf, type ValueEncoding } from "./value_encoding.ts";

/** Handlers of `core.registerExtension`. */
export interface ExtensionHandlers<Message> {
  /** How messages become bytes. Default: bytes behind their length, as in `hypercore/index.js`. */
  readonly encoding?: ValueEncoding<Message>;
  /** Called with each message that arrives. */
  readonly onmessage?: (message: Message, peer: Peer) => void;
}

/** What an {@linkcode Extension} asks of the session that registered it. */
export interface ExtensionOwner {
  /** The peers that replicate the log now. */
  peers(): readonly Peer[];
  /** Forgets the extension. */
  unregister(): void;
}

/** A handle of `core.registerExtension()`. */
export class Extension<Message = Uint8Array> {
  /** As registered; both peers must use the same. */
  readonly name: string;
  /** How messages become bytes. */
  readonly encoding: Encoder<Message>;
  readonly #owner: ExtensionOwner;
  readonly #onmessage: ((message: Message, peer: Peer) => void) | undefined;

  /** Called by `core.registerExtension`. */
  constructor(name: string, owner: ExtensionOwner, handlers: ExtensionHandlers<Message>) {
    this.name = name;
    this.encoding = encoderOf(handlers.encoding ?? buffer as unknown as Encoder<Message>);
    this.#owner = owner;
    this.#onmessage = handlers.onmessage;
  }

  /** Sends `message` to one peer. */
  send(message: Message, peer: Peer): void {
    peer.extension(this.name, encode(this.encoding, message));
  }

  /** Sends `message` to all peers. */
  broadcast(message: Message): void {
    const bytes = encode(this.encoding, message);
    for (const peer of this.#owner.peers()) peer.extension(this.name, bytes);
  }

  /** Takes a message from a peer; called by the core. */
  receive(bytes: Uint8Array, peer: Peer): void {
    this.#onmessage?.(decode(this.encoding, bytes), peer);
  }

  /** Stops receiving. */
  destroy(): void {
    this.#owner.unregister();
  }
}

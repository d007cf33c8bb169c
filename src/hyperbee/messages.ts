/**
 * The messages that bees write into their logs and send to each other, as codecs: what `hyperbee/lib/messages` exports.
 *
 * @example
 * ```ts
 * import { Node } from "@quince/quince/hyperbee/messages";
 *
 * const block = await core.get(core.length - 1);
 * const { key, value } = Node.decode(block!);
 * ```
 *
 * @module
 */
import { type MessageCodec, messageCodec, type Schema } from "./protobuf.ts";

export { HyperbeeError, type HyperbeeErrorCode } from "./errors.ts";
export { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";
export type { MessageCodec } from "./protobuf.ts";

/** A block but the first: one change of one key, with the tree nodes it changed. */
export interface NodeMessage {
  /** A {@linkcode YoloIndexMessage}, encoded. */
  readonly index: Uint8Array;
  /** The key that was put or deleted. */
  readonly key: Uint8Array;
  /** The value; null where there is none, as after a deletion. */
  readonly value?: Uint8Array | null;
}

/** The tree nodes that a block changed; the first one is the root. */
export interface YoloIndexMessage {
  /** One for each tree node. */
  readonly levels: readonly LevelMessage[];
}

/** A tree node. */
export interface LevelMessage {
  /** Blocks that hold the keys of the node, in the order of the keys. */
  readonly keys: readonly number[];
  /** Block and position in its index of each child, one after the other; empty for a leaf. */
  readonly children: readonly number[];
}

/** The first block. */
export interface HeaderMessage {
  /** `hyperbee`. */
  readonly protocol: string;
  /** What the creator noted. */
  readonly metadata?: HeaderMetadata | null;
}

/** What the creator of a bee noted in its first block. */
export interface HeaderMetadata {
  /** Key of a core that belongs to the bee, such as the blobs of a drive. */
  contentFeed?: Uint8Array | null;
  /** Anything. */
  userData?: Uint8Array | string | null;
}

/** A hint of which blocks to fetch, or a request for hints. */
export interface ExtensionMessage {
  /** Blocks worth fetching. */
  readonly cache?: CacheHint | null;
  /** Asks for the blocks that lead to a key. */
  readonly get?: GetRequest | null;
  /** Asks for the blocks of an iteration. */
  readonly iterator?: IteratorRequest | null;
}

/** Blocks worth fetching. */
export interface CacheHint {
  /** The smallest. */
  readonly start: number;
  /** The greatest plus 1. */
  readonly end: number;
  /** All of them. */
  readonly blocks: readonly number[];
}

/** Asks for the blocks that lead to a key. */
export interface GetRequest {
  /** Version of the tree. */
  readonly version: number;
  /** The key, encoded. */
  readonly key: Uint8Array | null;
}

/** Asks for the blocks of an iteration from where it stands. */
export interface IteratorRequest {
  /** Version of the tree. */
  readonly version: number;
  /** Bounds, encoded. */
  readonly gte: Uint8Array | null;
  /** As `gte`, exclusive. */
  readonly gt: Uint8Array | null;
  /** As `gte`, upper. */
  readonly lte: Uint8Array | null;
  /** As `lte`, exclusive. */
  readonly lt: Uint8Array | null;
  /** Entries left; 0 for all. */
  readonly limit: number;
  /** Whether the greatest key comes first. */
  readonly reverse: boolean;
  /** Block, position in its index and step in the node of each node on the way, one after the other. */
  readonly checkpoint: readonly number[];
}

const LEVEL: Schema = {
  keys: { tag: 1, kind: "packed" },
  children: { tag: 2, kind: "packed" },
};

const METADATA: Schema = {
  contentFeed: { tag: 1, kind: "bytes" },
  userData: { tag: 2, kind: "bytes" },
};

const CACHE: Schema = {
  start: { tag: 1, kind: "varint", required: true },
  end: { tag: 2, kind: "varint", required: true },
  blocks: { tag: 3, kind: "packed" },
};

const GET: Schema = {
  version: { tag: 1, kind: "varint" },
  key: { tag: 2, kind: "bytes" },
};

const ITERATOR: Schema = {
  version: { tag: 1, kind: "varint" },
  gte: { tag: 2, kind: "bytes" },
  gt: { tag: 3, kind: "bytes" },
  lte: { tag: 4, kind: "bytes" },
  lt: { tag: 5, kind: "bytes" },
  limit: { tag: 6, kind: "varint" },
  reverse: { tag: 7, kind: "bool" },
  checkpoint: { tag: 8, kind: "packed" },
};

/** Codec of the tree nodes in a block. Source: `hyperbee/lib/messages.js`. */
export const YoloIndex: MessageCodec<YoloIndexMessage> = messageCodec({ levels: { tag: 1, kind: [LEVEL] } });

/** Codec of the first block. Source: `hyperbee/lib/messages.js`. */
export const Header: MessageCodec<HeaderMessage> = messageCodec({
  protocol: { tag: 1, kind: "string", required: true },
  metadata: { tag: 2, kind: METADATA },
});

/** Codec of a block but the first. Source: `hyperbee/lib/messages.js`. */
export const Node: MessageCodec<NodeMessage, Required<NodeMessage>> = messageCodec({
  index: { tag: 1, kind: "bytes", required: true },
  key: { tag: 2, kind: "bytes", required: true },
  value: { tag: 3, kind: "bytes" },
});

/** Codec of what bees send to each other. Source: `hyperbee/lib/messages.js`. */
export const Extension: MessageCodec<ExtensionMessage> = messageCodec({
  cache: { tag: 1, kind: CACHE },
  get: { tag: 2, kind: GET },
  iterator: { tag: 3, kind: ITERATOR },
});

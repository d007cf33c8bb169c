/**
 * The messages of the channel `hypercore/alpha` and their encodings.
 *
 * Decoded bytes (block values, hashes, signatures, extension payloads) are views of the frame they came in. Byte
 * tables: `docs/spec/hypercore_replication.md`; source: `hypercore/lib/messages.js`.
 *
 * @module
 */
import {
  buffer,
  type Encoder,
  EncodingError,
  fixed32,
  optionalBuffer,
  raw,
  type State,
  string,
  uint,
} from "../../compact_encoding/mod.ts";
import { manifestCodec, type Proof, type ProofRequest, type TreeNode } from "../log/mod.ts";

/** Protocol name of the channel; its id is the discovery key. */
export const PROTOCOL_NAME = "hypercore/alpha";
/** Another name that remotes may open the channel under. */
export const PROTOCOL_ALIAS = "hypercore";

/** Reason of a {@linkcode NoDataMessage}: the block or the proof is not there. */
export const REASON_NOT_AVAILABLE = 1;
/** Reason of a {@linkcode NoDataMessage}: no proof can ever be made for this request. */
export const REASON_INVALID_REQUEST = 2;

/** What both sides send when they open the channel. */
export interface HandshakeMessage {
  /** Understands seeks in requests. */
  readonly seeks: boolean;
  /** 32 bytes that only one who knows the key can make for this stream. */
  readonly capability: Uint8Array;
}

/** The sender's state; message 0. */
export interface SyncMessage {
  readonly fork: number;
  /** Blocks the sender's signature covers. */
  readonly length: number;
  /** The receiver's length as last heard by the sender, 0 across forks. */
  readonly remoteLength: number;
  /** The sender can prove its length to the receiver. */
  readonly canUpgrade: boolean;
  readonly uploading: boolean;
  readonly downloading: boolean;
  readonly hasManifest: boolean;
  /** The sender takes blocks it did not ask for. */
  readonly allowPush: boolean;
}

/** A request for a block, hash, seek or upgrade with its proof; message 1. */
export interface RequestMessage extends ProofRequest {
  /** Names the request in its answer; 0 is kept for conflict proofs. */
  readonly id: number;
  /** Fork of the log that the asker has. */
  readonly fork: number;
  /** Asks for the manifest too. */
  readonly manifest: boolean;
  /** 0 normal, 1 high, 2 very high. */
  readonly priority: number;
}

/** Takes a request back; message 2. */
export interface CancelMessage {
  readonly request: number;
}

/** The answer to a request; message 3. */
export interface DataMessage extends Proof {
  /** Id of the request, 0 for data nobody asked for. */
  readonly request: number;
}

/** There is no answer to a request; message 4. */
export interface NoDataMessage {
  readonly request: number;
  /** {@linkcode REASON_NOT_AVAILABLE}, {@linkcode REASON_INVALID_REQUEST} or 0. */
  readonly reason: number;
}

/** Asks to be told which blocks of a region are there; message 5, or taken back as message 6. */
export interface WantMessage {
  /** First block. */
  readonly start: number;
  /** Blocks. */
  readonly length: number;
  /** One block of the region is enough to know. */
  readonly any: boolean;
}

/** Which blocks of a region the sender has; message 7. */
export interface BitfieldMessage {
  /** First block, a multiple of 32. */
  readonly start: number;
  /** Whole 32-bit words, little-endian: block `start + i` is bit `i & 7` of byte `i >> 3`. */
  readonly bitfield: Uint8Array;
}

/** A run of blocks that the sender got or dropped; message 8. */
export interface RangeMessage {
  readonly drop: boolean;
  /** First block. */
  readonly start: number;
  /** Blocks. */
  readonly length: number;
}

/** Bytes for an extension; message 9. */
export interface ExtensionMessage {
  /** Empty: the name of the message before. */
  readonly name: string;
  readonly message: Uint8Array;
}

/** Index, size and hash take at least this many bytes. */
const NODE_BYTES_MIN = 34;

const node: Encoder<TreeNode> = {
  preencode(state: State, value: TreeNode): void {
    uint.preencode(state, value.index);
    uint.preencode(state, value.size);
    state.end += 32;
  },
  encode(state: State, value: TreeNode): void {
    uint.encode(state, value.index);
    uint.encode(state, value.size);
    fixed32.encode(state, value.hash);
  },
  decode(state: State): TreeNode {
    const index = uint.decode(state);
    const size = uint.decode(state);
    return { index, size, hash: fixed32.decode(state) };
  },
};

const nodes: Encoder<readonly TreeNode[]> = {
  preencode(state: State, value: readonly TreeNode[]): void {
    uint.preencode(state, value.length);
    for (let i = 0; i < value.length; i++) node.preencode(state, value[i]!);
  },
  encode(state: State, value: readonly TreeNode[]): void {
    uint.encode(state, value.length);
    for (let i = 0; i < value.length; i++) node.encode(state, value[i]!);
  },
  decode(state: State): readonly TreeNode[] {
    const count = uint.decode(state);
    if (count * NODE_BYTES_MIN > state.end - state.start) throw outOfBounds();
    const list: TreeNode[] = [];
    for (let i = 0; i < count; i++) list.push(node.decode(state));
    return list;
  },
};

/** Two integers in a row, the shape of most parts of a request. */
interface Pair {
  first: number;
  second: number;
}

function preencodePair(state: State, first: number, second: number): void {
  uint.preencode(state, first);
  uint.preencode(state, second);
}

function encodePair(state: State, first: number, second: number): void {
  uint.encode(state, first);
  uint.encode(state, second);
}

function decodePair(state: State): Pair {
  const first = uint.decode(state);
  return { first, second: uint.decode(state) };
}

function decodeIndexAndNodes(state: State): { index: number; nodes: number } {
  const { first, second } = decodePair(state);
  return { index: first, nodes: second };
}

/** Handshake of the channel. */
export const handshake: Encoder<HandshakeMessage> = {
  preencode(state: State, message: HandshakeMessage): void {
    state.end++;
    fixed32.preencode(state, message.capability);
  },
  encode(state: State, message: HandshakeMessage): void {
    uint.encode(state, message.seeks ? 1 : 0);
    fixed32.encode(state, message.capability);
  },
  decode(state: State): HandshakeMessage {
    const flags = uint.decode(state);
    return { seeks: (flags & 1) !== 0, capability: fixed32.decode(state) };
  },
};

/** Message 0. */
export const sync: Encoder<SyncMessage> = {
  preencode(state: State, message: SyncMessage): void {
    state.end++;
    uint.preencode(state, message.fork);
    preencodePair(state, message.length, message.remoteLength);
  },
  encode(state: State, message: SyncMessage): void {
    uint.encode(
      state,
      (message.canUpgrade ? 1 : 0) | (message.uploading ? 2 : 0) | (message.downloading ? 4 : 0) |
        (message.hasManifest ? 8 : 0) | (message.allowPush ? 16 : 0),
    );
    uint.encode(state, message.fork);
    encodePair(state, message.length, message.remoteLength);
  },
  decode(state: State): SyncMessage {
    const flags = uint.decode(state);
    const fork = uint.decode(state);
    const { first, second } = decodePair(state);
    return {
      fork,
      length: first,
      remoteLength: second,
      canUpgrade: (flags & 1) !== 0,
      uploading: (flags & 2) !== 0,
      downloading: (flags & 4) !== 0,
      hasManifest: (flags & 8) !== 0,
      allowPush: (flags & 16) !== 0,
    };
  },
};

/** Message 1. */
export const request: Encoder<RequestMessage> = {
  preencode(state: State, message: RequestMessage): void {
    const { block, hash, seek, upgrade } = message;
    state.end++;
    preencodePair(state, message.id, message.fork);
    if (block !== null) preencodePair(state, block.index, block.nodes);
    if (hash !== null) preencodePair(state, hash.index, hash.nodes);
    if (seek !== null) preencodePair(state, seek.bytes, seek.padding);
    if (upgrade !== null) preencodePair(state, upgrade.start, upgrade.length);
    if (message.priority !== 0) uint.preencode(state, message.priority);
  },
  encode(state: State, message: RequestMessage): void {
    const { block, hash, seek, upgrade } = message;
    uint.encode(
      state,
      (block !== null ? 1 : 0) | (hash !== null ? 2 : 0) | (seek !== null ? 4 : 0) |
        (upgrade !== null ? 8 : 0) |
        (message.manifest ? 16 : 0) | (message.priority !== 0 ? 32 : 0),
    );
    encodePair(state, message.id, message.fork);
    if (block !== null) encodePair(state, block.index, block.nodes);
    if (hash !== null) encodePair(state, hash.index, hash.nodes);
    if (seek !== null) encodePair(state, seek.bytes, seek.padding);
    if (upgrade !== null) encodePair(state, upgrade.start, upgrade.length);
    if (message.priority !== 0) uint.encode(state, message.priority);
  },
  decode(state: State): RequestMessage {
    const flags = uint.decode(state);
    const id = uint.decode(state);
    return {
      id,
      fork: uint.decode(state),
      block: flags & 1 ? decodeIndexAndNodes(state) : null,
      hash: flags & 2 ? decodeIndexAndNodes(state) : null,
      seek: flags & 4 ? decodeSeek(state) : null,
      upgrade: flags & 8 ? decodeUpgrade(state) : null,
      manifest: (flags & 16) !== 0,
      priority: flags & 32 ? uint.decode(state) : 0,
    };
  },
};

function decodeSeek(state: State): { bytes: number; padding: number } {
  const { first, second } = decodePair(state);
  return { bytes: first, padding: second };
}

function decodeUpgrade(state: State): { start: number; length: number } {
  const { first, second } = decodePair(state);
  return { start: first, length: second };
}

/** Message 2. */
export const cancel: Encoder<CancelMessage> = {
  preencode(state: State, message: CancelMessage): void {
    uint.preencode(state, message.request);
  },
  encode(state: State, message: CancelMessage): void {
    uint.encode(state, message.request);
  },
  decode(state: State): CancelMessage {
    return { request: uint.decode(state) };
  },
};

/** Message 3. */
export const data: Encoder<DataMessage> = {
  preencode(state: State, message: DataMessage): void {
    const { block, hash, seek, upgrade, manifest } = message;
    state.end++;
    preencodePair(state, message.request, message.fork);
    if (block !== null) {
      uint.preencode(state, block.index);
      buffer.preencode(state, blockValue(block.value));
      nodes.preencode(state, block.nodes);
    }
    if (hash !== null) {
      uint.preencode(state, hash.index);
      nodes.preencode(state, hash.nodes);
    }
    if (seek !== null) {
      uint.preencode(state, seek.bytes);
      nodes.preencode(state, seek.nodes);
    }
    if (upgrade !== null) {
      preencodePair(state, upgrade.start, upgrade.length);
      nodes.preencode(state, upgrade.nodes);
      nodes.preencode(state, upgrade.additionalNodes);
      optionalBuffer.preencode(state, upgrade.signature);
    }
    if (manifest !== null) manifestCodec.preencode(state, manifest);
  },
  encode(state: State, message: DataMessage): void {
    const { block, hash, seek, upgrade, manifest } = message;
    uint.encode(
      state,
      (block !== null ? 1 : 0) | (hash !== null ? 2 : 0) | (seek !== null ? 4 : 0) |
        (upgrade !== null ? 8 : 0) |
        (manifest !== null ? 16 : 0),
    );
    encodePair(state, message.request, message.fork);
    if (block !== null) {
      uint.encode(state, block.index);
      buffer.encode(state, blockValue(block.value));
      nodes.encode(state, block.nodes);
    }
    if (hash !== null) {
      uint.encode(state, hash.index);
      nodes.encode(state, hash.nodes);
    }
    if (seek !== null) {
      uint.encode(state, seek.bytes);
      nodes.encode(state, seek.nodes);
    }
    if (upgrade !== null) {
      encodePair(state, upgrade.start, upgrade.length);
      nodes.encode(state, upgrade.nodes);
      nodes.encode(state, upgrade.additionalNodes);
      optionalBuffer.encode(state, upgrade.signature);
    }
    if (manifest !== null) manifestCodec.encode(state, manifest);
  },
  decode(state: State): DataMessage {
    const flags = uint.decode(state);
    const request = uint.decode(state);
    return {
      request,
      fork: uint.decode(state),
      block: flags & 1 ? decodeDataBlock(state) : null,
      hash: flags & 2 ? { index: uint.decode(state), nodes: nodes.decode(state) } : null,
      seek: flags & 4 ? { bytes: uint.decode(state), nodes: nodes.decode(state) } : null,
      upgrade: flags & 8 ? decodeDataUpgrade(state) : null,
      manifest: flags & 16 ? manifestCodec.decode(state) : null,
    };
  },
};

function blockValue(value: Uint8Array | null): Uint8Array {
  if (value === null) throw new TypeError("Cannot encode a block without its value");
  return value;
}

function decodeDataBlock(state: State): NonNullable<DataMessage["block"]> {
  const index = uint.decode(state);
  const value = buffer.decode(state);
  return { index, value, nodes: nodes.decode(state) };
}

function decodeDataUpgrade(state: State): NonNullable<DataMessage["upgrade"]> {
  const { first, second } = decodePair(state);
  const upgradeNodes = nodes.decode(state);
  const additionalNodes = nodes.decode(state);
  return {
    start: first,
    length: second,
    nodes: upgradeNodes,
    additionalNodes,
    signature: optionalBuffer.decode(state),
  };
}

/** Message 4. */
export const noData: Encoder<NoDataMessage> = {
  preencode(state: State, message: NoDataMessage): void {
    uint.preencode(state, message.request);
    state.end++;
    if (message.reason !== 0) uint.preencode(state, message.reason);
  },
  encode(state: State, message: NoDataMessage): void {
    uint.encode(state, message.request);
    uint.encode(state, message.reason !== 0 ? 1 : 0);
    if (message.reason !== 0) uint.encode(state, message.reason);
  },
  decode(state: State): NoDataMessage {
    const request = uint.decode(state);
    // Compat: hypercore/lib/messages.js; older peers send no flags.
    const flags = state.start < state.end ? uint.decode(state) : 0;
    return { request, reason: flags & 1 ? uint.decode(state) : 0 };
  },
};

/** Messages 5 (want) and 6 (unwant). */
export const want: Encoder<WantMessage> = {
  preencode(state: State, message: WantMessage): void {
    preencodePair(state, message.start, message.length);
    if (message.any) state.end++;
  },
  encode(state: State, message: WantMessage): void {
    encodePair(state, message.start, message.length);
    if (message.any) uint.encode(state, 1);
  },
  decode(state: State): WantMessage {
    const { first, second } = decodePair(state);
    const flags = state.start < state.end ? uint.decode(state) : 0;
    return { start: first, length: second, any: (flags & 1) !== 0 };
  },
};

/** Message 7. */
export const bitfield: Encoder<BitfieldMessage> = {
  preencode(state: State, message: BitfieldMessage): void {
    preencodePair(state, message.start, message.bitfield.byteLength / 4);
    state.end += message.bitfield.byteLength;
  },
  encode(state: State, message: BitfieldMessage): void {
    encodePair(state, message.start, message.bitfield.byteLength / 4);
    raw.encode(state, message.bitfield);
  },
  decode(state: State): BitfieldMessage {
    const { first, second } = decodePair(state);
    const end = state.start + second * 4;
    if (end > state.end) throw outOfBounds();
    const words = state.buffer!.subarray(state.start, end);
    state.start = end;
    return { start: first, bitfield: words };
  },
};

/** Message 8. */
export const range: Encoder<RangeMessage> = {
  preencode(state: State, message: RangeMessage): void {
    state.end++;
    uint.preencode(state, message.start);
    if (message.length !== 1) uint.preencode(state, message.length);
  },
  encode(state: State, message: RangeMessage): void {
    uint.encode(state, (message.drop ? 1 : 0) | (message.length === 1 ? 2 : 0));
    uint.encode(state, message.start);
    if (message.length !== 1) uint.encode(state, message.length);
  },
  decode(state: State): RangeMessage {
    const flags = uint.decode(state);
    const start = uint.decode(state);
    return { drop: (flags & 1) !== 0, start, length: flags & 2 ? 1 : uint.decode(state) };
  },
};

/** Message 9. */
export const extension: Encoder<ExtensionMessage> = {
  preencode(state: State, message: ExtensionMessage): void {
    string.preencode(state, message.name);
    raw.preencode(state, message.message);
  },
  encode(state: State, message: ExtensionMessage): void {
    string.encode(state, message.name);
    raw.encode(state, message.message);
  },
  decode(state: State): ExtensionMessage {
    const name = string.decode(state);
    return { name, message: raw.decode(state) };
  },
};

function outOfBounds(): EncodingError {
  return new EncodingError("OUT_OF_BOUNDS", "Out of bounds");
}

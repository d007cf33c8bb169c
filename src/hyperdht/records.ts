/**
 * Queries for announced peers and stored records, and what they give.
 *
 * @module
 */
import { equalBytes } from "../base/mod.ts";
import { decode, encode, uint } from "../compact_encoding/mod.ts";
import { blake2b } from "../crypto/mod.ts";
import type { DHT, Peer, Query, QueryOptions, Reply } from "../dht_rpc/mod.ts";
import { COMMANDS } from "./constants.ts";
import { LOOKUP_PEERS_MAX } from "./limits.ts";
import {
  announce as announceMessage,
  lookupRawReply,
  type LookupReply,
  mutablePut as mutablePutMessage,
  mutableRecord,
  peer,
  type PeerAddress,
  type PeerRecord,
} from "./messages.ts";
import {
  type SignAnnounce,
  signAnnounce,
  type Signer,
  type SignMutable,
  signMutable,
  signUnannounce,
  verifyMutable,
} from "./signatures.ts";

/** What every result of a query tells of the node that gave it. */
export interface FoundAt {
  /** Token of the node, 32 bytes, for changing what it keeps. */
  readonly token: Uint8Array | null;
  /** The node. */
  readonly from: Peer;
  /** We as the node sees us. */
  readonly to: Peer;
}

/** A node that knows a server, with the server's record. */
export interface FoundPeer extends FoundAt {
  /** The server. */
  readonly peer: PeerRecord;
}

/** A node's answer to a lookup. */
export interface FoundPeers extends FoundAt, LookupReply {}

/** An immutable record. */
export interface ImmutableResult extends FoundAt {
  /** The value. */
  readonly value: Uint8Array;
}

/** A mutable record. */
export interface MutableResult extends FoundAt {
  /** Its version. */
  readonly seq: number;
  /** The value. */
  readonly value: Uint8Array;
  /** The owner's signature, 64 bytes. */
  readonly signature: Uint8Array;
}

/** What `dht.immutablePut()` gives. */
export interface ImmutablePutResult {
  /** Hash of the value, 32 bytes. */
  readonly hash: Uint8Array;
  /** Nodes that were asked to keep it. */
  readonly closestNodes: readonly Peer[];
}

/** What `dht.mutablePut()` gives. */
export interface MutablePutResult {
  /** Whose record it is, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Nodes that were asked to keep it. */
  readonly closestNodes: readonly Peer[];
  /** Its version. */
  readonly seq: number;
  /** The owner's signature, 64 bytes. */
  readonly signature: Uint8Array;
}

/** Options of queries; `map` is the query's own. */
export type RecordQueryOptions = Omit<QueryOptions<unknown>, "map">;

/** Options of `dht.findPeer()`. */
export interface FindPeerOptions extends RecordQueryOptions {
  /** False when the hash of the key is given in place of the key (default true). */
  readonly hash?: boolean;
}

/** Options of `dht.unannounce()` and `dht.lookupAndUnannounce()`. */
export interface UnannounceOptions extends RecordQueryOptions {
  /** Signs the withdrawal, for keys that are elsewhere. */
  readonly signUnannounce?: SignAnnounce;
}

/** Options of `dht.announce()`. */
export interface AnnounceOptions extends UnannounceOptions {
  /** Withdraws announcements made before, at nodes that are not near any more (default false). */
  readonly clear?: boolean;
  /** Orders topics: ms since 1970, at most a minute ahead; 0 (default) for none. */
  readonly bump?: number;
  /** Signs the announcement, for keys that are elsewhere. */
  readonly signAnnounce?: SignAnnounce;
}

/** Options of `dht.mutableGet()`. */
export interface MutableGetOptions extends Omit<RecordQueryOptions, "commit"> {
  /** Lowest version that is of interest (default 0). */
  readonly seq?: number;
  /** Whether to ask all nodes and give the newest record (default true) or to give the first one. */
  readonly latest?: boolean;
  /** Asked with the newest record: true stores it again. */
  readonly refresh?: (record: MutableResult) => boolean;
}

/** Options of `dht.mutablePut()`. */
export interface MutablePutOptions extends Omit<RecordQueryOptions, "commit"> {
  /** Version of the record (default 0); nodes refuse lower ones than they have. */
  readonly seq?: number;
  /** Signs the record, for keys that are elsewhere. */
  readonly signMutable?: SignMutable;
}

/** Who announces: a key pair, or a public key with whoever signs for it. */
export type Announcing = Exclude<Signer, Uint8Array>;

/** Looks for nodes that know a server. */
export function findPeer(dht: DHT, publicKey: Uint8Array, options: FindPeerOptions = {}): Query<FoundPeer> {
  const { hash: isHashed, ...rest } = options;
  const target = isHashed === false ? publicKey : blake2b(publicKey, { byteLength: 32 });
  return dht.query({ target, command: COMMANDS.FIND_PEER }, { ...rest, map: mapFindPeer });
}

/** Looks for peers that announced a topic. */
export function lookup(dht: DHT, target: Uint8Array, options: RecordQueryOptions = {}): Query<FoundPeers> {
  return dht.query({ target, command: COMMANDS.LOOKUP }, { ...options, map: mapLookup });
}

/** Looks for peers that announced a topic, and withdraws our announcement wherever it is found. */
export function lookupAndUnannounce(
  dht: DHT,
  target: Uint8Array,
  keyPair: Announcing,
  options: UnannounceOptions = {},
): Query<FoundPeers> {
  const { signUnannounce: sign = signUnannounce, commit = null, ...rest } = options;
  const withdrawals: Promise<unknown>[] = [];
  return dht.query({ target, command: COMMANDS.LOOKUP }, {
    ...rest,
    map(reply: Reply): FoundPeers | null {
      const found = mapLookup(reply);
      if (found === null || found.token === null || reply.from.id === null) return found;
      // A full list may be only a part of what the node has.
      const isOurs = found.peers.length >= LOOKUP_PEERS_MAX ||
        found.peers.some(({ publicKey }) => equalBytes(publicKey, keyPair.publicKey));
      if (isOurs) withdrawals.push(requestUnannounce(dht, target, keyPair, reply, sign).catch(ignore));
      return found;
    },
    async commit(reply, node, query) {
      await Promise.all(withdrawals);
      return typeof commit === "function" ? await commit(reply, node, query) : undefined;
    },
  });
}

/** Announces a peer under a topic; gives what the lookup finds on the way. */
export function announce(
  dht: DHT,
  target: Uint8Array,
  keyPair: Announcing,
  relayAddresses: readonly PeerAddress[],
  options: AnnounceOptions = {},
): Query<FoundPeers> {
  const { signAnnounce: sign = signAnnounce, bump = 0, clear = false, ...rest } = options;
  const commit = (reply: Reply): Promise<Reply | null> =>
    requestAnnounce(dht, target, { publicKey: keyPair.publicKey, relayAddresses }, {
      keyPair,
      reply,
      sign,
      bump,
    });
  return clear
    ? lookupAndUnannounce(dht, target, keyPair, { ...rest, commit })
    : lookup(dht, target, { ...rest, commit });
}

/** Looks for an immutable record. */
export async function immutableGet(
  dht: DHT,
  target: Uint8Array,
  options: RecordQueryOptions = {},
): Promise<ImmutableResult | null> {
  const query = dht.query({ target, command: COMMANDS.IMMUTABLE_GET }, { ...options, map: mapImmutable });
  for await (const found of query) {
    if (equalBytes(blake2b(found.value, { byteLength: 32 }), target)) return found;
  }
  return null;
}

/** Stores an immutable record. */
export async function immutablePut(
  dht: DHT,
  value: Uint8Array,
  options: RecordQueryOptions = {},
): Promise<ImmutablePutResult> {
  const target = blake2b(value, { byteLength: 32 });
  const query = dht.query({ target, command: COMMANDS.IMMUTABLE_GET }, {
    ...options,
    map: mapImmutable,
    commit: ({ token, from }) => dht.request({ token, target, command: COMMANDS.IMMUTABLE_PUT, value }, from),
  });
  await query.finished();
  return { hash: target, closestNodes: query.closestNodes };
}

/** Looks for a mutable record. */
export async function mutableGet(
  dht: DHT,
  publicKey: Uint8Array,
  options: MutableGetOptions = {},
): Promise<MutableResult | null> {
  const { refresh = null, seq: seqMin = 0, latest: isLatestWanted = true, ...rest } = options;
  const target = blake2b(publicKey, { byteLength: 32 });
  let result: MutableResult | null = null;
  let renewed: Uint8Array | null = null;
  let isAsked = false;
  const commit = async ({ token, from }: Reply): Promise<unknown> => {
    if (!isAsked && result !== null) {
      isAsked = true;
      const { seq, value, signature } = result;
      if (refresh!(result)) renewed = encode(mutablePutMessage, { publicKey, seq, value, signature });
    }
    if (renewed === null) return null;
    return await dht.request({ token, target, command: COMMANDS.MUTABLE_PUT, value: renewed }, from);
  };
  // Read as the replies come, so that what is committed afterwards is the newest of all.
  const map = (reply: Reply): MutableResult | null => {
    const found = mapMutable(reply);
    if (found === null || found.seq < seqMin || (result !== null && found.seq <= result.seq)) return null;
    if (!verifyMutable(found.signature, found.seq, found.value, publicKey)) return null;
    return result = found;
  };
  const query = dht.query(
    { target, command: COMMANDS.MUTABLE_GET, value: encode(uint, seqMin) },
    { ...rest, map, commit: refresh === null ? null : commit },
  );
  for await (const found of query) {
    if (!isLatestWanted) return found;
  }
  return result;
}

/** Stores a mutable record. */
export async function mutablePut(
  dht: DHT,
  keyPair: Announcing,
  value: Uint8Array,
  options: MutablePutOptions = {},
): Promise<MutablePutResult> {
  const { seq = 0, signMutable: sign = signMutable, ...rest } = options;
  const { publicKey } = keyPair;
  const target = blake2b(publicKey, { byteLength: 32 });
  const signature = await sign(seq, value, keyPair);
  const signed = encode(mutablePutMessage, { publicKey, seq, value, signature });
  const query = dht.query({ target, command: COMMANDS.MUTABLE_GET, value: encode(uint, 0) }, {
    ...rest,
    map: mapMutable,
    commit: ({ token, from }) =>
      dht.request({ token, target, command: COMMANDS.MUTABLE_PUT, value: signed }, from),
  });
  await query.finished();
  return { publicKey, closestNodes: query.closestNodes, seq, signature };
}

async function requestAnnounce(
  dht: DHT,
  target: Uint8Array,
  record: PeerRecord,
  { keyPair, reply: { token, from }, sign, bump }: {
    readonly keyPair: Announcing;
    readonly reply: Reply;
    readonly sign: SignAnnounce;
    readonly bump: number;
  },
): Promise<Reply | null> {
  if (token === null || from.id === null) return null;
  const announcement = { peer: record, bump };
  const signature = await sign(target, token, from.id, announcement, keyPair);
  const value = encode(announceMessage, { ...announcement, signature });
  return await dht.request({ token, target, command: COMMANDS.ANNOUNCE, value }, from);
}

async function requestUnannounce(
  dht: DHT,
  target: Uint8Array,
  keyPair: Announcing,
  { token, from }: Reply,
  sign: SignAnnounce,
): Promise<Reply> {
  const announcement = { peer: { publicKey: keyPair.publicKey, relayAddresses: [] } };
  const signature = await sign(target, token!, from.id!, announcement, keyPair);
  const value = encode(announceMessage, { ...announcement, signature });
  return await dht.request({ token, target, command: COMMANDS.UNANNOUNCE, value }, from);
}

function mapFindPeer(reply: Reply): FoundPeer | null {
  return mapped(reply, (value) => ({ peer: decode(peer, value) }));
}

function mapLookup(reply: Reply): FoundPeers | null {
  return mapped(reply, (value) => decode(lookupRawReply, value));
}

function mapImmutable(reply: Reply): ImmutableResult | null {
  return mapped(reply, (value) => ({ value }));
}

function mapMutable(reply: Reply): MutableResult | null {
  return mapped(reply, (value) => decode(mutableRecord, value));
}

/** Adds who said it to what a reply says; null when it says nothing, or nothing that can be read. */
function mapped<Value>(
  { value, token, from, to }: Reply,
  read: (value: Uint8Array) => Value,
): (Value & FoundAt) | null {
  if (value === null) return null;
  try {
    return { token, from, to, ...read(value) };
  } catch {
    // A node may answer with anything; what cannot be read is no result.
    return null;
  }
}

function ignore(): void {}

/**
 * What a persistent node keeps for others: announcements, mutable and immutable records.
 *
 * Requests in, answers out; tokens were checked by the RPC layer before. Time is handed in.
 *
 * @module
 */
import { compareBytes, copyBytes, equalBytes, hexText, type Random } from "../base/mod.ts";
import { encode, uint } from "../compact_encoding/mod.ts";
import { blake2b, verify } from "../crypto/mod.ts";
import { RequestLimiter } from "../dht_rpc/mod.ts";
import { AgeingCache, type CacheOptions, RecordCache } from "./caches.ts";
import { ERROR, NS } from "./constants.ts";
import {
  BUMP_DRIFT_MAX_MS,
  LOOKUP_PEERS_MAX,
  RELAY_ADDRESSES_MAX,
  SIGNATURE_CHECKS_MAX,
  VALUE_BYTES_MAX,
} from "./limits.ts";
import {
  announce,
  lookupRawReply,
  mutablePut,
  mutableRecord,
  peer,
  type PeerAddress,
  tryDecode,
} from "./messages.ts";
import type { Route } from "./router_machine.ts";
import { announceSignable, verifyMutable } from "./signatures.ts";

/** Where servers that announce themselves are kept: a `RouterMachine`. */
export interface RouteTable {
  /** The route to a server, or null. */
  get(target: Uint8Array, nowMs: number): Route<unknown> | null;
  /** Remembers a server that announced itself from `relay`. */
  addRelay(target: Uint8Array, relay: PeerAddress, record: Uint8Array, nowMs: number): void;
  /** Forgets a server that announced itself. */
  removeRelay(target: Uint8Array): void;
}

/** Options of {@linkcode RecordStore}. */
export interface RecordStoreOptions {
  /** Of announcements, refreshes and bumps. */
  readonly records: CacheOptions;
  /** Of mutable and of immutable records. */
  readonly values: CacheOptions;
  /** Where servers that announce themselves are kept. */
  readonly routes: RouteTable;
  /** Picks peers for lookups. */
  readonly random: Random;
}

/** A request as the RPC layer gives it. */
export interface StoreRequest {
  /** 32 bytes. */
  readonly target: Uint8Array | null;
  /** The token sent with the request, valid if there is one. */
  readonly token: Uint8Array | null;
  /** Argument of the command. */
  readonly value: Uint8Array | null;
  /** Who asks. */
  readonly from: PeerAddress;
  /** This node's id, 32 bytes. */
  readonly nodeId: Uint8Array;
  /** Monotonic time, ms. */
  readonly nowMs: number;
  /** Time since 1970, ms. */
  readonly wallMs: number;
}

/** What to answer. */
export type StoreAnswer =
  /** Nothing: the request is wrong. */
  | { readonly kind: "drop" }
  /** A value or nothing, with a token and closer nodes. */
  | { readonly kind: "value"; readonly value: Uint8Array | null }
  /** Done, without token and closer nodes. */
  | { readonly kind: "done" }
  /** An error code. */
  | { readonly kind: "error"; readonly code: number };

/** An announcement that may be renewed with the preimage of a hash. */
interface Refresh {
  readonly target: Uint8Array;
  readonly record: Uint8Array;
  readonly publicKey: string;
  readonly isSelf: boolean;
}

const DROP: StoreAnswer = { kind: "drop" };
const DONE: StoreAnswer = { kind: "done" };
const EMPTY: StoreAnswer = { kind: "value", value: null };

/** Number of entries of each kind, forgotten ones that have not been dropped yet included. */
export interface RecordCounts {
  /** Announced peers. */
  readonly records: number;
  /** Announcements that can be renewed. */
  readonly refreshes: number;
  /** Topics with a bump. */
  readonly bumps: number;
  /** Mutable records. */
  readonly mutables: number;
  /** Immutable records. */
  readonly immutables: number;
}

/** The records of a node. Source: hyperdht `lib/persistent.js`. */
export class RecordStore {
  readonly #routes: RouteTable;
  readonly #records: RecordCache;
  readonly #refreshes: AgeingCache<Refresh>;
  readonly #bumps: AgeingCache<number>;
  readonly #mutables: AgeingCache<Uint8Array>;
  readonly #immutables: AgeingCache<Uint8Array>;
  /** Whoever sends a signature has a token, so sources are whom they claim to be. */
  readonly #checks = new RequestLimiter(SIGNATURE_CHECKS_MAX);

  /** Creates an empty store. */
  constructor({ records, values, routes, random }: RecordStoreOptions) {
    this.#routes = routes;
    this.#records = new RecordCache(records, random);
    this.#refreshes = new AgeingCache(records);
    this.#bumps = new AgeingCache(records);
    const valueOptions = { ...values, maxBytes: VALUE_BYTES_MAX, byteLengthOf };
    this.#mutables = new AgeingCache(valueOptions);
    this.#immutables = new AgeingCache(valueOptions);
  }

  /** Number of entries of each kind. */
  get counts(): RecordCounts {
    return {
      records: this.#records.size,
      refreshes: this.#refreshes.size,
      bumps: this.#bumps.size,
      mutables: this.#mutables.size,
      immutables: this.#immutables.size,
    };
  }

  /** Forgets everything. */
  clear(): void {
    this.#records.clear();
    for (const cache of [this.#refreshes, this.#bumps, this.#mutables, this.#immutables]) cache.clear();
  }

  /** FIND_PEER: the record of a server that announced itself. */
  handleFindPeer({ target, nowMs }: StoreRequest): StoreAnswer {
    if (target === null) return DROP;
    return valueAnswer(this.#routes.get(target, nowMs)?.record ?? null);
  }

  /** LOOKUP: records of peers that announced the topic. */
  handleLookup({ target, nowMs }: StoreRequest): StoreAnswer {
    if (target === null) return DROP;
    const key = hexText(target);
    const peers = this.#records.get(key, LOOKUP_PEERS_MAX, nowMs);
    const route = this.#routes.get(target, nowMs);
    if (route !== null && peers.length < LOOKUP_PEERS_MAX) peers.push(route.record);
    if (peers.length === 0) return EMPTY;
    return valueAnswer(encode(lookupRawReply, { peers, bump: this.#bumps.get(key, nowMs) ?? 0 }));
  }

  /** ANNOUNCE: keeps a signed record, or renews one with the preimage of its `refresh`. */
  handleAnnounce(request: StoreRequest): StoreAnswer {
    const { target, token, nodeId, from, nowMs } = request;
    if (target === null || token === null) return DROP;
    const announcement = tryDecode(announce, request.value);
    if (announcement === null) return DROP;
    const { refresh, signature, bump } = announcement;
    if (announcement.peer === null) return refresh === null ? DROP : this.#refresh(refresh, from, nowMs);

    const { publicKey, relayAddresses } = announcement.peer;
    if (signature === null || !this.#checks.admit(from, nowMs)) return DROP;
    const signable = announceSignable(NS.ANNOUNCE, { target, token, nodeId, announcement });
    if (!verify(signable, signature, publicKey)) return DROP;

    const record = encode(peer, { publicKey, relayAddresses: relayAddresses.slice(0, RELAY_ADDRESSES_MAX) });
    const kept: Refresh = {
      target: copyBytes(target),
      record: copyBytes(record),
      publicKey: hexText(publicKey),
      isSelf: equalBytes(blake2b(publicKey, { byteLength: 32 }), target),
    };
    if (!kept.isSelf) this.#raiseBump(hexText(target), bump, request);
    this.#keep(kept, from, nowMs);
    if (refresh !== null) this.#refreshes.set(hexText(refresh), kept, nowMs);
    return DONE;
  }

  /** UNANNOUNCE: forgets a record at its owner's word. */
  handleUnannounce(request: StoreRequest): StoreAnswer {
    const { target, token, nodeId, from, nowMs } = request;
    if (target === null || token === null) return DROP;
    const announcement = tryDecode(announce, request.value);
    if (announcement === null || announcement.peer === null || announcement.signature === null) return DROP;
    if (!this.#checks.admit(from, nowMs)) return DROP;
    const signable = announceSignable(NS.UNANNOUNCE, { target, token, nodeId, announcement });
    const { publicKey } = announcement.peer;
    if (!verify(signable, announcement.signature, publicKey)) return DROP;
    this.unannounce(target, publicKey);
    return DONE;
  }

  /** Forgets the record of `publicKey` for `target`. */
  unannounce(target: Uint8Array, publicKey: Uint8Array): void {
    if (equalBytes(blake2b(publicKey, { byteLength: 32 }), target)) this.#routes.removeRelay(target);
    this.#records.remove(hexText(target), hexText(publicKey));
  }

  /** MUTABLE_GET: the record, unless its seq is lower than asked for. */
  handleMutableGet({ target, value, nowMs }: StoreRequest): StoreAnswer {
    if (target === null) return DROP;
    const seq = tryDecode(uint, value);
    if (seq === null) return DROP;
    const record = this.#mutables.get(hexText(target), nowMs);
    if (record === null) return EMPTY;
    return tryDecode(uint, record)! < seq ? EMPTY : valueAnswer(record);
  }

  /** MUTABLE_PUT: keeps a signed record unless a newer one is there. */
  handleMutablePut({ target, token, value: bytes, from, nowMs }: StoreRequest): StoreAnswer {
    if (target === null || token === null) return DROP;
    const put = tryDecode(mutablePut, bytes);
    if (put === null) return DROP;
    const { publicKey, seq, value, signature } = put;
    if (!equalBytes(blake2b(publicKey, { byteLength: 32 }), target)) return DROP;
    if (!this.#checks.admit(from, nowMs)) return DROP;
    if (!verifyMutable(signature, seq, value, publicKey)) return DROP;

    const key = hexText(target);
    const existing = tryDecode(mutableRecord, this.#mutables.get(key, nowMs));
    if (existing !== null) {
      if (existing.seq === seq && compareBytes(value, existing.value) !== 0) {
        return { kind: "error", code: ERROR.SEQ_REUSED };
      }
      if (seq < existing.seq) return { kind: "error", code: ERROR.SEQ_TOO_LOW };
    }
    this.#mutables.set(key, copyBytes(encode(mutableRecord, { seq, value, signature })), nowMs);
    return EMPTY;
  }

  /** IMMUTABLE_GET */
  handleImmutableGet({ target, nowMs }: StoreRequest): StoreAnswer {
    if (target === null) return DROP;
    return valueAnswer(this.#immutables.get(hexText(target), nowMs));
  }

  /** IMMUTABLE_PUT: keeps a value whose hash is the target. */
  handleImmutablePut({ target, token, value, nowMs }: StoreRequest): StoreAnswer {
    if (target === null || token === null || value === null) return DROP;
    if (!equalBytes(blake2b(value, { byteLength: 32 }), target)) return DROP;
    this.#immutables.set(hexText(target), copyBytes(value), nowMs);
    return EMPTY;
  }

  #raiseBump(key: string, bump: number, { nowMs, wallMs }: StoreRequest): void {
    const current = this.#bumps.get(key, nowMs) ?? 0;
    if (bump > current && bump <= wallMs + BUMP_DRIFT_MAX_MS) this.#bumps.set(key, bump, nowMs);
  }

  #refresh(preimage: Uint8Array, from: PeerAddress, nowMs: number): StoreAnswer {
    const key = hexText(blake2b(preimage, { byteLength: 32 }));
    const kept = this.#refreshes.get(key, nowMs);
    if (kept === null) return DROP;
    this.#keep(kept, from, nowMs);
    // The preimage is the hash that the next refresh is the preimage of.
    this.#refreshes.delete(key);
    this.#refreshes.set(hexText(preimage), kept, nowMs);
    return DONE;
  }

  #keep({ target, record, publicKey, isSelf }: Refresh, from: PeerAddress, nowMs: number): void {
    const key = hexText(target);
    if (isSelf) {
      this.#routes.addRelay(target, from, record, nowMs);
      this.#records.remove(key, publicKey);
    } else {
      this.#records.add(key, publicKey, record, nowMs);
    }
  }
}

function valueAnswer(value: Uint8Array | null): StoreAnswer {
  return { kind: "value", value };
}

function byteLengthOf(value: Uint8Array): number {
  return value.byteLength;
}

/**
 * The values on the wire. The byte tables are in `docs/spec/hyperdht.md`.
 *
 * Decoded bytes are views of what was decoded: whoever keeps them copies them.
 *
 * @module
 */
import {
  array,
  buffer,
  decode,
  type Encoder,
  fixed32,
  fixed64,
  ipv4Address,
  ipv6Address,
  raw,
  type State,
  string,
  uint,
} from "../compact_encoding/mod.ts";
import type { PeerAddress } from "../dht_rpc/mod.ts";

export type { PeerAddress };

/** How far a handshake or hole punching message has come. Source: hyperdht `lib/router.js`. */
export const ROUTE = {
  FROM_CLIENT: 0,
  FROM_SERVER: 1,
  FROM_RELAY: 2,
  FROM_SECOND_RELAY: 3,
  REPLY: 4,
} as const;

/** A Noise message on its way between client and server. */
export interface HandshakeMessage {
  /** One of {@linkcode ROUTE}. */
  readonly mode: number;
  /** The Noise message. */
  readonly noise: Uint8Array;
  /** Who sent it to the relay that we have it from. */
  readonly peerAddress?: PeerAddress | null;
  /** The first of two relays. */
  readonly relayAddress?: PeerAddress | null;
}

/** A node that relays for a server, and how it sees the server. */
export interface RelayInfo {
  /** The relay. */
  readonly relayAddress: PeerAddress;
  /** The server's address as the relay sees it. */
  readonly peerAddress: PeerAddress;
}

/** How to punch to a server. */
export interface HolepunchInfo {
  /** The server's number of the handshake. */
  readonly id: number;
  /** Relays that the server listens to. */
  readonly relays: readonly RelayInfo[];
}

/** What the raw stream is. */
export interface UdxInfo {
  /** 1 */
  readonly version?: number;
  /** Whether the socket may be used for another connection later. */
  readonly reusableSocket: boolean;
  /** Id of the sender's stream. */
  readonly id: number;
  /** First sequence number. */
  readonly seq: number;
}

/** The version of the encrypted stream. */
export interface SecretStreamInfo {
  /** 1 */
  readonly version?: number;
}

/** A blind relay to meet at. */
export interface RelayThroughInfo {
  /** 1 */
  readonly version?: number;
  /** Key of the relay, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** What the two ask for, 32 bytes. */
  readonly token: Uint8Array;
}

/** What client and server tell each other inside the Noise handshake. */
export interface NoisePayload {
  /** 1; another one decodes to a payload without content. */
  readonly version?: number;
  /** One of `ERROR`. */
  readonly error: number;
  /** One of `FIREWALL`. */
  readonly firewall: number;
  /** How to punch to the server. */
  readonly holepunch?: HolepunchInfo | null;
  /** Addresses of the sender. */
  readonly addresses4?: readonly PeerAddress[] | null;
  /** IPv6 addresses of the sender. */
  readonly addresses6?: readonly PeerAddress[] | null;
  /** The raw stream. */
  readonly udx?: UdxInfo | null;
  /** The encrypted stream. */
  readonly secretStream?: SecretStreamInfo | null;
  /** A blind relay to meet at. */
  readonly relayThrough?: RelayThroughInfo | null;
  /** Nodes that route to the server. */
  readonly relayAddresses?: readonly PeerAddress[] | null;
}

/** {@linkcode NoisePayload} as decoded. */
export type DecodedNoisePayload =
  & Required<NoisePayload>
  & { readonly addresses4: readonly PeerAddress[]; readonly addresses6: readonly PeerAddress[] };

/** A hole punching message on its way between client and server. */
export interface HolepunchMessage {
  /** One of {@linkcode ROUTE}. */
  readonly mode: number;
  /** The server's number of the handshake. */
  readonly id: number;
  /** An encrypted {@linkcode HolepunchPayload}. */
  readonly payload: Uint8Array;
  /** Whom to relay to, or who sent it. */
  readonly peerAddress?: PeerAddress | null;
}

/** What client and server tell each other of their NATs. */
export interface HolepunchPayload {
  /** One of `ERROR`. */
  readonly error: number;
  /** One of `FIREWALL`. */
  readonly firewall: number;
  /** Counts the client's messages, from 0. */
  readonly round: number;
  /** Whether the sender is connected. */
  readonly connected: boolean;
  /** Whether the sender is punching, or about to. */
  readonly punching: boolean;
  /** Addresses of the sender as others see them. */
  readonly addresses?: readonly PeerAddress[] | null;
  /** The receiver's address as the sender knows it. */
  readonly remoteAddress?: PeerAddress | null;
  /** 32 bytes to be sent back as a proof of the sender's address. */
  readonly token?: Uint8Array | null;
  /** The token sent back, 32 bytes. */
  readonly remoteToken?: Uint8Array | null;
}

/** An announced peer. */
export interface PeerRecord {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Nodes that route to it, at most 3. */
  readonly relayAddresses: readonly PeerAddress[];
}

/** What a node answers to a lookup. */
export interface LookupReply {
  /** Announced peers, at most 20. */
  readonly peers: readonly PeerRecord[];
  /** Newest bump of the topic, ms since 1970; 0 for none. */
  readonly bump: number;
}

/** A {@linkcode LookupReply} whose peers are encoded already. */
export interface RawLookupReply {
  /** Encoded {@linkcode PeerRecord}s. */
  readonly peers: readonly Uint8Array[];
  /** As in {@linkcode LookupReply}. */
  readonly bump: number;
}

/** An announcement or its withdrawal. */
export interface AnnounceMessage {
  /** Who; null to renew an earlier announcement. */
  readonly peer: PeerRecord | null;
  /** Hash of what will renew the announcement, or that which renews it, 32 bytes. */
  readonly refresh?: Uint8Array | null;
  /** 64 bytes. */
  readonly signature?: Uint8Array | null;
  /** Orders topics, ms since 1970; 0 for none. */
  readonly bump?: number;
}

/** What the signature of a mutable record covers. */
export interface MutableSignable {
  /** Counts versions. */
  readonly seq: number;
  /** The value. */
  readonly value: Uint8Array;
}

/** A mutable record. */
export interface MutableRecord extends MutableSignable {
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** A request to keep a mutable record. */
export interface MutablePut extends MutableRecord {
  /** Whose record it is, 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** A request to a plugin. */
export interface PluginRequest {
  /** Name of the plugin. */
  readonly plugin: string;
  /** Version of the plugin. */
  readonly version: number;
  /** The plugin's own command. */
  readonly command: number;
  /** Its argument. */
  readonly value: Uint8Array | null;
}

const ipv4: Encoder<PeerAddress> = withoutFamily(ipv4Address);
const ipv6: Encoder<PeerAddress> = withoutFamily(ipv6Address);
const ipv4List: Encoder<readonly PeerAddress[]> = array(ipv4);
const ipv6List: Encoder<readonly PeerAddress[]> = array(ipv6);

function withoutFamily(encoder: Encoder<PeerAddress, PeerAddress>): Encoder<PeerAddress> {
  return {
    preencode: encoder.preencode,
    encode: encoder.encode,
    decode(state: State): PeerAddress {
      const { host, port } = encoder.decode(state);
      return { host, port };
    },
  };
}

/** Codec of {@linkcode HandshakeMessage}. Source: hyperdht `lib/messages.js`. */
export const handshake: Encoder<HandshakeMessage> = {
  preencode(state: State, m: HandshakeMessage): void {
    state.end++; // flags
    uint.preencode(state, m.mode);
    buffer.preencode(state, m.noise);
    if (m.peerAddress) ipv4.preencode(state, m.peerAddress);
    if (m.relayAddress) ipv4.preencode(state, m.relayAddress);
  },
  encode(state: State, m: HandshakeMessage): void {
    uint.encode(state, (m.peerAddress ? 1 : 0) | (m.relayAddress ? 2 : 0));
    uint.encode(state, m.mode);
    buffer.encode(state, m.noise);
    if (m.peerAddress) ipv4.encode(state, m.peerAddress);
    if (m.relayAddress) ipv4.encode(state, m.relayAddress);
  },
  decode(state: State): HandshakeMessage {
    const flags = uint.decode(state);
    return {
      mode: uint.decode(state),
      noise: buffer.decode(state),
      peerAddress: has(flags, 1) ? ipv4.decode(state) : null,
      relayAddress: has(flags, 2) ? ipv4.decode(state) : null,
    };
  },
};

const relayInfo: Encoder<RelayInfo> = {
  preencode(state: State, m: RelayInfo): void {
    ipv4.preencode(state, m.relayAddress);
    ipv4.preencode(state, m.peerAddress);
  },
  encode(state: State, m: RelayInfo): void {
    ipv4.encode(state, m.relayAddress);
    ipv4.encode(state, m.peerAddress);
  },
  decode(state: State): RelayInfo {
    return { relayAddress: ipv4.decode(state), peerAddress: ipv4.decode(state) };
  },
};

const relayInfoList: Encoder<readonly RelayInfo[]> = array(relayInfo);

const holepunchInfo: Encoder<HolepunchInfo> = {
  preencode(state: State, m: HolepunchInfo): void {
    uint.preencode(state, m.id);
    relayInfoList.preencode(state, m.relays);
  },
  encode(state: State, m: HolepunchInfo): void {
    uint.encode(state, m.id);
    relayInfoList.encode(state, m.relays);
  },
  decode(state: State): HolepunchInfo {
    return { id: uint.decode(state), relays: relayInfoList.decode(state) };
  },
};

const UDX_VERSION = 1;
const SECRET_STREAM_VERSION = 1;
const RELAY_THROUGH_VERSION = 1;
const NOISE_PAYLOAD_VERSION = 1;

const udxInfo: Encoder<UdxInfo> = {
  preencode(state: State, m: UdxInfo): void {
    state.end += 2; // version, features
    uint.preencode(state, m.id);
    uint.preencode(state, m.seq);
  },
  encode(state: State, m: UdxInfo): void {
    uint.encode(state, UDX_VERSION);
    uint.encode(state, m.reusableSocket ? 1 : 0);
    uint.encode(state, m.id);
    uint.encode(state, m.seq);
  },
  decode(state: State): UdxInfo {
    const version = uint.decode(state);
    const features = uint.decode(state);
    return { version, reusableSocket: has(features, 1), id: uint.decode(state), seq: uint.decode(state) };
  },
};

const secretStreamInfo: Encoder<SecretStreamInfo> = {
  preencode(state: State): void {
    state.end++;
  },
  encode(state: State): void {
    uint.encode(state, SECRET_STREAM_VERSION);
  },
  decode(state: State): SecretStreamInfo {
    return { version: uint.decode(state) };
  },
};

const relayThroughInfo: Encoder<RelayThroughInfo> = {
  preencode(state: State): void {
    state.end += 2 + 32 + 32; // version, flags, key, token
  },
  encode(state: State, m: RelayThroughInfo): void {
    uint.encode(state, RELAY_THROUGH_VERSION);
    uint.encode(state, 0);
    fixed32.encode(state, m.publicKey);
    fixed32.encode(state, m.token);
  },
  decode(state: State): RelayThroughInfo {
    const version = uint.decode(state);
    uint.decode(state);
    return { version, publicKey: fixed32.decode(state), token: fixed32.decode(state) };
  },
};

/** Codec of {@linkcode NoisePayload}. Source: hyperdht `lib/messages.js`. */
export const noisePayload: Encoder<NoisePayload, DecodedNoisePayload> = {
  preencode(state: State, m: NoisePayload): void {
    state.end += 2; // version, flags
    uint.preencode(state, m.error);
    uint.preencode(state, m.firewall);
    if (m.holepunch) holepunchInfo.preencode(state, m.holepunch);
    if (m.addresses4?.length) ipv4List.preencode(state, m.addresses4);
    if (m.addresses6?.length) ipv6List.preencode(state, m.addresses6);
    if (m.udx) udxInfo.preencode(state, m.udx);
    if (m.secretStream) secretStreamInfo.preencode(state, m.secretStream);
    if (m.relayThrough) relayThroughInfo.preencode(state, m.relayThrough);
    if (m.relayAddresses) ipv4List.preencode(state, m.relayAddresses);
  },
  encode(state: State, m: NoisePayload): void {
    uint.encode(state, NOISE_PAYLOAD_VERSION);
    uint.encode(
      state,
      (m.holepunch ? 1 : 0) | (m.addresses4?.length ? 2 : 0) | (m.addresses6?.length ? 4 : 0) |
        (m.udx ? 8 : 0) | (m.secretStream ? 16 : 0) | (m.relayThrough ? 32 : 0) | (m.relayAddresses ? 64 : 0),
    );
    uint.encode(state, m.error);
    uint.encode(state, m.firewall);
    if (m.holepunch) holepunchInfo.encode(state, m.holepunch);
    if (m.addresses4?.length) ipv4List.encode(state, m.addresses4);
    if (m.addresses6?.length) ipv6List.encode(state, m.addresses6);
    if (m.udx) udxInfo.encode(state, m.udx);
    if (m.secretStream) secretStreamInfo.encode(state, m.secretStream);
    if (m.relayThrough) relayThroughInfo.encode(state, m.relayThrough);
    if (m.relayAddresses) ipv4List.encode(state, m.relayAddresses);
  },
  decode(state: State): DecodedNoisePayload {
    const version = uint.decode(state);
    // What another version means is not known, but the other side gets told of ours.
    if (version !== NOISE_PAYLOAD_VERSION) return emptyNoisePayload(version);
    const flags = uint.decode(state);
    return {
      version,
      error: uint.decode(state),
      firewall: uint.decode(state),
      holepunch: has(flags, 1) ? holepunchInfo.decode(state) : null,
      addresses4: has(flags, 2) ? ipv4List.decode(state) : [],
      addresses6: has(flags, 4) ? ipv6List.decode(state) : [],
      udx: has(flags, 8) ? udxInfo.decode(state) : null,
      secretStream: has(flags, 16) ? secretStreamInfo.decode(state) : null,
      relayThrough: has(flags, 32) ? relayThroughInfo.decode(state) : null,
      relayAddresses: has(flags, 64) ? ipv4List.decode(state) : null,
    };
  },
};

function emptyNoisePayload(version: number): DecodedNoisePayload {
  return {
    version,
    error: 0,
    firewall: 0,
    holepunch: null,
    addresses4: [],
    addresses6: [],
    udx: null,
    secretStream: null,
    relayThrough: null,
    relayAddresses: null,
  };
}

/** Codec of {@linkcode HolepunchMessage}. Source: hyperdht `lib/messages.js`. */
export const holepunch: Encoder<HolepunchMessage> = {
  preencode(state: State, m: HolepunchMessage): void {
    state.end++; // flags
    uint.preencode(state, m.mode);
    uint.preencode(state, m.id);
    buffer.preencode(state, m.payload);
    if (m.peerAddress) ipv4.preencode(state, m.peerAddress);
  },
  encode(state: State, m: HolepunchMessage): void {
    uint.encode(state, m.peerAddress ? 1 : 0);
    uint.encode(state, m.mode);
    uint.encode(state, m.id);
    buffer.encode(state, m.payload);
    if (m.peerAddress) ipv4.encode(state, m.peerAddress);
  },
  decode(state: State): HolepunchMessage {
    const flags = uint.decode(state);
    return {
      mode: uint.decode(state),
      id: uint.decode(state),
      payload: buffer.decode(state),
      peerAddress: has(flags, 1) ? ipv4.decode(state) : null,
    };
  },
};

/** Codec of {@linkcode HolepunchPayload}. Source: hyperdht `lib/messages.js`. */
export const holepunchPayload: Encoder<HolepunchPayload, Required<HolepunchPayload>> = {
  preencode(state: State, m: HolepunchPayload): void {
    state.end++; // flags
    uint.preencode(state, m.error);
    uint.preencode(state, m.firewall);
    uint.preencode(state, m.round);
    if (m.addresses) ipv4List.preencode(state, m.addresses);
    if (m.remoteAddress) ipv4.preencode(state, m.remoteAddress);
    if (m.token) state.end += 32;
    if (m.remoteToken) state.end += 32;
  },
  encode(state: State, m: HolepunchPayload): void {
    uint.encode(
      state,
      (m.connected ? 1 : 0) | (m.punching ? 2 : 0) | (m.addresses ? 4 : 0) | (m.remoteAddress ? 8 : 0) |
        (m.token ? 16 : 0) | (m.remoteToken ? 32 : 0),
    );
    uint.encode(state, m.error);
    uint.encode(state, m.firewall);
    uint.encode(state, m.round);
    if (m.addresses) ipv4List.encode(state, m.addresses);
    if (m.remoteAddress) ipv4.encode(state, m.remoteAddress);
    if (m.token) fixed32.encode(state, m.token);
    if (m.remoteToken) fixed32.encode(state, m.remoteToken);
  },
  decode(state: State): Required<HolepunchPayload> {
    const flags = uint.decode(state);
    return {
      error: uint.decode(state),
      firewall: uint.decode(state),
      round: uint.decode(state),
      connected: has(flags, 1),
      punching: has(flags, 2),
      addresses: has(flags, 4) ? ipv4List.decode(state) : null,
      remoteAddress: has(flags, 8) ? ipv4.decode(state) : null,
      token: has(flags, 16) ? fixed32.decode(state) : null,
      remoteToken: has(flags, 32) ? fixed32.decode(state) : null,
    };
  },
};

/** Codec of {@linkcode PeerRecord}. Source: hyperdht `lib/messages.js`. */
export const peer: Encoder<PeerRecord> = {
  preencode(state: State, m: PeerRecord): void {
    state.end += 32;
    ipv4List.preencode(state, m.relayAddresses);
  },
  encode(state: State, m: PeerRecord): void {
    fixed32.encode(state, m.publicKey);
    ipv4List.encode(state, m.relayAddresses);
  },
  decode(state: State): PeerRecord {
    return { publicKey: fixed32.decode(state), relayAddresses: ipv4List.decode(state) };
  },
};

/** Codec of lists of {@linkcode PeerRecord}. Source: hyperdht `lib/messages.js`. */
export const peers: Encoder<readonly PeerRecord[]> = array(peer);

const rawList: Encoder<readonly Uint8Array[]> = array(raw);

/** Codec of lookup replies: encodes records that are encoded already. Source: hyperdht `lib/messages.js`. */
export const lookupRawReply: Encoder<RawLookupReply, LookupReply> = {
  preencode(state: State, m: RawLookupReply): void {
    rawList.preencode(state, m.peers);
    uint.preencode(state, m.bump);
  },
  encode(state: State, m: RawLookupReply): void {
    rawList.encode(state, m.peers);
    uint.encode(state, m.bump);
  },
  decode(state: State): LookupReply {
    return { peers: peers.decode(state), bump: state.start < state.end ? uint.decode(state) : 0 };
  },
};

/** Codec of {@linkcode AnnounceMessage}. Source: hyperdht `lib/messages.js`. */
export const announce: Encoder<AnnounceMessage, Required<AnnounceMessage>> = {
  preencode(state: State, m: AnnounceMessage): void {
    state.end++; // flags
    if (m.peer) peer.preencode(state, m.peer);
    if (m.refresh) state.end += 32;
    if (m.signature) state.end += 64;
    if (m.bump) uint.preencode(state, m.bump);
  },
  encode(state: State, m: AnnounceMessage): void {
    uint.encode(state, (m.peer ? 1 : 0) | (m.refresh ? 2 : 0) | (m.signature ? 4 : 0) | (m.bump ? 8 : 0));
    if (m.peer) peer.encode(state, m.peer);
    if (m.refresh) fixed32.encode(state, m.refresh);
    if (m.signature) fixed64.encode(state, m.signature);
    if (m.bump) uint.encode(state, m.bump);
  },
  decode(state: State): Required<AnnounceMessage> {
    const flags = uint.decode(state);
    return {
      peer: has(flags, 1) ? peer.decode(state) : null,
      refresh: has(flags, 2) ? fixed32.decode(state) : null,
      signature: has(flags, 4) ? fixed64.decode(state) : null,
      bump: has(flags, 8) ? uint.decode(state) : 0,
    };
  },
};

/** Codec of {@linkcode MutableSignable}. Source: hyperdht `lib/messages.js`. */
export const mutableSignable: Encoder<MutableSignable> = {
  preencode(state: State, m: MutableSignable): void {
    uint.preencode(state, m.seq);
    buffer.preencode(state, m.value);
  },
  encode(state: State, m: MutableSignable): void {
    uint.encode(state, m.seq);
    buffer.encode(state, m.value);
  },
  decode(state: State): MutableSignable {
    return { seq: uint.decode(state), value: buffer.decode(state) };
  },
};

/** Codec of {@linkcode MutableRecord}. Source: hyperdht `lib/messages.js`, there `mutableGetResponse`. */
export const mutableRecord: Encoder<MutableRecord> = {
  preencode(state: State, m: MutableRecord): void {
    mutableSignable.preencode(state, m);
    state.end += 64;
  },
  encode(state: State, m: MutableRecord): void {
    mutableSignable.encode(state, m);
    fixed64.encode(state, m.signature);
  },
  decode(state: State): MutableRecord {
    const { seq, value } = mutableSignable.decode(state);
    return { seq, value, signature: fixed64.decode(state) };
  },
};

/** Codec of {@linkcode MutablePut}. Source: hyperdht `lib/messages.js`, there `mutablePutRequest`. */
export const mutablePut: Encoder<MutablePut> = {
  preencode(state: State, m: MutablePut): void {
    state.end += 32;
    mutableRecord.preencode(state, m);
  },
  encode(state: State, m: MutablePut): void {
    fixed32.encode(state, m.publicKey);
    mutableRecord.encode(state, m);
  },
  decode(state: State): MutablePut {
    const publicKey = fixed32.decode(state);
    return { publicKey, ...mutableRecord.decode(state) };
  },
};

/** Codec of {@linkcode PluginRequest}. Source: hyperdht `lib/messages.js`. */
export const pluginRequest: Encoder<PluginRequest> = {
  preencode(state: State, m: PluginRequest): void {
    string.preencode(state, m.plugin);
    uint.preencode(state, m.version);
    uint.preencode(state, m.command);
    state.end++; // flags
    if (m.value) buffer.preencode(state, m.value);
  },
  encode(state: State, m: PluginRequest): void {
    string.encode(state, m.plugin);
    uint.encode(state, m.version);
    uint.encode(state, m.command);
    uint.encode(state, m.value ? 1 : 0);
    if (m.value) buffer.encode(state, m.value);
  },
  decode(state: State): PluginRequest {
    const plugin = string.decode(state);
    const version = uint.decode(state);
    const command = uint.decode(state);
    const flags = uint.decode(state);
    return { plugin, version, command, value: has(flags, 1) ? buffer.decode(state) : null };
  },
};

/** Decodes what a peer sent; null when it is no such value or there is none. */
export function tryDecode<Input, Output>(
  encoder: Encoder<Input, Output>,
  bytes: Uint8Array | null | undefined,
): Output | null {
  if (!bytes) return null;
  try {
    return decode(encoder, bytes);
  } catch {
    // The codecs throw for nothing else than bytes that are no encoding.
    return null;
  }
}

function has(flags: number, flag: number): boolean {
  return (flags & flag) !== 0;
}

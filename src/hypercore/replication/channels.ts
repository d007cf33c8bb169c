/**
 * The channels of one log on the muxers it is attached to: when they are opened, and by whom they may be.
 *
 * @module
 */
import { equalBytes } from "../../base/mod.ts";
import type { ChannelOptions, Protomux } from "../../protomux/mod.ts";
import { HypercoreError } from "../errors.ts";
import { replicationCapability } from "../log/mod.ts";
import { REOPENS_MAX } from "./limits.ts";
import * as messages from "./messages.ts";
import { type HandshakeMessage, PROTOCOL_ALIAS, PROTOCOL_NAME } from "./messages.ts";
import type { ReplicationChannel, ReplicationStream } from "./peer.ts";
import { MESSAGE_KINDS, type PeerState, type WireMessage } from "./peer_state.ts";

/**
 * What to do about a channel that is gone: `none`; `again`: open it; `retry`: open it, unless that has led to nothing
 * {@linkcode REOPENS_MAX} times in a row.
 */
export type AfterClose = "none" | "again" | "retry";

/** What becomes of channels; the replication. */
export interface ChannelHost {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 32 bytes. */
  readonly discoveryKey: Uint8Array;
  /** A channel may open soon (1), or did or will not (-1). */
  handleExpected(change: number): void;
  /** A channel is open and its remote knows the key. */
  handleOpen(handshake: HandshakeMessage, mux: Protomux, channel: ReplicationChannel): PeerState;
  handleMessage(peer: PeerState, message: WireMessage): void;
  /** A channel is gone; tells what to do about it. */
  handleClose(peer: PeerState, isRemote: boolean): AfterClose;
  handleDrain(): void;
  /** A handler failed, or the remote does not know the key. */
  handleError(error: unknown, stream: ReplicationStream): void;
}

/** A muxer that the log is, or may be, replicated over. */
interface Attachment {
  readonly mux: Protomux;
  readonly stream: ReplicationStream;
  readonly handleStreamClose: () => void;
  /** The channel, while it is open or being opened. */
  channel: ReplicationChannel | null;
  /** The peer broke the rules here; the channel stays closed. */
  isBanned: boolean;
  /** Retries since data came last. */
  retries: number;
}

const ENCODINGS = {
  sync: messages.sync,
  request: messages.request,
  cancel: messages.cancel,
  data: messages.data,
  noData: messages.noData,
  want: messages.want,
  unwant: messages.want,
  bitfield: messages.bitfield,
  range: messages.range,
  extension: messages.extension,
};

/** The channels of one log. */
export class Channels {
  readonly #host: ChannelHost;
  readonly #attachments = new Map<Protomux, Attachment>();

  constructor(host: ChannelHost) {
    this.#host = host;
  }

  /** Muxers attached. */
  get size(): number {
    return this.#attachments.size;
  }

  /** Whether `mux` is attached. */
  has(mux: Protomux): boolean {
    return this.#attachments.has(mux);
  }

  /** Opens the channel on `mux` once its stream is open, and whenever the remote opens it. */
  attach(mux: Protomux): void {
    if (this.#attachments.has(mux)) return;
    const stream = mux.stream as ReplicationStream;
    const handleStreamClose = (): void => this.detach(mux);
    const attachment: Attachment = {
      mux,
      stream,
      handleStreamClose,
      channel: null,
      isBanned: false,
      retries: 0,
    };
    this.#attachments.set(mux, attachment);
    mux.pair({ protocol: PROTOCOL_NAME, id: this.#host.discoveryKey }, () => this.#open(attachment));
    stream.on("close", handleStreamClose);
    this.#host.handleExpected(1);
    stream.opened.then((isOpen) => {
      if (isOpen) this.#open(attachment);
      this.#host.handleExpected(-1);
    });
  }

  /** Opens no more channels on `mux`; one that is open stays so. */
  detach(mux: Protomux): void {
    const attachment = this.#attachments.get(mux);
    if (attachment === undefined) return;
    this.#attachments.delete(mux);
    mux.unpair({ protocol: PROTOCOL_NAME, id: this.#host.discoveryKey });
    attachment.stream.off?.("close", attachment.handleStreamClose);
  }

  /** Keeps the channel on `mux` closed. */
  ban(mux: Protomux): void {
    const attachment = this.#attachments.get(mux);
    if (attachment !== undefined) attachment.isBanned = true;
  }

  /** Opens the channel on every muxer where it is not open. */
  openAll(): void {
    for (const attachment of this.#attachments.values()) this.#open(attachment);
  }

  /** Detaches all muxers and closes their channels; returns the channels. */
  closeAll(): ReplicationChannel[] {
    const channels: ReplicationChannel[] = [];
    for (const { mux, channel } of Array.from(this.#attachments.values())) {
      this.detach(mux);
      if (channel === null) continue;
      channels.push(channel);
      channel.close();
    }
    return channels;
  }

  #open(attachment: Attachment): void {
    const { mux, stream } = attachment;
    const { discoveryKey } = this.#host;
    const { handshakeHash, isInitiator } = stream;
    if (attachment.isBanned || this.#attachments.get(mux) !== attachment || handshakeHash === null) return;
    if (mux.opened({ protocol: PROTOCOL_NAME, id: discoveryKey })) return;
    const channel = mux.createChannel(this.#channelOptions(attachment));
    if (channel === null) return;
    attachment.channel = channel;
    this.#host.handleExpected(1);
    channel.open({
      seeks: true,
      capability: replicationCapability(isInitiator, this.#host.key, handshakeHash),
    });
  }

  #channelOptions(attachment: Attachment): ChannelOptions<HandshakeMessage> {
    const host = this.#host;
    const { mux, stream } = attachment;
    let peer: PeerState | null = null;
    let isExpected = true;
    const settleExpected = (): void => {
      if (isExpected) host.handleExpected(-1);
      isExpected = false;
    };
    return {
      protocol: PROTOCOL_NAME,
      aliases: [PROTOCOL_ALIAS],
      id: host.discoveryKey,
      handshake: messages.handshake,
      messages: MESSAGE_KINDS.map((kind) => ({
        encoding: ENCODINGS[kind],
        onmessage: (message: unknown) => {
          if (peer === null) return;
          if (kind === "data") attachment.retries = 0;
          host.handleMessage(peer, { kind, message } as WireMessage);
        },
      })) as ChannelOptions["messages"],
      onopen: (handshake, channel) => {
        this.#checkCapability(attachment, handshake!);
        peer = host.handleOpen(handshake!, mux, channel);
        settleExpected();
      },
      onclose: (isRemote) => {
        attachment.channel = null;
        settleExpected();
        const next = peer === null ? "none" : host.handleClose(peer, isRemote);
        if (next === "again" || (next === "retry" && attachment.retries++ < REOPENS_MAX)) {
          this.#open(attachment);
        }
      },
      ondrain: () => host.handleDrain(),
      onerror: (error) => host.handleError(error, stream),
    };
  }

  /** @throws {HypercoreError} `INVALID_CAPABILITY` when the remote does not know the key; the channel is closed. */
  #checkCapability(attachment: Attachment, { capability }: HandshakeMessage): void {
    const { handshakeHash, isInitiator } = attachment.stream;
    const { key, discoveryKey } = this.#host;
    if (equalBytes(capability, replicationCapability(!isInitiator, key, handshakeHash!))) return;
    attachment.isBanned = true;
    throw new HypercoreError("INVALID_CAPABILITY", "Remote sent an invalid replication capability", {
      discoveryKey,
    });
  }
}

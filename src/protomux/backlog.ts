/**
 * What the remote has opened and sent before anybody here wanted it, and what that costs.
 *
 * @module
 */
import { copyBytes } from "../base/mod.ts";
import type { State } from "../compact_encoding/mod.ts";
import { ProtomuxError } from "./errors.ts";
import { HELD_OVERHEAD_BYTES, type ProtomuxLimits } from "./limits.ts";
import type { MachineChannel } from "./pairing.ts";

/** A message kept until its channel opens here. */
export interface HeldMessage {
  readonly type: number;
  readonly payload: State;
}

/** A channel that the remote opened. */
export interface RemoteChannel<Owner> {
  readonly remoteId: number;
  /** Its counterpart here; null while it waits for one. */
  channel: MachineChannel<Owner> | null;
  /** Bytes of the handshake, until it was handed over. */
  handshake: State | null;
  /** Messages that came before the counterpart was open; null once it is. */
  messages: HeldMessage[] | null;
  /** What the messages count for, overhead included. */
  messageBytes: number;
  /** What the opening itself counts for. */
  openingBytes: number;
  /** The remote closed it while it was waiting. */
  isClosedByRemote: boolean;
}

/** Counts what is held for channels of the remote, and refuses what is too much. */
export class Backlog<Owner> {
  readonly #limits: ProtomuxLimits;
  #waitingCount = 0;
  #messageBytes = 0;
  #openingBytes = 0;

  /** Creates an empty backlog. */
  constructor(limits: ProtomuxLimits) {
    this.#limits = limits;
  }

  /** Channels of the remote that wait for one of ours. */
  get waitingCount(): number {
    return this.#waitingCount;
  }

  /** Bytes held, overhead included. */
  get heldBytes(): number {
    return this.#messageBytes + this.#openingBytes;
  }

  /** Whether the remote should be slowed down. */
  get isCongested(): boolean {
    return this.#messageBytes > this.#limits.pendingBytesPause ||
      this.#messageBytes + this.#openingBytes > this.#limits.heldBytesPause;
  }

  /**
   * Adds a channel of the remote that waits; `handshake` is copied.
   *
   * @throws {ProtomuxError} `BACKLOG_EXCEEDED` or `HELD_BYTES_EXCEEDED`.
   */
  addWaiting(remoteId: number, handshake: State, nameBytes: number): RemoteChannel<Owner> {
    if (this.#waitingCount === this.#limits.waitingChannelsMax) {
      const message = `More than ${this.#waitingCount} channels wait to be opened`;
      throw new ProtomuxError("BACKLOG_EXCEEDED", message);
    }
    const remote = remoteChannel<Owner>(remoteId, keep(handshake));
    remote.openingBytes = HELD_OVERHEAD_BYTES + nameBytes + byteLengthOf(handshake);
    this.#waitingCount++;
    this.#openingBytes += remote.openingBytes;
    this.#checkHeldBytes();
    return remote;
  }

  /**
   * Keeps a message for `remote`; `payload` is copied.
   *
   * @throws {ProtomuxError} `HELD_BYTES_EXCEEDED`.
   */
  hold(remote: RemoteChannel<Owner>, type: number, payload: State): void {
    if (remote.isClosedByRemote) return;
    remote.messages!.push({ type, payload: keep(payload) });
    const byteLength = HELD_OVERHEAD_BYTES + byteLengthOf(payload);
    remote.messageBytes += byteLength;
    this.#messageBytes += byteLength;
    this.#checkHeldBytes();
  }

  /** Takes note that `remote` waits no longer. */
  removeWaiting(): void {
    this.#waitingCount--;
  }

  /** Takes the handshake out. */
  releaseOpening(remote: RemoteChannel<Owner>): void {
    this.#openingBytes -= remote.openingBytes;
    remote.openingBytes = 0;
    remote.handshake = null;
  }

  /** Takes the messages out; none are held for `remote` from now on. */
  releaseMessages(remote: RemoteChannel<Owner>): void {
    this.#messageBytes -= remote.messageBytes;
    remote.messageBytes = 0;
    remote.messages = null;
  }

  #checkHeldBytes(): void {
    if (this.heldBytes <= this.#limits.heldBytesMax) return;
    const message = `Cannot hold ${this.heldBytes} bytes for channels that are not open`;
    throw new ProtomuxError("HELD_BYTES_EXCEEDED", message);
  }
}

/** A channel of the remote as its opening tells of it; `handshake` is borrowed. */
export function remoteChannel<Owner>(remoteId: number, handshake: State): RemoteChannel<Owner> {
  return {
    remoteId,
    channel: null,
    handshake,
    messages: [],
    messageBytes: 0,
    openingBytes: 0,
    isClosedByRemote: false,
  };
}

/** The bytes of `state`, kept alive without the rest of a larger frame. */
function keep({ start, end, buffer }: State): State {
  const byteLength = end - start;
  // A view keeps the whole buffer alive, while only its own bytes are counted.
  if (2 * byteLength >= buffer!.buffer.byteLength) return { start, end, buffer };
  return { start: 0, end: byteLength, buffer: copyBytes(buffer!.subarray(start, end)) };
}

function byteLengthOf({ start, end }: State): number {
  return end - start;
}

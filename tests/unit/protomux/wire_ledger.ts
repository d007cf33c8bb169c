/**
 * Keeps the books of one side from the frames alone: which ids are in use, and which openings wait for an answer. Says
 * when a side opens with an id that is taken or rejects what it has answered before.
 *
 * @module
 */
import { hexText } from "../../../src/base/mod.ts";
import { uint } from "../../../src/compact_encoding/mod.ts";
import { FrameReader } from "../../../src/protomux/frame_reader.ts";
import { CONTROL, CONTROL_CHANNEL, openMessage } from "../../../src/protomux/messages.ts";

interface OwnChannel {
  readonly key: string;
  /** Id of the counterpart; 0 while unanswered. */
  remoteId: number;
  isClosed: boolean;
}

interface RemoteChannel {
  readonly key: string;
  /** Id of the counterpart; 0 while unanswered. */
  ownId: number;
  isClosed: boolean;
}

/** The books of one side. */
export class WireLedger {
  /** What this side did that it must not do. */
  readonly faults: string[] = [];
  readonly #own = new Map<number, OwnChannel>();
  readonly #remote = new Map<number, RemoteChannel>();
  readonly #outgoing = new Map<string, number[]>();
  readonly #incoming = new Map<string, number[]>();

  /** Takes note of a frame that this side has written. */
  noteSent(frame: Uint8Array): void {
    this.#walk(frame, {
      open: (id, key) => this.#sentOpen(id, key),
      reject: (id) => this.#sentReject(id),
      close: (id) => this.#sentClose(id),
    });
  }

  /** Takes note of a frame before this side gets it. */
  noteReceived(frame: Uint8Array): void {
    this.#walk(frame, {
      open: (id, key) => this.#receivedOpen(id, key),
      reject: (id) => this.#receivedReject(id),
      close: (id) => this.#receivedClose(id),
    });
  }

  #sentOpen(id: number, key: string): void {
    if (this.#own.has(id)) this.faults.push(`opened ${key} as ${id}, which is taken`);
    const remoteId = listOf(this.#incoming, key).shift();
    if (remoteId === undefined) {
      listOf(this.#outgoing, key).push(id);
      this.#own.set(id, { key, remoteId: 0, isClosed: false });
      return;
    }
    const remote = this.#remote.get(remoteId)!;
    if (remote.isClosed) {
      this.#remote.delete(remoteId);
    } else {
      remote.ownId = id;
      this.#own.set(id, { key, remoteId, isClosed: false });
    }
  }

  #sentReject(remoteId: number): void {
    const remote = this.#remote.get(remoteId);
    if (remote === undefined || remote.ownId !== 0) {
      this.faults.push(`rejected ${remoteId}, which does not wait`);
      return;
    }
    remove(listOf(this.#incoming, remote.key), remoteId);
    this.#remote.delete(remoteId);
  }

  #sentClose(id: number): void {
    const own = this.#own.get(id);
    // The remote may have closed it in the frame that is being answered.
    if (own === undefined) return;
    own.isClosed = true;
    if (own.remoteId === 0) return;
    this.#own.delete(id);
    this.#remote.delete(own.remoteId);
  }

  #receivedOpen(remoteId: number, key: string): void {
    const id = listOf(this.#outgoing, key).shift();
    if (id === undefined) {
      listOf(this.#incoming, key).push(remoteId);
      this.#remote.set(remoteId, { key, ownId: 0, isClosed: false });
      return;
    }
    const own = this.#own.get(id)!;
    if (own.isClosed) {
      this.#own.delete(id);
    } else {
      own.remoteId = remoteId;
      this.#remote.set(remoteId, { key, ownId: id, isClosed: false });
    }
  }

  #receivedReject(id: number): void {
    const own = this.#own.get(id);
    if (own === undefined || own.remoteId !== 0) return;
    remove(listOf(this.#outgoing, own.key), id);
    this.#own.delete(id);
  }

  #receivedClose(remoteId: number): void {
    const remote = this.#remote.get(remoteId);
    if (remote === undefined) return;
    remote.isClosed = true;
    if (remote.ownId === 0) return;
    this.#remote.delete(remoteId);
    this.#own.delete(remote.ownId);
  }

  #walk(
    frame: Uint8Array,
    on: {
      open(id: number, key: string): void;
      reject(id: number): void;
      close(id: number): void;
    },
  ): void {
    const reader = new FrameReader(8);
    reader.load(frame);
    for (let step = reader.next(); step !== "end"; step = reader.next()) {
      if (step !== "message" || reader.channelId !== CONTROL_CHANNEL) continue;
      const { type, payload } = reader;
      if (type === CONTROL.open) {
        const { channelId, protocol, id } = openMessage.decode(payload);
        on.open(channelId, `${protocol} ${id ? hexText(id) : ""}`);
      } else if (type === CONTROL.reject) on.reject(uint.decode(payload));
      else if (type === CONTROL.close) on.close(uint.decode(payload));
    }
  }
}

function listOf(lists: Map<string, number[]>, key: string): number[] {
  const found = lists.get(key);
  if (found !== undefined) return found;
  const list: number[] = [];
  lists.set(key, list);
  return list;
}

function remove(list: number[], id: number): void {
  const index = list.indexOf(id);
  if (index >= 0) list.splice(index, 1);
}

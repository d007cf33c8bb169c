/**
 * Who is told of changes of the cores of a group.
 *
 * @module
 */
import { hexText, type Readable, TypedEventEmitter } from "../base/mod.ts";
import type { CoreStore, GroupUpdate, GroupUpdatesOptions } from "../hypercore/mod.ts";
import { GeneratorStream } from "./generator_stream.ts";

/** Events of {@linkcode GroupNotifyHandle}. */
export interface GroupNotifyEvents {
  /** A core of the group changed its length or fork. */
  update: [update: GroupUpdate];
}

/** What a handle asks of the store. */
export interface GroupNotifyHost {
  /** Where the cores lie. */
  readonly storage: CoreStore;
  /** Resolves once the store is open. */
  ready(): Promise<void>;
  /** Tells the handle nothing more. */
  remove(handle: GroupNotifyHandle): void;
}

/** Hears of changes of the cores of one group; made by `store.notifyGroup()`. */
export class GroupNotifyHandle extends TypedEventEmitter<GroupNotifyEvents> {
  /** 32 bytes. */
  readonly topic: Uint8Array;
  readonly #host: GroupNotifyHost;

  /** Made by the store. */
  constructor(host: GroupNotifyHost, topic: Uint8Array) {
    super();
    this.#host = host;
    this.topic = topic;
  }

  /** The keys of the cores that changed, each once, the one that changed last first unless `reverse` is false. */
  updates(options?: GroupUpdatesOptions): Readable<Uint8Array> {
    const { topic } = this;
    const host = this.#host;
    return new GeneratorStream(async function* () {
      await host.ready();
      yield* host.storage.groupUpdates(topic, options);
    });
  }

  /** Hears of nothing more. */
  destroy(): void {
    this.#host.remove(this);
  }

  /** Same as {@linkcode GroupNotifyHandle.destroy}. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}

/** The handles of a store, by topic. */
export class GroupNotifications {
  readonly #handles = new Map<string, Set<GroupNotifyHandle>>();

  /** Topics with handles. */
  get size(): number {
    return this.#handles.size;
  }

  /** Makes a handle. */
  add(host: Omit<GroupNotifyHost, "remove">, topic: Uint8Array): GroupNotifyHandle {
    const handle = new GroupNotifyHandle(
      { storage: host.storage, ready: () => host.ready(), remove: (handle) => this.#remove(handle) },
      topic,
    );
    const id = hexText(topic);
    const handles = this.#handles.get(id);
    if (handles === undefined) this.#handles.set(id, new Set([handle]));
    else handles.add(handle);
    return handle;
  }

  /** Tells the handles of a topic. */
  notify(topic: Uint8Array, update: GroupUpdate): void {
    for (const handle of this.#handles.get(hexText(topic)) ?? []) handle.emit("update", update);
  }

  #remove(handle: GroupNotifyHandle): void {
    const id = hexText(handle.topic);
    const handles = this.#handles.get(id);
    if (handles?.delete(handle) && handles.size === 0) this.#handles.delete(id);
  }
}

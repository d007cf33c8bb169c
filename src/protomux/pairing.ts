/**
 * Who waits for whom: one entry per protocol name and id, found under its aliases too.
 *
 * @module
 */
import { hexText } from "../base/mod.ts";
import type { RemoteChannel } from "./backlog.ts";

/** A channel made here, as the machine sees it; `owner` is whatever the driver made for it. */
export interface MachineChannel<Owner> {
  readonly owner: Owner;
  /** Where it waits for its counterpart; changes only while it is not open on either side. */
  pairing: Pairing<Owner>;
  /** Our id on the wire; 0 until opened here. */
  localId: number;
  /** The remote's id on the wire; 0 until opened there. */
  remoteId: number;
  isClosed: boolean;
}

/** Channels of one protocol name and id on both sides. */
export interface Pairing<Owner> {
  /** The name and id as one text. */
  readonly key: string;
  /** The same for the other names. */
  readonly aliasKeys: readonly string[];
  /** Channels open here, whether the remote has answered or not. */
  openedCount: number;
  /** The channel opened here last, null once it has closed. */
  lastChannel: MachineChannel<Owner> | null;
  /** Our ids that the remote has not answered, oldest first; the channel may have been closed meanwhile. */
  readonly outgoing: number[];
  /** Channels of the remote that wait for one of ours, oldest first. */
  readonly incoming: RemoteChannel<Owner>[];
  /** Requests for a channel of this name that have not been settled. */
  requestCount: number;
}

/** Selects channels by protocol name and, where it has one, id. */
export interface ChannelKey {
  /** Name of the protocol. */
  readonly protocol: string;
  /** Binary id; null or left out for none. */
  readonly id?: Uint8Array | null;
}

/** One text per name and id. */
export function channelKeyText({ protocol, id }: ChannelKey): string {
  // The digits come first because a name may hold any character.
  return id ? `${hexText(id)}#${protocol}` : `#${protocol}`;
}

/** All pairings that somebody still needs. */
export class PairingTable<Owner> {
  readonly #pairings = new Map<string, Pairing<Owner>>();

  /** Number of names and aliases. */
  get size(): number {
    return this.#pairings.size;
  }

  /** The pairing of that name or alias. */
  find(key: ChannelKey): Pairing<Owner> | undefined {
    return this.#pairings.get(channelKeyText(key));
  }

  /** The pairing of that name, made with `aliases` when there is none. */
  findOrCreate({ protocol, id }: ChannelKey, aliases: readonly string[] = []): Pairing<Owner> {
    const key = channelKeyText({ protocol, id });
    const found = this.#pairings.get(key);
    // Compat: protomux/index.js adds no aliases to an entry that exists.
    if (found !== undefined) return found;
    const pairing: Pairing<Owner> = {
      key,
      aliasKeys: aliases.map((alias) => channelKeyText({ protocol: alias, id })),
      openedCount: 0,
      lastChannel: null,
      outgoing: [],
      incoming: [],
      requestCount: 0,
    };
    this.#pairings.set(key, pairing);
    for (const aliasKey of pairing.aliasKeys) this.#pairings.set(aliasKey, pairing);
    return pairing;
  }

  /**
   * The entry to use for a channel that got `pairing` earlier: the same one, known again if it was forgotten, or the
   * one that has taken its name meanwhile.
   */
  restore(pairing: Pairing<Owner>): Pairing<Owner> {
    const found = this.#pairings.get(pairing.key);
    if (found !== undefined) return found;
    for (const key of [pairing.key, ...pairing.aliasKeys]) {
      if (!this.#pairings.has(key)) this.#pairings.set(key, pairing);
    }
    return pairing;
  }

  /** Forgets `pairing` unless somebody needs it. */
  release(pairing: Pairing<Owner>): void {
    if (pairing.openedCount > 0 || pairing.outgoing.length > 0 || pairing.incoming.length > 0) return;
    this.#forget(pairing.key, pairing);
    for (const aliasKey of pairing.aliasKeys) this.#forget(aliasKey, pairing);
  }

  /** Forgets the channels of the remote that wait. */
  dropIncoming(): void {
    for (const pairing of new Set(this.#pairings.values())) {
      pairing.incoming.length = 0;
      this.release(pairing);
    }
  }

  #forget(key: string, pairing: Pairing<Owner>): void {
    // Another channel may have taken the name over by declaring it as its alias.
    if (this.#pairings.get(key) === pairing) this.#pairings.delete(key);
  }
}

/**
 * Hints between peers: a reader of a sparse log says what it looks for, and a peer that has the blocks says which ones
 * lead there, so that they are fetched in one round trip. Hints save time and prove nothing.
 *
 * Source for the messages and when they are sent: `hyperbee/lib/extension.js`.
 *
 * @module
 */
import type { Download, Extension as CoreExtension, Peer } from "../hypercore/mod.ts";
import type { BeeCore } from "./driver.ts";
import {
  ANSWER_BLOCKS_MAX,
  ANSWERS_AT_ONCE_MAX,
  HINT_BLOCKS,
  HINT_MESSAGE_BYTES_MAX,
  HINTED_DOWNLOADS_MAX,
} from "./limits.ts";
import { Extension, type ExtensionMessage, type GetRequest, type IteratorRequest } from "./messages.ts";
import type { RangeSnapshot } from "./range_machine.ts";

/** What answers ask of the bee. */
export interface HintSource {
  readonly core: BeeCore;
  /** The newest version. */
  version(): number;
  /** Tells of each local block on the way to `key`. */
  traceGet(version: number, key: Uint8Array, onseq: (seq: number) => void): Promise<void>;
  /** Tells of each local block of an iteration, until `onseq` gives false. */
  traceRange(request: IteratorRequest, onseq: (seq: number) => boolean): Promise<void>;
}

/** The extension `hyperbee` of a core; may be shared by bees on one core. */
export class BeeExtension {
  readonly #source: HintSource;
  readonly #channel: CoreExtension<Uint8Array>;
  #answerCount = 0;
  readonly #downloads: Download[] = [];

  /**
   * Registers the extension with the core; called by the bee.
   *
   * @internal
   */
  constructor(source: HintSource) {
    this.#source = source;
    this.#channel = source.core.registerExtension("hyperbee", {
      onmessage: (bytes: Uint8Array, peer: Peer) => this.#handleMessage(bytes, peer),
    });
  }

  /** Asks all peers for the blocks that lead to a key. */
  get(version: number, key: Uint8Array): void {
    this.#send({ get: { version, key } });
  }

  /** Asks all peers for the blocks of an iteration from where it stands. */
  iterator(snapshot: RangeSnapshot): void {
    if (snapshot.ended || snapshot.limit === 0) return;
    this.#send({ iterator: { ...snapshot, limit: snapshot.limit === -1 ? 0 : snapshot.limit } });
  }

  #send(message: ExtensionMessage): void {
    const bytes = Extension.encode(message);
    if (bytes.byteLength <= HINT_MESSAGE_BYTES_MAX) this.#channel.broadcast(bytes);
  }

  #handleMessage(bytes: Uint8Array, peer: Peer): void {
    const message = tryDecode(bytes);
    if (message === null) return;
    if (message.cache) this.#fetch(message.cache.blocks);
    if (message.get) this.#answer(peer, (collect) => this.#answerGet(message.get!, collect));
    if (message.iterator) this.#answer(peer, (collect) => this.#answerIterator(message.iterator!, collect));
  }

  /** Only blocks that exist, and few requests at a time, however many a peer names. */
  #fetch(hinted: readonly number[]): void {
    const { core } = this.#source;
    const blocks = hinted.slice(0, ANSWER_BLOCKS_MAX).filter((seq) => seq < core.length);
    if (blocks.length === 0 || core.closing !== null) return;
    const download = core.download({ blocks });
    this.#downloads.push(download);
    download.done().catch(ignoreHint).finally(() => this.#forget(download));
    if (this.#downloads.length > HINTED_DOWNLOADS_MAX) this.#downloads[0]!.destroy();
  }

  #forget(download: Download): void {
    const index = this.#downloads.indexOf(download);
    if (index !== -1) this.#downloads.splice(index, 1);
  }

  #answer(peer: Peer, trace: (collect: (seq: number) => boolean) => Promise<void>): void {
    if (this.#answerCount >= ANSWERS_AT_ONCE_MAX) return;
    this.#answerCount++;
    const seen = new Set<number>();
    let blocks: number[] = [];
    const flush = (): void => {
      if (blocks.length === 0) return;
      const cache = { blocks, start: Math.min(...blocks), end: Math.max(...blocks) + 1 };
      this.#channel.send(Extension.encode({ cache }), peer);
      blocks = [];
    };
    const collect = (seq: number): boolean => {
      if (seen.has(seq)) return true;
      seen.add(seq);
      blocks.push(seq);
      if (blocks.length >= HINT_BLOCKS) flush();
      return seen.size < ANSWER_BLOCKS_MAX;
    };
    trace(collect).catch(ignoreHint).then(flush).catch(ignoreHint).finally(() => this.#answerCount--);
  }

  async #answerGet(request: GetRequest, collect: (seq: number) => boolean): Promise<void> {
    const { version, key } = request;
    if (key === null || version < 1 || version > this.#source.version()) return;
    await this.#source.traceGet(version, key, collect);
  }

  async #answerIterator(request: IteratorRequest, collect: (seq: number) => boolean): Promise<void> {
    if (request.version < 1 || request.version > this.#source.version()) return;
    await this.#source.traceRange(request, collect);
  }
}

function tryDecode(bytes: Uint8Array): ExtensionMessage | null {
  if (bytes.byteLength > HINT_MESSAGE_BYTES_MAX) return null;
  try {
    return Extension.decode(bytes);
  } catch {
    return null; // a hint that cannot be read is no hint
  }
}

/** Without the hint the blocks are fetched one by one. */
function ignoreHint(): void {}

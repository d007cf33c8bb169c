/**
 * Opening requests to peers and closing them again, whatever became of them. What to ask whom is decided in
 * `selection.ts`, what to make of answers in `answers.ts`.
 *
 * @module
 */
import { treeDepth } from "../log/mod.ts";
import type { ReplicationContext } from "./context.ts";
import { type BlockDemand, type DemandBook, removeFrom, type SeekDemand } from "./demands.ts";
import { HOTSWAP_INFLIGHT_MIN, STALL_MS, UPGRADE_PEERS_MAX } from "./limits.ts";
import type { RequestMessage } from "./messages.ts";
import { isPending, type Outgoing } from "./outgoing.ts";
import type { PeerState } from "./peer_state.ts";
import type { ReorgDemand } from "./reorgs.ts";

/** Estimate of an answer without a block. */
const PROOF_BYTES = 1024;
/** Estimate of a block while nothing is known of the log. */
const UNKNOWN_BLOCK_BYTES = 65536;

/** What a request asks for, before it has an id. */
interface RequestParts {
  readonly block?: RequestMessage["block"];
  readonly hash?: RequestMessage["hash"];
  readonly seek?: RequestMessage["seek"];
  readonly upgrade: RequestMessage["upgrade"];
  readonly priority?: number;
  readonly bytes: number;
  readonly reorg?: ReorgDemand;
}

/** Requests to peers. */
export class Requests {
  readonly #context: ReplicationContext;
  readonly #book: DemandBook;

  constructor(context: ReplicationContext, book: DemandBook) {
    this.#context = context;
    this.#book = book;
  }

  /** Estimate of the bytes that an answer with a block brings. */
  get blockBytes(): number {
    const { blockBytes } = this.#context;
    return blockBytes === 0 ? UNKNOWN_BLOCK_BYTES : Math.ceil(blockBytes) + PROOF_BYTES / 4;
  }

  /** Whether `peer` can be asked for blocks at all just now. */
  hasRoom(peer: PeerState): boolean {
    if (!peer.isActive || !peer.remoteUploading || this.#context.log.isFrozen) return false;
    return peer.window.hasRoom(this.blockBytes);
  }

  /** Whether `peer` can be asked for blocks that others were asked for. */
  hasHotswapRoom(peer: PeerState): boolean {
    return this.hasRoom(peer) && peer.window.open < Math.max(HOTSWAP_INFLIGHT_MIN, peer.window.limit / 2);
  }

  /** Whether `peer` may prove block `index` to us: our trees are known to be comparable there. */
  canRequest(peer: PeerState, index: number, isForced: boolean): boolean {
    const { head } = this.#context.log;
    if (this.#context.pushOnly && !isForced) return false;
    if (peer.remoteLength >= head.length) return true;
    if (index < peer.lastUpgradableLength && peer.lastUpgradableFork === head.fork) return true;
    return peer.canUpgrade && peer.upgradeChecks === 0;
  }

  /** End (exclusive) of the blocks up to `end` that `peer` may prove to us; `end` -1 is the peer's own. */
  provableEnd(peer: PeerState, end: number): number {
    const { head } = this.#context.log;
    if (peer.remoteFork !== head.fork || peer.upgradeChecks > 0) return 0;
    let local = head.length;
    if (!peer.canUpgrade && peer.remoteLength < head.length) {
      local = head.fork === peer.lastUpgradableFork ? Math.min(peer.lastUpgradableLength, head.length) : 0;
    }
    return Math.min(local, peer.remoteLength, end === -1 ? Infinity : end);
  }

  /** Whether `peer` can be asked for an upgrade, and nobody else is being asked. */
  canUpgradeFrom(peer: PeerState): boolean {
    const { head, published } = this.#context.log;
    if (this.#context.pushOnly || peer.remoteFork !== head.fork) return false;
    // What we have not told anyone yet, nobody can build an upgrade on.
    if (head.length !== published.length || peer.lengthAcked !== published.length) return false;
    if (!peer.remoteCanUpgrade || peer.remoteLength <= head.length) return false;
    return this.#book.upgrade === null || this.hasOnlyStalled(this.#book.upgrade.requests, peer);
  }

  /** Whether `requests` leave room for one to `peer`: those there are take long, and it is not among the asked. */
  hasOnlyStalled(requests: readonly Outgoing[], peer: PeerState): boolean {
    if (requests.length === 0) return true;
    if (requests.length >= UPGRADE_PEERS_MAX) return false;
    const limitMs = this.#context.nowMs - STALL_MS;
    return requests.every((request) =>
      request.peer !== peer && request.state === "sent" && request.openedMs <= limitMs
    );
  }

  /** Asks `peer` for a block; false when it cannot be asked. */
  openBlock(peer: PeerState, demand: BlockDemand): boolean {
    const { head } = this.#context.log;
    const { index } = demand;
    if (peer.remoteFork !== head.fork || !peer.has.get(index) || peer.remoteLength <= index) return false;
    if (!this.canRequest(peer, index, demand.isForced)) return false;
    const upgrade = this.#upgradePart(peer, index >= head.length);
    if (index >= head.length && upgrade === null) return false;
    const request = this.#create(peer, {
      block: { index, nodes: 0 },
      upgrade,
      priority: demand.priority,
      bytes: this.blockBytes,
    });
    demand.requests.push(request);
    demand.place = "none";
    if (index < head.length) this.#countNodes(request);
    else this.#send(request);
    return true;
  }

  /** Asks `peer` for an upgrade, with the newest block where that is wanted; false when it cannot be asked. */
  openUpgrade(peer: PeerState): boolean {
    if (!this.canUpgradeFrom(peer)) return false;
    if (this.#book.wantsLatestBlock) {
      const index = peer.remoteLength - 1;
      const demand = this.#book.blocks.get(index);
      if (demand === undefined || demand.requests.length === 0) {
        if (this.openBlock(peer, demand ?? this.#book.ensureBlock(index))) return true;
        this.#book.dropUnneeded(index);
      }
    }
    this.#send(this.#create(peer, { upgrade: this.#upgradePart(peer, true), bytes: PROOF_BYTES }));
    return true;
  }

  /** Asks `peer` for the nodes that narrow a seek down; false when it cannot be asked. */
  openSeek(peer: PeerState, demand: SeekDemand): boolean {
    const { head } = this.#context.log;
    if (this.#context.pushOnly || demand.isChecking || demand.isCheckDue || peer.remoteFork !== head.fork) {
      return false;
    }
    if (!this.hasOnlyStalled(demand.requests, peer)) return false;
    const seek = peer.supportsSeeks ? { bytes: demand.bytes, padding: demand.padding } : null;
    if (demand.start >= head.length) {
      const upgrade = this.#upgradePart(peer, true);
      if (upgrade === null) return false;
      this.#openSeekRequest(peer, demand, { seek, upgrade, bytes: PROOF_BYTES });
      return true;
    }
    const index = this.#findSeekLeaf(peer, demand);
    if (index === -1) return false;
    const nodes = treeDepth(demand.start + demand.end - 1) ||
      (this.#context.log.missingNodes(2 * index) ?? 1);
    const upgrade = this.#upgradePart(peer, false);
    this.#openSeekRequest(peer, demand, {
      hash: { index: 2 * index, nodes },
      seek,
      upgrade,
      bytes: PROOF_BYTES,
    });
    return true;
  }

  /** Asks `peer` for the manifest alone. */
  openManifest(peer: PeerState): void {
    this.#send(this.#create(peer, { upgrade: null, bytes: PROOF_BYTES }));
  }

  /** Asks `peer` for its whole tree, of a newer fork. */
  openFork(peer: PeerState, reorg: ReorgDemand): void {
    const upgrade = { start: 0, length: peer.remoteLength };
    this.#openForkRequest({ upgrade, bytes: PROOF_BYTES, reorg }, peer, reorg);
  }

  /** Asks `peer` for the nodes above block `index` of a newer fork. */
  openForkNodes(peer: PeerState, reorg: ReorgDemand, index: number, nodes: number): void {
    const hash = { index: 2 * index, nodes };
    this.#openForkRequest({ hash, upgrade: null, bytes: PROOF_BYTES, reorg }, peer, reorg);
  }

  /** Asks `peer` which blocks of a region it has, unless that is known or asked already. */
  want(peer: PeerState, region: number): void {
    const change = peer.localWants.add(region, (other) => this.#isRegionNeeded(other));
    if (change === null) return;
    if (change.unwant !== null) peer.outbox.push({ kind: "unwant", message: change.unwant });
    peer.outbox.push({ kind: "want", message: change.want });
  }

  /** The number of nodes that `request` waited for is known: it is sent. */
  handleCount(request: Outgoing, nodes: number): void {
    if (request.state !== "counting") return;
    this.#sendCounted(request, nodes);
  }

  /** The answer to `request` arrived. Its bytes count until it is {@linkcode finish}ed. */
  answered(request: Outgoing): void {
    this.#leave(request, this.#context.nowMs - request.openedMs);
  }

  /** Ends a request that was stored or given up. */
  finish(request: Outgoing, state: "applied" | "failed"): void {
    if (!isPending(request)) return;
    const { peer, block, message } = request;
    if (peer.requests.has(message.id)) this.#leave(request, null);
    request.state = state;
    peer.window.settled(request.bytes);
    if (block !== -1) peer.expected.remove(2 * block, message.block!.nodes, request);
    if (this.#book.upgrade !== null) removeFrom(this.#book.upgrade.requests, request);
    for (const seek of this.#book.seeks) removeFrom(seek.requests, request);
    if (request.reorg !== null) removeFrom(request.reorg.requests, request);
    const demand = block === -1 ? undefined : this.#book.blocks.get(block);
    if (demand !== undefined) removeFrom(demand.requests, request);
    const { holds } = request;
    request.holds = null;
    if (state === "applied" || holds === null) return;
    for (const held of holds) this.fail(held);
  }

  /** Ends a request without success; what was asked for is asked again. */
  fail(request: Outgoing): void {
    if (!isPending(request)) return;
    this.finish(request, "failed");
    this.#context.generation++;
    const demand = request.block === -1 ? undefined : this.#book.blocks.get(request.block);
    if (demand === undefined) return;
    if (demand.handles.length > 0) this.#book.enqueue(demand);
    else this.#book.dropUnneeded(request.block);
  }

  /** Takes a request back that nobody needs any more. */
  cancel(request: Outgoing): void {
    if (!isPending(request)) return;
    // What has arrived is on its way into the log and harms nobody.
    if (request.state === "verifying") return;
    if (request.state === "sent" && !request.peer.isClosed) {
      request.peer.outbox.push({ kind: "cancel", message: { request: request.message.id } });
      request.peer.stats.wireCancel.tx++;
      this.#context.stats.wireCancel.tx++;
    }
    this.finish(request, "failed");
    this.#context.generation++;
  }

  /** Gives up all requests of a peer that is gone. */
  failAll(peer: PeerState): void {
    for (const request of Array.from(peer.requests.values())) this.fail(request);
  }

  #openForkRequest(parts: RequestParts, peer: PeerState, reorg: ReorgDemand): void {
    const request = this.#create(peer, parts);
    reorg.requests.push(request);
    this.#send(request);
  }

  #openSeekRequest(peer: PeerState, demand: SeekDemand, parts: RequestParts): void {
    const request = this.#create(peer, parts);
    demand.requests.push(request);
    this.#send(request);
  }

  /** A block in the range of a seek that `peer` has and we have not, from a random place on; -1 if there is none. */
  #findSeekLeaf(peer: PeerState, { start, end }: SeekDemand): number {
    const { bitfield } = this.#context.log;
    const middle = start + this.#context.randomBelow(end - start);
    const index = peer.has.firstSetNotIn(bitfield, middle, end);
    const found = index === -1 ? peer.has.firstSetNotIn(bitfield, start, middle) : index;
    if (found === -1) this.want(peer, this.#context.regionOf(start));
    return found !== -1 && this.canRequest(peer, found, false) && found < peer.remoteLength ? found : -1;
  }

  #upgradePart(peer: PeerState, isNeeded: boolean): RequestMessage["upgrade"] {
    if (!isNeeded && this.#book.upgrade === null) return null;
    if (!this.canUpgradeFrom(peer)) return null;
    const { length } = this.#context.log.head;
    return { start: length, length: peer.remoteLength - length };
  }

  #isRegionNeeded(region: number): boolean {
    for (const index of this.#book.blocks.keys()) if (this.#context.regionOf(index) === region) return true;
    const { length } = this.#context.log.head;
    for (const range of this.#book.ranges) {
      if (range.blocks !== null) {
        if (range.blocks.some((index) => this.#context.regionOf(index) === region)) return true;
      } else if (
        this.#context.regionOf(range.start) <= region &&
        region <= this.#context.regionOf(range.end === -1 ? length : range.end - 1)
      ) {
        return true;
      }
    }
    return this.#book.seeks.some((seek) => this.#context.regionOf(seek.start) === region);
  }

  #create(peer: PeerState, parts: RequestParts): Outgoing {
    const context = this.#context;
    const { block = null, hash = null, seek = null, upgrade, priority = 0, bytes, reorg = null } = parts;
    const manifest = context.log.manifest === null && peer.remoteHasManifest;
    const id = context.nextRequestId++;
    const request: Outgoing = {
      message: { id, fork: peer.remoteFork, block, hash, seek, upgrade, manifest, priority },
      peer,
      block: block === null ? -1 : block.index,
      bytes,
      openedMs: context.nowMs,
      epoch: context.epoch,
      reorg,
      state: "counting",
      builtOn: null,
      holds: null,
      answer: null,
    };
    peer.requests.set(id, request);
    peer.window.opened(bytes);
    context.openRequests++;
    if (upgrade !== null && reorg === null) this.#book.ensureUpgrade().requests.push(request);
    return request;
  }

  /** Finds out how many nodes to ask for with a block of the tree we have, then sends the request. */
  #countNodes(request: Outgoing): void {
    const { peer, block } = request;
    const leaf = 2 * block;
    const levels = Math.ceil(Math.log2(this.#context.log.head.length)) + 1;
    const found = peer.expected.find(leaf, levels);
    // What was asked for before nodes were dropped may not fit the tree there is now.
    const expected = found?.request.epoch === this.#context.epoch ? found : null;
    // What is expected is not stored, so at level 0 there is nothing to look up.
    const missing = expected?.level === 0 ? null : this.#context.log.missingNodes(leaf);
    if (expected !== null && (missing === null || expected.level < missing)) {
      request.builtOn = expected.request;
      this.#sendCounted(request, expected.level);
    } else if (missing !== null) {
      this.#sendCounted(request, missing);
    } else {
      this.#context.jobs.push({ kind: "count", request, treeIndex: leaf });
    }
  }

  #sendCounted(request: Outgoing, nodes: number): void {
    const { peer, block } = request;
    request.message = { ...request.message, block: { index: block, nodes } };
    peer.expected.add(2 * block, nodes, request);
    this.#send(request);
  }

  #send(request: Outgoing): void {
    const { peer } = request;
    request.state = "sent";
    peer.outbox.push({ kind: "request", message: request.message });
    peer.stats.wireRequest.tx++;
    this.#context.stats.wireRequest.tx++;
  }

  /** Takes a request out of those without an answer. */
  #leave(request: Outgoing, elapsedMs: number | null): void {
    request.peer.requests.delete(request.message.id);
    request.peer.window.closed(elapsedMs);
    this.#context.openRequests--;
  }
}

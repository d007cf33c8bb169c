/**
 * Reading through a session: locally where it can be, from peers where it may.
 *
 * @module
 */
import type { Encoder } from "../compact_encoding/mod.ts";
import { decodeBlock } from "./block_codec.ts";
import { HypercoreError } from "./errors.ts";
import type { Hypercore } from "./hypercore.ts";
import type { GetOptions, UpdateOptions, WaitOptions } from "./options.ts";
import {
  areRequestsDestroyed,
  type RequestHandle,
  type RequestList,
  settleRequest,
} from "./replication/mod.ts";
import type { OpenSession, Session } from "./session.ts";
import { encoderOf, type ValueEncoding } from "./value_encoding.ts";

/** The value of block `index`; null where it is not here and may not be waited for. */
export async function getBlock<Value, GetValue>(
  session: Session<Value>,
  index: number,
  options: GetOptions<GetValue>,
): Promise<GetValue | null> {
  if (!session.isOpen) await session.opening;
  session.checkIndex(index, "Block index");
  const state = session.require("get on");
  session.face.onseq?.(index, session.face);
  if (session.marks?.isMarking) await session.marks.mark(index, index + 1);
  const { snapshot, log } = state;
  const block = await (snapshot === null ? log.getBlock(index) : snapshot.getBlock(index)) ??
    await getShared(state, index) ?? await getFromPeers(session, index, options);
  if (block === null) return null;
  if (options.raw) return block as GetValue;
  const codec = options.valueEncoding === undefined
    ? session.codec as unknown as Encoder<GetValue> | null
    : encoderOf(options.valueEncoding as ValueEncoding<GetValue>);
  const { encryption } = session;
  if (encryption === null) return decodeBlock(codec, block, session.discoveryKey);
  if (options.decrypt !== false) {
    // The bytes are nobody else's: storage and replication both give fresh ones.
    const pending = encryption.decrypt(index, block, session.core!);
    if (pending instanceof Promise) await pending;
  }
  const padding = encryption.padding(session.core!, index);
  return decodeBlock(codec, block.subarray(padding), session.discoveryKey);
}

/** A block that a branch dropped, from the log that it shares it with. */
async function getShared({ core, log }: OpenSession, index: number): Promise<Uint8Array | null> {
  return log === core.log || index >= log.sharedLength ? null : await core.log.getBlock(index);
}

async function getFromPeers<Value, GetValue>(
  session: Session<Value>,
  index: number,
  options: GetOptions<GetValue>,
): Promise<Uint8Array | null> {
  const { core, snapshot } = session.require("get on");
  if (snapshot !== null) checkPinned(session, index, snapshot.compatLength);
  const { face } = session;
  if (!(options.wait ?? face.wait)) return null;
  face.waits++;
  options.onwait?.(index, face as unknown as Hypercore<GetValue>);
  face.onwait?.(index, face);
  const list = requestList(session, options);
  const request = core.replicator.addBlock(list, index, options.force === true);
  request.snapshot = index < (session.head?.length ?? 0);
  const block = await settle(session, request, options);
  if (block === MOVED) return await getFromPeers(session, index, options);
  if (snapshot !== null) checkPinned(session, index, snapshot.compatLength);
  return block;
}

function checkPinned<Value>(session: Session<Value>, index: number, compatLength: number): void {
  if (index < compatLength) return;
  throw session.error(
    "SNAPSHOT_NOT_AVAILABLE",
    `Block ${index} is not part of this snapshot of ${compatLength} blocks`,
  );
}

/** Whether every block from `start` to `end` (exclusive) is local. */
export async function hasBlocks<Value>(
  session: Session<Value>,
  start: number,
  end: number,
): Promise<boolean> {
  if (!session.isOpen) await session.opening;
  session.checkIndex(start, "Start of the range");
  session.checkIndex(end, "End of the range");
  const { log, snapshot } = session.require("look into");
  return await (snapshot ?? log).has(start, end);
}

/** Asks peers for a longer log; whether it grew. */
export async function updateLength<Value>(session: Session<Value>, options: UpdateOptions): Promise<boolean> {
  if (!session.isOpen) await session.opening;
  if (session.closing !== null || session.face.snapshotted) return false;
  if (session.face.writable && !options.force) return false;
  const { core } = session.require("update");
  if (await core.replicator.applyPendingReorg()) return true;
  if (!(options.wait ?? core.replicator.findingPeers > 0)) return false;
  const request = core.replicator.addUpgrade(requestList(session, options));
  const hasGrown = await settle(session, request, { ...options, timeout: options.timeout ?? 0 });
  return hasGrown === MOVED ? await updateLength(session, options) : hasGrown;
}

/** Where byte `byteOffset` lies; null where that is not known and may not be waited for. */
export async function seekByte<Value>(
  session: Session<Value>,
  byteOffset: number,
  options: WaitOptions,
): Promise<[block: number, offset: number] | null> {
  if (!session.isOpen) await session.opening;
  session.checkIndex(byteOffset, "Byte offset");
  const { core, log, snapshot } = session.require("seek in");
  if (session.encryption !== null && core.manifest === null) {
    // What each block has in front is known only with the manifest, and that comes with an upgrade.
    await settle(session, core.replicator.addUpgrade(requestList(session, options)), options);
  }
  const { padding } = session;
  const found = await (snapshot ?? log).seek(byteOffset, padding);
  if (found.kind === "found") return [found.index, found.offset];
  session.require("seek in");
  if (!(options.wait ?? session.face.wait)) return null;
  const request = core.replicator.addSeek(requestList(session, options), byteOffset, padding);
  const place = await settle(session, request, options);
  return place === MOVED ? await seekByte(session, byteOffset, options) : place;
}

/** The hash over the tree's roots at `length` blocks. */
export async function hashTree<Value>(
  session: Session<Value>,
  length: number | undefined,
): Promise<Uint8Array> {
  const { log, snapshot } = await session.ready("hash");
  const target = length === undefined || length < 0 ? session.head!.length : length;
  if (target > 0 && !await hasBlocks(session, target - 1, target)) {
    await getBlock(session, target - 1, { raw: true });
  }
  return await (snapshot ?? log).treeHash(target);
}

/** What stands for the result of a request that has to be made again on another core. */
const MOVED = Symbol("session moved");

/** The list that a request goes on. */
export function requestList<Value>(session: Session<Value>, options: WaitOptions): RequestList {
  const list = options.activeRequests ?? session.activeRequests;
  if (!areRequestsDestroyed(list)) return list;
  throw new HypercoreError("REQUEST_CANCELLED", "Requests of this list are not taken any more");
}

/** Waits for a request as the options and the session say. */
async function settle<Value, Result>(
  session: Session<Value>,
  request: RequestHandle<Result>,
  options: WaitOptions,
): Promise<Result | typeof MOVED> {
  try {
    return await settleRequest(request, options.timeout ?? session.face.timeout, options.signal);
  } catch (error) {
    if (error instanceof HypercoreError && error.code === "SESSION_MOVED") return MOVED;
    throw error;
  }
}

/**
 * Writing through a session: appending, cutting, dropping blocks, and taking over a branch.
 *
 * @module
 */
import { isBytes, utf8Bytes } from "../base/mod.ts";
import type { Encoder, State } from "../compact_encoding/mod.ts";
import { encodeBlock } from "./block_codec.ts";
import { HypercoreError } from "./errors.ts";
import { MAX_SUGGESTED_BLOCK_SIZE } from "./limits.ts";
import type { LogKeyPair } from "./log/mod.ts";
import type {
  AppendOptions,
  AppendResult,
  ClearOptions,
  ClearResult,
  CommitOptions,
  TruncateOptions,
} from "./options.ts";
import type { OpenSession, Session } from "./session.ts";

/** Appends values, all or none. */
export async function appendValues<Value>(
  session: Session<Value>,
  values: Value | readonly Value[],
  options: AppendOptions,
): Promise<AppendResult> {
  if (!session.isOpen) await session.opening;
  const { core, log } = session.require("append to");
  const keyPair = options.keyPair ?? (log.isDefault ? session.keyPair : null);
  const isFree = log !== core.log || options.writable === true || Boolean(options.signature);
  if (!session.mayWrite || !(isFree || hasSecretKey(keyPair))) {
    throw session.error("SESSION_NOT_WRITABLE", "Cannot append to a read-only core");
  }
  if (log === core.log && core.log.recovering > 0) await core.recover();
  const batch = Array.isArray(values) ? values as readonly Value[] : [values as Value];
  const { encodeBatch } = session.face;
  const blocks = encodeBatch?.(batch) ?? encodeValues(session, batch);
  for (const block of blocks) {
    if (block.byteLength > MAX_SUGGESTED_BLOCK_SIZE) {
      throw session.error("BAD_ARGUMENT", `A block of ${block.byteLength} bytes exceeds the largest, 15 MiB`);
    }
  }
  const { signature, maxLength, durable, postappend } = options;
  const preappend = session.encryption === null ? undefined : encryptBlocks(session);
  return await log.append(blocks, { keyPair, signature, maxLength, durable, preappend, postappend });
}

function encodeValues<Value>({ codec, padding }: Session<Value>, values: readonly Value[]): Uint8Array[] {
  if (padding > 0) return values.map((value) => encodePadded(codec, value, padding));
  return values.map((value) => encodeBlock(codec, value));
}

/** The bytes of a value behind `padding` bytes. */
function encodePadded<Value>(codec: Encoder<Value> | null, value: Value, padding: number): Uint8Array {
  if (isBytes(value) || codec === null) {
    const bytes = isBytes(value) ? value : encodeBlock(codec, value);
    const block = new Uint8Array(padding + bytes.byteLength);
    block.set(bytes, padding);
    return block;
  }
  const state: State = { start: padding, end: padding, buffer: null };
  codec.preencode(state, value);
  const block = state.buffer = new Uint8Array(state.end);
  codec.encode(state, value);
  return block;
}

/** Encrypts blocks in place once it is known where they will stand. */
function encryptBlocks<Value>(
  session: Session<Value>,
): (blocks: readonly Uint8Array[], start: number) => unknown {
  const { encryption } = session;
  const core = session.core!;
  return async (blocks, start) => {
    const { fork } = core.log.head;
    for (let i = 0; i < blocks.length; i++) {
      const pending = encryption!.encrypt(start + i, blocks[i]!, fork, core);
      if (pending instanceof Promise) await pending;
    }
  };
}

/** Cuts the log to its first `length` blocks. */
export async function truncateLog<Value>(
  session: Session<Value>,
  length: number,
  options: number | TruncateOptions,
): Promise<void> {
  if (!session.isOpen) await session.opening;
  const { core, log } = session.require("truncate");
  const given = typeof options === "number" ? { fork: options } : options;
  const { fork = log.head.fork + 1, signature = null } = given;
  const keyPair = given.keyPair ?? (log.isDefault ? session.keyPair : null);
  const isFree = log !== core.log || signature !== null || hasSecretKey(keyPair);
  const changes = length > 0 || fork !== log.head.fork;
  if (session.options.snapshot || ((session.options.writable === false || !isFree) && changes)) {
    throw session.error("SESSION_NOT_WRITABLE", "Cannot truncate a read-only core");
  }
  await log.truncate(length, { fork, keyPair, signature });
  if (log === core.log) core.replicator.updateAll();
}

/** Drops stored blocks. */
export async function clearBlocks<Value>(
  session: Session<Value>,
  start: number,
  end: number,
  { diff = false }: ClearOptions,
): Promise<ClearResult | null> {
  if (!session.isOpen) await session.opening;
  const { log } = session.require("clear");
  session.checkIndex(start, "Start of the range");
  session.checkIndex(end, "End of the range");
  const blocks = start < Math.min(end, session.head!.length) ? await log.clear(start, end) : 0;
  return diff ? { blocks } : null;
}

/** Takes over what `source` has more than the session's log. */
export async function commitSession<Value>(
  session: Session<Value>,
  source: OpenSession,
  options: CommitOptions,
): Promise<AppendResult | null> {
  const { log } = session.require("commit to");
  const { length, treeLength, signature, keyPair = session.keyPair } = options;
  return await log.commit(source.log, {
    length,
    treeLength: treeLength === undefined || treeLength < 0 ? undefined : treeLength,
    signature,
    keyPair,
  });
}

/** A value of user data as bytes. */
export function userDataBytes(value: Uint8Array | string): Uint8Array {
  if (typeof value === "string") return utf8Bytes(value);
  if (isBytes(value)) return value;
  throw new HypercoreError("BAD_ARGUMENT", `User data must be bytes or text, not ${typeof value}`);
}

/** Whether `keyPair` can sign. */
export function hasSecretKey(keyPair: LogKeyPair | null): boolean {
  return keyPair?.secretKey instanceof Uint8Array;
}

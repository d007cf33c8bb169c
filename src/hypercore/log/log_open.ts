/**
 * Which log a caller means, and creating it where it is not stored.
 *
 * Source of semantics: `hypercore/lib/core.js`, `_tryOpen`.
 *
 * @module
 */
import { equalBytes } from "../../base/mod.ts";
import { signKeyPair } from "../../crypto/mod.ts";
import { discoveryKey as discoveryKeyOf } from "../../hypercore_crypto/mod.ts";
import { WriteBatch } from "../../storage/mod.ts";
import { HypercoreError } from "../errors.ts";
import { type CoreStore, putCoreInfo } from "./core_store.ts";
import {
  createManifest,
  defaultSignerManifest,
  isCompat,
  isValidManifest,
  manifestHash,
  type ManifestInput,
} from "./manifest.ts";
import { LogState } from "./log_state.ts";
import { type CoreAlias, type CoreInfo, ownerKey } from "./records.ts";
import type { LogKeyPair, Manifest } from "./types.ts";

/** Options of `Log.open`. */
export interface LogOpenOptions {
  /** 32 bytes. Without it and `discoveryKey` the store's default log is opened. */
  readonly key?: Uint8Array | null;
  /** 32 bytes; opens a stored log whose key is not known. */
  readonly discoveryKey?: Uint8Array | null;
  /** Signs what is appended; for a new log without `key` a fresh one is made. */
  readonly keyPair?: LogKeyPair | null;
  /** What the key commits to. Default: one signer, the key pair. */
  readonly manifest?: ManifestInput | Uint8Array | null;
  /** False: `STORAGE_EMPTY` where nothing is stored. Default true. */
  readonly createIfMissing?: boolean;
  /** Discards a stored log first. Default false. */
  readonly overwrite?: boolean;
  /** Turns a conflict of keys into an overwrite. Default false. */
  readonly force?: boolean;
  /** The key of a new log is the signer's public key itself, as before manifests. Default false. */
  readonly compat?: boolean;
  /** Accepts and makes signatures from before namespaces. Default false. */
  readonly legacy?: boolean;
  /** Stored with a new log. */
  readonly userData?: Readonly<Record<string, Uint8Array | string>> | null;
  /** Name under which a new log can be found. */
  readonly alias?: CoreAlias | null;
}

/** A stored log, ready to be loaded. */
export interface OpenedCore {
  /** What the store knows of it; its manifest may be newer than the stored one. */
  readonly info: CoreInfo;
  /** Whether the key is the signer's public key, as far as is known. */
  readonly compat: boolean;
}

/**
 * Finds or creates the log that `options` mean.
 *
 * @throws {HypercoreError} `STORAGE_EMPTY`, `STORAGE_CONFLICT`, `BAD_ARGUMENT`.
 */
export async function openCore(store: CoreStore, options: LogOpenOptions): Promise<OpenedCore> {
  checkKey("key", options.key);
  checkKey("discovery key", options.discoveryKey);
  const { key = null } = options;
  const given = options.manifest ? createManifest(options.manifest) : null;
  const discoveryKey = options.discoveryKey ?? (key && discoveryKeyOf(key)) ??
    await store.defaultDiscoveryKey();
  const stored = discoveryKey && await store.info(discoveryKey);
  const isOtherKey = stored !== null && key !== null && !equalBytes(stored.key, key);
  const overwrites = options.overwrite === true || (options.force === true && isOtherKey);

  let info: CoreInfo;
  if (stored === null || overwrites) {
    if (options.createIfMissing === false || (stored === null && options.discoveryKey && !key && !given)) {
      throw new HypercoreError("STORAGE_EMPTY", "No Hypercore is stored here", { discoveryKey });
    }
    info = await createCore(store, stored, given, options);
  } else {
    if (isOtherKey) throw conflict("Another Hypercore is stored here", discoveryKey);
    info = stored;
  }

  if (given !== null && !isValidManifest(info.key, given) && !isCompat(info.key, given)) {
    throw conflict("Manifest does not hash to provided key", info.discoveryKey);
  }
  if (info.manifest === null && given !== null) {
    info = { ...info, manifest: given };
    const batch = new WriteBatch();
    putCoreInfo(batch, info);
    await store.storage.write(batch);
  }
  const compat = info.manifest === null ? options.compat === true : isCompat(info.key, info.manifest);
  return { info, compat };
}

async function createCore(
  store: CoreStore,
  stored: CoreInfo | null,
  given: Manifest | null,
  options: LogOpenOptions,
): Promise<CoreInfo> {
  const { key = null } = options;
  const compat = options.compat === true;
  const optionKeyPair = options.keyPair ?? null;
  if (compat && key && optionKeyPair && !equalBytes(key, optionKeyPair.publicKey)) {
    const { discoveryKey } = options;
    throw new HypercoreError("BAD_ARGUMENT", "Key must match publicKey when in compat mode", {
      discoveryKey,
    });
  }
  const keyPair = optionKeyPair ?? (key ? null : signKeyPair());
  checkKeyPair(keyPair);
  const isOwnKey = key !== null && keyPair !== null && equalBytes(key, keyPair.publicKey);
  const isDefault = given === null && (options.compat === true || key === null || isOwnKey);
  const manifest = isDefault ? defaultSignerManifest(key ?? keyPair!.publicKey) : given;
  const newKey = key ?? keyOf(manifest!, compat);
  const discoveryKey = options.discoveryKey ?? discoveryKeyOf(newKey);
  const { userData, alias } = options;
  if (stored !== null) await store.delete(stored.discoveryKey);
  return await store.create({ discoveryKey, key: newKey, manifest, keyPair, userData, alias });
}

function keyOf(manifest: Manifest, compat: boolean): Uint8Array {
  if (!compat) return manifestHash(manifest);
  const signer = manifest.signers[0];
  if (signer === undefined) throw new HypercoreError("BAD_ARGUMENT", "Compat mode needs a signer");
  return signer.publicKey;
}

function checkKey(name: string, key: Uint8Array | null | undefined): void {
  if (!key || key.byteLength === 32) return;
  throw new HypercoreError("BAD_ARGUMENT", `A ${name} has 32 bytes, got ${key.byteLength}`);
}

function checkKeyPair(keyPair: LogKeyPair | null): void {
  if (keyPair === null) return;
  const { publicKey, secretKey } = keyPair;
  const isValid = publicKey?.byteLength === 32 && (!secretKey || secretKey.byteLength === 64);
  if (!isValid) {
    throw new HypercoreError(
      "BAD_ARGUMENT",
      "A key pair has a public key of 32 and a secret key of 64 bytes",
    );
  }
}

function conflict(message: string, discoveryKey: Uint8Array | null): HypercoreError {
  return new HypercoreError("STORAGE_CONFLICT", message, { discoveryKey });
}

/** How often a log is read anew that another process changes while it is read. */
const LOAD_ATTEMPTS_MAX = 20;

/**
 * Reads the state of a log; where another process may be writing it, until it did not while we read.
 *
 * @throws {StorageError} as `LogState.load`.
 */
export async function loadState({ storage }: CoreStore, owner: number): Promise<LogState> {
  if (!storage.readOnly) return await LogState.load(storage, owner);
  for (let attempt = 1;; attempt++) {
    const head = await storage.getRecord("head", ownerKey(owner));
    let state: LogState | null = null;
    let failure: unknown = null;
    try {
      state = await LogState.load(storage, owner);
    } catch (error) {
      failure = error; // damage, or a log that changed in between
    }
    const headAfter = await storage.getRecord("head", ownerKey(owner));
    const isSame = head === null || headAfter === null ? head === headAfter : equalBytes(head, headAfter);
    if (!isSame && attempt < LOAD_ATTEMPTS_MAX) continue;
    if (state === null) throw failure;
    return state;
  }
}

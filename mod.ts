/**
 * Quince: the Pear peer-to-peer stack, without native addons and wire-compatible with the npm packages.
 *
 * Each building block also has an import of its own, whose default export is what the npm package of that name exports:
 * `@quince/quince/hyperdrive`, `/hyperbee`, `/hypercore`, `/hyperswarm`, `/hyperdht` and so on; README.md lists them.
 *
 * @example
 * ```ts
 * import { Hypercore } from "@quince/quince";
 *
 * await using core = new Hypercore<string>(null, { valueEncoding: "utf-8" });
 * await core.append(["hello", "world"]);
 * await core.get(1); // "world"
 * ```
 *
 * @module
 */
export { QuinceError } from "./src/base/mod.ts";
export * as blindRelay from "./src/blind_relay/mod.ts";
export * as compactEncoding from "./src/compact_encoding/mod.ts";
export {
  Corestore,
  CorestoreError,
  type CorestoreOptions,
  type GetCoreOptions,
} from "./src/corestore/mod.ts";
export { DHT, DHTError as DHTRequestError, type DHTOptions } from "./src/dht_rpc/mod.ts";
export * as hypercoreCrypto from "./src/hypercore_crypto/mod.ts";
export {
  type AppendOptions,
  type AppendResult,
  type GetOptions,
  Hypercore,
  HypercoreError,
  type HypercoreEvents,
  type HypercoreOptions,
  type SessionOptions,
} from "./src/hypercore/mod.ts";
export { Hyperbee, HyperbeeError, type HyperbeeOptions } from "./src/hyperbee/mod.ts";
export { Hyperblobs, HyperblobsError, type HyperblobsOptions } from "./src/hyperblobs/mod.ts";
export { DHTError, HyperDHT, type HyperDHTOptions } from "./src/hyperdht/mod.ts";
export { Hyperdrive, HyperdriveError, type HyperdriveOptions } from "./src/hyperdrive/mod.ts";
export {
  Hyperswarm,
  HyperswarmError,
  type HyperswarmOptions,
  type PeerDiscovery,
  type PeerInfo,
} from "./src/hyperswarm/mod.ts";
export { Localdrive, LocaldriveError, type LocaldriveOptions } from "./src/localdrive/mod.ts";
export {
  type MirrorableDrive,
  type MirrorDifference,
  MirrorDrive,
  MirrorDriveError,
  type MirrorDriveOptions,
} from "./src/mirror_drive/mod.ts";
export { Protomux } from "./src/protomux/mod.ts";
export { SecretStream } from "./src/secret_stream/mod.ts";
export { MemoryStorage, SqliteStorage, type Storage, StorageError } from "./src/storage/mod.ts";

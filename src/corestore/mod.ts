/**
 * Corestore: any number of hypercores on one storage, replicated over one stream, with the API of the npm package
 * `corestore` 7.
 *
 * @module
 */
export {
  type CoreAudit,
  type CoreAuth,
  Corestore,
  Corestore as default,
  type CorestoreEvents,
  type StaticSource,
  type StoreAuditOptions,
} from "./corestore.ts";
export { type CoreRegistry, type CoreWatcher } from "./core_registry.ts";
export { CorestoreError, type CorestoreErrorCode } from "./errors.ts";
export { type GroupNotifyEvents, GroupNotifyHandle, type GroupNotifyHost } from "./group_notifications.ts";
export { childNamespace, namedKeyPair } from "./keys.ts";
export { IDLE_STRIKE_MS, IDLE_STRIKES_MAX } from "./limits.ts";
export * from "./options.ts";
export {
  type BlockRange,
  type LegacyCoreReport,
  type LegacyImportOptions,
  type LegacyImportReport,
} from "./legacy/import_folder.ts";
export { importLegacyStore } from "./legacy/import_store.ts";

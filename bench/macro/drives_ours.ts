/** Our drives and swarms, under the names that `npm/drives.mjs` has. */
export { default as Corestore } from "../../src/corestore/mod.ts";
export { default as Hypercore } from "../../src/hypercore/mod.ts";
export { default as DHT } from "../../src/hyperdht/mod.ts";
export { default as createTestnet } from "../../src/hyperdht/testnet/mod.ts";
export { default as Hyperdrive } from "../../src/hyperdrive/mod.ts";
export { default as Hyperswarm } from "../../src/hyperswarm/mod.ts";
export { default as Localdrive } from "../../src/localdrive/mod.ts";

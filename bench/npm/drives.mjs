// The other side's drives and swarms, resolved from the packages pinned in this folder.
export { default as Corestore } from "corestore";
export { default as Hypercore } from "hypercore";
export { default as DHT } from "hyperdht";
export { default as createTestnet } from "hyperdht/testnet.js";
export { default as Hyperdrive } from "hyperdrive";
export { default as Hyperswarm } from "hyperswarm";
export { default as Localdrive } from "localdrive";

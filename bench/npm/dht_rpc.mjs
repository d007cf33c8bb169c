// The other side's DHT nodes, resolved from the packages pinned in this folder.
export { default as DHT } from "dht-rpc";
export { default as UDX } from "udx-native";

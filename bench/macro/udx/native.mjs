/** The native side of the UDX bench, run by Node. */
import { createRequire } from "node:module";
import process from "node:process";
import { runPeer } from "./peer_logic.mjs";

const require = createRequire(
  new URL("../../../tests/interop/peers/package.json", import.meta.url),
);
const { backend: _backend, ...options } = JSON.parse(process.argv[2]);
runPeer(require("udx-native"), options);

/** Our side of the UDX bench. */
import process from "node:process";
import UDX from "../../../src/udx/mod.ts";
// @ts-types="./peer_logic.d.mts"
import { runPeer } from "./peer_logic.mjs";

const { backend, ...options } = JSON.parse(process.argv[2]!);
class BenchUDX extends UDX {
  constructor() {
    super({ backend });
  }
}
runPeer(BenchUDX, options);

// deno-lint-ignore-file no-console -- a program that prints
/**
 * Fetches a core into a folder and reports how many blocks it holds, one number per line: a reader to be killed.
 *
 * @module
 */
import { connect } from "node:net";
import { Hypercore } from "../../src/hypercore/mod.ts";

const [folder, key, port] = Deno.args as [string, string, string];
const core = new Hypercore(folder, key);
await core.ready();
core.on("download", () => {
  if (core.contiguousLength % 100 === 0) console.log(core.contiguousLength);
});
const socket = connect(Number(port), "127.0.0.1");
const stream = core.replicate(true);
stream.pipe(socket).pipe(stream);
await core.download({ linear: true }).done();

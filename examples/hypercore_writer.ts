/**
 * Appends each line of standard input to a log on disk and serves it to every reader that connects.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=log --allow-write=log examples/hypercore_writer.ts log < README.md
 *
 * Prints the log's key and its own address, then the length at the end of the input; serves on until interrupted.
 * A block is a line with its line break, so that a blank line is a block like any other. The reader's half is
 * `hypercore_reader.ts`.
 *
 * @module
 */
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import process from "node:process";
import Hypercore from "@quince/quince/hypercore";
import { lineBatches } from "./support/lines.ts";

const [folder, port = "0"] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write("Usage: hypercore_writer.ts FOLDER [PORT] < LINES\n");
  process.exit(2);
}

const core = new Hypercore(folder);
await core.ready();

const server = createServer((socket: Socket) => {
  const stream = core.replicate(false);
  stream.pipe(socket).pipe(stream);
  stream.on(
    "error",
    (error) => process.stderr.write(`A reader is gone: ${error.message}\n`),
  );
  socket.on("error", (error) => stream.destroy(error));
});
await new Promise<void>((resolve, reject) => {
  server.once("error", reject);
  server.listen(Number(port), "127.0.0.1", resolve);
});

process.stdout.write(`key ${core.id}\n`);
process.stdout.write(
  `address 127.0.0.1:${(server.address() as AddressInfo).port}\n`,
);

for await (const lines of lineBatches(process.stdin)) await core.append(lines);
process.stdout.write(`length ${core.length} blocks, ${core.byteLength} bytes\n`);

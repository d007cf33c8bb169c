// deno-lint-ignore-file no-console -- a program that prints
/**
 * Two logs in one process: what one appends, the other fetches over TCP.
 *
 *     deno run --allow-net=127.0.0.1:4400 --allow-read=a-log --allow-write=a-log examples/hello.ts
 *
 * @module
 */
import { connect, createServer } from "node:net";
import Hypercore from "@quince/quince/hypercore";

await using writer = new Hypercore<string>("./a-log", {
  valueEncoding: "utf-8",
});
await writer.append(["hello", "world"]);

const server = createServer((socket) => {
  const stream = writer.replicate(false);
  stream.pipe(socket).pipe(stream);
}).listen(4400, "127.0.0.1");

await using reader = new Hypercore<string>(null, writer.key, {
  valueEncoding: "utf-8",
});
const socket = connect(4400, "127.0.0.1");
const stream = reader.replicate(true);
stream.pipe(socket).pipe(stream);

console.log(await reader.get(1)); // "world", fetched and verified
socket.destroy();
server.close();

/**
 * Two peers exchange a file over UDX.
 *
 *     deno run --unstable-net --allow-net=127.0.0.1 --allow-read=in.txt examples/udx_file_exchange.ts writer in.txt
 *     deno run --unstable-net --allow-net=127.0.0.1 --allow-write=out.txt examples/udx_file_exchange.ts reader out.txt PORT
 *
 * The writer prints its port and serves one reader, which introduces itself by a datagram on the same socket.
 *
 * @module
 */
import process from "node:process";
import { createReadStream, createWriteStream } from "node:fs";
import UDX from "@quince/quince/udx";

const WRITER_STREAM = 1;
const READER_STREAM = 2;

const [role, file, port] = process.argv.slice(2);
if (file === undefined || (role !== "writer" && (role !== "reader" || port === undefined))) {
  process.stderr.write("Usage: udx_file_exchange.ts writer FILE | reader FILE PORT\n");
  process.exit(2);
}

const udx = new UDX();
const socket = udx.createSocket();
socket.bind(0, "127.0.0.1");

if (role === "writer") {
  const stream = udx.createStream(WRITER_STREAM);
  socket.once("message", (_hello, from) => {
    stream.connect(socket, READER_STREAM, from.port, from.host);
    createReadStream(file).on("data", (chunk) => stream.write(chunk)).on("end", () => stream.end());
  });
  stream.resume();
  stream.on("close", () => socket.close());
  process.stdout.write(`${socket.address()!.port}\n`);
} else {
  const stream = udx.createStream(READER_STREAM);
  const output = createWriteStream(file);
  stream.connect(socket, WRITER_STREAM, Number(port), "127.0.0.1");
  stream.on("data", (chunk) => output.write(chunk));
  stream.on("end", () => {
    output.end();
    stream.end();
  });
  stream.on("close", () => socket.close());
  await socket.send(new TextEncoder().encode("hello"), Number(port), "127.0.0.1");
}

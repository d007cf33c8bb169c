/**
 * Floods two sockets with packets for the streams 1 and 2, as fast as it can, until its standard input closes; prints
 * how many left. Arguments: the ports.
 */
import process from "node:process";
import { SeededRandom } from "../../../src/base/mod.ts";
import { bindDatagramSocket } from "../../../src/platform/mod.ts";
import { encodeHeader, writeUint32 } from "../../../src/udx/messages.ts";

const random = new SeededRandom(1);
const below = (end: number): number => Math.floor(random.next() * end);
const noise = (byteLength: number): Uint8Array => Uint8Array.from({ length: byteLength }, () => below(256));

/** A packet for one of the streams; flags without the one that destroys, which would end the matter at once. */
function packet(flags: number, byteLength: number, fields: { seq?: number; ack?: number; window?: number }) {
  const bytes = new Uint8Array(byteLength);
  bytes.set(noise(byteLength - 20), 20);
  const { seq = 0, ack = 0, window = 4 << 20 } = fields;
  encodeHeader(bytes, flags, 0, 1 + below(2), window, seq >>> 0, ack >>> 0);
  return bytes;
}

const kinds: readonly (() => Uint8Array)[] = [
  () => noise(1 + below(1400)),
  () => packet(0, 20, { ack: below(2 ** 32) }),
  () => packet(0, 20, { window: 0, ack: below(5000) }),
  () => packet(1, 1200, { seq: 2 ** 31 + below(2 ** 30) }),
  () => packet(32, 20, {}),
  () => packet(8, 20 + below(1000), {}),
  () => {
    const bytes = packet(4, 20 + 8 * 50, {});
    for (let i = 0; i < 100; i++) writeUint32(bytes, 20 + 4 * i, below(100_000));
    return bytes;
  },
  () => {
    const bytes = packet(1, 200, { seq: below(1000) });
    writeUint32(bytes, 4, 3 + below(1000));
    return bytes;
  },
];

let room = Promise.withResolvers<void>();
const socket = bindDatagramSocket({
  host: "127.0.0.1",
  port: 0,
  handlers: { onReceive() {}, onWritable: () => room.resolve(), onSendError() {} },
});
const packets = Array.from({ length: 4096 }, (_, i) => kinds[i % kinds.length]!());
const targets = process.argv.slice(2).map((port) => ({
  host: "127.0.0.1",
  port: Number(port),
  family: 4 as const,
}));
let isOver = false;
process.stdin.on("end", () => (isOver = true)).resume();
let sentCount = 0;
while (!isOver) {
  if (!socket.isWritable) await room.promise;
  room = Promise.withResolvers();
  const batch = Array.from({ length: 32 }, () => {
    return { bytes: packets[below(packets.length)]!, address: targets[below(targets.length)]! };
  });
  socket.sendMany(batch, batch.length);
  sentCount += batch.length;
}
await socket.close();
process.stdout.write(`${sentCount}\n`);

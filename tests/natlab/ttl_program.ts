/**
 * Receives datagrams, or sends a few with TTLs of their own: `ttl_program.ts receive PORT`,
 * `ttl_program.ts send HOST PORT`. It prints JSON as reference peers do.
 */
import { bindDatagramSocket, type DatagramAddress } from "../../src/platform/mod.ts";

const LOW_TTL = 5;

const [role, ...args] = Deno.args;
const decoder = new TextDecoder();
const encoder = new TextEncoder();
const say = (message: unknown): void =>
  void Deno.stdout.writeSync(encoder.encode(JSON.stringify(message) + "\n"));
const socket = bindDatagramSocket({
  host: "0.0.0.0",
  port: role === "receive" ? Number(args[0]) : 0,
  heedsTtl: true,
  handlers: {
    onReceive(datagrams, count) {
      const texts = datagrams.slice(0, count).map(({ bytes }) => decoder.decode(bytes));
      for (const text of texts) say({ event: "received", text });
    },
    onWritable: () => {},
    onSendError: (error) => say({ event: "error", text: String(error) }),
  },
});
say({ event: "ready" });

if (role === "send") {
  const to: DatagramAddress = { host: args[0]!, port: Number(args[1]), family: 4 };
  const send = (text: string, ttl?: number): Promise<boolean> =>
    socket.send(encoder.encode(text), to, { ttl });
  // All at once: each has to leave with its own TTL.
  await Promise.all([
    send("low 1", LOW_TTL),
    send("ordinary 1"),
    send("low 2", LOW_TTL),
    send("high 1", 64),
    send("ordinary 2"),
  ]);
  socket.settle();
  await send("settled");
  await socket.close();
}

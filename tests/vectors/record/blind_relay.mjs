// Records the messages of blind-relay as its codecs write them. Run by Node from any folder:
//
//   node tests/vectors/record/blind_relay.mjs
//
// Writes tests/vectors/blind_relay/messages.json. Bytes are hexadecimal text.
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../interop/peers/package.json", import.meta.url));
const { messages } = require("blind-relay");
const c = require("compact-encoding");
const { version } = require("blind-relay/package.json");

const tokens = [Buffer.alloc(32), Buffer.from(Array.from({ length: 32 }, (_, i) => i * 8)), Buffer.alloc(32, 0xff)];
const ids = [0, 1, 0xfc, 0xfd, 0xffff, 0x10000, 0xffffffff];

const pairs = [];
for (const [index, id] of ids.entries()) {
  const value = { isInitiator: index % 2 === 0, token: tokens[index % 3], id, seq: ids[(index + 3) % ids.length] };
  pairs.push({
    name: `${value.isInitiator ? "initiator" : "other end"}, id ${id}`,
    hex: c.encode(messages.pair, value).toString("hex"),
    value: { ...value, token: value.token.toString("hex") },
  });
}
const unpairs = tokens.map((token) => ({
  name: `token ${token.toString("hex").slice(0, 4)}`,
  hex: c.encode(messages.unpair, { token }).toString("hex"),
  value: { token: token.toString("hex") },
}));

const folder = new URL("../blind_relay/", import.meta.url);
mkdirSync(folder, { recursive: true });
const origin = { package: "blind-relay", version, recorder: "blind_relay.mjs" };
writeFileSync(new URL("messages.json", folder), JSON.stringify({ origin, pairs, unpairs }, null, 2) + "\n");

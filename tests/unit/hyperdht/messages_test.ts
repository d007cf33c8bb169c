/** Messages, constants and addresses against bytes recorded from the npm packages, cut short and changed. */
import { strict as assert } from "node:assert";
import { hexBytes, hexText } from "../../../src/base/mod.ts";
import { decode, encode, type Encoder } from "../../../src/compact_encoding/mod.ts";
import { BOOTSTRAP_NODES, COMMANDS, ERROR, FIREWALL, NS } from "../../../src/hyperdht/constants.ts";
import * as messages from "../../../src/hyperdht/messages.ts";
import DHT, { address } from "../../../src/hyperdht/mod.ts";
import addresses from "../../vectors/hyperdht/addresses.json" with { type: "json" };
import recorded from "../../vectors/hyperdht/messages.json" with { type: "json" };
import { bytesOf, revive } from "./support.ts";

// deno-lint-ignore no-explicit-any -- each codec has values of its own
const CODECS: Readonly<Record<string, Encoder<any, any>>> = {
  handshake: messages.handshake,
  noisePayload: messages.noisePayload,
  holepunch: messages.holepunch,
  peer: messages.peer,
  peers: messages.peers,
  lookupRawReply: messages.lookupRawReply,
  announce: messages.announce,
  mutableSignable: messages.mutableSignable,
  mutablePutRequest: messages.mutablePut,
  mutableGetResponse: messages.mutableRecord,
  pluginRequest: messages.pluginRequest,
};

/** What is encoded: lookup replies are made of encoded records. */
function encodable(codec: string, value: unknown): unknown {
  if (codec !== "lookupRawReply") return value;
  const { peers, bump } = value as messages.LookupReply;
  return { peers: peers.map((record) => encode(messages.peer, record)), bump };
}

for (const [index, { codec, hex, value }] of recorded.messages.entries()) {
  Deno.test(`DHT-W03 ${codec} encodes and decodes as recorded (${index})`, () => {
    const revived = revive(value);
    assert.equal(hexText(encode(CODECS[codec]!, encodable(codec, revived))), hex);
    assert.deepEqual(normal(decode(CODECS[codec]!, hexBytes(hex))), normal(revived));
  });

  Deno.test(`DHT-W03 ${codec} survives being cut at every byte and having every bit flipped (${index})`, () => {
    const bytes = hexBytes(hex);
    for (let end = 0; end < bytes.byteLength; end++) {
      const value = messages.tryDecode(CODECS[codec]!, bytes.subarray(0, end));
      // A reply without its bump is one of an older node.
      const isOptionalTail = codec === "lookupRawReply";
      if (!isOptionalTail) assert.equal(value, null, `cut at ${end}`);
    }
    for (let bit = 0; bit < 8 * bytes.byteLength; bit++) {
      const changed = Uint8Array.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      messages.tryDecode(CODECS[codec]!, changed);
    }
  });
}

/** Bytes of all kinds as the same kind. */
function normal(value: unknown): unknown {
  if (value instanceof Uint8Array) return hexText(value);
  if (Array.isArray(value)) return value.map(normal);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, normal(field)]));
}

Deno.test("DHT-W03 noisePayload of another version decodes to nothing but the version", () => {
  const { hex, value } = recorded.otherVersion;
  assert.deepEqual(decode(messages.noisePayload, hexBytes(hex)), value);
});

Deno.test("DHT-W03 announce takes an announcement without the parts that may be missing", () => {
  const { peer, refresh, signature, bump } = decode(
    messages.announce,
    encode(messages.announce, { peer: null }),
  );
  assert.deepEqual([peer, refresh, signature, bump], [null, null, null, 0]);
});

Deno.test("DHT-W01 DHT-W02 DHT-W09 DHT-016 constants are those of the npm package", () => {
  assert.deepEqual({ ...COMMANDS }, recorded.constants.COMMANDS);
  assert.deepEqual({ ...ERROR }, recorded.constants.ERROR);
  assert.deepEqual({ ...FIREWALL }, recorded.constants.FIREWALL);
  assert.deepEqual([...BOOTSTRAP_NODES], recorded.constants.BOOTSTRAP_NODES);
  const namespaces = Object.fromEntries(Object.entries(NS).map(([name, bytes]) => [name, hexText(bytes)]));
  assert.deepEqual(namespaces, recorded.constants.NS);
  assert.deepEqual(DHT.BOOTSTRAP, BOOTSTRAP_NODES);
  assert.equal(DHT.FIREWALL, FIREWALL);
  assert.deepEqual(DHT.DEFAULTS, {
    concurrency: 10,
    maxWindow: 80,
    maxPingDelay: 10_000,
    connectionKeepAlive: 5000,
    randomPunchInterval: 20_000,
  });
});

for (const { key, nodes, hex } of addresses.addresses) {
  Deno.test(`DHT-W08 address.encode() and decode() with ${nodes?.length ?? "no"} nodes, as recorded`, () => {
    assert.equal(hexText(address.encode(hexBytes(key), nodes)), hex);
    const decoded = address.decode(hexBytes(hex));
    assert.equal(hexText(decoded.key), key);
    assert.deepEqual(decoded.nodes, nodes);
  });
}

Deno.test("DHT-W08 address.decode() takes a bare key, and address.encode() refuses other sizes", () => {
  assert.deepEqual(address.decode(bytesOf(1)), { key: bytesOf(1), nodes: null });
  assert.throws(() => address.decode(bytesOf(1, 31)), { code: "OUT_OF_BOUNDS" });
  assert.throws(() => address.encode(bytesOf(1, 31)), TypeError);
});

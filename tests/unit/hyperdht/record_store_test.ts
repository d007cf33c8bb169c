/** What a persistent node keeps: announcements, mutable and immutable records, and what it refuses to. */
import { strict as assert } from "node:assert";
import { SeededRandom } from "../../../src/base/mod.ts";
import { decode, encode, uint } from "../../../src/compact_encoding/mod.ts";
import {
  announce,
  type AnnounceMessage,
  lookupRawReply,
  mutablePut,
  mutableRecord,
  peer,
  type PeerAddress,
} from "../../../src/hyperdht/messages.ts";
import DHT from "../../../src/hyperdht/mod.ts";
import { RecordStore, type StoreRequest } from "../../../src/hyperdht/record_store.ts";
import { RouterMachine } from "../../../src/hyperdht/router_machine.ts";
import { signAnnounce, signMutable, signUnannounce } from "../../../src/hyperdht/signatures.ts";
import { addressOf, bytesOf, keyPairOf } from "./support.ts";

const [NODE_ID, TOKEN] = [bytesOf(100), bytesOf(101)];
const TOPIC = bytesOf(50);
const WALL_MS = 1_770_000_000_000;

function stores(maxSize = 1000): { store: RecordStore; routes: RouterMachine<string> } {
  const routes = new RouterMachine<string>({ maxSize, maxAgeMs: 1_200_000 });
  const store = new RecordStore({
    records: { maxSize, maxAgeMs: 1_200_000 },
    values: { maxSize, maxAgeMs: 172_800_000 },
    routes,
    random: new SeededRandom(1),
  });
  return { store, routes };
}

function request(
  target: Uint8Array | null,
  value: Uint8Array | null,
  more: Partial<StoreRequest> = {},
): StoreRequest {
  return {
    target,
    value,
    token: TOKEN,
    from: addressOf(1),
    nodeId: NODE_ID,
    nowMs: 0,
    wallMs: WALL_MS,
    ...more,
  };
}

/** A signed announcement of the pair of `byte`. */
function announcement(
  byte: number,
  { target = TOPIC, relays = [], refresh = null, bump = 0, sign = signAnnounce, token = TOKEN, id = NODE_ID }:
    {
      readonly target?: Uint8Array;
      readonly relays?: readonly PeerAddress[];
      readonly refresh?: Uint8Array | null;
      readonly bump?: number;
      readonly sign?: typeof signAnnounce;
      readonly token?: Uint8Array;
      readonly id?: Uint8Array;
    } = {},
): Uint8Array {
  const { publicKey } = keyPairOf(byte);
  const message: AnnounceMessage = { peer: { publicKey, relayAddresses: relays }, refresh, bump };
  const signature = sign(target, token, id, message, keyPairOf(byte)) as Uint8Array;
  return encode(announce, { ...message, signature });
}

function lookUp(store: RecordStore, target = TOPIC, nowMs = 0) {
  const answer = store.handleLookup(request(target, null, { nowMs }));
  assert.equal(answer.kind, "value");
  const { value } = answer as { value: Uint8Array | null };
  return value === null ? { peers: [], bump: 0 } : decode(lookupRawReply, value);
}

Deno.test("DHT-060 handleAnnounce() keeps a signed record with at most three relays", () => {
  const { store } = stores();
  const relays = [1, 2, 3, 4].map(addressOf);
  const answer = store.handleAnnounce(request(TOPIC, announcement(1, { relays })));
  assert.deepEqual(answer, { kind: "done" });
  const { peers } = lookUp(store);
  assert.deepEqual(peers.map((record) => [record.publicKey[0], record.relayAddresses]), [
    [keyPairOf(1).publicKey[0], relays.slice(0, 3)],
  ]);
  // Announced again, with other relays: still one record, the new one.
  store.handleAnnounce(request(TOPIC, announcement(1, { relays: [addressOf(9)] })));
  assert.deepEqual(lookUp(store).peers.map((record) => record.relayAddresses), [[addressOf(9)]]);
});

Deno.test("DHT-060 handleAnnounce() refuses whatever is not signed for this node, topic and token", () => {
  const drop = { kind: "drop" };
  const { store } = stores();
  const good = announcement(1);
  const cases: Record<string, StoreRequest> = {
    "no target": request(null, good),
    "no token": request(TOPIC, good, { token: null }),
    "no value": request(TOPIC, null),
    "another topic": request(bytesOf(51), good),
    "another token": request(TOPIC, announcement(1, { token: bytesOf(7) })),
    "another node": request(TOPIC, announcement(1, { id: bytesOf(7) })),
    "the signature of a withdrawal": request(TOPIC, announcement(1, { sign: signUnannounce })),
    "no signature": request(TOPIC, encode(announce, { peer: { publicKey: bytesOf(1), relayAddresses: [] } })),
    "neither peer nor refresh": request(TOPIC, encode(announce, { peer: null })),
    "cut": request(TOPIC, good.subarray(0, good.byteLength - 1)),
  };
  for (const [name, bad] of Object.entries(cases)) assert.deepEqual(store.handleAnnounce(bad), drop, name);
  for (let i = 0; i < good.byteLength; i++) {
    const changed = Uint8Array.from(good);
    changed[i]! ^= 1;
    assert.deepEqual(store.handleAnnounce(request(TOPIC, changed)), drop, `byte ${i}`);
  }
  assert.deepEqual(lookUp(store).peers, []);
  assert.deepEqual(store.counts, { records: 0, refreshes: 0, bumps: 0, mutables: 0, immutables: 0 });
});

Deno.test("DHT-060 a flood of announcements from one host, signed or not, leaves room for those of others", () => {
  const { store } = stores();
  const [flooder, honest] = [addressOf(1), addressOf(2)];
  const unsigned = announcement(1, { token: bytesOf(7) });
  const signed = announcement(2);
  for (let window = 0; window < 10; window++) {
    const nowMs = 100 * window;
    let taken = 0;
    for (let i = 0; i < 1000; i++) {
      const from = { from: flooder, nowMs };
      assert.deepEqual(store.handleAnnounce(request(TOPIC, unsigned, from)), { kind: "drop" });
      if (store.handleAnnounce(request(TOPIC, signed, from)).kind === "done") taken++;
    }
    // Of 300 checks half were for what is not signed.
    assert.ok(taken <= 150, `${taken} taken`);
    for (let i = 0; i < 5; i++) {
      const value = announcement(10 + 5 * window + i);
      assert.deepEqual(store.handleAnnounce(request(TOPIC, value, { from: honest, nowMs })), {
        kind: "done",
      });
    }
  }
  assert.equal(store.counts.records, 51);
});

Deno.test("DHT-062 DHT-065 withdrawals and mutable records share the checks of signatures with announcements", () => {
  for (
    const [bytes, handle] of [
      [announcement(1, { sign: signUnannounce }), "handleUnannounce"],
      [announcement(1), "handleAnnounce"],
    ] as const
  ) {
    const { store } = stores();
    const { publicKey } = keyPairOf(1);
    const target = DHT.hash(publicKey);
    const signature = signMutable(1, bytesOf(1), keyPairOf(1)) as Uint8Array;
    const value = encode(mutablePut, { publicKey, seq: 1, value: bytesOf(1), signature });
    const kinds = (count: number, ask: () => { kind: string }): number =>
      Array.from({ length: count }, ask).filter(({ kind }) => kind !== "drop").length;
    assert.equal(kinds(200, () => store[handle](request(TOPIC, bytes))), 200);
    assert.equal(kinds(200, () => store.handleMutablePut(request(target, value))), 100);
    assert.equal(kinds(1, () => store.handleMutablePut(request(target, value, { nowMs: 100 }))), 1);
  }
});

Deno.test("DHT-059 handleLookup() gives at most 20 peers", () => {
  const { store } = stores();
  for (let byte = 1; byte <= 25; byte++) store.handleAnnounce(request(TOPIC, announcement(byte)));
  assert.equal(lookUp(store).peers.length, 20);
  assert.deepEqual(store.handleLookup(request(null, null)), { kind: "drop" });
  assert.deepEqual(lookUp(store, bytesOf(51)).peers, []);
});

Deno.test("DHT-061 a bump is kept unless it is lower, or more than a minute ahead", () => {
  const { store } = stores();
  const bump = (bump: number) => {
    store.handleAnnounce(request(TOPIC, announcement(1, { bump })));
    return lookUp(store).bump;
  };
  assert.equal(bump(0), 0);
  assert.equal(bump(WALL_MS - 5), WALL_MS - 5);
  assert.equal(bump(WALL_MS - 6), WALL_MS - 5);
  assert.equal(bump(WALL_MS + 60_001), WALL_MS - 5);
  assert.equal(bump(WALL_MS + 60_000), WALL_MS + 60_000);
});

Deno.test("DHT-058 DHT-078 a server that announces itself becomes a route, found by its key's hash", () => {
  const { store, routes } = stores();
  const { publicKey } = keyPairOf(3);
  const target = DHT.hash(publicKey);
  const from = addressOf(7);
  assert.deepEqual(store.handleFindPeer(request(target, null)), { kind: "value", value: null });
  store.handleAnnounce(request(target, announcement(3, { target }), { from }));
  assert.deepEqual(routes.get(target, 0)?.kind === "relay" && routes.get(target, 0), {
    kind: "relay",
    relay: from,
    record: encode(peer, { publicKey, relayAddresses: [] }),
  });
  const found = store.handleFindPeer(request(target, null)) as { value: Uint8Array };
  assert.deepEqual(decode(peer, found.value).relayAddresses, []);
  assert.equal(lookUp(store, target).peers.length, 1);
  assert.equal(store.counts.records, 0);
  assert.deepEqual(store.handleFindPeer(request(null, null)), { kind: "drop" });

  // It is withdrawn by its owner only.
  const forged = announcement(4, { target, sign: signUnannounce });
  assert.deepEqual(store.handleUnannounce(request(target, forged)), { kind: "done" });
  assert.notEqual(routes.get(target, 0), null);
  const withdrawal = announcement(3, { target, sign: signUnannounce });
  assert.deepEqual(store.handleUnannounce(request(target, withdrawal, { token: null })), { kind: "drop" });
  assert.deepEqual(store.handleUnannounce(request(target, withdrawal)), { kind: "done" });
  assert.equal(routes.get(target, 0), null);
});

Deno.test("DHT-062 handleUnannounce() forgets a record at its owner's word only", () => {
  const { store } = stores();
  for (const byte of [1, 2]) store.handleAnnounce(request(TOPIC, announcement(byte)));
  const withdrawal = announcement(1, { sign: signUnannounce });
  for (let i = 0; i < withdrawal.byteLength; i++) {
    const changed = Uint8Array.from(withdrawal);
    changed[i]! ^= 4;
    assert.deepEqual(store.handleUnannounce(request(TOPIC, changed)), { kind: "drop" });
  }
  assert.deepEqual(store.handleUnannounce(request(TOPIC, announcement(1))), { kind: "drop" });
  assert.deepEqual(store.handleUnannounce(request(null, withdrawal)), { kind: "drop" });
  assert.deepEqual(store.handleUnannounce(request(TOPIC, encode(announce, { peer: null }))), {
    kind: "drop",
  });
  assert.equal(lookUp(store).peers.length, 2);
  assert.deepEqual(store.handleUnannounce(request(TOPIC, withdrawal)), { kind: "done" });
  assert.deepEqual(lookUp(store).peers.map(({ publicKey }) => publicKey[0]), [keyPairOf(2).publicKey[0]]);
});

Deno.test("DHT-W03 an announcement is renewed by the preimage of its refresh, each one once", () => {
  const { store, routes } = stores();
  const last = bytesOf(60);
  const second = DHT.hash(last);
  const first = DHT.hash(second);
  store.handleAnnounce(request(TOPIC, announcement(1, { refresh: first })));
  const renew = (refresh: Uint8Array, nowMs: number) =>
    store.handleAnnounce(request(TOPIC, encode(announce, { peer: null, refresh }), { nowMs, token: TOKEN }));
  assert.deepEqual(renew(first, 900_000), { kind: "drop" });
  assert.deepEqual(renew(second, 900_000), { kind: "done" });
  assert.equal(lookUp(store, TOPIC, 1_650_000).peers.length, 1);
  assert.deepEqual(renew(second, 1_650_000), { kind: "drop" });
  assert.deepEqual(renew(last, 1_650_000), { kind: "done" });
  assert.equal(store.counts.refreshes, 1);

  const { publicKey } = keyPairOf(3);
  const target = DHT.hash(publicKey);
  store.handleAnnounce(request(target, announcement(3, { target, refresh: first }), { nowMs: 1_650_000 }));
  const renewal = encode(announce, { peer: null, refresh: second });
  store.handleAnnounce(request(target, renewal, { from: addressOf(8), nowMs: 1_650_000 }));
  const route = routes.get(target, 1_650_000);
  assert.deepEqual(route?.kind === "relay" && route.relay, addressOf(8));
});

Deno.test("DHT-064 immutable records are kept under their hash and no other", () => {
  const { store } = stores();
  const value = bytesOf(1, 500);
  const target = DHT.hash(value);
  assert.deepEqual(store.handleImmutableGet(request(target, null)), { kind: "value", value: null });
  assert.deepEqual(store.handleImmutablePut(request(target, value, { token: null })), { kind: "drop" });
  assert.deepEqual(store.handleImmutablePut(request(bytesOf(2), value)), { kind: "drop" });
  assert.deepEqual(store.handleImmutablePut(request(target, null)), { kind: "drop" });
  assert.deepEqual(store.handleImmutablePut(request(target, value)), { kind: "value", value: null });
  assert.deepEqual(store.handleImmutableGet(request(target, null)), {
    kind: "value",
    value: Buffer.from(value),
  });
  assert.deepEqual(store.handleImmutableGet(request(null, null)), { kind: "drop" });
  assert.deepEqual(store.handleImmutableGet(request(target, null, { nowMs: 3 * 86_400_000 })), {
    kind: "value",
    value: null,
  });
});

Deno.test("DHT-065 DHT-066 DHT-W02 mutable records: the newest stays, one value for each version", () => {
  const { store } = stores();
  const { publicKey } = keyPairOf(1);
  const target = DHT.hash(publicKey);
  const put = (seq: number, value: Uint8Array, more: Partial<StoreRequest> = {}, signer = keyPairOf(1)) => {
    const signature = signMutable(seq, value, signer) as Uint8Array;
    return store.handleMutablePut(
      request(target, encode(mutablePut, { publicKey, seq, value, signature }), more),
    );
  };
  const get = (seq: number) => {
    const { value } = store.handleMutableGet(request(target, encode(uint, seq))) as {
      value: Uint8Array | null;
    };
    return value && decode(mutableRecord, value);
  };
  const kept = { kind: "value", value: null };
  assert.equal(get(0), null);
  assert.deepEqual(put(5, bytesOf(1, 3), { token: null }), { kind: "drop" });
  assert.deepEqual(put(5, bytesOf(1, 3), {}, keyPairOf(2)), { kind: "drop" });
  assert.deepEqual(put(5, bytesOf(1, 3)), kept);
  assert.deepEqual(put(5, bytesOf(1, 3)), kept);
  assert.deepEqual(put(5, bytesOf(2, 3)), { kind: "error", code: 16 });
  assert.deepEqual(put(4, bytesOf(1, 3)), { kind: "error", code: 17 });
  assert.deepEqual(put(6, new Uint8Array(0)), kept);
  assert.equal(get(6)!.seq, 6);
  assert.equal(get(7), null);

  assert.deepEqual(store.handleMutableGet(request(target, null)), { kind: "drop" });
  assert.deepEqual(store.handleMutableGet(request(null, encode(uint, 0))), { kind: "drop" });
  assert.deepEqual(store.handleMutablePut(request(null, null)), { kind: "drop" });
  assert.deepEqual(store.handleMutablePut(request(target, Uint8Array.of(1, 2, 3))), { kind: "drop" });
  // Under another key's hash.
  const signature = signMutable(1, bytesOf(1, 3), keyPairOf(2)) as Uint8Array;
  const other = encode(mutablePut, {
    publicKey: keyPairOf(2).publicKey,
    seq: 9,
    value: bytesOf(1, 3),
    signature,
  });
  assert.deepEqual(store.handleMutablePut(request(target, other)), { kind: "drop" });
});

Deno.test("DHT-010 DHT-080 a store never holds more than two generations of its size", () => {
  const { store } = stores(10);
  for (let i = 0; i < 200; i++) {
    const value = encode(uint, 1000 + i);
    store.handleImmutablePut(request(DHT.hash(value), value));
    const counts = store.counts;
    assert.ok(counts.immutables <= 20);
  }
  for (let byte = 1; byte < 100; byte++) {
    store.handleAnnounce(request(bytesOf(byte), announcement(byte, { target: bytesOf(byte) })));
  }
  assert.ok(store.counts.records <= 21);
  store.clear();
  assert.deepEqual(store.counts, { records: 0, refreshes: 0, bumps: 0, mutables: 0, immutables: 0 });
});

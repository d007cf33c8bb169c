/** Signatures of announcements and mutable records, as recorded from the npm package. */
import { strict as assert } from "node:assert";
import { hexBytes, hexText } from "../../../src/base/mod.ts";
import { sign } from "../../../src/crypto/mod.ts";
import type { AnnounceMessage } from "../../../src/hyperdht/messages.ts";
import DHT from "../../../src/hyperdht/mod.ts";
import {
  signAnnounce,
  signMutable,
  signUnannounce,
  verifyMutable,
} from "../../../src/hyperdht/signatures.ts";
import recorded from "../../vectors/hyperdht/signatures.json" with { type: "json" };
import { keyPairOf, revive } from "./support.ts";

const KEY_PAIR = keyPairOf(1);
const [TARGET, TOKEN, ID] = [recorded.target, recorded.token, recorded.id].map(hexBytes) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

Deno.test("DHT-W06 signAnnounce() and signUnannounce() sign what the npm package does", async () => {
  for (const { announcement, announce, unannounce } of recorded.announcements) {
    const message = revive(announcement) as AnnounceMessage;
    assert.equal(hexText(await signAnnounce(TARGET, TOKEN, ID, message, KEY_PAIR)), announce);
    assert.equal(hexText(await signUnannounce(TARGET, TOKEN, ID, message, KEY_PAIR)), unannounce);
  }
});

Deno.test("DHT-W06 signMutable() signs what the npm package does, with a key pair, a secret key or a signer", async () => {
  for (const { seq, value, signature } of recorded.mutables) {
    const signers = [
      KEY_PAIR,
      hexBytes(recorded.secretKey),
      { publicKey: KEY_PAIR.publicKey, sign: (message: Uint8Array) => sign(message, KEY_PAIR.secretKey) },
    ];
    for (const signer of signers) {
      assert.equal(hexText(await signMutable(seq, hexBytes(value), signer)), signature);
    }
    assert.ok(verifyMutable(hexBytes(signature), seq, hexBytes(value), KEY_PAIR.publicKey));
    assert.ok(!verifyMutable(hexBytes(signature), seq + 1, hexBytes(value), KEY_PAIR.publicKey));
    assert.ok(!verifyMutable(hexBytes(signature), seq, hexBytes(value), keyPairOf(2).publicKey));
  }
});

Deno.test("DHT-014 DHT-W07 DHT.hash() is BLAKE2b-256", () => {
  assert.equal(hexText(DHT.hash(hexBytes(recorded.hash.data))), recorded.hash.hex);
});

Deno.test("DHT-012 DHT.keyPair() makes the pair of a seed, or a fresh one", () => {
  assert.equal(hexText(DHT.keyPair(new Uint8Array(32).fill(1)).secretKey), recorded.secretKey);
  assert.notDeepEqual(DHT.keyPair().publicKey, DHT.keyPair().publicKey);
});

import { strict as assert } from "node:assert";
import { hexBytes, hexText } from "../../../../src/base/mod.ts";
import { randomBytes } from "../../../../src/crypto/mod.ts";
import { NatClassifier } from "../../../../src/hyperdht/holepunch/nat_classifier.ts";
import {
  type DecodedHolepunchPayload,
  SecurePayload,
} from "../../../../src/hyperdht/holepunch/secure_payload.ts";
import vectors from "../../../vectors/hyperdht/holepunch.json" with { type: "json" };
import { createEnvironment } from "./support.ts";

const SECRET = hexBytes(vectors.secret);

function withHexTokens(payload: DecodedHolepunchPayload): unknown {
  const { token, remoteToken } = payload;
  return { ...payload, token: token && hexText(token), remoteToken: remoteToken && hexText(remoteToken) };
}

Deno.test("DHT-W05 SecurePayload reads what hyperdht wrote", () => {
  const payloads = new SecurePayload(SECRET, randomBytes);
  for (const { hex, payload } of vectors.payloads) {
    assert.deepEqual(withHexTokens(payloads.decrypt(hexBytes(hex))!), payload);
  }
});

Deno.test("DHT-W05 SecurePayload writes what hyperdht wrote, under the same nonce", () => {
  for (const { hex, payload } of vectors.payloads) {
    const nonce = hexBytes(hex).slice(0, 24);
    const payloads = new SecurePayload(
      SECRET,
      (byteLength) => byteLength === 24 ? nonce : randomBytes(byteLength),
    );
    const token = payload.token === null ? null : hexBytes(payload.token);
    const remoteToken = payload.remoteToken === null ? null : hexBytes(payload.remoteToken);
    assert.equal(hexText(payloads.encrypt({ ...payload, token, remoteToken })), hex);
  }
});

Deno.test("DHT-W05 SecurePayload refuses what was cut or changed anywhere", () => {
  const payloads = new SecurePayload(SECRET, randomBytes);
  const message = hexBytes(vectors.payloads.at(-1)!.hex);
  for (let length = 0; length < message.length; length++) {
    assert.equal(payloads.decrypt(message.subarray(0, length)), null);
  }
  for (let i = 0; i < message.length; i++) {
    const changed = Uint8Array.from(message);
    changed[i]! ^= 1;
    assert.equal(payloads.decrypt(changed), null);
  }
  assert.equal(new SecurePayload(new Uint8Array(32), randomBytes).decrypt(message), null);
});

Deno.test("DHT-W05 SecurePayload makes a token of a host, the port aside, that nobody else can make", () => {
  const payloads = new SecurePayload(SECRET, randomBytes);
  const token = payloads.token({ host: "192.0.2.1", port: 1 });
  assert.equal(token.length, 32);
  assert.deepEqual(payloads.token({ host: "192.0.2.1", port: 2 }), token);
  assert.notDeepEqual(payloads.token({ host: "192.0.2.2", port: 1 }), token);
  assert.notDeepEqual(new SecurePayload(SECRET, randomBytes).token({ host: "192.0.2.1", port: 1 }), token);
});

Deno.test("DHT-W05 SecurePayload wipes its own copy of the secret only", () => {
  const payloads = new SecurePayload(SECRET, randomBytes);
  const message = hexBytes(vectors.payloads[0]!.hex);
  payloads.dispose();
  assert.equal(payloads.decrypt(message), null);
  assert.equal(hexText(SECRET), vectors.secret);
});

Deno.test("DHT-071 NatClassifier judges 400 lists of samples as hyperdht does", () => {
  for (const { isFirewalled, steps } of vectors.nats) {
    const environment = createEnvironment();
    environment.isBehindNat = isFirewalled;
    const nat = new NatClassifier(environment);
    for (const step of steps) {
      environment.isBehindNat = step.isFirewalled;
      const [host, port] = step.seen.split(":") as [string, string];
      nat.handleSample({ host, port: Number(port) }, { host: `203.0.113.${step.node}`, port: 49737 });
      assert.deepEqual(
        {
          firewall: nat.firewall,
          addresses: nat.addresses?.map(({ host, port }) => `${host}:${port}`) ?? null,
          isAnalyzed: nat.isAnalyzed,
        },
        { firewall: step.firewall, addresses: step.addresses, isAnalyzed: step.isAnalyzed },
      );
    }
  }
});

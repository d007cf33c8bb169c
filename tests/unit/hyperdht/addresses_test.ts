/** Which addresses are private, reserved, near. */
import { strict as assert } from "node:assert";
import {
  addressText,
  isBogon,
  isPort,
  isPrivate,
  isReserved,
  isSameAddress,
  matchAddress,
} from "../../../src/hyperdht/addresses.ts";

const CASES: readonly (readonly [host: string, isPrivate: boolean, isReserved: boolean])[] = [
  ["10.255.0.1", true, false],
  ["11.0.0.1", false, false],
  ["100.63.255.255", false, false],
  ["100.64.0.0", true, false],
  ["100.127.255.255", true, false],
  ["100.128.0.0", false, false],
  ["127.0.0.1", true, false],
  ["169.254.9.9", true, false],
  ["169.253.9.9", false, false],
  ["172.15.0.1", false, false],
  ["172.16.0.1", true, false],
  ["172.31.0.1", true, false],
  ["172.32.0.1", false, false],
  ["192.168.1.1", true, false],
  ["192.167.1.1", false, false],
  ["0.1.2.3", false, true],
  ["192.0.0.1", false, true],
  ["192.0.2.1", false, true],
  ["192.0.1.1", false, false],
  ["198.17.0.1", false, false],
  ["198.18.0.1", false, true],
  ["198.19.0.1", false, true],
  ["198.51.100.1", false, true],
  ["198.51.101.1", false, false],
  ["203.0.113.1", false, true],
  ["223.255.255.255", false, false],
  ["224.0.0.1", false, true],
  ["255.255.255.255", false, true],
  ["8.8.8.8", false, false],
];

Deno.test("DHT-076 isPrivate(), isReserved() and isBogon() know the special networks", () => {
  for (const [host, expectedPrivate, expectedReserved] of CASES) {
    assert.equal(isPrivate(host), expectedPrivate, host);
    assert.equal(isReserved(host), expectedReserved, host);
    assert.equal(isBogon(host), expectedPrivate || expectedReserved, host);
  }
});

Deno.test("DHT-076 matchAddress() picks the address with the longest common prefix", () => {
  const at = (host: string) => ({ host, port: 1 });
  const theirs = ["10.0.0.9", "192.168.7.1", "192.168.122.1"].map(at);
  assert.deepEqual(matchAddress([at("192.168.122.238")], theirs), at("192.168.122.1"));
  assert.deepEqual(matchAddress([at("192.168.1.2")], theirs), at("192.168.7.1"));
  assert.deepEqual(matchAddress([at("192.1.1.2")], theirs), at("192.168.7.1"));
  assert.deepEqual(matchAddress([at("172.16.0.1"), at("10.9.9.9")], theirs), at("10.0.0.9"));
  assert.equal(matchAddress([at("172.16.0.1")], theirs), null);
  assert.equal(matchAddress([], theirs), null);
  assert.equal(matchAddress([at("10.0.0.1")], []), null);
});

Deno.test("DHT-076 isPort(), isSameAddress() and addressText() look at both parts", () => {
  assert.deepEqual([0, 1, 65_535, 65_536].map(isPort), [false, true, true, false]);
  assert.ok(isSameAddress({ host: "10.0.0.1", port: 1 }, { host: "10.0.0.1", port: 1 }));
  assert.ok(!isSameAddress({ host: "10.0.0.1", port: 1 }, { host: "10.0.0.1", port: 2 }));
  assert.ok(!isSameAddress({ host: "10.0.0.1", port: 1 }, { host: "10.0.0.2", port: 1 }));
  assert.equal(addressText({ host: "10.0.0.1", port: 1 }), "10.0.0.1:1");
});

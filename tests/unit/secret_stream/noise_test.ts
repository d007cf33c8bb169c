import { strict as assert } from "node:assert";
import { equalBytes, hexBytes, utf8Bytes, utf8Text } from "../../../src/base/mod.ts";
import { noiseScalar, randomBytes, signKeyPair } from "../../../src/crypto/mod.ts";
import {
  NoiseHandshake,
  type NoiseHandshakeOptions,
  type NoisePattern,
} from "../../../src/secret_stream/mod.ts";
import { seedOf } from "./support.ts";

const PATTERNS = ["XX", "IK", "XK"] as const;
const KEY_PAIRS = { initiator: signKeyPair(seedOf(1)), responder: signKeyPair(seedOf(2)) };

/** Points that encode no element of the prime-order group, or the neutral one. */
const BAD_POINTS = {
  "zero": "00".repeat(32),
  "identity": "01" + "00".repeat(31),
  "of order 8": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "not canonical": "ed" + "ff".repeat(30) + "7f",
  "off the curve": "02" + "00".repeat(31),
};

function handshakes(
  pattern: NoisePattern,
  options: { initiator?: Partial<NoiseHandshakeOptions>; responder?: Partial<NoiseHandshakeOptions> } = {},
): [NoiseHandshake, NoiseHandshake] {
  return [
    new NoiseHandshake({
      pattern,
      isInitiator: true,
      keyPair: KEY_PAIRS.initiator,
      remotePublicKey: pattern === "XX" ? null : KEY_PAIRS.responder.publicKey,
      randomBytes,
      ...options.initiator,
    }),
    new NoiseHandshake({
      pattern,
      isInitiator: false,
      keyPair: KEY_PAIRS.responder,
      randomBytes,
      ...options.responder,
    }),
  ];
}

/** Shakes hands and lets `change` alter the message with number `changedIndex`; tells whether all went well. */
function shake(
  sides: [NoiseHandshake, NoiseHandshake],
  changedIndex = -1,
  change: (message: Uint8Array) => Uint8Array = (message) => message,
): boolean {
  for (let index = 0; sides.every((side) => side.result === null); index++) {
    const message = sides[index % 2]!.writeMessage();
    if (message === null) {
      assert.ok(sides[index % 2]!.isFailed);
      return false;
    }
    const other = sides[(index + 1) % 2]!;
    const arrived = index === changedIndex ? change(message.slice()) : message;
    if (other.handleMessage(arrived) === null) {
      assert.ok(other.isFailed);
      assert.equal(other.result, null);
      return false;
    }
  }
  return sides.every((side) => side.result !== null);
}

for (const pattern of PATTERNS) {
  const count = pattern === "IK" ? 2 : 3;

  Deno.test(`SS-W01 NoiseHandshake of ${pattern} gives both sides the same keys, others each time`, () => {
    const [a, b] = handshakes(pattern);
    assert.ok(shake([a, b]));
    assert.deepEqual(a.result!.tx, b.result!.rx);
    assert.deepEqual(a.result!.rx, b.result!.tx);
    assert.notDeepEqual(a.result!.tx, a.result!.rx);
    assert.deepEqual(a.result!.hash, b.result!.hash);
    assert.equal(a.result!.hash.byteLength, 64);
    assert.deepEqual(a.result!.remotePublicKey, KEY_PAIRS.responder.publicKey);
    assert.deepEqual(b.result!.remotePublicKey, KEY_PAIRS.initiator.publicKey);
    const [c, d] = handshakes(pattern);
    assert.ok(shake([c, d]));
    assert.notDeepEqual(a.result!.hash, c.result!.hash);
    assert.notDeepEqual(a.result!.tx, c.result!.tx);
  });

  Deno.test(`SS-W01 NoiseHandshake of ${pattern} carries payloads and binds the prologue`, () => {
    const prologue = utf8Bytes("prologue");
    const [a, b] = handshakes(pattern, { initiator: { prologue }, responder: { prologue } });
    const sides = [a, b] as const;
    for (let index = 0; index < count; index++) {
      const message = sides[index % 2]!.writeMessage(utf8Bytes(`payload ${index}`))!;
      assert.equal(utf8Text(sides[(index + 1) % 2]!.handleMessage(message)!), `payload ${index}`);
    }
    assert.deepEqual(a.result!.hash, b.result!.hash);
    assert.equal(shake(handshakes(pattern, { initiator: { prologue } })), false);
  });

  Deno.test(`SS-W01 NoiseHandshake of ${pattern} refuses a message with any bit flipped`, () => {
    for (let index = 0; index < count; index++) {
      const [a, b] = handshakes(pattern);
      let byteLength = 0;
      shake([a, b], index, (message) => {
        byteLength = message.byteLength;
        return message;
      });
      for (let byte = 0; byte < byteLength; byte += 5) {
        const isOk = shake(handshakes(pattern), index, (message) => {
          message[byte]! ^= 1 << (byte % 8);
          return message;
        });
        assert.equal(isOk, false, `message ${index}, byte ${byte}`);
      }
    }
  });

  Deno.test(`SS-W01 NoiseHandshake of ${pattern} refuses a truncated message`, () => {
    for (let index = 0; index < count; index++) {
      for (let byteLength = 0; byteLength < 200; byteLength += 3) {
        const isOk = shake(handshakes(pattern), index, (message) => {
          assert.ok(message.byteLength < 200);
          return message.subarray(0, Math.min(byteLength, message.byteLength - 1));
        });
        assert.equal(isOk, false, `message ${index} cut to ${byteLength}`);
      }
    }
  });

  Deno.test(`SS-W01 NoiseHandshake of ${pattern} refuses ephemeral keys that are no proper points`, () => {
    for (const [name, point] of Object.entries(BAD_POINTS)) {
      for (let index = 0; index < 2; index++) {
        const isOk = shake(handshakes(pattern), index, (message) => {
          message.set(hexBytes(point));
          return message;
        });
        assert.equal(isOk, false, `${name} in message ${index}`);
      }
    }
  });
}

Deno.test("SS-W01 NoiseHandshake uses the scalar of a derived key pair", () => {
  const { publicKey, secretKey } = KEY_PAIRS.responder;
  const keyPair = { publicKey, secretKey: new Uint8Array(64), scalar: noiseScalar(secretKey) };
  assert.ok(shake(handshakes("XX", { responder: { keyPair } })));
  assert.ok(shake(handshakes("IK", { responder: { keyPair } })));
});

Deno.test("SS-003 NoiseHandshake of IK fails for an initiator that expects another responder", () => {
  const remotePublicKey = signKeyPair(seedOf(3)).publicKey;
  assert.equal(shake(handshakes("IK", { initiator: { remotePublicKey } })), false);
});

Deno.test("SS-003 NoiseHandshake accepts the expected peer only, whatever the pattern", () => {
  for (const pattern of PATTERNS) {
    const other = signKeyPair(seedOf(3)).publicKey;
    assert.equal(shake(handshakes(pattern, { responder: { remotePublicKey: other } })), false, pattern);
    const { publicKey } = KEY_PAIRS.initiator;
    assert.ok(shake(handshakes(pattern, { responder: { remotePublicKey: publicKey } })), pattern);
  }
  const [a, b] = handshakes("XX", { initiator: { remotePublicKey: signKeyPair(seedOf(3)).publicKey } });
  b.handleMessage(a.writeMessage()!);
  assert.equal(a.handleMessage(b.writeMessage()!), null, "before our own key is sent");
});

Deno.test("SS-002 NoiseHandshake refuses options that do not fit", () => {
  const { publicKey } = KEY_PAIRS.responder;
  const base = { isInitiator: true, keyPair: KEY_PAIRS.initiator, randomBytes };
  const make = (options: object) => () => new NoiseHandshake({ ...base, pattern: "XX", ...options });
  assert.throws(make({ pattern: "NN" }), new TypeError("Unknown Noise pattern: NN"));
  assert.throws(make({ pattern: "toString" }), TypeError);
  assert.throws(make({ pattern: "IK" }), new TypeError("Remote pubkey required"));
  assert.throws(
    make({ pattern: "XK", remotePublicKey: publicKey.subarray(1) }),
    /remotePublicKey must be 32 bytes/,
  );
  assert.throws(
    make({ keyPair: { publicKey, secretKey: new Uint8Array(32) } }),
    /secretKey must be 64 bytes/,
  );
  assert.throws(make({ keyPair: { publicKey: "text", secretKey: new Uint8Array(64) } }), /got string/);
  const short = { publicKey, secretKey: new Uint8Array(64), scalar: new Uint8Array(3) };
  assert.throws(make({ keyPair: short }), /scalar must be 32 bytes, got 3 bytes/);
});

Deno.test("SS-W01 NoiseHandshake keeps turns", () => {
  const [a, b] = handshakes("XX");
  assert.ok(a.isOurTurn);
  assert.ok(!b.isOurTurn);
  assert.throws(() => b.writeMessage(), /out of turn/);
  assert.throws(() => a.handleMessage(new Uint8Array(32)), /out of turn/);
  assert.ok(shake([a, b]));
  assert.throws(() => a.writeMessage(), /Handshake is complete/);
  const [c] = handshakes("XX");
  c.destroy();
  assert.throws(() => c.writeMessage(), /Handshake is failed/);
});

Deno.test("SS-W01 NoiseHandshake takes messages of 65535 bytes and refuses longer ones", () => {
  const payload = new Uint8Array(65535 - 32);
  const [a, b] = handshakes("XX");
  assert.ok(equalBytes(b.handleMessage(a.writeMessage(payload)!)!, payload));
  const [c] = handshakes("XX");
  assert.throws(() => c.writeMessage(new Uint8Array(65536 - 32)), /too long: 65536 bytes/);
  const [, d] = handshakes("XX");
  const long = new Uint8Array(65536);
  long.set(signKeyPair(seedOf(4)).publicKey);
  assert.equal(d.handleMessage(long), null);
});

Deno.test("SS-003 NoiseHandshake of IK tells the responder who speaks before the handshake is done", () => {
  const [initiator, responder] = handshakes("IK");
  assert.equal(responder.remotePublicKey, null);
  const message = initiator.writeMessage()!;
  assert.notEqual(responder.handleMessage(message), null);
  assert.equal(responder.result, null);
  assert.deepEqual(responder.remotePublicKey, KEY_PAIRS.initiator.publicKey);

  const [, other] = handshakes("IK");
  message[40]! ^= 1;
  assert.equal(other.handleMessage(message), null);
  assert.equal(other.remotePublicKey, null);
});

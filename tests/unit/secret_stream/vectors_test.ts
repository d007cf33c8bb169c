/**
 * Conversations recorded from the npm package, replayed byte for byte.
 */
import { strict as assert } from "node:assert";
import { concatBytes, hexBytes, hexText } from "../../../src/base/mod.ts";
import { ChannelMachine } from "../../../src/secret_stream/channel_machine.ts";
import { DatagramBox } from "../../../src/secret_stream/datagram_box.ts";
import { NoiseHandshake, SecretStream } from "../../../src/secret_stream/mod.ts";
import { memoryPair } from "../../helpers/memory_pair.ts";
import { drawn, keyPairOf, received, RECORDED, type RecordedCase, ROLES } from "./support.ts";

function optionsOf(recorded: RecordedCase, role: "initiator" | "responder") {
  const side = recorded[role];
  const isInitiator = role === "initiator";
  return {
    pattern: recorded.pattern,
    isInitiator,
    keyPair: keyPairOf(side),
    remotePublicKey: isInitiator && recorded.pattern !== "XX" ? hexBytes(recorded.responder.publicKey) : null,
    randomBytes: drawn([side.ephemeralSeed, side.header, side.counter]),
  };
}

/** The bodies of the first frames of a recorded wire. */
function handshakeMessages(wire: string, count: number): Uint8Array[] {
  const bytes = hexBytes(wire);
  const bodies: Uint8Array[] = [];
  for (let offset = 0; bodies.length < count;) {
    const end = offset + 3 + bytes[offset]! + 256 * bytes[offset + 1]!;
    bodies.push(bytes.subarray(offset + 3, end));
    offset = end;
  }
  return bodies;
}

for (const recorded of RECORDED) {
  Deno.test(`SS-W01 NoiseHandshake makes and takes the recorded messages of ${recorded.pattern}`, () => {
    const sides = {
      initiator: new NoiseHandshake(optionsOf(recorded, "initiator")),
      responder: new NoiseHandshake(optionsOf(recorded, "responder")),
    };
    const count = recorded.pattern === "IK" ? 2 : 3;
    const expected = {
      initiator: handshakeMessages(recorded.initiator.wire, Math.ceil(count / 2)),
      responder: handshakeMessages(recorded.responder.wire, Math.floor(count / 2)),
    };
    for (let index = 0; index < count; index++) {
      const [from, to] = index % 2 === 0 ? ROLES : [ROLES[1], ROLES[0]] as const;
      const message = sides[from].writeMessage()!;
      assert.equal(hexText(message), hexText(expected[from][index >> 1]!));
      assert.equal(sides[to].handleMessage(message)?.byteLength, 0);
    }
    for (const role of ROLES) {
      const other = role === "initiator" ? "responder" : "initiator";
      assert.equal(hexText(sides[role].result!.hash), recorded.handshakeHash);
      assert.equal(hexText(sides[role].result!.remotePublicKey), recorded[other].publicKey);
    }
    assert.deepEqual(sides.initiator.result!.tx, sides.responder.result!.rx);
    assert.deepEqual(sides.initiator.result!.rx, sides.responder.result!.tx);
  });

  Deno.test(`SS-W02 SS-W04 ChannelMachine says what was recorded of ${recorded.pattern}`, () => {
    const channels = {
      initiator: new ChannelMachine(optionsOf(recorded, "initiator")),
      responder: new ChannelMachine(optionsOf(recorded, "responder")),
    };
    for (const role of ROLES) channels[role].prepareHandshake(optionsOf(recorded, role));
    const sent: Record<string, Uint8Array[]> = { initiator: [], responder: [] };
    channels.initiator.startHandshake();
    for (let isQuiet = false; !isQuiet;) {
      isQuiet = true;
      for (const [role, other] of [ROLES, [ROLES[1], ROLES[0]] as const]) {
        const bytes = channels[role].pollTransmit();
        if (bytes === null) continue;
        isQuiet = false;
        sent[role]!.push(bytes);
        channels[other].handleBytes(bytes);
        while (channels[other].pollEvent() !== null);
      }
    }
    for (const role of ROLES) {
      sent[role]!.push(channels[role].encrypt(recorded[role].messages.map(hexBytes)));
      assert.equal(hexText(concatBytes(sent[role]!)), recorded[role].wire);
    }
  });

  Deno.test(`SS-001 SS-012 SS-013 SecretStream speaks ${recorded.pattern} as recorded`, async () => {
    const [left, right] = memoryPair();
    const initiator = new SecretStream(true, left, optionsOf(recorded, "initiator"));
    const responder = new SecretStream(false, right, optionsOf(recorded, "responder"));
    for (const message of recorded.initiator.messages) initiator.write(hexBytes(message));
    for (const message of recorded.responder.messages) responder.write(hexBytes(message));
    const [atInitiator, atResponder] = await Promise.all([
      received(initiator, recorded.responder.messages.length),
      received(responder, recorded.initiator.messages.length),
    ]);
    assert.deepEqual(atResponder.map(hexText), recorded.initiator.messages);
    assert.deepEqual(atInitiator.map(hexText), recorded.responder.messages);
    for (
      const [stream, end, side] of [
        [initiator, left, recorded.initiator],
        [responder, right, recorded.responder],
      ] as const
    ) {
      assert.equal(hexText(concatBytes(end.written)), side.wire);
      assert.equal(hexText(stream.handshakeHash!), recorded.handshakeHash);
      assert.equal(hexText(stream.publicKey!), side.publicKey);
      assert.equal(stream.rawBytesWritten, side.rawBytesWritten);
      assert.equal(stream.rawBytesRead, side.rawBytesRead);
    }
    assert.equal(hexText(initiator.remotePublicKey!), recorded.responder.publicKey);
    assert.equal(hexText(responder.remotePublicKey!), recorded.initiator.publicKey);
    initiator.destroy();
    responder.destroy();
  });

  Deno.test(`SS-022 SS-023 SS-W03 keyPair() and id() give what was recorded with ${recorded.pattern}`, () => {
    const hash = hexBytes(recorded.handshakeHash);
    for (const role of ROLES) {
      const { seed, publicKey, secretKey, streamId } = recorded[role];
      const keyPair = SecretStream.keyPair(hexBytes(seed));
      assert.equal(hexText(keyPair.publicKey), publicKey);
      assert.equal(hexText(keyPair.secretKey), secretKey);
      assert.equal(hexText(SecretStream.id(hash, role === "initiator")), streamId);
      const out = new Uint8Array(32);
      assert.equal(SecretStream.id(hash, role === "initiator", out), out);
      assert.equal(hexText(out), streamId);
    }
  });

  Deno.test(`SS-W05 DatagramBox seals and opens the recorded datagrams of ${recorded.pattern}`, () => {
    const hash = hexBytes(recorded.handshakeHash);
    const boxes = {
      initiator: new DatagramBox(hash, true, hexBytes(recorded.initiator.counter)),
      responder: new DatagramBox(hash, false, hexBytes(recorded.responder.counter)),
    };
    for (const [role, other] of [ROLES, [ROLES[1], ROLES[0]] as const]) {
      for (const { message, wire } of recorded[role].datagrams) {
        assert.equal(hexText(boxes[role].seal(hexBytes(message))!), wire);
        assert.equal(hexText(boxes[other].open(hexBytes(wire))!), message);
        assert.equal(boxes[role].open(hexBytes(wire)), null, "one's own datagram is not the other side's");
      }
    }
  });
}

Deno.test("SS-W03 id() of a hash of zeros", () => {
  const hash = new Uint8Array(64);
  assert.notDeepEqual(SecretStream.id(hash, true), SecretStream.id(hash, false));
  assert.equal(SecretStream.id(hash, true).byteLength, 32);
});

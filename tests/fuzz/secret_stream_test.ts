/**
 * Random cuts, random damage and random bytes against the machines of the encrypted stream and against the stream
 * itself. A failure names the seed of its round.
 *
 * @module
 */
import assert from "node:assert/strict";
import { concatBytes, equalBytes, hexText, SeededRandom } from "../../src/base/mod.ts";
import { signKeyPair } from "../../src/crypto/mod.ts";
import { ChannelMachine } from "../../src/secret_stream/channel_machine.ts";
import { DatagramBox } from "../../src/secret_stream/datagram_box.ts";
import { FrameReader } from "../../src/secret_stream/frame_reader.ts";
import { type NoisePattern, SecretStream } from "../../src/secret_stream/mod.ts";
import { memoryPair, type WireTap } from "../helpers/memory_pair.ts";

const FIRST_SEED = 20_260_301;

/** Random choices of one round. */
class Dice {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** An integer below `end`. */
  below(end: number): number {
    return Math.floor(this.#random.next() * end);
  }

  /** A byte length: often tiny, sometimes large. */
  size(): number {
    const kind = this.below(10);
    return kind < 6 ? this.below(40) : kind < 9 ? this.below(3000) : this.below(200_000);
  }

  bytes(byteLength: number): Uint8Array {
    const bytes = new Uint8Array(byteLength);
    for (let i = 0; i < byteLength; i++) bytes[i] = this.below(256);
    return bytes;
  }

  /** Cuts `bytes` into pieces of random length, copies each. */
  cut(bytes: Uint8Array): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    const pieceBytesMax = 1 + this.below(2) * this.below(100) + this.below(20_000);
    for (let offset = 0; offset < bytes.byteLength;) {
      const end = Math.min(bytes.byteLength, offset + 1 + this.below(pieceBytesMax));
      pieces.push(bytes.slice(offset, end));
      offset = end;
    }
    return pieces;
  }

  /** Flips a bit, drops, repeats or inserts bytes. */
  damage(bytes: Uint8Array): Uint8Array {
    const at = this.below(bytes.byteLength);
    switch (this.below(4)) {
      case 0: {
        const flipped = bytes.slice();
        flipped[at]! ^= 1 << this.below(8);
        return flipped;
      }
      case 1:
        return concatBytes([bytes.subarray(0, at), bytes.subarray(at + 1 + this.below(8))]);
      case 2:
        return concatBytes([bytes.subarray(0, at + 1), bytes.subarray(at)]);
      default:
        return concatBytes([bytes.subarray(0, at), this.bytes(1 + this.below(8)), bytes.subarray(at)]);
    }
  }
}

/** Runs `round` with seeds in a row. */
function fuzz(name: string, rounds: number, round: (dice: Dice) => void | Promise<void>): void {
  Deno.test(name, async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + rounds; seed++) {
      try {
        await round(new Dice(seed));
      } catch (cause) {
        throw new Error(`Seed ${seed} fails: ${(cause as Error).message}`, { cause });
      }
    }
  });
}

function frameOf(body: Uint8Array): Uint8Array {
  const { byteLength } = body;
  return concatBytes([Uint8Array.of(byteLength & 255, (byteLength >> 8) & 255, byteLength >> 16), body]);
}

fuzz("SS-W04 FrameReader finds the frames of any stream however it is cut", 300, (dice) => {
  const frames = Array.from({ length: 1 + dice.below(30) }, () => frameOf(dice.bytes(dice.size() % 20_000)));
  const reader = new FrameReader();
  const found: Uint8Array[] = [];
  for (const chunk of dice.cut(concatBytes(frames))) {
    reader.push(chunk);
    while (true) {
      const taken = dice.below(2) === 0 ? reader.nextFrame() : reader.nextRun(dice.below(5000));
      if (taken === null) break;
      found.push(taken);
    }
    assert.ok(reader.reservedBytes <= 3 + 128 * 1024);
  }
  assert.ok(equalBytes(concatBytes(found), concatBytes(frames)));
  assert.equal(reader.invalidBytes, null);
});

fuzz("SS-W04 FrameReader keeps within bounds on random bytes", 300, (dice) => {
  const [min, max] = [dice.below(40), 40 + dice.below(100_000)];
  const reader = new FrameReader();
  reader.setBounds(min, max);
  let takenBytes = 0;
  let givenBytes = 0;
  for (let i = 0; i < 40; i++) {
    const chunk = dice.bytes(dice.size() % 5000);
    givenBytes += chunk.byteLength;
    reader.push(chunk);
    for (let frame = reader.nextFrame(); frame !== null; frame = reader.nextFrame()) {
      assert.ok(frame.byteLength - 3 >= min && frame.byteLength - 3 <= max);
      takenBytes += frame.byteLength;
    }
    assert.ok(reader.reservedBytes <= 3 + Math.max(max, 128 * 1024));
  }
  assert.ok(takenBytes <= givenBytes);
  if (reader.invalidBytes !== null) assert.ok(reader.invalidBytes < min || reader.invalidBytes > max);
});

/** Both ends of a channel and what went over it. */
interface Conversation {
  readonly sides: readonly [ChannelMachine, ChannelMachine];
  /** Messages each side encrypted. */
  readonly said: [Uint8Array[], Uint8Array[]];
  /** Messages each side got. */
  readonly heard: [Uint8Array[], Uint8Array[]];
  readonly failures: [string | null, string | null];
}

function conversation(dice: Dice): Conversation {
  const pattern = (["XX", "IK", "XK"] as NoisePattern[])[dice.below(3)]!;
  const keyPairs = [signKeyPair(dice.bytes(32)), signKeyPair(dice.bytes(32))] as const;
  const randomBytes = (byteLength: number) => dice.bytes(byteLength);
  const sides = [
    new ChannelMachine({ isInitiator: true, randomBytes }),
    new ChannelMachine({ isInitiator: false, randomBytes }),
  ] as const;
  const remotePublicKey = pattern === "XX" ? null : keyPairs[1].publicKey;
  sides[0].prepareHandshake({ pattern, keyPair: keyPairs[0], remotePublicKey });
  sides[1].prepareHandshake({ pattern, keyPair: keyPairs[1] });
  sides[0].startHandshake();
  return { sides, said: [[], []], heard: [[], []], failures: [null, null] };
}

/** Lets both sides speak; `pass` decides what arrives of each piece. */
function converse(
  talk: Conversation,
  dice: Dice,
  pass: (bytes: Uint8Array, from: 0 | 1) => Uint8Array,
): void {
  for (let turn = 0; turn < 12; turn++) {
    for (const from of [0, 1] as const) {
      const to = (1 - from) as 0 | 1;
      const parts: Uint8Array[] = [];
      const transmit = talk.sides[from].pollTransmit();
      if (transmit !== null) parts.push(transmit);
      if (talk.sides[from].isOpen && dice.below(2) === 0) {
        const messages = Array.from({ length: 1 + dice.below(4) }, () => dice.bytes(dice.size() % 10_000));
        talk.said[from].push(...messages);
        parts.push(talk.sides[from].encrypt(messages));
      }
      if (parts.length === 0) continue;
      for (const chunk of dice.cut(pass(concatBytes(parts), from))) talk.sides[to].handleBytes(chunk);
      listen(talk, to);
    }
  }
}

function listen(talk: Conversation, at: 0 | 1): void {
  const side = talk.sides[at];
  for (let event = side.pollEvent(); event !== null; event = side.pollEvent()) {
    if (event.kind === "messages") {
      assert.equal(talk.failures[at], null, "nothing follows a failure");
      talk.heard[at].push(...event.messages);
    } else if (event.kind === "failed") {
      assert.equal(talk.failures[at], null, "one failure is enough");
      talk.failures[at] = event.error.code;
    }
  }
}

/** What was heard is the beginning of what was said. */
function assertPrefix(heard: readonly Uint8Array[], said: readonly Uint8Array[]): void {
  assert.ok(heard.length <= said.length);
  heard.forEach((message, index) => assert.ok(equalBytes(message, said[index]!), `message ${index}`));
}

fuzz("SS-W01 SS-W02 SS-W04 ChannelMachine hears what was said, however it is cut", 150, (dice) => {
  const talk = conversation(dice);
  converse(talk, dice, (bytes) => bytes);
  assert.deepEqual(talk.failures, [null, null]);
  for (const at of [0, 1] as const) {
    assert.equal(talk.heard[at].length, talk.said[1 - at as 0 | 1].length);
    assertPrefix(talk.heard[at], talk.said[1 - at as 0 | 1]);
  }
});

fuzz(
  "SS-W01 SS-W02 SS-W04 ChannelMachine never hears what was not said, whatever is damaged",
  400,
  (dice) => {
    const talk = conversation(dice);
    let countdown = dice.below(8);
    converse(talk, dice, (bytes) => countdown-- === 0 ? dice.damage(bytes) : bytes);
    for (const at of [0, 1] as const) assertPrefix(talk.heard[at], talk.said[1 - at as 0 | 1]);
  },
);

fuzz("SS-W01 SS-W04 ChannelMachine survives random bytes at any time", 300, (dice) => {
  const talk = conversation(dice);
  let countdown = dice.below(6);
  converse(talk, dice, (bytes) => countdown-- > 0 ? bytes : dice.bytes(dice.size()));
  for (const at of [0, 1] as const) assertPrefix(talk.heard[at], talk.said[1 - at as 0 | 1]);
});

fuzz("SS-W05 DatagramBox opens nothing but what was sealed", 300, (dice) => {
  const hash = dice.bytes(64);
  const [ours, theirs] = [
    new DatagramBox(hash, true, dice.bytes(8)),
    new DatagramBox(hash, false, dice.bytes(8)),
  ];
  const message = dice.bytes(dice.size() % 2000);
  const sealed = ours.seal(message)!;
  assert.equal(hexText(theirs.open(sealed)!), hexText(message));
  assert.equal(theirs.open(dice.bytes(dice.size() % 2000)), null);
  const damaged = dice.damage(sealed);
  if (!equalBytes(damaged, sealed)) assert.equal(theirs.open(damaged), null);
});

fuzz("SS-001 SecretStream closes in order, whatever comes over the wire", 60, async (dice) => {
  let countdown = dice.below(8);
  const tap: WireTap = (bytes) => dice.cut(countdown-- === 0 ? dice.damage(bytes) : bytes);
  const [left, right] = memoryPair({ leftToRight: tap, rightToLeft: tap });
  const streams = [new SecretStream(true, left), new SecretStream(false, right)];
  const said = Array.from({ length: 20 }, () => dice.bytes(dice.size() % 30_000));
  const closes = streams.map((stream, index) => {
    const heard: Uint8Array[] = [];
    stream.on("data", (message) => heard.push(message));
    stream.on("error", () => {});
    for (const message of said) stream.write(message);
    if (index === 0) stream.end();
    return new Promise<void>((resolve) => {
      stream.on("close", () => {
        assertPrefix(heard, said);
        resolve();
      });
    });
  });
  streams[0]!.once("end", () => streams[0]!.destroy());
  streams[1]!.once("end", () => streams[1]!.end());
  // Damage may leave a side waiting for bytes that never come: silence ends it, as a timeout would.
  for (let quietTurns = 0; quietTurns < 10;) {
    const before = left.written.length + right.written.length;
    await new Promise((resolve) => setImmediate(resolve));
    quietTurns = left.written.length + right.written.length === before ? quietTurns + 1 : 0;
  }
  for (const stream of streams) stream.destroy();
  await Promise.all(closes);
});

import assert from "node:assert/strict";
import * as module from "../../../src/hypercore_crypto/mod.ts";
import crypto, { idEncoding, IdEncodingError, z32 } from "../../../src/hypercore_crypto/mod.ts";
import { hexBytes, hexText } from "../../../src/base/mod.ts";

interface Node {
  readonly index: number;
  readonly size: number;
  readonly hash: string;
}

interface Pair {
  readonly publicKey: string;
  readonly secretKey: string;
}

/** What `tests/vectors/record/hypercore_crypto.mjs` recorded; bytes are hexadecimal. */
interface Vectors {
  readonly exports: { readonly package: string[]; readonly id: string[]; readonly z32: string[] };
  readonly keyPairs: readonly (Pair & { seed: string })[];
  readonly encryptionKeyPairs: readonly (Pair & { seed: string })[];
  readonly validations: readonly (Pair & { name: string; isValid: boolean })[];
  readonly signatures: readonly { message: string; secretKey: string; signature: string }[];
  readonly verifications: readonly {
    name: string;
    message: string;
    signature: string;
    publicKey: string;
    isValid: boolean;
  }[];
  readonly boxes: readonly (Pair & { message: string; ciphertext: string })[];
  readonly leaves: readonly { block: string; hash: string }[];
  readonly parents: readonly { a: Node; b: Node; hash: string }[];
  readonly trees: readonly { roots: Node[]; byteLength: number; hash: string }[];
  readonly hashes: readonly { parts: string[]; byteLength: number; hash: string }[];
  readonly discoveryKeys: readonly { key: string; discoveryKey: string }[];
  readonly namespaces: readonly { name: string; ids: number | number[]; list: string[] }[];
  readonly ids: readonly { key: string; id: string }[];
  readonly idReadings: readonly { name: string; id: string; key?: string; refused?: string }[];
  readonly z32: readonly { bytes: string; text: string }[];
  readonly z32Readings: readonly { text: string; bytes?: string; refused?: string }[];
}

const FILE = new URL("../../vectors/hypercore_crypto/vectors.json", import.meta.url);
const vectors = JSON.parse(Deno.readTextFileSync(FILE)) as Vectors;

Deno.test("HCR-001 keyPair() makes the key pair of a seed", () => {
  for (const { seed, publicKey, secretKey } of vectors.keyPairs) {
    assert.deepEqual(pairText(crypto.keyPair(hexBytes(seed))), { publicKey, secretKey });
  }
});

Deno.test("HCR-002 validateKeyPair() tells what belongs together", () => {
  for (const { name, isValid, ...pair } of vectors.validations) {
    assert.equal(crypto.validateKeyPair(pairBytes(pair)), isValid, name);
  }
});

Deno.test("HCR-003 sign() makes the signatures of the npm package and verify() accepts them", () => {
  for (const { message, secretKey, signature } of vectors.signatures) {
    const key = hexBytes(secretKey);
    assert.equal(hexText(crypto.sign(hexBytes(message), key)), signature);
    assert.equal(crypto.verify(hexBytes(message), hexBytes(signature), key.subarray(32)), true);
  }
});

Deno.test("HCR-003 verify() decides as the npm package does", () => {
  for (const { name, message, signature, publicKey, isValid } of vectors.verifications) {
    assert.equal(
      crypto.verify(hexBytes(message), hexBytes(signature), hexBytes(publicKey)),
      isValid,
      name,
    );
  }
});

Deno.test("HCR-003 verify() rejects a flip of any bit of the signature", () => {
  const { message, secretKey, signature } = vectors.signatures[1]!;
  const bytes = hexBytes(signature);
  for (let bit = 0; bit < 8 * bytes.byteLength; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(
      crypto.verify(hexBytes(message), bytes, hexBytes(secretKey).subarray(32)),
      false,
      `bit ${bit}`,
    );
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
});

Deno.test("HCR-004 encryptionKeyPair() makes the key pair of a seed", () => {
  for (const { seed, publicKey, secretKey } of vectors.encryptionKeyPairs) {
    assert.deepEqual(pairText(crypto.encryptionKeyPair(hexBytes(seed))), { publicKey, secretKey });
  }
});

Deno.test("HCR-005 decrypt() opens what the npm package sealed and nothing that was cut or flipped", () => {
  for (const { message, ciphertext, ...keys } of vectors.boxes) {
    const pair = pairBytes(keys);
    const bytes = hexBytes(ciphertext);
    assert.equal(hexText(crypto.decrypt(bytes, pair)!), message);
    const step = Math.ceil(bytes.byteLength / 100);
    for (let i = 0; i < bytes.byteLength; i += step) {
      assert.equal(crypto.decrypt(bytes.subarray(0, i), pair), null, `cut at ${i}`);
      bytes[i]! ^= 1;
      assert.equal(crypto.decrypt(bytes, pair), null, `flipped at ${i}`);
      bytes[i]! ^= 1;
    }
  }
});

Deno.test("HCR-006 HCR-W01 data() hashes a leaf", () => {
  for (const { block, hash } of vectors.leaves) assert.equal(hexText(crypto.data(hexBytes(block))), hash);
});

Deno.test("HCR-006 HCR-W01 parent() hashes two nodes, given in any order", () => {
  for (const { a, b, hash } of vectors.parents) {
    assert.equal(hexText(crypto.parent(nodeOf(a), nodeOf(b))), hash);
  }
});

Deno.test("HCR-006 HCR-W01 tree() hashes roots, into the given bytes if any", () => {
  for (const { roots, byteLength, hash } of vectors.trees) {
    const out = new Uint8Array(byteLength);
    assert.equal(crypto.tree(roots.map(nodeOf), out), out);
    assert.equal(hexText(out), hash);
    if (byteLength === 32) assert.equal(hexText(crypto.tree(roots.map(nodeOf))), hash);
  }
});

Deno.test("HCR-007 hash() hashes bytes or a list of them, into the given bytes if any", () => {
  for (const { parts, byteLength, hash } of vectors.hashes) {
    const list = parts.map(hexBytes);
    const out = new Uint8Array(byteLength);
    assert.equal(crypto.hash(list, out), out);
    assert.equal(hexText(out), hash);
    if (byteLength === 32) assert.equal(hexText(crypto.hash(list)), hash);
    if (list.length === 1) assert.deepEqual(crypto.hash(list[0]!, new Uint8Array(byteLength)), out);
  }
});

Deno.test("HCR-009 discoveryKey() hashes a key", () => {
  for (const { key, discoveryKey } of vectors.discoveryKeys) {
    assert.equal(hexText(crypto.discoveryKey(hexBytes(key))), discoveryKey);
  }
});

Deno.test("HCR-010 HCR-W02 namespace() makes separators for a count or a list", () => {
  for (const { name, ids, list } of vectors.namespaces) {
    assert.deepEqual(crypto.namespace(name, ids).map(hexText), list);
    assert.deepEqual(crypto.namespace(new TextEncoder().encode(name), ids).map(hexText), list);
  }
});

Deno.test("HCR-012 HCR-W03 encode() and decode() write and read z-base-32", () => {
  for (const { key, id } of vectors.ids) {
    assert.equal(idEncoding.encode(hexBytes(key)), id);
    assert.equal(hexText(idEncoding.decode(id)), key);
    assert.equal(idEncoding.normalize(key), id);
    assert.equal(idEncoding.normalize(hexBytes(key)), id);
  }
});

Deno.test("HCR-012 decode(), normalize() and isValid() take and refuse what the npm package does", () => {
  for (const { name, id, key, refused } of vectors.idReadings) {
    assert.equal(idEncoding.isValid(id), key !== undefined, name);
    if (key === undefined) {
      for (const read of [idEncoding.decode, idEncoding.normalize]) {
        const isRefusal = (error: unknown) => error instanceof IdEncodingError && error.message === refused;
        assert.throws(() => read(id), isRefusal, name);
      }
    } else {
      assert.equal(hexText(idEncoding.decode(id)), key, name);
      assert.equal(idEncoding.normalize(id), idEncoding.encode(hexBytes(key)), name);
    }
  }
});

Deno.test("HCR-012 z32 writes and reads bytes of any length", () => {
  for (const { bytes, text } of vectors.z32) {
    assert.equal(z32.encode(hexBytes(bytes)), text);
    assert.equal(hexText(z32.decode(text)), bytes);
  }
});

Deno.test("HCR-012 z32.decode() takes and refuses what the npm package does", () => {
  for (const { text, bytes, refused } of vectors.z32Readings) {
    if (bytes !== undefined) assert.equal(hexText(z32.decode(text)), bytes, text);
    else assert.throws(() => z32.decode(text), { name: "IdEncodingError", message: refused }, text);
  }
});

Deno.test("HCR-001 the default export, idEncoding and z32 have the names of the npm packages", () => {
  assert.deepEqual(Object.keys(crypto).sort(), vectors.exports.package);
  assert.deepEqual(Object.keys(idEncoding).sort(), vectors.exports.id);
  assert.deepEqual(Object.keys(z32).sort(), vectors.exports.z32);
  for (const name of vectors.exports.package) {
    assert.equal(Reflect.get(module, name), Reflect.get(crypto, name), name);
  }
});

function pairText(pair: { publicKey: Uint8Array; secretKey: Uint8Array }): Pair {
  return { publicKey: hexText(pair.publicKey), secretKey: hexText(pair.secretKey) };
}

function pairBytes(pair: Pair): { publicKey: Uint8Array; secretKey: Uint8Array } {
  return { publicKey: hexBytes(pair.publicKey), secretKey: hexBytes(pair.secretKey) };
}

function nodeOf(node: Node): { index: number; size: number; hash: Uint8Array } {
  return { ...node, hash: hexBytes(node.hash) };
}

import assert from "node:assert/strict";
import { concatBytes, hexBytes, hexText } from "../../../../src/base/mod.ts";
import { blake2b } from "../../../../src/crypto/mod.ts";
import { HypercoreError } from "../../../../src/hypercore/errors.ts";
import {
  createManifest,
  decodeManifest,
  defaultSignerManifest,
  encodeManifest,
  isCompat,
  isValidManifest,
  type Manifest,
  MANIFEST_ENTRIES_MAX,
  MANIFEST_USER_DATA_BYTES_MAX,
  manifestHash,
  type ManifestInput,
  namespace,
  type NamespaceName,
  replicationCapability,
} from "../../../../src/hypercore/log/mod.ts";
import { readVectors, vectorKeyPair, withBytes } from "../../../helpers/log_vectors.ts";

interface ManifestVectors {
  readonly namespaces: readonly string[];
  readonly capabilities: readonly {
    readonly isInitiator: boolean;
    readonly key: string;
    readonly handshakeHash: string;
    readonly capability: string;
  }[];
  readonly manifests: readonly {
    readonly name: string;
    readonly input: unknown;
    readonly manifest: unknown;
    readonly encoded: string;
    readonly key: string;
  }[];
  readonly refused: readonly { readonly name: string; readonly input: unknown; readonly code: string }[];
}

const vectors = readVectors<ManifestVectors>("manifests");
const NAMES: readonly NamespaceName[] = [
  "tree",
  "replicateInitiator",
  "replicateResponder",
  "manifest",
  "defaultSigner",
  "defaultEncryption",
];

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof HypercoreError && error.code === expected;
}

Deno.test("HC-W06 namespace() gives what the name 'hypercore' derives", () => {
  assert.deepEqual(NAMES.map((name) => hexText(namespace(name))), vectors.namespaces);
  const seed = blake2b(new TextEncoder().encode("hypercore"));
  NAMES.forEach((name, id) => {
    assert.deepEqual(hexText(namespace(name)), hexText(blake2b(concatBytes([seed, Uint8Array.of(id)]))));
  });
});

Deno.test("HC-W04 replicationCapability() proves what npm peers expect", () => {
  for (const { isInitiator, key, handshakeHash, capability } of vectors.capabilities) {
    const made = replicationCapability(isInitiator, hexBytes(key), hexBytes(handshakeHash));
    assert.equal(hexText(made), capability);
  }
});

for (const { name, input, manifest, encoded, key } of vectors.manifests) {
  Deno.test(`HC-177 HC-178 HC-179 HC-180 HC-W09 manifest "${name}" has npm's form, bytes and key`, () => {
    const made = createManifest(withBytes(input) as ManifestInput);
    assert.deepEqual(made, withBytes(manifest));
    assert.equal(hexText(encodeManifest(made)), encoded);
    assert.equal(hexText(manifestHash(made)), key);
    assert.equal(isValidManifest(hexBytes(key), made), true);
    assert.deepEqual(decodeManifest(hexBytes(encoded)), withBytes(manifest));
    assert.deepEqual(createManifest(hexBytes(encoded)), withBytes(manifest));
  });

  Deno.test(`decodeManifest() refuses "${name}" cut off anywhere`, () => {
    const bytes = hexBytes(encoded);
    for (let end = 0; end < bytes.byteLength; end++) {
      assert.throws(() => decodeManifest(bytes.subarray(0, end)), code("DECODING_ERROR"), `${end}`);
    }
  });

  Deno.test(`decodeManifest() survives any one byte of "${name}" changed`, () => {
    const bytes = hexBytes(encoded);
    for (let at = 0; at < bytes.byteLength; at++) {
      for (const flip of [1, 0x80, 0xff]) {
        const changed = Uint8Array.from(bytes);
        changed[at]! ^= flip;
        try {
          decodeManifest(changed);
        } catch (error) {
          assert.ok(code("DECODING_ERROR")(error), `${error}`);
        }
      }
    }
  });
}

for (const { name, input, code: expected } of vectors.refused) {
  Deno.test(`createManifest() refuses ${name}`, () => {
    assert.throws(() => createManifest(withBytes(input) as ManifestInput), code(expected));
  });
}

Deno.test("createManifest() gives null for nothing", () => {
  assert.equal(createManifest(null), null);
  assert.equal(createManifest(undefined), null);
});

Deno.test("createManifest() refuses versions that do not exist", () => {
  assert.throws(() => createManifest({ version: 3 }), code("BAD_ARGUMENT"));
});

Deno.test("HC-185 HC-030 defaultSignerManifest() is compatible with the key of its signer", () => {
  const { publicKey } = vectorKeyPair(0);
  const manifest = defaultSignerManifest(publicKey);
  assert.equal(manifest.version, 1);
  assert.equal(manifest.quorum, 1);
  assert.equal(isCompat(publicKey, manifest), true);
  assert.equal(isCompat(manifestHash(manifest), manifest), false);
  assert.equal(isCompat(publicKey, null), false);
  assert.equal(isValidManifest(publicKey, manifest), false);
});

Deno.test("createManifest() copies what it is given", () => {
  const publicKey = Uint8Array.from(vectorKeyPair(0).publicKey);
  const manifest = createManifest({ signers: [{ publicKey }] });
  publicKey.fill(0);
  assert.deepEqual(manifest.signers[0]!.publicKey, vectorKeyPair(0).publicKey);
});

Deno.test("decodeManifest() takes as many signers and as much user data as allowed, and not one more", () => {
  const signers = Array.from(
    { length: MANIFEST_ENTRIES_MAX },
    () => ({ publicKey: vectorKeyPair(0).publicKey }),
  );
  const atLimit = createManifest({ signers, userData: new Uint8Array(MANIFEST_USER_DATA_BYTES_MAX).fill(1) });
  assert.equal(decodeManifest(encodeManifest(atLimit)).signers.length, MANIFEST_ENTRIES_MAX);
  const moreSigners: Manifest = { ...atLimit, signers: [...atLimit.signers, atLimit.signers[0]!] };
  assert.throws(() => decodeManifest(encodeManifest(moreSigners)), code("DECODING_ERROR"));
  const moreData: Manifest = { ...atLimit, userData: new Uint8Array(MANIFEST_USER_DATA_BYTES_MAX + 1) };
  assert.throws(() => decodeManifest(encodeManifest(moreData)), code("DECODING_ERROR"));
});

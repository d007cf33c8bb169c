import assert from "node:assert/strict";
import { hexBytes, hexText } from "../../../../src/base/mod.ts";
import {
  CoreStore,
  createManifest,
  decodeManifest,
  defaultSignerManifest,
  fullRoots,
  inflateMultiSignature,
  inflateMultiSignatureV0,
  Log,
  type PartialSignature,
  type ProofRequest,
  signableLength,
  type TreeNode,
  treeSignable,
  treeSignableCompat,
  Verifier,
} from "../../../../src/hypercore/log/mod.ts";
import { TreeBatch } from "../../../../src/hypercore/log/tree_batch.ts";
import { MemoryStorage } from "../../../../src/storage/mod.ts";
import { readVectors, vectorBlocks, vectorKeyPair } from "../../../helpers/log_vectors.ts";

type PackedNode = readonly [index: number, size: number, hash: string];

interface TreeVectors {
  readonly keys: { readonly compat: string; readonly modern: string; readonly discoveryKey: string };
  readonly states: readonly {
    readonly length: number;
    readonly byteLength: number;
    readonly roots: readonly number[];
    readonly treeHash: string;
    readonly compatSignable: string;
    readonly compatSignature: string;
    readonly legacySignable: string;
    readonly legacySignature: string;
    readonly signable: string;
    readonly signature: string;
  }[];
  readonly nodes: readonly PackedNode[];
}

interface ProofVectors {
  readonly logs: readonly {
    readonly length: number;
    readonly proofs: readonly {
      readonly request: ProofRequest;
      readonly proof?: unknown;
      readonly error?: string;
    }[];
  }[];
}

interface MultisigVectors {
  readonly signable: readonly {
    readonly lengths: readonly number[];
    readonly quorum: number;
    readonly length: number;
  }[];
  readonly cases: readonly {
    readonly version: number;
    readonly allowPatch: boolean;
    readonly manifest: string;
    readonly length: number;
    readonly treeHash: string;
    readonly signatures: readonly {
      readonly name: string;
      readonly inputs: readonly {
        readonly signer: number;
        readonly signature: string;
        readonly patch: number;
        readonly nodes: readonly PackedNode[] | null;
      }[];
      readonly assembled: string;
      readonly isValid: boolean;
    }[];
  }[];
}

const tree = readVectors<TreeVectors>("tree");
const keyPair = vectorKeyPair(0);

function openStore(): CoreStore {
  return new CoreStore(new MemoryStorage());
}

function node([index, size, hash]: PackedNode): TreeNode {
  return { index, size, hash: hexBytes(hash) };
}

Deno.test("HC-W05 HC-W07 HC-W08 appending makes npm's keys, trees, signables and signatures", async () => {
  await using compatStore = openStore();
  await using modernStore = openStore();
  await using compat = await Log.open(compatStore, { keyPair, compat: true });
  const manifest = createManifest({ signers: [{ publicKey: keyPair.publicKey }] });
  await using modern = await Log.open(modernStore, { keyPair, manifest, compat: false });
  assert.equal(hexText(compat.key), tree.keys.compat);
  assert.equal(hexText(compat.discoveryKey), tree.keys.discoveryKey);
  assert.equal(compat.compat, true);
  assert.equal(hexText(modern.key), tree.keys.modern);
  assert.equal(modern.compat, false);
  const legacy = new Verifier(keyPair.publicKey, defaultSignerManifest(keyPair.publicKey), { legacy: true });
  for (const state of tree.states) {
    const blocks = vectorBlocks(compat.head.length, state.length);
    await compat.append(blocks);
    assert.deepEqual(await modern.append(blocks), { length: state.length, byteLength: state.byteLength });
    const { roots, length, fork, signature } = compat.head;
    assert.deepEqual(roots.map((root) => root.index), state.roots);
    const treeHash = await compat.treeHash();
    assert.equal(hexText(treeHash), state.treeHash);
    assert.equal(hexText(treeSignableCompat(treeHash, length, fork, false)), state.compatSignable);
    assert.equal(hexText(signature!), state.compatSignature);
    const legacySignature = legacy.sign(new TreeBatch(compat.head), keyPair);
    assert.equal(hexText(treeSignableCompat(treeHash, length, fork, true)), state.legacySignable);
    assert.equal(hexText(legacySignature), state.legacySignature);
    assert.equal(legacy.verify(new TreeBatch(compat.head), legacySignature), true);
    assert.equal(hexText(treeSignable(modern.key, treeHash, length, fork)), state.signable);
    assert.equal(hexText(modern.head.signature!), state.signature);
  }
});

Deno.test("HC-W07 HC-102 every node of the tree is npm's, and so is the hash at every length", async () => {
  await using store = openStore();
  await using log = await Log.open(store, { keyPair });
  await log.append(vectorBlocks(0, 100));
  const rows = new Map<number, string>();
  for await (const { index, value } of store.storage.rows("node", 1)) {
    rows.set(index, hexText(value.subarray(8)));
  }
  assert.deepEqual(Array.from(rows), tree.nodes.map(([index, , hash]) => [index, hash]));
  for (const state of tree.states) assert.equal(hexText(await log.treeHash(state.length)), state.treeHash);
});

for (const { length, proofs } of readVectors<ProofVectors>("proofs").logs) {
  Deno.test(`HC-136 proofs of a log of ${length} blocks have npm's nodes in npm's order`, async () => {
    await using store = openStore();
    await using log = await Log.open(store, { keyPair });
    await log.append(vectorBlocks(0, length));
    const nodes = new Map(tree.nodes.map((packed) => [packed[0], node(packed)]));
    for (const root of fullRoots(length)) assert.ok(nodes.has(root));
    const results = await log.prove(proofs.map(({ request }) => request), log.head);
    proofs.forEach(({ request, proof, error }, i) => {
      const result = results[i]!;
      const context = JSON.stringify(request);
      // The package's replicator asks its bitfield first.
      if (request.block !== null && request.block.index >= length) {
        assert.equal(result.kind, "unavailable", context);
        return;
      }
      if (error !== undefined) {
        if (result.kind !== "invalid") return assert.fail(`${result.kind} for ${context}`);
        assert.equal(result.error.code, "INVALID_OPERATION", context);
        return;
      }
      if (result.kind !== "proof") return assert.fail(`${result.kind} for ${context}`);
      const { block, hash, seek, upgrade, manifest } = result.proof;
      const indexes = (list: readonly TreeNode[]) => {
        for (const each of list) assert.deepEqual(each.hash, nodes.get(each.index)!.hash);
        return list.map((each) => each.index);
      };
      assert.deepEqual(
        {
          block: block && { index: block.index, nodes: indexes(block.nodes) },
          hash: hash && { index: hash.index, nodes: indexes(hash.nodes) },
          seek: seek && { bytes: seek.bytes, nodes: indexes(seek.nodes) },
          upgrade: upgrade && {
            start: upgrade.start,
            length: upgrade.length,
            nodes: indexes(upgrade.nodes),
            additionalNodes: indexes(upgrade.additionalNodes),
          },
        },
        proof,
        context,
      );
      if (block) {
        assert.deepEqual(Uint8Array.from(block.value!), vectorBlocks(block.index, block.index + 1)[0]);
      }
      if (upgrade) assert.deepEqual(upgrade.signature, log.head.signature);
      assert.equal(manifest, null);
    });
  });
}

for (const each of readVectors<MultisigVectors>("multisig").cases) {
  const { version, allowPatch, length } = each;
  const title = `version ${version}, ${allowPatch ? "patches" : "no patches"}, length ${length}`;

  Deno.test(`HC-181 HC-187 HC-W10 multi-signatures: ${title}`, async () => {
    const manifest = decodeManifest(hexBytes(each.manifest));
    const verifier = Verifier.fromManifest(manifest);
    await using store = openStore();
    await using log = await Log.open(store, { keyPair });
    await log.append(vectorBlocks(0, length));
    assert.equal(hexText(await log.treeHash()), each.treeHash);
    const batch = new TreeBatch(log.head);
    for (const { name, inputs, assembled, isValid } of each.signatures) {
      const parts: PartialSignature[] = inputs.map((input) => ({
        ...input,
        signature: hexBytes(input.signature),
        nodes: input.nodes && input.nodes.map(node),
      }));
      const bytes = hexBytes(assembled);
      assert.equal(hexText(verifier.assemble(parts)), assembled, name);
      assert.equal(verifier.verify(batch, bytes), isValid, name);
      const inflated = version === 0 ? inflateMultiSignatureV0(bytes) : inflateMultiSignature(bytes);
      assert.deepEqual(inflated.proofs.map((proof) => proof.patch), inputs.map((input) => input.patch));
      for (let end = 0; end < bytes.byteLength; end++) {
        assert.equal(verifier.verify(batch, bytes.subarray(0, end)), false);
      }
    }
  });
}

Deno.test("HC-188 signableLength() is what a quorum has reached", () => {
  for (const { lengths, quorum, length } of readVectors<MultisigVectors>("multisig").signable) {
    assert.equal(signableLength(lengths, quorum), length, `${lengths} ${quorum}`);
  }
});

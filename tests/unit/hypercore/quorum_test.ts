/**
 * Cores that several must sign, as users see them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText } from "../../../src/base/mod.ts";
import { sign, signKeyPair } from "../../../src/crypto/mod.ts";
import { Hypercore, HypercoreError, type ManifestInput } from "../../../src/hypercore/mod.ts";
import { assembleMultiSignature, type PartialSignature } from "../../../src/hypercore/log/mod.ts";
import { MemoryReplication } from "../../helpers/memory_replication.ts";

const TEXT = { valueEncoding: "utf-8" } as const;
const KEY_PAIRS = [21, 22, 23].map((seed) => signKeyPair(new Uint8Array(32).fill(seed)));
const SIGNERS = KEY_PAIRS.map(({ publicKey }) => ({ publicKey }));

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof HypercoreError && error.code === code;
}

/** What signer number `signer` says of a draft, which may be longer than what is signed together. */
async function part(draft: Hypercore<string>, signer: number, length: number): Promise<PartialSignature> {
  const signature = sign(await draft.signable(), KEY_PAIRS[signer]!.secretKey);
  const patch = draft.length - length;
  if (patch === 0) return { signer, signature, patch, nodes: null };
  const { upgrade } = await draft.proof({ upgrade: { start: length, length: patch } });
  return { signer, signature, patch, nodes: upgrade!.nodes };
}

Deno.test("HC-080 HC-179 HC-187 an append takes the signature of a quorum, and readers check it", async () => {
  const manifest: ManifestInput = { quorum: 2, signers: SIGNERS };
  await using core = new Hypercore<string>({ ...TEXT, manifest });
  await using draft = core.session<string>({ ...TEXT, name: "draft" });
  await draft.append(["a", "b", "c"]);
  const parts = await Promise.all([0, 2].map((signer) => part(draft, signer, 3)));
  const few = assembleMultiSignature(parts.slice(0, 1));
  const twice = assembleMultiSignature([parts[0]!, parts[0]!]);
  for (const signature of [few, twice]) {
    await assert.rejects(core.append(["a", "b", "c"], { signature }), hasCode("INVALID_SIGNATURE"));
  }
  await assert.rejects(core.append("a", { keyPair: KEY_PAIRS[0]! }), hasCode("BAD_ARGUMENT"));
  await core.append(["a", "b", "c"], { signature: assembleMultiSignature(parts) });
  await using reader = new Hypercore<string>(null, core.key, TEXT);
  await using _ = new MemoryReplication(reader, core);
  assert.equal(await reader.get(2), "c");
  assert.equal(reader.manifest!.quorum, 2);
});

Deno.test("HC-181 HC-188 HC-066 signers may have signed more, with the nodes between as a patch", async () => {
  const manifest: ManifestInput = { quorum: 2, allowPatch: true, signers: SIGNERS };
  await using core = new Hypercore<string>({ ...TEXT, manifest });
  await using short = core.session<string>({ ...TEXT, name: "short" });
  await using long = core.session<string>({ ...TEXT, name: "long" });
  await short.append(["a", "b", "c", "d", "e"]);
  await long.append(["a", "b", "c", "d", "e", "f", "g"]);
  const parts = await Promise.all([part(short, 1, 5), part(long, 2, 5)]);
  assert.equal(parts[1]!.patch, 2);
  const signature = assembleMultiSignature(parts);
  assert.equal((await core.commit(short, { signature }))!.length, 5);
  assert.deepEqual([core.signedLength, long.signedLength], [5, 0]);
  await using reader = new Hypercore<string>(null, core.key, TEXT);
  await using _ = new MemoryReplication(reader, core);
  assert.equal(await reader.get(4), "e");
  const rest = await Promise.all([part(long, 0, 7), part(long, 2, 7)]);
  assert.equal((await core.commit(long, { signature: assembleMultiSignature(rest) }))!.length, 7);
  assert.equal(await reader.get(6), "g");
  assert.equal(hexText(reader.state!.signature!), hexText(core.state!.signature!));
});

Deno.test("HC-084 HC-179 a quorum cuts a log too", async () => {
  const manifest: ManifestInput = { quorum: 1, signers: SIGNERS };
  await using core = new Hypercore<string>({ ...TEXT, manifest, keyPair: KEY_PAIRS[1]! });
  await core.append(["a", "b", "c"]);
  await core.truncate(1);
  await core.append("B", { keyPair: KEY_PAIRS[2]! });
  await using reader = new Hypercore<string>(null, core.key, TEXT);
  await using _ = new MemoryReplication(reader, core);
  assert.equal(await reader.get(1), "B");
  assert.equal(reader.fork, 1);
});

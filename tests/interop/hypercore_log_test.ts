/**
 * Our log and the npm hypercore prove to each other and verify each other's proofs, without a network: every shape of
 * request, sparse and in random order, forks, manifests and multi-signatures.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexBytes, hexText, SeededRandom } from "../../src/base/mod.ts";
import { signKeyPair } from "../../src/crypto/mod.ts";
import {
  CoreStore,
  createManifest,
  Log,
  type LogOpenOptions,
  type Manifest,
  type Proof,
  type ProofRequest,
  Verifier,
} from "../../src/hypercore/log/mod.ts";
import { TreeBatch } from "../../src/hypercore/log/tree_batch.ts";
import { MemoryStorage } from "../../src/storage/mod.ts";
import { NodePeer } from "../helpers/node_peer.ts";
import { withFolder } from "../helpers/store_folder.ts";

const EMPTY: ProofRequest = { block: null, hash: null, seek: null, upgrade: null };
const keyPairs = [1, 2, 3].map((seed) => signKeyPair(new Uint8Array(32).fill(seed)));
const keyPair = keyPairs[0]!;

/** What both sides can do. */
interface Party {
  append(blocks: readonly Uint8Array[]): Promise<void>;
  truncate(length: number): Promise<void>;
  state(): Promise<{ length: number; byteLength: number; fork: number; treeHash: string; signature: string }>;
  missingNodes(index: number): Promise<number>;
  prove(request: ProofRequest): Promise<Proof>;
  /** True, false (stale), or an error code. */
  verify(proof: Proof): Promise<unknown>;
  get(index: number): Promise<Uint8Array | null>;
  startReorg(proof: Proof): Promise<ReorgWant | null>;
  updateReorg(proof: Proof): Promise<ReorgWant | null>;
  applyReorg(): Promise<unknown>;
}

interface ReorgWant {
  readonly start: number;
  readonly end: number;
  readonly nodes: number;
}

type NpmState = Awaited<ReturnType<Party["state"]>> & { key: Uint8Array; manifest: Manifest };

class NpmParty implements Party {
  readonly #peer: NodePeer;

  private constructor(peer: NodePeer) {
    this.#peer = peer;
  }

  /** Runs `run` with a peer whose folder is gone afterwards. */
  static async with(run: (npm: NpmParty) => Promise<void>): Promise<void> {
    await withFolder(async (folder) => {
      await using peer = NodePeer.start("hypercore_log/peer.mjs", { args: [folder] });
      await run(new NpmParty(peer));
      await peer.ended();
    });
  }

  async call(command: string, args: object = {}): Promise<unknown> {
    await this.#peer.send({ command, ...packed(args) as object });
    return revived((await this.#peer.next("result")).value);
  }

  async open(options: LogOpenOptions): Promise<NpmState> {
    return await this.call("open", options) as NpmState;
  }

  async append(blocks: readonly Uint8Array[]): Promise<void> {
    await this.call("append", { blocks });
  }

  async truncate(length: number): Promise<void> {
    await this.call("truncate", { length });
  }

  async state(): ReturnType<Party["state"]> {
    const state = await this.call("describe") as Record<string, unknown>;
    const { length, byteLength, fork } = state as unknown as {
      length: number;
      byteLength: number;
      fork: number;
    };
    return { length, byteLength, fork, treeHash: hexOf(state.treeHash), signature: hexOf(state.signature) };
  }

  async missingNodes(index: number): Promise<number> {
    return await this.call("missingNodes", { index }) as number;
  }

  async prove(request: ProofRequest): Promise<Proof> {
    return await this.call("prove", { request }) as Proof;
  }

  async verify(proof: Proof): Promise<unknown> {
    return await this.call("verify", { proof });
  }

  async get(index: number): Promise<Uint8Array | null> {
    return await this.call("get", { index }) as Uint8Array | null;
  }

  async startReorg(proof: Proof): Promise<ReorgWant | null> {
    return await this.call("verifyReorg", { proof }) as ReorgWant | null;
  }

  async updateReorg(proof: Proof): Promise<ReorgWant | null> {
    return await this.call("updateReorg", { proof }) as ReorgWant | null;
  }

  async applyReorg(): Promise<unknown> {
    return await this.call("reorg");
  }
}

class OurParty implements Party {
  readonly log: Log;
  #reorg: Awaited<ReturnType<Log["verifyReorg"]>> | null = null;

  private constructor(log: Log) {
    this.log = log;
  }

  static async open(options: LogOpenOptions): Promise<OurParty> {
    return new OurParty(await Log.open(new CoreStore(new MemoryStorage()), options));
  }

  async append(blocks: readonly Uint8Array[]): Promise<void> {
    await this.log.append(blocks, { durable: true });
  }

  async truncate(length: number): Promise<void> {
    await this.log.truncate(length);
    await this.log.publish();
  }

  async state(): ReturnType<Party["state"]> {
    const { length, byteLength, fork, signature } = this.log.head;
    return {
      length,
      byteLength,
      fork,
      treeHash: hexOf(await this.log.treeHash()),
      signature: hexOf(signature),
    };
  }

  async missingNodes(index: number): Promise<number> {
    return await this.log.missingNodes(index);
  }

  async prove(request: ProofRequest): Promise<Proof> {
    const [result] = await this.log.prove([request]);
    if (result!.kind !== "proof") {
      throw new Error(`No proof of ${JSON.stringify(request)}`, { cause: result });
    }
    return { ...result!.proof, manifest: this.log.manifest };
  }

  async verify(proof: Proof): Promise<unknown> {
    const [result] = await this.log.verify([proof]);
    if (result!.kind === "invalid") return result!.error.code;
    return result!.kind === "applied";
  }

  async get(index: number): Promise<Uint8Array | null> {
    return await this.log.getBlock(index);
  }

  async startReorg(proof: Proof): Promise<ReorgWant | null> {
    this.#reorg = await this.log.verifyReorg(proof);
    return this.#reorg.want;
  }

  async updateReorg(proof: Proof): Promise<ReorgWant | null> {
    await this.#reorg!.update(proof);
    return this.#reorg!.want;
  }

  async applyReorg(): Promise<unknown> {
    return await this.log.reorg(this.#reorg!);
  }
}

for (const writes of ["npm", "ours"] as const) {
  for (const seed of [1, 2]) {
    Deno.test(`HC-136 HC-137 HC-190 HC-191 ${writes} writes, the other verifies, seed ${seed}`, async () => {
      const compat = seed % 2 === 0;
      await NpmParty.with(async (npm) => {
        if (writes === "npm") {
          const { key } = await npm.open({ keyPair, compat });
          await exchange(npm, await OurParty.open({ key }), new SeededRandom(seed));
        } else {
          const ours = await OurParty.open({ keyPair, compat });
          await npm.open({ key: ours.log.key });
          await exchange(ours, npm, new SeededRandom(seed));
        }
      });
    });
  }
}

/** The writer grows and forks, the reader fetches by requests of every shape until it has everything. */
async function exchange(writer: Party, reader: Party, random: SeededRandom): Promise<void> {
  const below = (end: number) => Math.floor(random.next() * end);
  const model: Uint8Array[] = [];
  let fork = 0;
  for (let round = 0; round < 6; round++) {
    const blocks = Array.from({ length: 1 + below(12) }, () => {
      return Uint8Array.from({ length: below(20) }, () => below(256));
    });
    await writer.append(blocks);
    model.push(...blocks);
    for (let i = 0; i < 14; i++) {
      const { length: start, byteLength } = await reader.state();
      const request = await drawRequest(reader, start, model.length, byteLength, below);
      const context = JSON.stringify(request);
      const proof = await writer.prove(request);
      assert.equal(await reader.verify(damaged(proof)) === true, false, `damaged ${context}`);
      assert.equal(await reader.verify(proof), true, context);
      const { block } = request;
      if (block) assert.equal(hexOf(await reader.get(block.index)), hexText(model[block.index]!), context);
      if (request.upgrade) assert.deepEqual(await reader.state(), await writer.state(), context);
    }
    if (round % 2 === 1) {
      model.length = below(model.length);
      fork++;
      await writer.truncate(model.length);
      await writer.append([Uint8Array.of(fork)]);
      model.push(Uint8Array.of(fork));
      await follow(writer, reader, model.length);
    }
  }
}

async function drawRequest(
  reader: Party,
  start: number,
  length: number,
  byteLength: number,
  below: (end: number) => number,
): Promise<ProofRequest> {
  const shape = below(6);
  const upgrade = start < length && (start === 0 || shape < 3) ? { start, length: length - start } : null;
  if (upgrade !== null && shape === 0) return { ...EMPTY, upgrade };
  if (upgrade !== null && shape === 1) return { ...EMPTY, upgrade, seek: { bytes: below(30), padding: 0 } };
  const known = upgrade ? length : start;
  const index = below(known);
  const nodes = await reader.missingNodes(2 * index);
  if (shape === 3) return { ...EMPTY, upgrade, hash: { index: 2 * index, nodes } };
  // With all of the tree missing the byte may lie anywhere in it.
  const isWholeTree = upgrade === null && 2 ** nodes >= known;
  if (shape === 4 && isWholeTree && byteLength > 0) {
    return { ...EMPTY, hash: { index: 2 * index, nodes }, seek: { bytes: below(byteLength), padding: 0 } };
  }
  return { ...EMPTY, upgrade, block: { index, nodes } };
}

async function follow(writer: Party, reader: Party, length: number): Promise<void> {
  let want = await reader.startReorg(await writer.prove({ ...EMPTY, upgrade: { start: 0, length } }));
  for (let rounds = 0; want !== null; rounds++) {
    assert.ok(rounds < 20);
    const index = Math.min(want.start, length - 1);
    want = await reader.updateReorg(
      await writer.prove({ ...EMPTY, hash: { index: 2 * index, nodes: want.nodes } }),
    );
  }
  await reader.applyReorg();
  assert.deepEqual(await reader.state(), await writer.state());
}

/** The same proof with one bit of what it proves changed. */
function damaged(proof: Proof): Proof {
  const changed = structuredClone(proof);
  const { block, hash, seek, upgrade } = changed;
  if (upgrade?.signature) upgrade.signature[20]! ^= 4;
  else if (block?.value && block.value.byteLength > 0) block.value[0]! ^= 1;
  else if (block) return { ...changed, block: { ...block, value: Uint8Array.of(1, 2, 3) } };
  else (hash ?? seek)!.nodes[0]!.hash[3]! ^= 1;
  return changed;
}

for (const version of [0, 1, 2]) {
  Deno.test(`HC-177 HC-187 a quorum's appends pass both ways, version ${version}`, async () => {
    const signers = keyPairs.map(({ publicKey }) => ({ publicKey }));
    const manifest = createManifest({ version, allowPatch: true, quorum: 2, signers });
    const blocks = Array.from({ length: 5 }, (_, i) => Uint8Array.of(i, i));
    const signature = await signTogether(manifest, blocks);
    const ours = await OurParty.open({ manifest });
    await ours.log.append(blocks, { signature, durable: true });
    const request = { ...EMPTY, upgrade: { start: 0, length: 5 }, block: { index: 2, nodes: 0 } };
    await NpmParty.with(async (npm) => {
      const { key } = await npm.open({ manifest });
      assert.equal(hexOf(key), hexText(ours.log.key));
      await npm.call("append", { blocks, signature });
      assert.deepEqual(await npm.state(), await ours.state());
      const reader = await OurParty.open({ key: ours.log.key });
      assert.equal(await reader.verify(await npm.prove(request)), true);
      assert.deepEqual(await reader.state(), await ours.state());
    });
    await NpmParty.with(async (npm) => {
      await npm.open({ key: ours.log.key });
      assert.equal(await npm.verify(await ours.prove(request)), true);
      assert.deepEqual(await npm.state(), await ours.state());
    });
  });
}

/** Two of the signers sign `blocks`; the second one's log is two blocks longer. */
async function signTogether(manifest: Manifest, blocks: readonly Uint8Array[]): Promise<Uint8Array> {
  const verifier = Verifier.fromManifest(manifest);
  const more = [Uint8Array.of(8), Uint8Array.of(9)];
  const parts = await Promise.all([0, 2].map(async (patch, signer) => {
    const draft = await OurParty.open({ keyPair: signKeyPair() });
    await draft.append([...blocks, ...more.slice(0, patch)]);
    const signature = verifier.sign(new TreeBatch(draft.log.head), keyPairs[signer]!);
    if (patch === 0) return { signer, signature, patch, nodes: null };
    const { upgrade } = await draft.prove({ ...EMPTY, upgrade: { start: blocks.length, length: patch } });
    return { signer, signature, patch, nodes: upgrade!.nodes };
  }));
  return verifier.assemble(parts);
}

function hexOf(value: unknown): string {
  return value instanceof Uint8Array ? hexText(value) : String(value);
}

function packed(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: hexText(value) };
  if (Array.isArray(value)) return value.map(packed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, packed(item)]));
}

function revived(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revived);
  if (typeof value !== "object" || value === null) return value;
  if ("hex" in value && typeof value.hex === "string") return hexBytes(value.hex);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revived(item)]));
}

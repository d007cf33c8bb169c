/**
 * Keeping a drive on the network for others, and how far they are.
 *
 * @module
 */
import path from "node:path";
import { idEncoding } from "../../hypercore_crypto/mod.ts";
import type { SecretStream } from "../../hyperdht/mod.ts";
import type { Hyperdrive } from "../../hyperdrive/mod.ts";
import { checkFolder, parseDrive } from "./drive_argument.ts";
import type { DrivesSession } from "./session.ts";

/** A peer of a drive and how much of it the peer has, as far as it said. */
export interface SeedPeer {
  /** The peer's public key, z-base-32. */
  readonly id: string;
  /** Its address, null where it is not known. */
  readonly host: string | null;
  /** Blocks of the metadata that it has without a gap. */
  readonly files: number;
  /** Blocks of the blobs that it has without a gap. */
  readonly blobs: number;
}

/** The drive to seed, and the folder that it is made of, null where there is none. */
export interface SeededDrive {
  /** The drive. */
  readonly drive: Hyperdrive;
  /** A folder whose files belong into it. */
  readonly folder: string | null;
}

/**
 * Opens the drive to seed: by its key; the one that belongs to a folder, whose files are to be mirrored into it; or the
 * store's own, where nothing is said.
 */
export async function openSeeded(session: DrivesSession, text: string | null): Promise<SeededDrive> {
  const argument = text === null ? null : parseDrive(text);
  if (argument === null) return { drive: await session.openNamed("db"), folder: null };
  if (argument.kind === "key") return { drive: await session.openKey(argument.key), folder: null };
  const folder = path.resolve(argument.path);
  await checkFolder(folder);
  return { drive: await session.openNamed(folder), folder };
}

/** The peers of a drive, those with the most of it first. */
export function seedPeers(drive: Hyperdrive): SeedPeer[] {
  const peers = new Map<string, { host: string | null; files: number; blobs: number }>();
  for (const [name, core] of [["files", drive.core], ["blobs", drive.blobs?.core]] as const) {
    for (const peer of core?.peers ?? []) {
      const id = idEncoding.encode(peer.remotePublicKey!);
      const known = peers.get(id) ?? { host: hostOf(peer), files: 0, blobs: 0 };
      known[name] = peer.remoteContiguousLength;
      peers.set(id, known);
    }
  }
  return Array.from(peers, ([id, peer]) => ({ id, ...peer }))
    .sort((a, b) => b.files + b.blobs - a.files - a.blobs);
}

/** Where a peer's stream leads, for streams that know it: those over UDX. */
function hostOf(peer: { readonly stream: unknown }): string | null {
  const { rawStream } = peer.stream as Partial<SecretStream>;
  return rawStream?.remoteHost ?? null;
}

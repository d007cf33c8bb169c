/**
 * `ls`, `get`, `entry` and `info`: what is in a drive.
 *
 * @module
 */
import type { Command } from "commander";
import { resolveDrivePath } from "../../../base/mod.ts";
import { Hyperdrive } from "../../../hyperdrive/mod.ts";
import { byteText, filterOf } from "../../../tools/drives/mod.ts";
import { keyText } from "../../arguments.ts";
import { CommandError, type Terminal } from "../../terminal.ts";
import {
  command,
  type DriveFlags,
  NOT_FOUND,
  openConnected,
  openHyperdrive,
  withSession,
  type Work,
} from "./work.ts";

/** How long a single read may take, ms. Source: `drives` 2.9.1 (bin/get.js). */
const READ_TIMEOUT_MS = 15_000;

/** These commands work beside another program that has the store open. */
const READING = { use: "read" } as const;

/** Adds the commands that read. */
export function addReading(drives: Command, terminal: Terminal): void {
  command(drives, "ls")
    .description("List a folder of a drive; exit code 2 where nothing is in it")
    .argument("<src>", "a key or a folder")
    .argument("[path]", "a folder of it", "/")
    .option("-r, --recursive", "with all below it")
    .option("--prefix <path>", "same as the second argument")
    .action((src: string, folder: string, flags: DriveFlags & { recursive?: boolean; prefix?: string }) =>
      withSession(
        flags,
        terminal,
        (work) => list(work, src, flags.prefix ?? folder, flags.recursive === true),
        READING,
      )
    );
  command(drives, "get")
    .description("Print a file; exit code 2 where there is none")
    .argument("<src>", "a key or a folder")
    .argument("<path>", "the file")
    .action((src: string, name: string, flags: DriveFlags) =>
      withSession(flags, terminal, async (work) => {
        const drive = await openConnected(work, src);
        const bytes = await drive.get(name, {
          follow: true,
          timeout: READ_TIMEOUT_MS,
          signal: terminal.signal,
        });
        if (bytes === null) throw new CommandError(`There is no file ${name}`, NOT_FOUND);
        terminal.outBytes(bytes);
      }, READING)
    );
  command(drives, "entry")
    .description("Print what is known of a file; exit code 2 where there is none")
    .argument("<src>", "a key or a folder")
    .argument("<path>", "the file")
    .action((src: string, name: string, flags: DriveFlags) =>
      withSession(flags, terminal, (work) => entry(work, src, name), READING)
    );
  command(drives, "info")
    .description("Print keys, version and sizes of a drive")
    .argument("[key]", "the drive (default: the store's own)")
    .action((key: string | undefined, flags: DriveFlags) =>
      withSession(flags, terminal, (work) => info(work, key ?? null), READING)
    );
}

async function list(work: Work, src: string, folder: string, isRecursive: boolean): Promise<void> {
  const { output, terminal: { signal } } = work;
  const drive = await openConnected(work, src);
  const isShown = filterOf([]);
  const above = resolveDrivePath("/", folder);
  if (!isShown(above)) return;
  const names = isRecursive
    ? drive.list(above, { signal })
    : drive instanceof Hyperdrive
    ? drive.readdir(above, { signal })
    : drive.readdir(above);
  let isEmpty = true;
  for await (const item of names) {
    isEmpty = false;
    const key = typeof item === "string" ? resolveDrivePath(above, item) : item.key;
    if (!isShown(key)) continue;
    const found = await drive.entry(key, { signal });
    const name = isRecursive ? key : item as string;
    const linkname = found?.value.linkname ?? null;
    const byteLength = found?.value.blob?.byteLength ?? null;
    const text = found === null
      ? `${name}/`
      : linkname === null
      ? `${name} (${byteText(byteLength ?? 0)})`
      : `${name} -> ${linkname}`;
    output.tell(text, { key, isFolder: found === null, byteLength, linkname });
  }
  if (isEmpty && above !== "/") throw new CommandError(`There is nothing in ${folder}`, NOT_FOUND);
}

async function entry(work: Work, src: string, name: string): Promise<void> {
  const { output, terminal: { signal } } = work;
  const drive = await openConnected(work, src);
  const found = await drive.entry(name, { timeout: READ_TIMEOUT_MS, signal });
  if (found === null) throw new CommandError(`There is no file ${name}`, NOT_FOUND);
  const { key, value: { executable, linkname, blob, metadata } } = found;
  const lines = [
    `Key: ${key}`,
    ...("seq" in found ? [`Sequence: ${found.seq}`] : []),
    `Executable: ${executable ? "yes" : "no"}`,
    ...(linkname === null ? [] : [`Link: ${linkname}`]),
    ...(blob === null ? [] : [`Size: ${byteText(blob.byteLength)}`]),
    ...(metadata === null ? [] : [`Metadata: ${JSON.stringify(metadata)}`]),
  ];
  output.tell(lines.join("\n"), { ...found });
}

async function info({ session, output }: Work, text: string | null): Promise<void> {
  const drive = text === null
    ? await session.openNamed("db")
    : await openHyperdrive(session, text, { isAsStored: true });
  const { core, blobs } = drive;
  const value = {
    key: keyText(drive.key!),
    contentKey: drive.contentKey === null ? null : keyText(drive.contentKey),
    version: drive.version,
    writable: drive.writable,
    files: { have: core.contiguousLength, length: core.length },
    blobs: { have: blobs?.core.contiguousLength ?? 0, length: blobs?.core.length ?? 0 },
    byteLength: core.byteLength + (blobs?.core.byteLength ?? 0),
  };
  output.tell(
    [
      `Key: ${value.key}`,
      `Content key: ${value.contentKey ?? "not known yet"}`,
      `Version: ${value.version}`,
      `Writable: ${value.writable ? "yes" : "no"}`,
      `Files: ${value.files.have}/${value.files.length} blocks`,
      `Blobs: ${value.blobs.have}/${value.blobs.length} blocks`,
      `Size: ${byteText(value.byteLength)}`,
    ].join("\n"),
    value,
  );
}

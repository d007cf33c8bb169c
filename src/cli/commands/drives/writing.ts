/**
 * `init`, `touch`, `put`, `rm` and `purge`: stores and drives of this machine.
 *
 * @module
 */
import type { Command } from "commander";
import path from "node:path";
import { resolveDrivePath, utf8Bytes } from "../../../base/mod.ts";
import { storeIn } from "../../../tools/drives/mod.ts";
import { keyText } from "../../arguments.ts";
import { CommandError, type Terminal } from "../../terminal.ts";
import { countText } from "./mirroring.ts";
import { command, type DriveFlags, NOT_FOUND, openHyperdrive, withSession, type Work } from "./work.ts";

/** Adds the commands that write. */
export function addWriting(drives: Command, terminal: Terminal): void {
  command(drives, "init", false)
    .description("Make a store in the working directory")
    .action((flags: DriveFlags) =>
      withSession(flags, terminal, async ({ session, output }) => {
        await session.openStore();
        output.tell(`Drives are kept in ${storeIn(".")}`, { event: "storage", folder: storeIn(".") });
      }, { storage: storeIn(".") })
    );
  command(drives, "touch")
    .description("Make a new drive that can be written here")
    .option("--use-cwd", "the drive that belongs to the working directory")
    .action((flags: DriveFlags & { useCwd?: boolean }) =>
      withSession(flags, terminal, async ({ session, output }) => {
        const name = flags.useCwd ? path.resolve(".") : crypto.randomUUID();
        const drive = await session.openNamed(name);
        const key = keyText(drive.key!);
        output.tell(`New drive: ${key}`, { event: "drive", key });
      })
    );
  command(drives, "put")
    .description("Write a file")
    .argument("<src>", "a key or a folder")
    .argument("<path>", "the file")
    .argument("<content>", "its text")
    .action((src: string, name: string, content: string, flags: DriveFlags) =>
      withSession(flags, terminal, async ({ session, output }) => {
        const drive = await session.openDestination(src);
        await drive.put(name, utf8Bytes(content));
        output.tell("File saved", { event: "put", path: resolveDrivePath("/", name) });
      })
    );
  command(drives, "rm")
    .description("Remove a file")
    .argument("<src>", "a key or a folder")
    .argument("<path>", "the file")
    .option("-r, --recursive", "a folder with all below it")
    .action((src: string, name: string, flags: DriveFlags & { recursive?: boolean }) =>
      withSession(flags, terminal, (work) => remove(work, src, name, flags.recursive === true))
    );
  command(drives, "purge")
    .description("Delete a drive from this machine")
    .argument("<key>", "the drive")
    .action((key: string, flags: DriveFlags) =>
      withSession(flags, terminal, async ({ session, output }) => {
        const drive = await openHyperdrive(session, key);
        await drive.purge();
        output.tell("Drive deleted", { event: "purged", key });
      })
    );
}

async function remove(
  { session, output }: Work,
  src: string,
  name: string,
  isRecursive: boolean,
): Promise<void> {
  const drive = await session.openDestination(src);
  const target = resolveDrivePath("/", name);
  const keys: string[] = [];
  if (isRecursive) { for await (const { key } of drive.list(target)) keys.push(key); }
  if (target !== "/" && await drive.exists(target)) keys.push(target);
  if (keys.length === 0) throw new CommandError(`There is no file ${name}`, NOT_FOUND);
  const batch = drive.batch();
  for (const key of keys) await batch.del(key);
  await batch.flush();
  output.tell(`Removed ${countText(keys.length)}`, { event: "removed", keys });
}

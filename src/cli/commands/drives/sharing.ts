/**
 * `mirror`, `seed`, `download` and `serve`: drives on the network.
 *
 * @module
 */
import type { Command } from "commander";
import { Hyperdrive } from "../../../hyperdrive/mod.ts";
import {
  byteText,
  downloadDrive,
  type Drive,
  DriveServer,
  type MirrorOptions,
  openSeeded,
  parseDrive,
  seedPeers,
} from "../../../tools/drives/mod.ts";
import { countArgument, keyText, portArgument } from "../../arguments.ts";
import { CommandError, type Terminal, untilStopped, USAGE } from "../../terminal.ts";
import { runMirror } from "./mirroring.ts";
import {
  command,
  connectReader,
  type DriveFlags,
  NOT_FOUND,
  openConnected,
  openHyperdrive,
  withSession,
  type Work,
} from "./work.ts";

/** Adds the commands that share. */
export function addSharing(drives: Command, terminal: Terminal): void {
  command(drives, "mirror")
    .description("Make one drive like another; each is a key or a folder")
    .argument("<src>", "where files come from")
    .argument("<dst>", "where files go")
    .option("--live", "go on with what changes, until stopped")
    .option("--prefix <path>", "a folder of both drives")
    .option("--filter <pattern...>", "files to leave out")
    .option("--dry-run", "tell what would be done and do nothing")
    .option("--keep", "keep files of the destination that the source does not have")
    .option("--attributes", "keep permission bits and times")
    .option("--version <number>", "a version of the source", countArgument)
    .option("--silent", "print the end alone")
    .option("--verbose", "print connections too")
    .action((src: string, dst: string, flags: MirrorFlags) =>
      withSession(flags, terminal, (work) => mirror(work, src, dst, flags), {
        use: parseDrive(dst).kind === "key" ? "write" : flags.live ? "follow" : "read",
      })
    );
  command(drives, "seed")
    .description("Keep a drive on the network: by its key, made of a folder, or the store's own")
    .argument("[drive]", "a key or a folder")
    .option("--once", "take the folder as it is now and do not follow its changes")
    .option("--filter <pattern...>", "files of the folder to leave out")
    .option("--attributes", "keep permission bits and times of the folder's files")
    .action((drive: string | undefined, flags: SeedFlags) =>
      withSession(flags, terminal, (work) => seed(work, drive ?? null, flags))
    );
  command(drives, "download")
    .description("Fetch a whole drive with its history")
    .argument("<key>", "the drive")
    .action((key: string, flags: DriveFlags) => withSession(flags, terminal, (work) => download(work, key)));
  command(drives, "serve")
    .description("Show a drive in web browsers")
    .argument("<src>", "a key or a folder")
    .option("--address <ip>", "address of the web server (default 127.0.0.1)")
    .option("--http-port <number>", "port of the web server (default 7000)", portArgument)
    .option("--disable-any-port", "fail where that port is taken")
    .option("--verbose", "print requests and connections")
    .action((src: string, flags: ServeFlags) =>
      withSession(flags, terminal, (work) => serve(work, src, flags), { use: "follow" })
    );
}

interface MirrorFlags
  extends DriveFlags, Pick<MirrorOptions, "live" | "prefix" | "filter" | "dryRun" | "keep" | "attributes"> {
  readonly version?: number;
}

async function mirror(work: Work, src: string, dst: string, flags: MirrorFlags): Promise<void> {
  const { session, terminal: { signal } } = work;
  const destination = await session.openDestination(dst, { atomic: true });
  const opened = await openConnected(work, src);
  const source = flags.version === undefined ? opened : versionOf(opened, flags.version);
  if (destination instanceof Hyperdrive && flags.live) void session.connect(destination);
  await runMirror(work, source, destination, { ...flags, signal }, {
    isSilent: flags.silent === true,
    idleText: () => "Waiting for changes",
  });
  if (source !== opened) await source.close();
}

function versionOf(drive: Drive, version: number): Drive {
  if (!(drive instanceof Hyperdrive)) {
    throw new CommandError("A folder has no versions, only a drive has", USAGE);
  }
  if (version <= drive.version) return drive.checkout(version);
  throw new CommandError(`There is no version ${version} yet, the newest is ${drive.version}`, NOT_FOUND);
}

interface SeedFlags extends DriveFlags {
  readonly once?: boolean;
  readonly filter?: readonly string[];
  readonly attributes?: boolean;
}

async function seed(work: Work, text: string | null, flags: SeedFlags): Promise<void> {
  const { session, output, status, terminal } = work;
  const { drive, folder } = await openSeeded(session, text);
  const key = keyText(drive.key!);
  output.tell(`Drive: ${key}`, { event: "drive", key, folder });
  const announced = session.connect(drive).then((isAnnounced) => {
    if (terminal.signal.aborted) return;
    output.tell(isAnnounced ? "Announced" : "Not announced, the network does not answer", {
      event: "announced",
      isAnnounced,
    });
  });
  announced.catch(() => {}); // the run below ends with what it fails with
  const idleText = (): string => seedText(drive);
  if (folder !== null) {
    const source = await session.openSource(folder);
    const options = {
      live: !flags.once,
      filter: flags.filter,
      attributes: flags.attributes,
      signal: terminal.signal,
    };
    await runMirror(work, source, drive, options, { isSilent: false, idleText });
  }
  status.show(idleText);
  const stopped = untilStopped(terminal);
  await Promise.race([stopped, announced.then(() => stopped)]); // an announcement that fails ends it
}

function seedText(drive: Hyperdrive): string {
  const peers = seedPeers(drive);
  if (peers.length === 0) return "No peers";
  const [first] = peers;
  const blobs = drive.blobs?.core.length ?? 0;
  const best = `${first!.id.slice(0, 6)}… has ${first!.files}/${drive.core.length} + ${
    first!.blobs
  }/${blobs} blocks`;
  return `${peers.length} ${peers.length === 1 ? "peer" : "peers"}, ${best}`;
}

async function download(work: Work, text: string): Promise<void> {
  const { session, output, status, terminal } = work;
  const drive = await openHyperdrive(session, text);
  await connectReader(work, drive);
  status.show(() => "Fetching the list of files");
  const running = await downloadDrive(drive, terminal);
  terminal.signal.addEventListener("abort", () => running.destroy(), { once: true });
  status.show(() => {
    const { files, blobs, bytes, speed } = running.progress();
    const missing = blobs.length - blobs.have;
    return `${files.have}/${files.length} + ${blobs.have}/${blobs.length} blocks, ${missing} missing, ${
      byteText(bytes)
    } ` +
      `at ${byteText(speed)}/s`;
  });
  await running.done();
  status.end();
  const { files, blobs, bytes } = running.progress();
  if (terminal.signal.aborted) {
    output.tell("What has come is kept", { event: "stopped", files, blobs, bytes });
    throw terminal.signal.reason;
  }
  output.tell(`Downloaded ${files.length} + ${blobs.length} blocks`, {
    event: "downloaded",
    files,
    blobs,
    bytes,
  });
}

interface ServeFlags extends DriveFlags {
  readonly address?: string;
  readonly httpPort?: number;
  readonly disableAnyPort?: boolean;
}

async function serve(work: Work, src: string, flags: ServeFlags): Promise<void> {
  const { session, output, terminal } = work;
  const drive = await session.openSource(src, { followLinks: true });
  if (drive instanceof Hyperdrive) {
    // Of a drive of which nothing is known yet, every page would be missing.
    if (drive.core.length === 0) await connectReader(work, drive);
    else void session.connect(drive);
  }
  await using server = new DriveServer({
    drive,
    host: flags.address,
    port: flags.httpPort,
    anyPort: !flags.disableAnyPort,
    onresponse: ({ method, path, status }) => {
      if (flags.verbose) {
        output.tell(`${status} ${method} ${path}`, { event: "response", method, path, status });
      }
    },
  });
  const { host, port } = await server.listen();
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}/`;
  output.tell(`Serving at ${url}`, { event: "listening", url, host, port });
  await untilStopped(terminal);
}

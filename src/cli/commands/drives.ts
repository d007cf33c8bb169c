/**
 * `quince drives …`: sharing folders. Source of commands and flags: `drives` 2.9.1 (bin.js).
 *
 * @module
 */
import type { Command } from "commander";
import path from "node:path";
import { resolveDrivePath, utf8Bytes } from "../../base/mod.ts";
import { HyperDHT } from "../../hyperdht/mod.ts";
import { Hyperdrive } from "../../hyperdrive/mod.ts";
import { Hyperswarm } from "../../hyperswarm/mod.ts";
import {
  byteText,
  downloadDrive,
  type Drive,
  DrivesError,
  DriveServer,
  DrivesSession,
  filterOf,
  findStore,
  mirrorDrives,
  type MirrorEvent,
  type MirrorOptions,
  openSeeded,
  seedPeers,
  storeIn,
} from "../../tools/drives/mod.ts";
import {
  bootstrapArgument,
  countArgument,
  keyText,
  type NetworkFlags,
  nodeOptions,
  portArgument,
} from "../arguments.ts";
import { durationText, StatusLine } from "../status_line.ts";
import { CommandError, Output, type Terminal, untilStopped, USAGE } from "../terminal.ts";

/** Exit code where a file is not there. */
const NOT_FOUND = 2;
/** How long a single read may take, ms. Source: `drives` 2.9.1 (bin/get.js). */
const READ_TIMEOUT_MS = 15_000;

interface DriveFlags extends NetworkFlags {
  readonly storage?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly silent?: boolean;
}

/** What a command works with. */
interface Work {
  readonly session: DrivesSession;
  readonly output: Output;
  readonly status: StatusLine;
  readonly terminal: Terminal;
}

/** Adds the commands to `program`. */
export function addDrivesCommands(program: Command, terminal: Terminal): void {
  const drives = program.command("drives").description(
    "Share folders: mirror, seed, download and serve drives",
  );
  addSharing(drives, terminal);
  addReading(drives, terminal);
  addWriting(drives, terminal);
}

function addSharing(drives: Command, terminal: Terminal): void {
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
      withSession(flags, terminal, (work) => mirror(work, src, dst, flags))
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
      withSession(flags, terminal, (work) => serve(work, src, flags))
    );
}

function addReading(drives: Command, terminal: Terminal): void {
  command(drives, "ls")
    .description("List a folder of a drive")
    .argument("<src>", "a key or a folder")
    .argument("[path]", "a folder of it", "/")
    .option("-r, --recursive", "with all below it")
    .option("--prefix <path>", "same as the second argument")
    .action((src: string, folder: string, flags: DriveFlags & { recursive?: boolean; prefix?: string }) =>
      withSession(
        flags,
        terminal,
        (work) => list(work, src, flags.prefix ?? folder, flags.recursive === true),
      )
    );
  command(drives, "get")
    .description("Print a file; exit code 2 where there is none")
    .argument("<src>", "a key or a folder")
    .argument("<path>", "the file")
    .action((src: string, name: string, flags: DriveFlags) =>
      withSession(flags, terminal, async (work) => {
        const drive = await openConnected(work, src);
        const bytes = await drive.get(name, { follow: true, timeout: READ_TIMEOUT_MS });
        if (bytes === null) throw new CommandError(`There is no file ${name}`, NOT_FOUND);
        terminal.outBytes(bytes);
      })
    );
  command(drives, "entry")
    .description("Print what is known of a file; exit code 2 where there is none")
    .argument("<src>", "a key or a folder")
    .argument("<path>", "the file")
    .action((src: string, name: string, flags: DriveFlags) =>
      withSession(flags, terminal, (work) => entry(work, src, name))
    );
  command(drives, "info")
    .description("Print keys, version and sizes of a drive")
    .argument("[key]", "the drive (default: the store's own)")
    .action((key: string | undefined, flags: DriveFlags) =>
      withSession(flags, terminal, (work) => info(work, key ?? null))
    );
}

function addWriting(drives: Command, terminal: Terminal): void {
  command(drives, "init", false)
    .description("Make a store in the working directory")
    .action((flags: DriveFlags) =>
      withSession(flags, terminal, async ({ session, output }) => {
        await session.store.ready();
        output.tell(`Drives are kept in ${storeIn(".")}`, { event: "storage", folder: storeIn(".") });
      }, storeIn("."))
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

function command(drives: Command, name: string, isOnNetwork = true): Command {
  const added = drives.command(name).option("--json", "print one JSON value per line");
  if (!isOnNetwork) return added;
  return added
    .option("--storage <path>", "where drives are kept (default: the nearest .drives, or that of the home)")
    .option("--bootstrap <list>", "bootstrap nodes, host:port separated by commas", bootstrapArgument)
    .option("--host <ip>", "address to bind to")
    .option("--port <number>", "port to bind to", portArgument);
}

async function withSession(
  flags: DriveFlags,
  terminal: Terminal,
  run: (work: Work) => Promise<void>,
  storage?: string,
): Promise<void> {
  using status = new StatusLine(terminal, flags.json !== true);
  const output = new Output(terminal, flags.json === true, () => status.clear());
  await using session = new DrivesSession({
    storage: storage ?? await findStore(flags.storage),
    createSwarm: () => {
      const swarm = new Hyperswarm({ dht: new HyperDHT(nodeOptions(flags)) });
      if (flags.verbose) {
        swarm.on("connection", (connection) => {
          const key = keyText(connection.remotePublicKey!);
          output.tell(`Peer opened ${key}`, { event: "peer-open", key });
          connection.on("close", () => output.tell(`Peer closed ${key}`, { event: "peer-close", key }));
        });
      }
      return swarm;
    },
  });
  try {
    await run({ session, output, status, terminal });
  } finally {
    status.show(() => "Closing"); // withdrawing an announcement takes a moment, where nobody answers some seconds
  }
}

async function openHyperdrive(session: DrivesSession, text: string): Promise<Hyperdrive> {
  const drive = await session.open(text);
  if (drive instanceof Hyperdrive) return drive;
  throw new DrivesError("BAD_DRIVE", `${text} is no key of a drive`);
}

/** Opens a drive to read it: one that others write is looked up, and its newest version asked for. */
async function openConnected(work: Work, text: string): Promise<Drive> {
  const drive = await work.session.openSource(text);
  if (drive instanceof Hyperdrive) await connectReader(work, drive);
  return drive;
}

async function connectReader({ session, status, terminal }: Work, drive: Hyperdrive): Promise<void> {
  if (drive.writable) return;
  status.show(() => "Looking for peers that have the drive");
  void session.connect(drive);
  await session.fetchMetadata(drive, terminal.signal);
  status.end();
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
  if (drive instanceof Hyperdrive) return drive.checkout(version);
  throw new CommandError("A folder has no versions, only a drive has", USAGE);
}

/** What {@linkcode runMirror} shows. */
interface MirrorTexts {
  /** Differences are not printed. */
  readonly isSilent: boolean;
  /** The status while nothing changes. */
  readonly idleText: () => string;
}

/** Mirrors and prints; resolves at the end, or when stopped. */
async function runMirror(
  { output, status }: Work,
  source: Drive,
  destination: Drive,
  options: MirrorOptions,
  { isSilent, idleText }: MirrorTexts,
): Promise<void> {
  let done = 0;
  let isFirst = true;
  status.show(() => "Comparing");
  const events = mirrorDrives(source, destination, {
    ...options,
    onmonitor(monitor) {
      const startedMs = performance.now();
      status.show(() => {
        const { speed, bytes, progress: part } = monitor.stats.download;
        if (done === 0) return "Comparing";
        if (bytes === 0) return countText(done);
        const elapsedS = (performance.now() - startedMs) / 1000;
        const leftS = part > 0 ? elapsedS * (1 - part) / part : NaN;
        const percent = Math.floor(part * 100);
        return `${countText(done)}, ${percent} %, ${byteText(bytes)} at ${byteText(speed)}/s, ${
          durationText(leftS)
        } left`;
      });
    },
  });
  for await (const event of events) {
    if (event.event === "difference") {
      done++;
      if (!isFirst) status.show(() => `Copying ${event.key}`);
    } else {
      isFirst = false;
      status.show(idleText);
    }
    if (!isSilent || event.event !== "difference") output.tell(eventText(event), { ...event });
  }
}

function countText(files: number): string {
  return `${files} ${files === 1 ? "file" : "files"}`;
}

const SIGNS = { add: "+", remove: "-", change: "~", equal: "=" } as const;

function eventText(event: MirrorEvent): string {
  if (event.event === "mirrored") {
    const { files, add, remove, change } = event.count;
    const version = event.version === null ? "" : `, version ${event.version}`;
    return `Total files: ${files} (+${add} -${remove} ~${change})${version}`;
  }
  const { op, key, bytesAdded, bytesRemoved } = event;
  return `${SIGNS[op]} ${key} ${byteText(op === "remove" ? bytesRemoved : bytesAdded)}`;
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
  await Promise.all([announced, untilStopped(terminal)]);
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
  const running = await downloadDrive(drive);
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
    output.tell("Stopped; what has come is kept", { event: "stopped", files, blobs, bytes });
    return;
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

async function serve({ session, output, terminal }: Work, src: string, flags: ServeFlags): Promise<void> {
  const drive = await session.openSource(src, { followLinks: true });
  if (drive instanceof Hyperdrive) void session.connect(drive);
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

async function list(work: Work, src: string, folder: string, isRecursive: boolean): Promise<void> {
  const { output } = work;
  const drive = await openConnected(work, src);
  const isShown = filterOf([]);
  const above = resolveDrivePath("/", folder);
  if (!isShown(above)) return;
  const names = isRecursive ? drive.list(above) : drive.readdir(above);
  for await (const item of names) {
    const key = typeof item === "string" ? resolveDrivePath(above, item) : item.key;
    if (!isShown(key)) continue;
    const found = await drive.entry(key);
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
}

async function entry(work: Work, src: string, name: string): Promise<void> {
  const { output } = work;
  const drive = await openConnected(work, src);
  const found = await drive.entry(name, { timeout: READ_TIMEOUT_MS });
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
  const drive = text === null ? await session.openNamed("db") : await openHyperdrive(session, text);
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

import assert from "node:assert/strict";
import { join } from "node:path";
import { runCommandLine } from "../../../src/cli/mod.ts";
import { Corestore } from "../../../src/corestore/mod.ts";
import createTestnet, { type Testnet } from "../../../src/hyperdht/testnet/mod.ts";
import { readTree, writeTree } from "../../helpers/files.ts";
import { RecordingTerminal } from "../../helpers/recording_terminal.ts";
import { withFolder } from "../../helpers/store_folder.ts";

/** Runs `quince drives …` to its end. */
async function drives(...args: string[]): Promise<{ code: number; terminal: RecordingTerminal }> {
  const terminal = new RecordingTerminal();
  return { code: await runCommandLine(["drives", ...args], terminal), terminal };
}

/** Flags of a command on a test network with a store of its own. */
function flags(testnet: Testnet, storage: string): string[] {
  const [{ host, port }] = testnet.bootstrap as [{ host: string; port: number }];
  return ["--storage", storage, "--host", "127.0.0.1", "--bootstrap", `${host}:${port}`];
}

/** Flags of a command that needs no network. */
function local(storage: string): string[] {
  return ["--storage", storage];
}

async function newDrive(storage: string): Promise<string> {
  const { terminal } = await drives("touch", "--json", ...local(storage));
  return terminal.values[0]!.key as string;
}

Deno.test("DRV-001 every command has --help", async () => {
  for (
    const name of [
      "init",
      "touch",
      "mirror",
      "seed",
      "download",
      "serve",
      "ls",
      "info",
      "put",
      "get",
      "entry",
      "rm",
      "purge",
    ]
  ) {
    const { code, terminal } = await drives(name, "--help");
    assert.equal(code, 0, name);
    assert.match(terminal.output, new RegExp(`^Usage: quince drives ${name} `));
  }
});

Deno.test("DRV-003 a store that another program uses is an error that says which, and what to do", async () => {
  await withFolder(async (storage) => {
    await using store = new Corestore(join(storage, "corestore"));
    await store.ready();
    const { code, terminal } = await drives("touch", ...local(storage));
    assert.equal(code, 1);
    assert.match(
      terminal.errors,
      new RegExp(
        `^STORAGE_LOCKED: The drives in .*corestore are in use by process ${Deno.pid}, since [-0-9T:.Z]+; ` +
          "stop it, or name another place with --storage\\n$",
      ),
    );
  });
});

Deno.test("DRV-003 DRV-007 DRV-014 DRV-016 what only reads works beside a program that has the store open", async () => {
  await using testnet = await createTestnet(3);
  await withFolder(async (folder) => {
    await writeTree(join(folder, "src"), { "/a.txt": "hello", "/b/c": "1" });
    const store = flags(testnet, join(folder, "one"));
    const silent = ["--storage", join(folder, "one"), "--host", "127.0.0.1", "--bootstrap", "127.0.0.1:9"];
    const seeder = new RecordingTerminal();
    const seeding = runCommandLine(["drives", "seed", join(folder, "src"), ...store], seeder);
    const key = (await seeder.line("Drive: ")).slice(7);
    await seeder.line("Total files: 2");

    // Our own drive is read as it lies there, and nobody is asked.
    assert.equal((await drives("ls", key, ...silent)).terminal.output, "a.txt (5 B)\nb/\n");
    assert.equal((await drives("get", key, "a.txt", ...silent)).terminal.output, "hello");
    assert.match((await drives("entry", key, "b/c", ...silent)).terminal.output, /^Key: \/b\/c\n/);
    assert.match((await drives("info", key, ...silent)).terminal.output, /^Version: 3\nWritable: yes$/m);
    assert.equal((await drives("mirror", key, join(folder, "copy"), ...silent)).code, 0);
    assert.deepEqual(await readTree(join(folder, "copy")), { "/a.txt": "hello", "/b/c": "1" });
    // What was added since is seen, too.
    await writeTree(join(folder, "src"), { "/d": "2" });
    await seeder.line("+ /d");
    await seeder.line("Total files: 1");
    assert.equal((await drives("get", key, "d", ...silent)).terminal.output, "2");
    assert.equal((await drives("get", key, "e", ...silent)).code, 2);

    const other = await drives("info", "a".repeat(64), ...silent);
    assert.match(other.terminal.errors, /^NOT_FOUND: The store does not have the drive [a-z0-9]{52}\n$/);
    for (const args of [["touch"], ["put", key, "x", "1"], ["rm", key, "a.txt"], ["purge", key], ["info"]]) {
      const { code, terminal } = await drives(...args, ...silent);
      assert.equal(code, 1, args[0]);
      assert.match(
        terminal.errors,
        /^STORAGE_LOCKED: The drives in .* are in use by process \d+, since /,
        args[0],
      );
    }
    seeder.stop();
    assert.equal(await seeding, 0);
  });
});

Deno.test("DRV-003 DRV-007 DRV-012 a drive that lies in part in a store in use is fetched and not kept", async () => {
  await using testnet = await createTestnet(3);
  await withFolder(async (folder) => {
    await writeTree(join(folder, "src"), { "/a.txt": "hello", "/b": "1" });
    const [ours, theirs] = [new RecordingTerminal(), new RecordingTerminal()];
    const seeding = runCommandLine(
      ["drives", "seed", join(folder, "src"), ...flags(testnet, join(folder, "one"))],
      ours,
    );
    const key = (await ours.line("Drive: ")).slice(7);
    await ours.line("Announced");
    const store = flags(testnet, join(folder, "two"));
    const helping = runCommandLine(["drives", "seed", key, ...store], theirs);
    await theirs.line("Announced");

    const notice =
      `The store is in use by process ${Deno.pid}, since [-0-9T:.Z]+: the drive is fetched from its peers and not kept\n`;
    const listed = await drives("ls", key, ...store);
    assert.deepEqual([listed.code, listed.terminal.output], [0, "a.txt (5 B)\nb (1 B)\n"]);
    assert.match(listed.terminal.errors, new RegExp(`^${notice}$`));
    assert.equal((await drives("get", key, "a.txt", ...store)).terminal.output, "hello");

    const viewer = new RecordingTerminal();
    const viewing = runCommandLine(["drives", "serve", key, "--http-port", "0", ...store], viewer);
    const url = (await viewer.line("Serving at ")).slice(11);
    assert.equal(await (await fetch(`${url}a.txt`)).text(), "hello");
    viewer.stop();
    assert.equal(await viewing, 0);

    const nobody = await drives("ls", "a".repeat(64), ...store);
    assert.match(nobody.terminal.errors, new RegExp(`^${notice}NO_PEERS: `));
    ours.stop();
    theirs.stop();
    assert.deepEqual(await Promise.all([seeding, helping]), [0, 0]);
  });
});

Deno.test("DRV-007 a network that does not answer is not one where nobody has the drive", async () => {
  await withFolder(async (folder) => {
    const silent = ["--storage", folder, "--host", "127.0.0.1", "--bootstrap", "127.0.0.1:9"];
    const { code, terminal } = await drives("ls", "a".repeat(64), ...silent);
    assert.deepEqual(
      [code, terminal.errors],
      [1, "NO_NETWORK: No node of the network answers; quince doctor tells more\n"],
    );
  });
});

Deno.test("DRV-003 DRV-007 DRV-014 commands on folders need no store", async () => {
  await withFolder(async (folder) => {
    await writeTree(join(folder, "src"), { "/a": "1" });
    await Deno.writeTextFile(join(folder, "store"), "a file, where no store can be");
    const noStore = local(join(folder, "store"));
    const mirrored = await drives("mirror", join(folder, "src"), join(folder, "copy"), ...noStore);
    assert.equal(mirrored.code, 0, mirrored.terminal.errors);
    assert.deepEqual(await readTree(join(folder, "copy")), { "/a": "1" });
    const listed = await drives("ls", join(folder, "copy"), ...noStore);
    assert.equal(listed.terminal.output, "a (1 B)\n");
    assert.equal((await drives("get", join(folder, "copy"), "/a", ...noStore)).terminal.output, "1");
    assert.equal((await drives("touch", ...noStore)).code, 1);
  });
});

Deno.test("DRV-006 touch makes drives, the one of the working directory with --use-cwd", async () => {
  await withFolder(async (storage) => {
    const first = await drives("touch", ...local(storage));
    assert.match(first.terminal.output, /^New drive: [a-z0-9]{52}\n$/);
    assert.notEqual(await newDrive(storage), await newDrive(storage));
    const cwd = await drives("touch", "--use-cwd", ...local(storage));
    const again = await drives("touch", "--use-cwd", ...local(storage));
    assert.equal(cwd.terminal.output, again.terminal.output);
  });
});

Deno.test("DRV-017 put, get, entry and rm write, read and remove files of drives and folders", async () => {
  await withFolder(async (folder) => {
    const storage = join(folder, "storage");
    for (const drive of [await newDrive(storage), join(folder, "files")]) {
      assert.equal(
        (await drives("put", drive, "a/b.txt", "hello", ...local(storage))).terminal.output,
        "File saved\n",
      );
      assert.equal((await drives("get", drive, "a/b.txt", ...local(storage))).terminal.output, "hello");
      const entry = await drives("entry", drive, "a/b.txt", ...local(storage));
      assert.match(entry.terminal.output, /^Key: \/a\/b\.txt\n(Sequence: 1\n)?Executable: no\nSize: 5 B\n$/);
      const missing = await drives("get", drive, "none", ...local(storage));
      assert.deepEqual([missing.code, missing.terminal.errors], [2, "There is no file none\n"]);
      await drives("put", drive, "a/c", "1", ...local(storage));
      const removed = await drives("rm", "-r", drive, "a", ...local(storage));
      assert.equal(removed.terminal.output, "Removed 2 files\n");
      assert.equal((await drives("rm", drive, "a/c", ...local(storage))).code, 2);
    }
  });
});

Deno.test("DRV-004 DRV-007 DRV-009 DRV-014 mirror brings a folder into a drive and back, ls lists it", async () => {
  await withFolder(async (folder) => {
    const storage = join(folder, "storage");
    await writeTree(join(folder, "src"), {
      "/a.txt": "1",
      "/deep/b": "2",
      "/no.log": "x",
      "/link": "-> a.txt",
    });
    const key = await newDrive(storage);
    const dry = await drives("mirror", "--dry-run", join(folder, "src"), key, ...local(storage));
    assert.match(dry.terminal.output, /^\+ \/a\.txt 1 B\n/);
    const mirrored = await drives("mirror", join(folder, "src"), key, ...local(storage), "--filter", "*.log");
    assert.equal(mirrored.terminal.lines.at(-1), "Total files: 3 (+3 -0 ~0), version 4");
    const silent = await drives(
      "mirror",
      "--silent",
      join(folder, "src"),
      key,
      ...local(storage),
      "--filter",
      "*.log",
    );
    assert.equal(silent.terminal.output, "Total files: 3 (+0 -0 ~0), version 4\n");
    assert.deepEqual((await drives("ls", key, ...local(storage))).terminal.lines, [
      "a.txt (1 B)",
      "deep/",
      "link -> a.txt",
    ]);
    assert.deepEqual((await drives("ls", "-r", key, "--prefix", "/deep", ...local(storage))).terminal.lines, [
      "/deep/b (1 B)",
    ]);
    const back = await drives(
      "mirror",
      key,
      join(folder, "back"),
      "--prefix",
      "/deep",
      "--json",
      ...local(storage),
    );
    assert.deepEqual(back.terminal.values.map(({ event, op, key }) => [event, op, key]), [
      ["difference", "add", "/deep/b"],
      ["mirrored", undefined, undefined],
    ]);
    assert.deepEqual(await readTree(join(folder, "back")), { "/deep/b": "2" });
    const old = await drives("mirror", key, join(folder, "old"), "--version", "2", ...local(storage));
    assert.equal(old.code, 0);
    assert.deepEqual(await readTree(join(folder, "old")), { "/a.txt": "1" });
  });
});

Deno.test("DRV-005 DRV-019 ignored files are neither mirrored nor removed", async () => {
  await withFolder(async (folder) => {
    await writeTree(join(folder, "src"), {
      "/.git/config": "",
      "/.drivesignore": "# remark\nbuild/\n*.tmp\n",
      "/build/out": "",
      "/x.tmp": "",
      "/kept": "1",
    });
    await writeTree(join(folder, "dst"), { "/.git/mine": "", "/build/mine": "", "/old": "" });
    await drives("mirror", join(folder, "src"), join(folder, "dst"), ...local(join(folder, "storage")));
    assert.deepEqual(Object.keys(await readTree(join(folder, "dst"))), [
      "/.drivesignore",
      "/.git/mine",
      "/build/mine",
      "/kept",
    ]);
  });
});

Deno.test("DRV-015 DRV-018 info tells sizes, purge deletes", async () => {
  await withFolder(async (storage) => {
    const key = await newDrive(storage);
    await drives("put", key, "/a", "12345", ...local(storage));
    const info = (await drives("info", key, "--json", ...local(storage))).terminal.values[0]!;
    assert.deepEqual([info.key, info.version, info.writable, info.blobs], [key, 2, true, {
      have: 1,
      length: 1,
    }]);
    assert.match(
      (await drives("info", ...local(storage))).terminal.output,
      /^Key: [a-z0-9]{52}\nContent key: /,
    );
    assert.equal((await drives("purge", key, ...local(storage))).terminal.output, "Drive deleted\n");
    const gone = (await drives("info", key, "--json", ...local(storage))).terminal.values[0]!;
    assert.deepEqual([gone.version, gone.writable], [1, false]);
  });
});

Deno.test("DRV-003 DRV-016 DRV-W01 init makes a store in the working directory, which is found from below", async () => {
  await withFolder(async (folder) => {
    const script = new URL("../../../src/cli/main.ts", import.meta.url).pathname;
    const run = async (cwd: string, ...args: string[]): Promise<string> => {
      const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", script, "drives", ...args],
        cwd,
        env: { HOME: join(folder, "home") },
      }).output();
      assert.ok(success, new TextDecoder().decode(stderr));
      return new TextDecoder().decode(stdout);
    };
    const here = join(folder, "here");
    await Deno.mkdir(join(here, "below"), { recursive: true });
    await run(here, "init");
    assert.ok((await Deno.stat(join(here, ".drives/corestore"))).isDirectory);
    await run(join(here, "below"), "touch", "--use-cwd");
    assert.equal(await run(here, "info"), await run(join(here, "below"), "info"));
    await Deno.mkdir(join(folder, "elsewhere"));
    await run(join(folder, "elsewhere"), "touch");
    assert.ok((await Deno.stat(join(folder, "home/.drives/corestore"))).isDirectory);
  });
});

Deno.test("a store of the npm package is refused, not damaged", async () => {
  await withFolder(async (storage) => {
    await writeTree(join(storage, "corestore"), { "/CORESTORE": "theirs" });
    const { code, terminal } = await drives("touch", ...local(storage));
    assert.equal(code, 1);
    assert.match(terminal.errors, /^FOREIGN_STORAGE: .*--storage/);
  });
});

Deno.test("what is neither key nor folder is an error that says so", async () => {
  await withFolder(async (storage) => {
    const almost = "!".repeat(52);
    const { code, terminal } = await drives("info", almost, ...local(storage));
    assert.equal(code, 1);
    assert.match(terminal.errors, /^BAD_DRIVE: !+ has the length of a key/);
    assert.match((await drives("download", "./folder", ...local(storage))).terminal.errors, /^BAD_DRIVE/);
  });
});

Deno.test("DRV-007 DRV-008 DRV-010 a folder that is seeded is mirrored elsewhere, live, until stopped", async () => {
  await using testnet = await createTestnet(3);
  await withFolder(async (folder) => {
    await writeTree(join(folder, "src"), { "/a": "1", "/deep/b": "22", "/gone": "3" });
    const seeder = new RecordingTerminal();
    const seeding = runCommandLine(
      ["drives", "seed", join(folder, "src"), ...flags(testnet, join(folder, "one"))],
      seeder,
    );
    const key = (await seeder.line("Drive: ")).slice(7);
    await Promise.all([seeder.line("Announced"), seeder.line("Total files: 3")]);

    const reader = new RecordingTerminal();
    const mirroring = runCommandLine(
      ["drives", "mirror", "--live", key, join(folder, "copy"), ...flags(testnet, join(folder, "two"))],
      reader,
    );
    await reader.line("Total files: 3 (+3 -0 ~0)");
    assert.deepEqual(await readTree(join(folder, "copy")), await readTree(join(folder, "src")));

    await Deno.writeTextFile(join(folder, "src/a"), "changed");
    await reader.line("~ /a 7 B");
    await Deno.mkdir(join(folder, "src/new/er"), { recursive: true });
    await Deno.writeTextFile(join(folder, "src/new/er/c"), "4");
    await reader.line("+ /new/er/c 1 B");
    await Deno.remove(join(folder, "src/gone"));
    await reader.line("- /gone 1 B");
    await reader.line("(+0 -1 ~0)");
    assert.deepEqual(await readTree(join(folder, "copy")), await readTree(join(folder, "src")));
    for (const terminal of [reader, seeder]) terminal.stop();
    assert.deepEqual(await Promise.all([mirroring, seeding]), [0, 0]);
    assert.deepEqual([reader.errors, seeder.errors], ["", ""]);
  });
});

Deno.test("DRV-011 download fetches all blocks, and goes on where it was stopped", async () => {
  await using testnet = await createTestnet(3);
  await withFolder(async (folder) => {
    await writeTree(join(folder, "src"), { "/a": "x".repeat(300_000), "/b": "2" });
    const seeder = new RecordingTerminal();
    const seeding = runCommandLine(
      ["drives", "seed", "--once", join(folder, "src"), ...flags(testnet, join(folder, "one"))],
      seeder,
    );
    const key = (await seeder.line("Drive: ")).slice(7);
    await Promise.all([seeder.line("Announced"), seeder.line("Total files: 2")]);
    const first = await drives("download", key, ...flags(testnet, join(folder, "two")));
    assert.equal(first.terminal.output, "Downloaded 3 + 6 blocks\n");
    const again = await drives("download", key, "--json", ...flags(testnet, join(folder, "two")));
    assert.deepEqual(again.terminal.values, [{
      event: "downloaded",
      files: { have: 3, length: 3 },
      blobs: { have: 6, length: 6 },
      bytes: 0,
    }]);
    seeder.stop();
    assert.equal(await seeding, 0);
    const offline = await drives("mirror", key, join(folder, "out"), ...flags(testnet, join(folder, "two")));
    assert.equal(offline.code, 0);
    assert.equal((await readTree(join(folder, "out")))["/b"], "2");
  });
});

Deno.test("a drive that nobody has is an error that says so", async () => {
  await using testnet = await createTestnet(3);
  await withFolder(async (folder) => {
    const { code, terminal } = await drives("ls", "a".repeat(64), ...flags(testnet, folder));
    assert.equal(code, 1);
    assert.match(terminal.errors, /^NO_PEERS: /);
  });
});

Deno.test("DRV-012 DRV-013 serve shows a folder until stopped", async () => {
  await withFolder(async (folder) => {
    await writeTree(join(folder, "src"), { "/a.txt": "hello" });
    const terminal = new RecordingTerminal();
    const serving = runCommandLine(
      ["drives", "serve", join(folder, "src"), "--http-port", "0", "--verbose", ...local(folder)],
      terminal,
    );
    const url = (await terminal.line("Serving at ")).slice(11);
    assert.equal(await (await fetch(`${url}a.txt`)).text(), "hello");
    await terminal.line("200 GET /a.txt");
    terminal.stop();
    assert.equal(await serving, 0);
  });
});

Deno.test("a folder that is not there is an error, not an empty one", async () => {
  await withFolder(async (folder) => {
    const [missing, copy] = [join(folder, "missing"), join(folder, "copy")];
    await writeTree(copy, { "/kept": "1" });
    for (const args of [["mirror", missing, copy], ["seed", missing], ["ls", missing], ["serve", missing]]) {
      const { code, terminal } = await drives(...args, ...local(folder));
      assert.deepEqual([code, terminal.output, terminal.errors], [
        1,
        "",
        `NO_FOLDER: There is no folder ${missing}\n`,
      ]);
    }
    assert.deepEqual(await readTree(copy), { "/kept": "1" });
    const { terminal } = await drives("mirror", join(copy, "kept"), copy, ...local(folder));
    assert.match(terminal.errors, /^NO_FOLDER: .* is no folder\n$/);
  });
});

Deno.test("somebody else's drive is not written to", async () => {
  await withFolder(async (folder) => {
    const key = "a".repeat(64);
    await writeTree(join(folder, "src"), { "/a": "1" });
    for (const args of [["put", key, "/a", "1"], ["rm", key, "/a"], ["mirror", join(folder, "src"), key]]) {
      const { code, terminal } = await drives(...args, ...local(folder));
      assert.equal(code, 1);
      assert.match(terminal.errors, /^NOT_WRITABLE: The drive [a-z0-9]{52} can be changed where it was made/);
    }
  });
});

Deno.test("a version of a folder is a wrong command line", async () => {
  await withFolder(async (folder) => {
    await writeTree(join(folder, "src"), { "/a": "1" });
    const { code, terminal } = await drives(
      ...["mirror", join(folder, "src"), join(folder, "copy"), "--version", "2"],
      ...local(folder),
    );
    assert.deepEqual([code, terminal.errors], [64, "A folder has no versions, only a drive has\n"]);
  });
});

Deno.test("DRV-007 a version that is not there yet is not waited for", async () => {
  await withFolder(async (folder) => {
    const key = await newDrive(folder);
    const { code, terminal } = await drives(
      "mirror",
      key,
      join(folder, "copy"),
      "--version",
      "2",
      ...local(folder),
    );
    assert.deepEqual([code, terminal.errors], [2, "There is no version 2 yet, the newest is 1\n"]);
  });
});

Deno.test("DRV-007 a drive is mirrored to itself: an older version of it becomes the newest", async () => {
  await withFolder(async (folder) => {
    const key = await newDrive(folder);
    await drives("put", key, "a", "1", ...local(folder));
    await drives("put", key, "b", "2", ...local(folder));
    const same = await drives("mirror", key, key, ...local(folder));
    assert.equal(same.terminal.output, "Total files: 2 (+0 -0 ~0), version 3\n");
    const older = await drives("mirror", key, key, "--version", "2", ...local(folder));
    assert.equal(older.terminal.output, "- /b 1 B\nTotal files: 1 (+0 -1 ~0), version 4\n");
    assert.equal((await drives("ls", key, ...local(folder))).terminal.output, "a (1 B)\n");
  });
});

Deno.test("DRV-014 ls ends with 2 where nothing is in the folder", async () => {
  await withFolder(async (folder) => {
    const key = await newDrive(folder);
    await writeTree(join(folder, "src"), { "/a": "1" });
    for (const drive of [key, join(folder, "src")]) {
      for (const args of [["b"], ["b", "-r"]]) {
        const { code, terminal } = await drives("ls", drive, ...args, ...local(folder));
        assert.deepEqual([code, terminal.errors], [2, "There is nothing in b\n"]);
      }
    }
    assert.equal((await drives("ls", key, ...local(folder))).code, 0);
  });
});

Deno.test("commands that wait for blocks whose peers are gone end when they are stopped", async () => {
  await using testnet = await createTestnet(3);
  await withFolder(async (folder) => {
    const many = Array.from({ length: 100 }, (_, index) => [`/${index}`, "1"]);
    await writeTree(join(folder, "src"), {
      "/a": "1",
      "/b": "2".repeat(200_000),
      ...Object.fromEntries(many),
    });
    const seeder = new RecordingTerminal();
    const seeding = runCommandLine(
      ["drives", "seed", join(folder, "src"), "--once", ...flags(testnet, join(folder, "one"))],
      seeder,
    );
    const key = (await seeder.line("Drive: ")).slice(7);
    await seeder.line("Announced");
    await seeder.line("Total files");
    // Of the drive little more is known then than how long it is.
    assert.equal((await drives("entry", key, "a", ...flags(testnet, join(folder, "two")))).code, 0);
    seeder.stop();
    assert.equal(await seeding, 0);
    const commands = [
      ["mirror", key, join(folder, "copy")],
      ["download", key],
      ["ls", key, "-r"],
      ["get", key, "b"],
    ];
    for (const args of commands) {
      const terminal = new RecordingTerminal();
      const running = runCommandLine(["drives", ...args, ...flags(testnet, join(folder, "two"))], terminal);
      await new Promise((resolve) => setTimeout(resolve, 300)); // until it waits, most of the time
      terminal.stop();
      assert.equal(await running, 1, args[0]);
      assert.equal(terminal.errors, "Stopped\n");
    }
  });
});

Deno.test("a command that is stopped while it looks for peers says so", async () => {
  await using testnet = await createTestnet(3);
  await withFolder(async (folder) => {
    const terminal = new RecordingTerminal();
    terminal.stop();
    const code = await runCommandLine(
      ["drives", "download", "a".repeat(64), ...flags(testnet, folder)],
      terminal,
    );
    assert.deepEqual([code, terminal.output, terminal.errors], [1, "", "Stopped\n"]);
  });
});

Deno.test("what the system says of a port is one line", async () => {
  await withFolder(async (folder) => {
    await writeTree(join(folder, "src"), { "/a": "1" });
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const { code, terminal } = await drives(
      ...["serve", join(folder, "src"), "--disable-any-port", "--http-port", `${port}`],
      ...local(folder),
    );
    listener.close();
    assert.equal(code, 1);
    assert.match(terminal.errors, /^[^\n]*EADDRINUSE[^\n]*\n$/);
  });
});

/** Nothing of a drive lies outside its folder, whatever paths and links say. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { utf8Bytes } from "../../../src/base/mod.ts";
import Localdrive from "../../../src/localdrive/mod.ts";
import { checkNames } from "../../../src/localdrive/names.ts";
import { readTree, writeTree } from "../../helpers/files.ts";
import { withFolder } from "../../helpers/store_folder.ts";

const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;

/** Runs `run` with a drive on `inside` beside a folder `outside` that holds a secret. */
async function withOutside(
  run: (drive: Localdrive, inside: string, outside: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const inside = join(folder, "inside");
    const outside = join(folder, "inside-not");
    await writeTree(inside, { "/x": "1" });
    await writeTree(outside, { "/secret": "s" });
    await run(new Localdrive(inside), inside, outside);
    assert.deepEqual(await readTree(outside), { "/secret": "s" });
  });
}

Deno.test("paths with .. above the root are refused", async () => {
  await withOutside(async (drive) => {
    for (const path of ["..", "../inside-not/secret", "/a/../../inside-not/secret", "a\\..\\..\\x"]) {
      assert.throws(() => drive.toPath(path), { code: "BAD_ARGUMENT" });
      await assert.rejects(drive.put(path, utf8Bytes("")), { code: "BAD_ARGUMENT" });
      await assert.rejects(drive.get(path), { code: "BAD_ARGUMENT" });
      await assert.rejects(drive.del(path), { code: "BAD_ARGUMENT" });
    }
  });
});

Deno.test("absolute paths are paths of the drive", async () => {
  await withOutside(async (drive, inside, outside) => {
    await drive.put(join(outside, "secret"), utf8Bytes("mine"));
    assert.equal(await Deno.readTextFile(join(inside, outside, "secret")), "mine");
  });
});

Deno.test("what lies behind a link that leads out does not exist, and is not written", async () => {
  await withOutside(async (drive, inside, outside) => {
    await Deno.symlink(outside, join(inside, "out"));
    await Deno.symlink(join(outside, "secret"), join(inside, "file"));
    assert.equal(await drive.entry("/out/secret"), null);
    assert.equal(await drive.get("/out/secret"), null);
    assert.deepEqual(await Array.fromAsync(drive.list("/out")), []);
    assert.equal(await drive.get("/file"), null);
    await assert.rejects(Array.fromAsync(drive.createReadStream("/file")), {
      code: "OUTSIDE_ROOT",
      message: /\/file/,
    });
    await assert.rejects(drive.put("/out/secret", utf8Bytes("x")), {
      code: "OUTSIDE_ROOT",
      message: /\/out\/secret/,
    });
    await assert.rejects(drive.put("/out/deep/new", utf8Bytes("x")), { code: "OUTSIDE_ROOT" });
    await assert.rejects(drive.del("/out/secret"), { code: "OUTSIDE_ROOT" });
    await assert.rejects(drive.symlink("/out/link", "/x"), { code: "OUTSIDE_ROOT" });
  });
});

Deno.test("put() takes the place of a link instead of writing where it leads", async () => {
  await withOutside(async (drive, inside, outside) => {
    await Deno.symlink(join(outside, "secret"), join(inside, "file"));
    await Deno.symlink(join(outside, "new"), join(inside, "dangling"));
    await drive.put("/file", utf8Bytes("a"));
    await drive.put("/dangling", utf8Bytes("b"));
    assert.deepEqual(await readTree(inside), { "/dangling": "b", "/file": "a", "/x": "1" });
  });
});

Deno.test("links that would lead out are not made", async () => {
  await withOutside(async (drive, inside) => {
    for (const target of ["../inside-not/secret", "..", "a/../../x", "../inside-notx"]) {
      await assert.rejects(drive.symlink("/link", target), { code: "OUTSIDE_ROOT", message: /\/link/ });
    }
    await assert.rejects(drive.symlink("/link", "/../x"), { code: "BAD_ARGUMENT" });
    // Through a link inside, `..` goes up from where that link leads.
    await drive.symlink("/deep/er/top", "/");
    await assert.rejects(drive.symlink("/deep/er/top/evil", "../x"), { code: "OUTSIDE_ROOT" });
    await drive.symlink("/deep/er/fine", "top/../../x");
    assert.equal(await Deno.readLink(join(inside, "deep/er/fine")), "../x");
    assert.equal((await drive.entry("/x"))!.key, "/x");
  });
});

Deno.test("devices, pipes and folders are no files", async () => {
  await withOutside(async (drive, inside) => {
    const made = await new Deno.Command("mkfifo", { args: [join(inside, "pipe")] }).output();
    assert.ok(made.success);
    await drive.put("/folder/y", utf8Bytes("y"));
    assert.equal(await drive.entry("/pipe"), null);
    assert.equal(await drive.get("/pipe"), null);
    await assert.rejects(drive.put("/pipe", utf8Bytes("x")), { code: "NOT_A_FILE", message: /\/pipe/ });
    await assert.rejects(drive.symlink("/pipe", "/x"), { code: "NOT_A_FILE", message: /\/pipe/ });
    await assert.rejects(drive.put("/folder", utf8Bytes("x")), { code: "EISDIR", message: /folder/ });
    assert.deepEqual((await Array.fromAsync(drive.list())).map(({ key }) => key), ["/folder/y", "/x"]);
  });
});

Deno.test("names that the system forbids are an error that names them", async () => {
  await withOutside(async (drive) => {
    await assert.rejects(drive.put("/a\0b", utf8Bytes("")), { code: "BAD_NAME", message: /a\\u0000b/ });
    await assert.rejects(drive.put(`/${"n".repeat(300)}`, utf8Bytes("")), {
      code: "ENAMETOOLONG",
      message: /nnn/,
    });
  });
});

Deno.test("Windows forbids devices, some characters, and dots and blanks at the end", () => {
  for (const key of ["/con", "/a/NUL.txt", "/lpt1", "/a:b", "/a?", "/end.", "/end ", "/a\u0001"]) {
    assert.throws(() => checkNames(key, true), { code: "BAD_NAME" }, key);
    checkNames(key, false);
  }
  for (const key of ["/console", "/a.con", "/nul1", "/ok.txt"]) checkNames(key, true);
});

Deno.test("missing permissions are errors that name the flag and the file", async () => {
  await withOutside(async (_drive, inside) => {
    const script = `
      import Localdrive from ${
      JSON.stringify(new URL("../../../src/localdrive/mod.ts", import.meta.url).href)
    };
      const drive = new Localdrive(Deno.args[0]);
      const codes = [];
      for (const work of [() => drive.get("/x"), () => drive.put("/y", new Uint8Array(1))]) {
        try { await work(); codes.push("done"); } catch (error) { codes.push(error.code + " " + error.flag); }
      }
      console.log(codes.join(", "));`;
    const run = async (...flags: string[]): Promise<string> => {
      const file = join(inside, "script.ts");
      await Deno.writeTextFile(file, script);
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-prompt", "--no-check", `--config=${CONFIG}`, ...flags, file, inside],
      }).output();
      return new TextDecoder().decode(stdout).trim();
    };
    assert.equal(await run(), "ERR_PERMISSION --allow-read, ERR_PERMISSION --allow-write");
    assert.equal(await run(`--allow-read=${inside}`), "done, ERR_PERMISSION --allow-write");
    assert.equal(await run(`--allow-read=${inside}`, `--allow-write=${inside}`), "done, done");
  });
});

import assert from "node:assert/strict";
import { join } from "node:path";
import { Corestore } from "../../../../src/corestore/mod.ts";
import { Hyperdrive } from "../../../../src/hyperdrive/mod.ts";
import { Localdrive } from "../../../../src/localdrive/mod.ts";
import { type Drive, DriveServer } from "../../../../src/tools/drives/mod.ts";
import { directoryPage } from "../../../../src/tools/drives/serve/directory_page.ts";
import { wantedBytes } from "../../../../src/tools/drives/serve/range.ts";
import { withFolder } from "../../../helpers/store_folder.ts";

/** Serves a drive of either kind that holds `files`. */
async function serving(
  files: Readonly<Record<string, string>>,
  run: (get: (path: string, init?: RequestInit) => Promise<Response>, drive: Drive) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    await using hyperdrive = new Hyperdrive(new Corestore());
    for (const drive of [hyperdrive, new Localdrive(join(folder, "files"))]) {
      for (const [path, text] of Object.entries(files)) await drive.put(path, text);
      await using server = new DriveServer({ drive, port: 0 });
      const { host, port } = await server.listen();
      assert.equal(host, "127.0.0.1");
      await run(
        (path, init) => fetch(`http://${host}:${port}${path}`, { redirect: "manual", ...init }),
        drive,
      );
    }
  });
}

async function text(response: Response): Promise<[number, string]> {
  return [response.status, await response.text()];
}

Deno.test("DRV-012 files come with their types, sizes and tags", async () => {
  await serving({ "/a.html": "<b>", "/deep/ünï.bin": "12345", "/empty": "" }, async (get) => {
    const page = await get("/a.html");
    assert.deepEqual(await text(page), [200, "<b>"]);
    assert.equal(page.headers.get("content-type"), "text/html");
    assert.equal(page.headers.get("content-length"), "3");
    assert.equal(page.headers.get("accept-ranges"), "bytes");
    assert.equal(page.headers.get("x-content-type-options"), "nosniff");
    const other = await get("/deep/%C3%BCn%C3%AF.bin");
    assert.deepEqual(await text(other), [200, "12345"]);
    assert.equal(other.headers.get("content-type"), "application/octet-stream");
    assert.deepEqual(await text(await get("/empty")), [200, ""]);
    const etag = page.headers.get("etag")!;
    const ifNot = async (tag: string): Promise<[number, string]> =>
      await text(await get("/a.html", { headers: { "if-none-match": tag } }));
    assert.deepEqual(await ifNot(etag), [304, ""]);
    assert.deepEqual(await ifNot('"other"'), [200, "<b>"]);
  });
});

Deno.test("DRV-012 a changed file has another tag", async () => {
  await serving({ "/a": "1" }, async (get, drive) => {
    const tag = async (): Promise<string | null> => {
      const response = await get("/a", { method: "HEAD" });
      await response.body?.cancel();
      return response.headers.get("etag");
    };
    const before = await tag();
    await drive.put("/a", "22");
    assert.notEqual(await tag(), before);
  });
});

Deno.test("DRV-012 ranges are served, and refused where they lie behind the end", async () => {
  await serving({ "/a": "0123456789" }, async (get) => {
    const range = async (
      value: string,
      more: Record<string, string> = {},
    ): Promise<[number, string, string | null]> => {
      const response = await get("/a", { headers: { range: value, ...more } });
      return [response.status, await response.text(), response.headers.get("content-range")];
    };
    assert.deepEqual(await range("bytes=2-4"), [206, "234", "bytes 2-4/10"]);
    assert.deepEqual(await range("bytes=7-"), [206, "789", "bytes 7-9/10"]);
    assert.deepEqual(await range("bytes=-3"), [206, "789", "bytes 7-9/10"]);
    assert.deepEqual(await range("bytes=5-99"), [206, "56789", "bytes 5-9/10"]);
    assert.deepEqual(await range("bytes=20-"), [416, "", "bytes */10"]);
    assert.deepEqual(await range("lines=1-2"), [200, "0123456789", null]);
    assert.deepEqual(await range("bytes=0-1", { "if-range": '"old"' }), [200, "0123456789", null]);
    const head = await get("/a", { method: "HEAD", headers: { range: "bytes=0-3" } });
    assert.deepEqual([head.status, head.headers.get("content-length"), await head.text()], [206, "4", ""]);
  });
});

Deno.test("DRV-012 folders are pages that link what is in them, with index.html instead where there is one", async () => {
  await serving(
    { "/a.txt": "1", "/deep/b": "2", "/site/index.html": "home", "/.git/config": "x" },
    async (get) => {
      const [status, page] = await text(await get("/"));
      assert.equal(status, 200);
      assert.match(page, /<a href="\.\/deep\/">deep\/<\/a>[\s\S]*<a href="\.\/a\.txt">a\.txt<\/a>/);
      assert.doesNotMatch(page, /\.git/);
      const moved = await get("/deep");
      await moved.body?.cancel();
      assert.deepEqual([moved.status, moved.headers.get("location")], [301, "/deep/"]);
      assert.match((await text(await get("/deep/")))[1], /href="\.\.\/"/);
      assert.deepEqual(await text(await get("/site/")), [200, "home"]);
      assert.equal((await text(await get("/.git/config")))[0], 404);
    },
  );
});

Deno.test("DRV-012 what is not there, not allowed or no path is said so", async () => {
  await serving({ "/a": "1" }, async (get) => {
    assert.deepEqual(await text(await get("/none")), [404, "Not found\n"]);
    assert.deepEqual(await text(await get("/none/")), [404, "Not found\n"]);
    const post = await get("/a", { method: "POST", body: "x" });
    assert.deepEqual([post.status, post.headers.get("allow"), await post.text()], [
      405,
      "GET, HEAD",
      "Only GET and HEAD\n",
    ]);
    assert.equal((await text(await get("/%2e%2e/%2e%2e/etc/passwd")))[0] >= 400, true);
    assert.deepEqual(await text(await get("/..%2f..%2fetc")), [400, "No such path can be\n"]);
    assert.deepEqual(await text(await get("/%ff")), [400, "No such path can be\n"]);
  });
});

Deno.test("DRV-012 checkout=N shows a version of a Hyperdrive", async () => {
  await using drive = new Hyperdrive(new Corestore());
  await drive.put("/a", "old");
  const { version } = drive;
  await drive.put("/a", "new");
  await using server = new DriveServer({ drive, port: 0 });
  const { port } = await server.listen();
  const get = async (query: string): Promise<string> =>
    await (await fetch(`http://127.0.0.1:${port}/a${query}`)).text();
  assert.deepEqual([await get(""), await get(`?checkout=${version}`)], ["new", "old"]);
});

Deno.test("DRV-013 a port that is taken is left for another, or refused where no other will do", async () => {
  await using drive = new Hyperdrive(new Corestore());
  await using first = new DriveServer({ drive, port: 0 });
  const { port } = await first.listen();
  await using second = new DriveServer({ drive, port });
  assert.notEqual((await second.listen()).port, port);
  const third = new DriveServer({ drive, port, anyPort: false });
  await assert.rejects(third.listen(), { code: "EADDRINUSE" });
});

Deno.test("DRV-012 a client that goes away half-way does no harm", async () => {
  await serving({ "/big": "x".repeat(5_000_000) }, async (get) => {
    const response = await get("/big");
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    assert.equal((await text(await get("/big", { headers: { range: "bytes=0-0" } })))[0], 206);
  });
});

Deno.test("directoryPage() escapes what names say", () => {
  const evil = `"><script>alert(1)</script>`;
  const page = directoryPage("/a&b/", [{ name: evil, kind: "file", byteLength: 1536 }], "?checkout=2");
  assert.doesNotMatch(page, /<script/);
  assert.match(page, /1\.5 KiB/);
  assert.match(page, /href="\.\/%22%3E%3Cscript%3Ealert\(1\)%3C%2Fscript%3E\?checkout=2"/);
  assert.match(page, /<title>\/a&amp;b\/<\/title>/);
});

Deno.test("wantedBytes() takes lists of tags, weak ones and the star", () => {
  const judge = (tags: string): string => wantedBytes({ "if-none-match": tags }, 1, '"x"').kind;
  assert.deepEqual(['"a", "x"', 'W/"x"', "*", '"a"'].map(judge), [
    "not-modified",
    "not-modified",
    "not-modified",
    "whole",
  ]);
});

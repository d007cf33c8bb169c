/** What the runtime has to permit, tried in a process that has nothing else. */
import assert from "node:assert/strict";
import { SqliteStorage, WriteBatch } from "../../../src/storage/mod.ts";
import { bytes, rejectsWith } from "../../conformance/storage/suite.ts";
import { runProbe, withFolder, withSmallDisk } from "../../helpers/store_folder.ts";

Deno.test("SqliteStorage needs read and write on its folder and nothing else", () =>
  withFolder(async (folder) => {
    const store = `${folder}/store`;
    assert.deepEqual(await runProbe(store, "write", [`--allow-read=${store}`, `--allow-write=${store}`]), {
      outcome: "ok",
    });
  }));

Deno.test("SqliteStorage with readOnly needs read on its folder and nothing else", () =>
  withFolder(async (folder) => {
    await runProbe(folder, "write", ["-A"]);
    assert.deepEqual(await runProbe(folder, "read", [`--allow-read=${folder}`]), { outcome: "ok" });
  }));

Deno.test("MemoryStorage needs no permission", () =>
  withFolder(async (folder) => {
    assert.deepEqual(await runProbe(folder, "memory", []), { outcome: "ok" });
  }));

Deno.test("SqliteStorage without permission rejects with STORAGE_PERMISSION and names the flags", () =>
  withFolder(async (folder) => {
    await runProbe(folder, "write", ["-A"]);
    const tries: [string, string[]][] = [
      ["write", []],
      ["write", [`--allow-read=${folder}`]],
      ["write", [`--allow-write=${folder}`]],
      ["write", [`--allow-read=${folder}/x`, `--allow-write=${folder}/x`]],
      ["read", []],
    ];
    for (const [mode, permissions] of tries) {
      const { outcome, message = "" } = await runProbe(folder, mode, permissions);
      assert.equal(outcome, "STORAGE_PERMISSION", message);
      assert.ok(message.includes(`--allow-read=${folder} --allow-write=${folder}`), message);
    }
  }));

Deno.test("SqliteStorage on a disk mounted read-only rejects with STORAGE_PERMISSION", () =>
  withSmallDisk(4_000_000, async (disk) => {
    const storage = new SqliteStorage(disk.folder);
    await storage.open();
    const batch = new WriteBatch();
    batch.putRow("block", 0, 0, bytes(1));
    await storage.write(batch);
    await storage.close();
    await disk.remount("ro");
    for (const folder of [disk.folder, `${disk.folder}/new`]) {
      const error = await rejectsWith("STORAGE_PERMISSION", new SqliteStorage(folder).open());
      assert.ok(error.message.includes(folder), error.message);
    }
  }));

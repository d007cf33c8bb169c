/**
 * A store that is read while another process writes it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Corestore } from "../../src/corestore/mod.ts";
import { withFolder } from "../helpers/store_folder.ts";

const WORKER = fileURLToPath(new URL("../helpers/corestore_worker.ts", import.meta.url));
const OPENINGS = 60;

Deno.test(`CS-006 CS-010 a store that another process appends to and cuts is opened ${OPENINGS} times for reading, whole each time`, async () => {
  await withFolder(async (folder) => {
    // Nobody listens on port 1: the worker writes and replicates with nobody.
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", WORKER, folder, "1", "3", "1", "00".repeat(32)],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const output = child.stdout.getReader();
    try {
      let longest = 0;
      let forks = 0;
      for (let opening = 0; opening < OPENINGS; opening++) {
        // Something was written since.
        assert.equal((await output.read()).done, false);
        await using store = new Corestore(`${folder}/0`, { readOnly: true });
        const core = store.get({ name: "own" });
        await core.ready();
        assert.equal(core.writable, false);
        longest = Math.max(longest, core.length);
        forks = Math.max(forks, core.fork);
        if (core.length > 0) assert.notEqual(await core.treeHash(), null);
      }
      assert.ok(longest > OPENINGS / 2 && forks > 0, `${longest} blocks, fork ${forks}`);
    } finally {
      await output.cancel();
      child.kill("SIGKILL");
      await child.status;
    }
  });
});

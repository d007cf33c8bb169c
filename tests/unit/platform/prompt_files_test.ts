import assert from "node:assert/strict";
import { join } from "node:path";
import { PromptFiles } from "../../../src/platform/mod.ts";
import { withFileCalls } from "../../helpers/failing_files.ts";
import { withFolder } from "../../helpers/store_folder.ts";
import { VirtualClock } from "../../helpers/virtual_clock.ts";

Deno.test("PromptFiles looks at files and reads them; what is not there is null", async () => {
  await withFolder(async (folder) => {
    const files = new PromptFiles();
    await Deno.writeTextFile(join(folder, "x"), "abc");
    await Deno.symlink("x", join(folder, "link"));
    await Deno.symlink("loop", join(folder, "loop"));
    assert.equal((await files.status(join(folder, "x")))?.byteLength, 3);
    assert.equal((await files.status(join(folder, "link")))?.kind, "link");
    assert.deepEqual(new TextDecoder().decode((await files.read(join(folder, "link")))!), "abc");
    for (const path of ["none", "x/y", "loop/y"]) {
      assert.equal(await files.status(join(folder, path)), null);
      assert.equal(await files.read(join(folder, path)), null);
    }
    await assert.rejects(files.read(folder), {
      code: "EISDIR",
      message: new RegExp(`Cannot read ${folder}`),
    });
  });
});

Deno.test("PromptFiles lets others go on after 4 ms", async () => {
  await withFolder(async (folder) => {
    const clock = new VirtualClock();
    const files = new PromptFiles(clock);
    const order: string[] = [];
    await files.status(folder); // the first slice begins
    const timer = new Promise<void>((resolve) =>
      setTimeout(() => {
        order.push("other");
        resolve();
      })
    );
    for (let call = 0; call < 3; call++) {
      await files.status(folder);
      order.push("call");
    }
    clock.advance(4);
    const late = (async () => {
      await timer;
      await files.status(folder);
      order.push("late");
    })();
    await late;
    assert.deepEqual(order, ["call", "call", "call", "other", "late"]);
  });
});

Deno.test("PromptFiles makes 64 calls elsewhere after one that took more than 8 ms", async () => {
  await withFolder(async (folder) => {
    const clock = new VirtualClock();
    const files = new PromptFiles(clock);
    const calls: string[] = [];
    let durationMs = 8;
    await withFileCalls((_call, _path, isHere) => {
      calls.push(isHere ? "here" : "elsewhere");
      clock.advance(durationMs);
    }, async () => {
      await files.status(folder);
      await files.status(folder);
      durationMs = 9;
      await files.status(folder);
      for (let call = 0; call < 64; call++) await files.status(folder);
      durationMs = 0;
      await files.read(join(folder, "none"));
    });
    assert.deepEqual(calls.slice(0, 4), ["here", "here", "here", "elsewhere"]);
    assert.deepEqual(calls.slice(-2), ["elsewhere", "here"]);
    assert.equal(calls.filter((place) => place === "elsewhere").length, 64);
  });
});

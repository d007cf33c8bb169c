/**
 * The command line as a user runs it: several processes on one store, and pipes.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ExampleProcess } from "../helpers/example_process.ts";
import { writeTree } from "../helpers/files.ts";
import { withFolder } from "../helpers/store_folder.ts";

const ROOT = new URL("../../", import.meta.url);
const MAIN = "src/cli/main.ts";

/** Runs `quince` to its end, by way of the shell: `command` has `quince` in it as a function. */
async function shell(
  permissions: readonly string[],
  command: string,
): Promise<{ code: number; output: string; errors: string }> {
  const flags = ["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1", ...permissions, MAIN];
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: [
      "-c",
      `set -o pipefail; quince() { "$0" ${flags.map((flag) => `'${flag}'`).join(" ")} "$@"; }; ${command}`,
      Deno.execPath(),
    ],
    cwd: ROOT,
  }).output();
  const text = new TextDecoder();
  return { code, output: text.decode(stdout), errors: text.decode(stderr) };
}

Deno.test("DRV-003 DRV-007 a drive is listed and read by one process while another one seeds it", async () => {
  await withFolder(async (folder) => {
    await writeTree(join(folder, "src"), { "/a.txt": "hello", "/b.txt": "x" });
    const files = [`--allow-read=${folder}`, `--allow-write=${folder}`];
    const alone = "--host 127.0.0.1 --bootstrap 127.0.0.1:9";
    const seeder = new ExampleProcess(
      MAIN,
      ["drives", "seed", join(folder, "src"), "--storage", folder, ...alone.split(" ")],
      files,
    );
    const [, key] = await seeder.printed(/^Drive: (\w{52})$/m);
    await seeder.printed(/^Total files: 2/m);
    const store = `--storage '${folder}' ${alone}`;
    assert.deepEqual(await shell(files, `quince drives ls ${key} ${store}`), {
      code: 0,
      output: "a.txt (5 B)\nb.txt (1 B)\n",
      errors: "",
    });
    assert.deepEqual(await shell(files, `quince drives get ${key} a.txt ${store}`), {
      code: 0,
      output: "hello",
      errors: "",
    });
    const refused = await shell(files, `quince drives put ${key} c.txt 1 ${store}`);
    assert.equal(refused.code, 1);
    assert.match(
      refused.errors,
      /^STORAGE_LOCKED: The drives in .* are in use by process \d+, since .*; stop it, /,
    );
    await seeder.leave();
  });
});

Deno.test("G-18 a drive is made, filled from a folder, seeded, mirrored live, downloaded, listed and served by processes of their own", async () => {
  await withFolder(async (folder) => {
    await writeTree(join(folder, "photos"), { "/2026/lake.jpg": "a lake", "/readme.txt": "Hello" });
    const files = [`--allow-read=${folder}`, `--allow-write=${folder}`];
    const probe = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const { port } = probe.addr as Deno.NetAddr;
    probe.close();
    const network = ["--host", "127.0.0.1", "--bootstrap", `127.0.0.1:${port}`];
    const first = new ExampleProcess(MAIN, [
      "dht",
      "--bootstrap",
      "--host",
      "127.0.0.1",
      "--port",
      `${port}`,
    ]);
    await first.printed(/^Bootstrap node bound to /m);

    const [ours, theirs] = ["ours", "theirs"].map((name) => `--storage '${folder}/${name}'`);
    const made = await shell(files, `quince drives touch ${ours}`);
    const [, key] = /^New drive: (\w{52})$/m.exec(made.output)!;
    assert.deepEqual(await shell(files, `quince drives mirror '${folder}/photos' ${key} ${ours}`), {
      code: 0,
      output: "+ /2026/lake.jpg 6 B\n+ /readme.txt 5 B\nTotal files: 2 (+2 -0 ~0), version 3\n",
      errors: "",
    });
    const seeder = new ExampleProcess(
      MAIN,
      ["drives", "seed", `${key}`, "--storage", `${folder}/ours`, ...network],
      files,
    );
    await seeder.printed(/^Announced$/m);
    const on = network.join(" ");
    assert.deepEqual(await shell(files, `quince drives download ${key} ${theirs} ${on}`), {
      code: 0,
      output: "Downloaded 3 + 2 blocks\n",
      errors: "",
    });
    assert.equal(
      (await shell(files, `quince drives ls ${key} ${theirs} ${on}`)).output,
      "2026/\nreadme.txt (5 B)\n",
    );
    assert.match(
      (await shell(files, `quince drives info ${key} ${theirs}`)).output,
      /^Files: 3\/3 blocks\nBlobs: 2\/2/m,
    );

    const live = ["--live", "--storage", `${folder}/others`, ...network];
    const mirror = new ExampleProcess(MAIN, ["drives", "mirror", `${key}`, `${folder}/copy`, ...live], files);
    await mirror.printed(/^Total files: 2 /m);
    assert.equal(await Deno.readTextFile(`${folder}/copy/2026/lake.jpg`), "a lake");

    // Whoever writes needs the store, and the copy follows the next seeder.
    await seeder.leave();
    assert.equal((await shell(files, `quince drives put ${key} new.txt 1 ${ours}`)).output, "File saved\n");
    const again = new ExampleProcess(
      MAIN,
      ["drives", "seed", `${key}`, "--storage", `${folder}/ours`, ...network],
      files,
    );
    await mirror.printed(/^\+ \/new\.txt 1 B$/m);
    await mirror.leave();
    const server = new ExampleProcess(
      MAIN,
      ["drives", "serve", `${key}`, "--http-port", "0", "--storage", `${folder}/others`, ...network],
      files,
    );
    const [, url] = await server.printed(/^Serving at (\S+)$/m);
    assert.equal(await (await fetch(`${url}new.txt`)).text(), "1");
    for (const process of [server, again, first]) await process.leave();
  });
});

Deno.test("a reader that has seen enough ends a command quietly", async () => {
  const { code, output, errors } = await shell(
    [],
    "quince dht --nodes 100 --host 127.0.0.1 --bootstrap 127.0.0.1:9 | head -n 1",
  );
  assert.equal(code, 1); // stopped before all nodes ran
  assert.match(output, /^Node #0 is bound to 127\.0\.0\.1:\d+\n$/);
  assert.equal(errors, "Stopped\n");
});

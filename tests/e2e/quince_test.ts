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

Deno.test("a reader that has seen enough ends a command quietly", async () => {
  const { code, output, errors } = await shell(
    [],
    "quince dht --nodes 100 --host 127.0.0.1 --bootstrap 127.0.0.1:9 | head -n 1",
  );
  assert.equal(code, 1); // stopped before all nodes ran
  assert.match(output, /^Node #0 is bound to 127\.0\.0\.1:\d+\n$/);
  assert.equal(errors, "Stopped\n");
});

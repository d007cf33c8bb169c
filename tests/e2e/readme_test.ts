/**
 * The program in README.md, run as it stands there, with the permissions it is said to need and no others.
 *
 * @module
 */
import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);
const readme = await Deno.readTextFile(new URL("README.md", ROOT));
const program = /```ts\n([\s\S]*?)```/.exec(readme)![1]!;
const permissions = /Run it with `([^`]*)`/.exec(readme)![1]!.split(" ");

Deno.test("the program of the README prints what it says, with the permissions it says", async () => {
  const folder = await Deno.makeTempDir();
  try {
    assert.deepEqual(await run(program, permissions, folder), { code: 0, stdout: "world\n" });
    const log = await Array.fromAsync(Deno.readDir(`${folder}/a-log`));
    assert.ok(log.some(({ name }) => name === "quince.db"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the program of the README needs each of its permissions", async () => {
  for (const permission of permissions) {
    const folder = await Deno.makeTempDir();
    try {
      const { code } = await run(program, permissions.filter((other) => other !== permission), folder);
      assert.equal(code, 1, `without ${permission}`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
});

Deno.test("the program of the README is examples/hello.ts", async () => {
  const example = await Deno.readTextFile(new URL("examples/hello.ts", ROOT));
  const body = example.slice(example.indexOf("import {"));
  assert.equal(squeezed(body), squeezed(program));
});

/** Runs `source` as a file of this package, in `folder`. */
async function run(
  source: string,
  flags: readonly string[],
  folder: string,
): Promise<{ code: number; stdout: string }> {
  const file = `${folder}/program.ts`;
  await Deno.writeTextFile(
    file,
    source.replaceAll('"@quince/quince/hypercore"', `"${ROOT}src/hypercore/mod.ts"`),
  );
  const config = new URL("deno.json", ROOT).pathname;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--config", config, ...flags, file],
    cwd: folder,
    stderr: "null",
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout) };
}

/** The code without what the formatter decides. */
function squeezed(code: string): string {
  return code.replaceAll(/\s+/g, "").replaceAll(",}", "}");
}

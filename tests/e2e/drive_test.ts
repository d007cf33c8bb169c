/** The drive of `examples/drive_writer.ts` and its two readers, on a network of their own. */
import assert from "node:assert/strict";
import { join } from "node:path";
import createTestnet from "../../src/hyperdht/testnet/mod.ts";
import { ExampleProcess } from "../helpers/example_process.ts";
import { readTree, writeTree } from "../helpers/files.ts";
import { withFolder } from "../helpers/store_folder.ts";

Deno.test("G-13 a folder is followed through a drive, and the drive through its bee", async () => {
  await using testnet = await createTestnet(3);
  const [{ host, port }] = testnet.bootstrap as [{ host: string; port: number }];
  const flags = ["--host", host, "--bootstrap", `${host}:${port}`];
  await withFolder(async (folder) => {
    const from = join(folder, "from");
    const to = join(folder, "to");
    const store = join(folder, "store");
    await writeTree(from, { "/a.txt": "1", "/deep/b": "2" });
    const examples = [
      new ExampleProcess("drive_writer", [from, store, ...flags], [
        `--allow-read=${from},${store}`,
        `--allow-write=${store}`,
      ]),
    ];
    try {
      const [writer] = examples as [ExampleProcess];
      const [, key] = await writer.printed(/key (\S+)\n/);
      const reader = new ExampleProcess("drive_reader", [key!, to, ...flags], [
        `--allow-read=${to}`,
        `--allow-write=${to}`,
      ]);
      const bee = new ExampleProcess("drive_bee_reader", [key!, ...flags]);
      examples.push(reader, bee);

      await writer.say("\n");
      await writer.printed(/version 3: 2 added, 0 removed, 0 changed\n/);
      await reader.printed(/version 3: .*\n/);
      await bee.printed(/\/a\.txt \{.*\}\n\/deep\/b \{.*\}\nversion 3\n/);
      assert.deepEqual(await readTree(to), { "/a.txt": "1", "/deep/b": "2" });

      await writeTree(from, { "/a.txt": "changed" });
      await Deno.remove(join(from, "deep/b"));
      await writer.say("\n");
      await writer.printed(/: 0 added, 1 removed, 1 changed\n/);
      await reader.printed(/version 5: .*\n/);
      await bee.printed(/\/a\.txt \{.*\}\nversion 5\n/);
      assert.deepEqual(await readTree(to), { "/a.txt": "changed" });
    } finally {
      await Promise.all(examples.map((example) => example.leave()));
    }
  });
});

/** The UDX example as a user runs it. */
import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

function example(args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--unstable-net",
      "--allow-net=127.0.0.1",
      "--allow-read",
      "--allow-write",
      "examples/udx_file_exchange.ts",
      ...args,
    ],
    cwd: ROOT,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

Deno.test("UDX-024 udx_file_exchange.ts carries a file from writer to reader", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const bytes = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7) ^ (i >> 8));
    await Deno.writeFile(`${folder}/in`, bytes);
    const writer = example(["writer", `${folder}/in`]);
    const lines = writer.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const port = (await lines.read()).value!.trim();
    const reader = example(["reader", `${folder}/out`, port]);
    assert.equal((await reader.output()).code, 0);
    assert.equal((await writer.status).code, 0);
    await lines.cancel();
    assert.deepEqual(await Deno.readFile(`${folder}/out`), bytes);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

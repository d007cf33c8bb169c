/** The DHT example as a user runs it. */
import assert from "node:assert/strict";

Deno.test("RPC-017 RPC-030 RPC-034 dht_key_value.ts stores a value on the nodes of a DHT, with net permission only", async () => {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--unstable-net",
      "--allow-net=127.0.0.1",
      "examples/dht_key_value.ts",
      "hello",
    ],
    cwd: new URL("../../", import.meta.url),
    stderr: "inherit",
  }).output();
  assert.equal(code, 0);
  assert.equal(new TextDecoder().decode(stdout), '4 nodes have "hello"\n');
});

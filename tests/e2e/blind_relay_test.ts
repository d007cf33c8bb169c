/** The relay example as a user runs it. */
import assert from "node:assert/strict";

Deno.test("BR-001 BR-007 blind_relay.ts joins two peers that send to the relay only, and ends", async () => {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--unstable-net", "--allow-net=127.0.0.1", "examples/blind_relay.ts"],
    cwd: new URL("../../", import.meta.url),
    stderr: "inherit",
  }).output();
  assert.equal(code, 0);
  assert.equal(
    new TextDecoder().decode(stdout),
    "right hears: can you hear me?\nleft hears: I hear you\nclosed\n",
  );
});

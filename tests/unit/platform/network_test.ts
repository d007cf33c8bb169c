import { strict as assert } from "node:assert";
import { listNetworkInterfaces, lookupHost } from "../../../src/platform/mod.ts";

Deno.test("lookupHost() resolves literals and localhost", async () => {
  assert.deepEqual(await lookupHost("10.0.0.1"), { host: "10.0.0.1", family: 4 });
  assert.deepEqual(await lookupHost("::1"), { host: "::1", family: 6 });
  assert.deepEqual(await lookupHost("localhost", 4), { host: "127.0.0.1", family: 4 });
});

Deno.test("lookupHost() rejects unknown names with ENOTFOUND", async () => {
  await assert.rejects(lookupHost("unknown.invalid"), { name: "PlatformError", code: "ENOTFOUND" });
});

Deno.test("listNetworkInterfaces() marks loopback as internal", () => {
  const loopback = listNetworkInterfaces().find(({ host }) => host === "127.0.0.1")!;
  assert.equal(loopback.internal, true);
  assert.equal(loopback.family, 4);
  assert.equal(typeof loopback.name, "string");
});

Deno.test({
  name: "listNetworkInterfaces() names the flag that lacks",
  permissions: { sys: false },
  fn: () => {
    assert.throws(() => listNetworkInterfaces(), {
      code: "ERR_PERMISSION",
      flag: "--allow-sys=networkInterfaces",
    });
  },
});

/** The storage suite on `SqliteStorage`. */
import { SqliteStorage } from "../../../src/storage/mod.ts";
import { testStorage } from "./suite.ts";

testStorage("SqliteStorage", async () => {
  const folder = await Deno.makeTempDir({ prefix: "quince-storage-" });
  return {
    storage: new SqliteStorage(folder),
    remove: () => Deno.remove(folder, { recursive: true }),
  };
});

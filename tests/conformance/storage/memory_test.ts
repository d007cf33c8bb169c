/** The storage suite on `MemoryStorage`. */
import { MemoryStorage } from "../../../src/storage/mod.ts";
import { testStorage } from "./suite.ts";

testStorage("MemoryStorage", () => Promise.resolve({ storage: new MemoryStorage() }));

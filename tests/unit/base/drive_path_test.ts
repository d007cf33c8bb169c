import assert from "node:assert/strict";
import { resolveDrivePath } from "../../../src/base/mod.ts";

const CASES: readonly (readonly [base: string, path: string, resolved: string])[] = [
  ["/", "", "/"],
  ["/", "a", "/a"],
  ["/", "/a//b/", "/a/b"],
  ["/a/b", "../c", "/a/c"],
  ["/a/b", "./c/./d", "/a/b/c/d"],
  ["/a", "/b", "/b"],
  ["/a", "..", "/"],
  ["/", "a\\b", "/a/b"],
  ["/", "C:\\x\\y", "/x/y"],
  ["/", "file:///x/y", "/x/y"],
  ["/", "https://host/x", "/x"],
  ["/", "...", "/..."],
];

Deno.test("HD-058 resolveDrivePath() gives absolute paths without dots", () => {
  for (const [base, path, resolved] of CASES) assert.equal(resolveDrivePath(base, path), resolved, path);
});

Deno.test("HD-058 resolveDrivePath() refuses paths above the root and two relative ones", () => {
  assert.throws(() => resolveDrivePath("/", ".."), { code: "BAD_ARGUMENT" });
  assert.throws(() => resolveDrivePath("/a", "../../b"), { code: "BAD_ARGUMENT" });
  assert.throws(() => resolveDrivePath("a", "b"), { code: "BAD_ARGUMENT" });
});

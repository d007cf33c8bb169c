/**
 * Lints the documentation of everything that users can import: the entry points that `deno.json` exports.
 *
 * @module
 */
const ROOT = new URL("../", import.meta.url);

const { exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT))) as {
  exports: Record<string, string>;
};
const { code } = await new Deno.Command("deno", {
  args: ["doc", "--lint", ...Object.values(exports)],
  cwd: ROOT,
})
  .spawn().status;
Deno.exit(code);

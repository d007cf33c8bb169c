/**
 * Brings in what the tests run besides Deno: the reference peers of `tests/interop`, from the npm registry, as the
 * lock file pins them. Does nothing when they are there.
 *
 * @module
 */
const INTEROP = new URL("interop/", import.meta.url);
const MARK = new URL("node_modules/.installed-from", INTEROP);

const lock = await Deno.readTextFile(new URL("package-lock.json", INTEROP));

if (await readOrNothing(MARK) !== lock) {
  await run("npm", ["ci", "--no-audit", "--no-fund"]);
  await Deno.writeTextFile(MARK, lock);
}

async function readOrNothing(url: URL): Promise<string> {
  try {
    return await Deno.readTextFile(url);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

async function run(command: string, args: string[]): Promise<void> {
  const { success, code } = await new Deno.Command(command, { args, cwd: INTEROP, stdout: "null" }).spawn()
    .status;
  if (!success) throw new Error(`"${command} ${args.join(" ")}" in tests/interop ended with code ${code}`);
}

/**
 * Brings in what the tests run besides Deno: the reference peers of `tests/interop/peers`, from the npm registry, as the
 * lock file pins them. Does nothing when they are there.
 *
 * @module
 */
const PEERS = new URL("interop/peers/", import.meta.url);
const MARK = new URL("node_modules/.installed-from", PEERS);

const lock = await Deno.readTextFile(new URL("package-lock.json", PEERS));

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
  const { success, code } = await new Deno.Command(command, { args, cwd: PEERS, stdout: "null" }).spawn()
    .status;
  if (!success) {
    throw new Error(`"${command} ${args.join(" ")}" in tests/interop/peers ended with code ${code}`);
  }
}

/**
 * The import rules of docs/architecture.md, read off the sources: downward only, through `mod.ts` only, and the
 * runtime only where it may be touched.
 *
 * @module
 */
import assert from "node:assert/strict";

const ROOT = new URL("../../../", import.meta.url);
const SRC = new URL("src/", ROOT);

/** Floor of each folder of `src/`; an import goes from a higher floor to a lower one. */
const FLOORS: Readonly<Record<string, number>> = {
  base: 0,
  crypto: 1,
  compact_encoding: 1,
  storage: 1,
  platform: 1,
  hypercore_crypto: 2,
  udx: 2,
  secret_stream: 2,
  protomux: 2,
  dht_rpc: 3,
  blind_relay: 3,
  hypercore: 3,
  hyperdht: 4,
  corestore: 4,
  hyperbee: 4,
  hyperblobs: 4,
  mirror_drive: 4,
  hyperswarm: 5,
  hyperdrive: 5,
  localdrive: 5,
  autobase: 5,
  tools: 7,
  pear: 7,
  cli: 8,
};

/** Folders that compose a running system and may therefore reach for the platform anywhere. */
const COMPOSITION_POINTS = ["udx", "hyperdht", "localdrive", "tools", "pear", "cli"];

/** Folders that may name `Deno` or a `node:` module that does I/O. */
const RUNTIME_FOLDERS = ["platform", "storage/sqlite"];

const IO_MODULES = /^node:(fs|net|dgram|dns|os|child_process|process|worker_threads|sqlite|http|https|tls)/;

interface SourceFile {
  /** Path below `src/`, with slashes. */
  readonly path: string;
  readonly folder: string;
  readonly text: string;
  readonly specifiers: readonly string[];
}

function* sourceFiles(directory: URL, prefix = ""): Generator<SourceFile> {
  for (const entry of Deno.readDirSync(directory)) {
    const path = prefix + entry.name;
    if (entry.isDirectory) {
      yield* sourceFiles(new URL(`${entry.name}/`, directory), `${path}/`);
    } else if (entry.name.endsWith(".ts")) {
      const text = Deno.readTextFileSync(new URL(entry.name, directory));
      yield { path, folder: path.split("/")[0]!, text, specifiers: specifiersOf(text) };
    }
  }
}

function specifiersOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const found = code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)"([^"]+)"/g);
  return Array.from(found, (match) => match[1]!);
}

/** Resolves a relative specifier to a path below `src/`; undefined when it leads out of `src/`. */
function resolveInside(file: SourceFile, specifier: string): string | undefined {
  const target = new URL(specifier, new URL(file.path, SRC));
  return target.href.startsWith(SRC.href) ? target.href.slice(SRC.href.length) : undefined;
}

const files = Array.from(sourceFiles(SRC));

Deno.test("imports go strictly downward and through mod.ts", () => {
  const breaches: string[] = [];
  for (const file of files) {
    assert.ok(file.folder in FLOORS, `src/${file.folder} has no floor`);
    for (const specifier of file.specifiers.filter((s) => s.startsWith("."))) {
      const target = resolveInside(file, specifier);
      if (target === undefined) {
        const isCore = file.folder === "crypto" && specifier.endsWith("/wasm/mod.ts");
        if (!isCore) breaches.push(`${file.path} imports ${specifier}, outside src/`);
        continue;
      }
      const folder = target.split("/")[0]!;
      if (folder === file.folder) continue;
      if (FLOORS[folder]! >= FLOORS[file.folder]!) breaches.push(`${file.path} imports upward: ${target}`);
      if (!target.endsWith("/mod.ts")) breaches.push(`${file.path} imports past mod.ts: ${target}`);
    }
  }
  assert.deepEqual(breaches, []);
});

Deno.test("the log never imports replication", () => {
  const breaches = files
    .filter((file) => file.path.startsWith("hypercore/log/"))
    .filter((file) => file.specifiers.some((specifier) => specifier.includes("replication")))
    .map((file) => file.path);
  assert.deepEqual(breaches, []);
});

Deno.test("platform is imported by drivers and composition points only", () => {
  const breaches = files
    .filter((file) => file.folder !== "platform" && !COMPOSITION_POINTS.includes(file.folder))
    .filter((file) => !/(^|[/_])driver\.ts$/.test(file.path))
    .filter((file) => file.specifiers.some((specifier) => specifier.includes("/platform/")))
    .map((file) => file.path);
  assert.deepEqual(breaches, []);
});

Deno.test("the runtime is touched in platform and storage/sqlite only", () => {
  const breaches = files
    .filter((file) => !RUNTIME_FOLDERS.some((folder) => file.path.startsWith(`${folder}/`)))
    .filter((file) => !["tools", "pear", "cli"].includes(file.folder))
    .filter((file) => {
      const code = file.text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
      return /\bDeno\.\w/.test(code) || file.specifiers.some((specifier) => IO_MODULES.test(specifier));
    })
    .map((file) => file.path);
  assert.deepEqual(breaches, []);
});

Deno.test("every layer has mod.ts and README.md", () => {
  const breaches: string[] = [];
  for (const entry of Deno.readDirSync(SRC)) {
    if (!entry.isDirectory) continue;
    for (const name of ["mod.ts", "README.md"]) {
      try {
        Deno.statSync(new URL(`${entry.name}/${name}`, SRC));
      } catch {
        breaches.push(`src/${entry.name}/${name}`);
      }
    }
  }
  assert.deepEqual(breaches, []);
});

Deno.test("no file of src/ is past 800 lines", () => {
  const breaches = files.filter((file) => file.text.split("\n").length > 800).map((file) => file.path);
  assert.deepEqual(breaches, []);
});

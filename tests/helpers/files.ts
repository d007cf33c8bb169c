/**
 * Trees of files for tests of drives.
 *
 * @module
 */
import { dirname, join } from "node:path";

/** A tree as text by path; a link is `-> target`. */
export type FileTree = Readonly<Record<string, string>>;

/** Writes `tree` below `folder`. */
export async function writeTree(folder: string, tree: FileTree): Promise<void> {
  for (const [path, text] of Object.entries(tree)) {
    const file = join(folder, path);
    await Deno.mkdir(dirname(file), { recursive: true });
    if (text.startsWith("-> ")) await Deno.symlink(text.slice(3), file);
    else await Deno.writeTextFile(file, text);
  }
}

/** All files and links below `folder`, sorted; empty folders do not show. */
export async function readTree(folder: string, below = ""): Promise<FileTree> {
  const tree: Record<string, string> = {};
  const entries = await Array.fromAsync(Deno.readDir(join(folder, below)));
  for (const { name, isDirectory, isSymlink } of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
    const path = `${below}/${name}`;
    if (isDirectory) Object.assign(tree, await readTree(folder, path));
    else if (isSymlink) tree[path] = `-> ${await Deno.readLink(join(folder, path))}`;
    else tree[path] = await Deno.readTextFile(join(folder, path));
  }
  return tree;
}

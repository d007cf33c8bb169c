/**
 * Where the paths of a drive lie in the file system, and that they stay inside its folder.
 *
 * `..` cannot lead out, as paths are resolved first. Links can: whatever lies behind a link that leads out of the
 * folder does not exist for reading, unless the drive was told to follow links, and is refused for writing.
 *
 * @module
 */
import path from "node:path";
import { resolveDrivePath } from "../base/mod.ts";
import {
  type FileStatus,
  fileStatus,
  isWindows,
  type PromptFiles,
  readLink,
  realPath,
} from "../platform/mod.ts";
import { LocaldriveError } from "./errors.ts";
import { CHECKED_FOLDERS_MAX, EXTERNAL_HOPS_MAX } from "./limits.ts";
import { checkNames } from "./names.ts";
import type { LocaldriveOptions } from "./options.ts";

/** A folder of the file system that paths below `prefix` lie in. */
interface Root {
  readonly prefix: string;
  readonly folder: string;
}

/** A file in the file system, and what is known of it. */
export interface Located {
  readonly file: string;
  readonly status: FileStatus;
}

/** Finds the files of one drive. */
export class Locator {
  /** The drive's folder, absolute. */
  readonly root: string;
  /** Whether links are shown as what they lead to, at least some. */
  readonly isFollowing: boolean;
  readonly #followLinks: boolean;
  /** The longest prefix first; the drive's own folder last. */
  readonly #roots: readonly Root[];
  /** Folders that lie inside, and where they are once all links are resolved. */
  readonly #checkedFolders = new Map<string, string>();
  /** Folders that are being looked at: the files of one are asked for together. */
  readonly #checkingFolders = new Map<string, Promise<boolean>>();

  readonly #files: PromptFiles;

  /** Makes a locator for the folder `root`; `files` looks at what is in it. */
  constructor(root: string, options: LocaldriveOptions, files: PromptFiles) {
    this.#files = files;
    this.root = path.resolve(root);
    this.#followLinks = options.followLinks === true;
    this.isFollowing = this.#followLinks || options.followExternalLinks === true;
    const mapped = Object.entries(options.roots ?? {}).map(([prefix, folder]) => ({
      prefix: resolveDrivePath("/", prefix),
      folder: path.resolve(folder),
    }));
    this.#roots = [...mapped.sort((a, b) => b.prefix.length - a.prefix.length), {
      prefix: "/",
      folder: this.root,
    }];
  }

  /** Where `key` lies. */
  fileOf(key: string): string {
    checkNames(key, isWindows);
    const root = this.#rootOf(key);
    return path.join(root.folder, key.slice(root.prefix === "/" ? 1 : root.prefix.length));
  }

  /** The names directly below the folder `key` that mapped folders lie at or below. */
  mappedNames(key: string): string[] {
    const above = key === "/" ? "/" : `${key}/`;
    return this.#roots
      .filter(({ prefix }) => prefix !== "/" && prefix.startsWith(above))
      .map(({ prefix }) => prefix.slice(above.length).split("/")[0]!);
  }

  /** What is at `key`, links as this drive shows them; null where there is nothing that may be seen. */
  async find(key: string): Promise<Located | null> {
    let file = this.fileOf(key);
    const root = this.#rootOf(key);
    const isSeen = this.isFollowing || file === root.folder || await this.#isInside(root, path.dirname(file));
    if (!isSeen) return null;
    for (let hop = 0; hop <= EXTERNAL_HOPS_MAX; hop++) {
      const status = await (this.#followLinks ? fileStatus(file, true) : this.#files.status(file));
      if (status === null) return null;
      if (status.kind !== "link" || !this.isFollowing) return { file, status };
      const target = path.resolve(path.dirname(file), await readLink(file) ?? "");
      if (isBelow(root.folder, target)) return { file, status };
      file = target;
    }
    throw new LocaldriveError(
      "RECURSIVE_LINK",
      `Links lead from ${key} more than ${EXTERNAL_HOPS_MAX} times on`,
    );
  }

  /** The file at `key` for reading its bytes; the error of the file system comes from opening it. */
  async forReading(key: string): Promise<string> {
    const file = this.fileOf(key);
    if (this.isFollowing) return file;
    const root = this.#rootOf(key);
    if (!await this.#isInside(root, path.dirname(file)) || !await this.leadsInside(key, file)) {
      throw outsideError(key, "read");
    }
    return file;
  }

  /** The file at `key` for writing, removing or linking it. */
  async forWriting(key: string): Promise<string> {
    const file = this.fileOf(key);
    if (await this.#isInside(this.#rootOf(key), path.dirname(file))) return file;
    throw outsideError(key, "write");
  }

  /** Whether `file`, at `key`, is no link, or one that leads to something inside. */
  async leadsInside(key: string, file: string): Promise<boolean> {
    if ((await this.#files.status(file))?.kind !== "link") return true;
    const real = await realPath(file);
    return real !== null && isBelow(await realFolder(this.#rootOf(key)), real);
  }

  /** Whether no folder on the way to `key` is a link; true where links are shown as what they lead to. */
  async isReachedWithoutLinks(key: string): Promise<boolean> {
    const root = this.#rootOf(key);
    const folder = path.dirname(this.fileOf(key));
    if (this.isFollowing || folder === root.folder) return true;
    if (!await this.#isInside(root, folder)) return false;
    const real = this.#checkedFolders.get(folder) ?? await realPath(folder);
    return real === path.join(await realFolder(root), path.relative(root.folder, folder));
  }

  /**
   * What a link at `key` must say to lead to `linkname`: relative to its folder, or an absolute path of the drive.
   *
   * @throws {LocaldriveError} `OUTSIDE_ROOT` when it would lead out.
   */
  async linkTarget(key: string, linkname: string): Promise<string> {
    if (linkname.startsWith("/")) return this.fileOf(resolveDrivePath("/", linkname));
    const folder = path.dirname(await this.forWriting(key));
    const from = await realPath(folder) ?? folder;
    const target = path.resolve(from, linkname);
    const root = this.#rootOf(key);
    if (isBelow(await realFolder(root), target)) return path.relative(from, target) || ".";
    throw new LocaldriveError("OUTSIDE_ROOT", `The link ${key} to ${linkname} would lead out of the drive`);
  }

  /** The link at `file`, as a path of the drive where it is absolute and leads inside. */
  linkName(key: string, target: string): string {
    const { folder } = this.#rootOf(key);
    const isAbsoluteInside = path.isAbsolute(target) && isBelow(folder, path.normalize(target));
    if (isAbsoluteInside) return `/${path.relative(folder, target).replaceAll("\\", "/")}`;
    return isWindows ? target.replaceAll("\\", "/") : target;
  }

  /** Forgets which folders lie inside: a link may stand in the place of one now. */
  handleChange(): void {
    this.#checkedFolders.clear();
  }

  #rootOf(key: string): Root {
    return this.#roots.find(({ prefix }) =>
      prefix === "/" || key === prefix || key.startsWith(`${prefix}/`)
    )!;
  }

  /** Whether `folder`, or the deepest one above it that exists, lies in `root` once all links are resolved. */
  async #isInside(root: Root, folder: string): Promise<boolean> {
    if (folder === root.folder || this.#checkedFolders.has(folder)) return true;
    let checking = this.#checkingFolders.get(folder);
    if (checking === undefined) {
      checking = this.#check(root, folder).finally(() => this.#checkingFolders.delete(folder));
      this.#checkingFolders.set(folder, checking);
    }
    return await checking;
  }

  async #check(root: Root, folder: string): Promise<boolean> {
    const real = await realPath(folder);
    if (real === null) return await this.#isInside(root, path.dirname(folder));
    if (!isBelow(await realFolder(root), real)) return false;
    if (this.#checkedFolders.size >= CHECKED_FOLDERS_MAX) this.#checkedFolders.clear();
    this.#checkedFolders.set(folder, real);
    return true;
  }
}

async function realFolder({ folder }: Root): Promise<string> {
  return await realPath(folder) ?? folder;
}

function isBelow(folder: string, file: string): boolean {
  return file === folder || file.startsWith(folder.endsWith(path.sep) ? folder : folder + path.sep);
}

function outsideError(key: string, action: string): LocaldriveError {
  return new LocaldriveError(
    "OUTSIDE_ROOT",
    `Cannot ${action} ${key}, a link on the way leads out of the drive`,
  );
}

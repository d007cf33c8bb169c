/**
 * A drive over HTTP: files with their types, ranges and entity tags, folders as pages.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import mime from "mime";
import { pipeline, QuinceError, resolveDrivePath } from "../../../base/mod.ts";
import { Hyperdrive, type HyperdriveEntry } from "../../../hyperdrive/mod.ts";
import type { LocaldriveEntry } from "../../../localdrive/mod.ts";
import { filterOf } from "../ignores.ts";
import type { Drive } from "../session.ts";
import { type DirectoryItem, directoryPage } from "./directory_page.ts";
import { type ConditionalHeaders, wantedBytes } from "./range.ts";

/** Options of {@linkcode DriveServer}. */
export interface DriveServerOptions {
  /** The drive; whoever opened it closes it. */
  readonly drive: Drive;
  /** Address to bind to (default `127.0.0.1`). */
  readonly host?: string;
  /** Port to bind to (default 7000). */
  readonly port?: number;
  /** Whether any port will do when that one is taken (default true). */
  readonly anyPort?: boolean;
  /** Told of each request that was answered. */
  readonly onresponse?: (response: DriveResponse) => void;
}

/** A request that was answered. */
export interface DriveResponse {
  /** HTTP method. */
  readonly method: string;
  /** Path of the drive. */
  readonly path: string;
  /** HTTP status. */
  readonly status: number;
}

const DEFAULT_PORT = 7000;

/** A web server of one drive. Query parameters: `checkout=N` shows a version of a Hyperdrive. */
export class DriveServer implements AsyncDisposable {
  readonly #options: DriveServerOptions;
  readonly #server: Server;
  readonly #isShown = filterOf([]);

  /** Makes a server that does not listen yet. */
  constructor(options: DriveServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error) => this.#fail(response, error));
    });
  }

  /** Starts to listen, and resolves with the address. */
  async listen(): Promise<{ readonly host: string; readonly port: number }> {
    const { host = "127.0.0.1", port = DEFAULT_PORT, anyPort = true } = this.#options;
    try {
      await this.#bind(host, port);
    } catch (error) {
      if (!anyPort || (error as { code?: string }).code !== "EADDRINUSE") throw error;
      await this.#bind(host, 0);
    }
    const { address, port: bound } = this.#server.address() as AddressInfo;
    return { host: address, port: bound };
  }

  #bind(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? "GET";
    response.setHeader("X-Content-Type-Options", "nosniff");
    if (method !== "GET" && method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return this.#end(request, response, 405, "Only GET and HEAD\n");
    }
    const target = parseTarget(request.url ?? "/");
    if (target === null) return this.#end(request, response, 400, "No such path can be\n");
    const view = await this.#view(target.version);
    try {
      await this.#answerFrom(view, target, request, response);
    } finally {
      if (view !== this.#options.drive) await view.close();
    }
  }

  async #view(version: number | null): Promise<Drive> {
    const { drive } = this.#options;
    if (version === null || !(drive instanceof Hyperdrive)) return drive;
    const view = drive.checkout(version);
    await view.ready();
    return view;
  }

  async #answerFrom(
    view: Drive,
    { path, isFolder, query }: Target,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (!this.#isShown(path)) return this.#end(request, response, 404, "Not found\n");
    const entry = path === "/" ? null : await view.entry(path, { follow: true });
    if (entry !== null && !isFolder && entry.value.blob !== null) {
      return await this.#sendFile(view, entry, path, request, response);
    }
    const items = await this.#itemsOf(view, path);
    if (items.length === 0 && path !== "/") return this.#end(request, response, 404, "Not found\n");
    if (!isFolder) {
      response.setHeader("Location", `${encodeURI(path)}/${query}`);
      return this.#end(request, response, 301, "");
    }
    const index = await view.entry(resolveDrivePath(path, "index.html"));
    if (index !== null && index.value.blob !== null) {
      return await this.#sendFile(view, index, index.key, request, response);
    }
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.setHeader("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
    this.#end(request, response, 200, directoryPage(path === "/" ? "/" : `${path}/`, items, query));
  }

  async #itemsOf(view: Drive, folder: string): Promise<DirectoryItem[]> {
    const items: DirectoryItem[] = [];
    for await (const name of view.readdir(folder)) {
      const key = resolveDrivePath(folder, name);
      if (!this.#isShown(key)) continue;
      const entry = await view.entry(key);
      const kind = entry === null ? "folder" : entry.value.linkname === null ? "file" : "link";
      items.push({ name, kind, byteLength: entry?.value.blob?.byteLength ?? null });
    }
    return items.sort((a, b) => Number(b.kind === "folder") - Number(a.kind === "folder"));
  }

  async #sendFile(
    view: Drive,
    entry: HyperdriveEntry | LocaldriveEntry,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const byteLength = await byteLengthOf(view, entry);
    const etag = etagOf(entry, byteLength);
    response.setHeader("Content-Type", mime.getType(path) ?? "application/octet-stream");
    response.setHeader("Accept-Ranges", "bytes");
    response.setHeader("ETag", etag);
    response.setHeader("Cache-Control", "no-cache");
    const wanted = wantedBytes(request.headers as ConditionalHeaders, byteLength, etag);
    switch (wanted.kind) {
      case "not-modified":
        return this.#end(request, response, 304, "");
      case "unsatisfiable":
        response.setHeader("Content-Range", `bytes */${byteLength}`);
        return this.#end(request, response, 416, "");
    }
    const { start, end } = wanted.kind === "part" ? wanted : { start: 0, end: byteLength - 1 };
    if (wanted.kind === "part") response.setHeader("Content-Range", `bytes ${start}-${end}/${byteLength}`);
    response.setHeader("Content-Length", end - start + 1);
    response.statusCode = wanted.kind === "part" ? 206 : 200;
    this.#tell(request, response);
    if (request.method === "HEAD" || byteLength === 0) {
      response.end();
      return;
    }
    const stream = view.createReadStream(entry, { start, length: end - start + 1 });
    try {
      // deno-lint-ignore no-explicit-any -- a stream of Node is what streamx's pipelines take too
      await pipeline(stream, response as any);
    } catch {
      response.destroy(); // the client has gone, or the bytes have; the length that was promised tells it
    }
  }

  #end(request: IncomingMessage, response: ServerResponse, status: number, text: string): void {
    response.statusCode = status;
    if (!response.hasHeader("Content-Type")) response.setHeader("Content-Type", "text/plain; charset=utf-8");
    this.#tell(request, response);
    response.end(request.method === "HEAD" ? undefined : text);
  }

  #tell(request: IncomingMessage, response: ServerResponse): void {
    this.#options.onresponse?.({
      method: request.method ?? "GET",
      path: request.url ?? "/",
      status: response.statusCode,
    });
  }

  #fail(response: ServerResponse, error: unknown): void {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const code = error instanceof QuinceError ? error.code : "ERROR";
    response.statusCode = code === "SNAPSHOT_NOT_AVAILABLE" || code === "RECURSIVE_LINK" ? 404 : 500;
    response.setHeader("Content-Type", "text/plain; charset=utf-8");
    response.end(`${code}\n`);
  }

  /** Stops listening and closes all connections. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  /** Same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** What a URL names. */
interface Target {
  readonly path: string;
  readonly isFolder: boolean;
  readonly version: number | null;
  readonly query: string;
}

function parseTarget(url: string): Target | null {
  try {
    const { pathname, search, searchParams } = new URL(url, "http://localhost");
    const decoded = decodeURIComponent(pathname);
    const version = Number(searchParams.get("checkout") ?? NaN);
    return {
      path: resolveDrivePath("/", decoded),
      isFolder: decoded.endsWith("/"),
      version: Number.isSafeInteger(version) && version > 0 ? version : null,
      query: search,
    };
  } catch {
    return null; // no URL, or a path that leads out
  }
}

async function byteLengthOf(view: Drive, entry: HyperdriveEntry | LocaldriveEntry): Promise<number> {
  const blob = entry.value.blob!;
  if (!blob.blockMap || !(view instanceof Hyperdrive)) return blob.byteLength;
  return await (await view.getBlobs())!.getByteLength(blob);
}

function etagOf(entry: HyperdriveEntry | LocaldriveEntry, byteLength: number): string {
  return "seq" in entry ? `"${entry.seq}-${byteLength}"` : `"${entry.mtime}-${byteLength}"`;
}

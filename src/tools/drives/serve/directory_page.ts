/**
 * The page of a folder.
 *
 * @module
 */

/** An item of a folder. */
export interface DirectoryItem {
  /** The name alone. */
  readonly name: string;
  /** What it is. */
  readonly kind: "folder" | "file" | "link";
  /** Size, bytes; null for folders and links. */
  readonly byteLength: number | null;
}

/** The page of `folder`, an absolute path that ends with a slash; `query` is kept in all links. */
export function directoryPage(folder: string, items: readonly DirectoryItem[], query: string): string {
  const parts = folder.split("/").slice(1, -1);
  const crumbs = parts.map((part, index) => {
    const path = `/${parts.slice(0, index + 1).map(encodeURIComponent).join("/")}/`;
    return `<a href="${path}${escape(query)}">${escape(part)}</a>`;
  });
  const rows = items.map(({ name, kind, byteLength }) => {
    const slash = kind === "folder" ? "/" : "";
    const href = `./${encodeURIComponent(name)}${slash}${escape(query)}`;
    const size = byteLength === null ? (kind === "link" ? "link" : "") : byteText(byteLength);
    return `<tr><td><a href="${href}">${escape(name)}${slash}</a></td><td class="size">${size}</td></tr>`;
  });
  const up = parts.length > 0 ? `<tr><td><a href="../${escape(query)}">..</a></td><td></td></tr>` : "";
  const empty = items.length === 0 ? `<p>This folder is empty.</p>` : "";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(folder)}</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 48rem; padding: 0 1rem; }
h1 { font-size: 1.25rem; font-weight: 600; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid #8884; padding: .35rem 0; overflow-wrap: anywhere; vertical-align: top; }
td.size { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; opacity: .7; padding-left: 1rem; }
a { text-decoration: none; unicode-bidi: isolate; white-space: break-spaces; }
a:hover { text-decoration: underline; }
</style>
</head>
<body>
<h1><a href="/${escape(query)}">/</a>${crumbs.map((crumb) => `${crumb}/`).join("")}</h1>
<table>
${up}${rows.join("\n")}
</table>
${empty}
</body>
</html>
`;
}

/** A size in words: 1.5 MiB. */
export function byteText(byteLength: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = byteLength;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

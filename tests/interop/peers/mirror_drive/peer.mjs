// The npm packages localdrive and mirror-drive on folders: one JSON command per line on standard input, each answered by one
// line.
import Localdrive from "localdrive";
import MirrorDrive from "mirror-drive";
import { serveCommands } from "../commands.mjs";

async function collect(iterable) {
  const items = [];
  for await (const item of iterable) items.push(item);
  return items;
}

const commands = {
  list: ({ folder, options, below }) => collect(new Localdrive(folder, options).list(below)),
  readdir: ({ folder, options, below }) => collect(new Localdrive(folder, options).readdir(below)),
  entry: ({ folder, path, follow }) => new Localdrive(folder).entry(path, { follow }),
  async put({ folder, path, text, options }) {
    await new Localdrive(folder).put(path, Buffer.from(text), options);
  },
  symlink: ({ folder, path, target }) => new Localdrive(folder).symlink(path, target),
  del: ({ folder, path }) => new Localdrive(folder).del(path),
  async mirror({ from, to, options }) {
    const mirror = new MirrorDrive(new Localdrive(from), new Localdrive(to), options);
    const differences = await collect(mirror);
    return {
      differences,
      count: mirror.count,
      bytesAdded: mirror.bytesAdded,
      bytesRemoved: mirror.bytesRemoved,
    };
  },
};

serveCommands(commands);

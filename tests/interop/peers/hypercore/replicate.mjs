/**
 * Opens npm hypercores and replicates them over TCP on 127.0.0.1, for peers of the layers above.
 */
import { connect as connectSocket, createServer } from "node:net";
import Hypercore from "hypercore";

/** Serves `core` over TCP on 127.0.0.1; resolves to the port. */
export async function listen(core) {
  const server = createServer((socket) => attach(socket, false, core));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server.address().port;
}

/** Replicates `core` with whoever listens on `port` of 127.0.0.1. */
export function connect(core, port) {
  attach(connectSocket(port, "127.0.0.1"), true, core);
}

function attach(socket, isInitiator, core) {
  const stream = Hypercore.createProtocolStream(isInitiator);
  core.replicate(stream);
  socket.on("error", (error) => stream.destroy(error));
  stream.on("error", () => socket.destroy());
  stream.pipe(socket).pipe(stream);
}

/** Opens a core in `folder`; keys and key pairs are hexadecimal. */
export async function openCore(folder, { key = null, keyPair = null } = {}) {
  const core = new Hypercore(folder, key ? Buffer.from(key, "hex") : null, {
    keyPair: keyPair
      ? {
        publicKey: Buffer.from(keyPair.publicKey, "hex"),
        secretKey: Buffer.from(keyPair.secretKey, "hex"),
      }
      : undefined,
  });
  await core.ready();
  return core;
}

/** Resolves once peers have told of `length` blocks. */
export async function reachLength(core, length) {
  while (core.length < length) {
    const grown = new Promise((resolve) => core.once("append", resolve));
    await core.update({ wait: true, force: true });
    if (core.length < length) await grown;
  }
}

/** Resolves once `core` has `length` blocks, all of them local. */
export async function fetchAll(core, length) {
  await reachLength(core, length);
  await core.download({ start: 0, end: length }).done();
}

// A folder shared through npm's hyperdrive and hyperswarm, with the arguments and the words of a command:
//   share.mjs seed FOLDER | mirror KEY FOLDER  --storage FOLDER --bootstrap PORT
import Corestore from "corestore";
import HyperDHT from "hyperdht";
import Hyperdrive from "hyperdrive";
import Hyperswarm from "hyperswarm";
import Localdrive from "localdrive";
import { parseArgs } from "node:util";

const { positionals: [command, ...args], values: { storage, bootstrap } } = parseArgs({
  allowPositionals: true,
  options: { storage: { type: "string" }, bootstrap: { type: "string" } },
});
const key = command === "mirror" ? Buffer.from(args[0], "hex") : null;
const drive = new Hyperdrive(new Corestore(storage), key);
await drive.ready();
const swarm = new Hyperswarm({
  dht: new HyperDHT({ bootstrap: [{ host: "127.0.0.1", port: Number(bootstrap) }], host: "127.0.0.1" }),
});
swarm.on("connection", (connection) => drive.corestore.replicate(connection));
const found = drive.findingPeers();
const session = swarm.join(drive.discoveryKey);
swarm.flush().then(found, found);

async function run(mirror) {
  await mirror.done();
  console.log(`Total files: ${mirror.count.files}`);
}

if (command === "seed") {
  console.log(`Drive: ${drive.key.toString("hex")}`);
  await session.flushed();
  console.log("Announced");
  await run(new Localdrive(args[0]).mirror(drive));
  process.once("SIGINT", () => process.exit(0));
} else {
  await drive.update({ wait: true });
  await run(drive.mirror(new Localdrive(args[1])));
  await swarm.destroy();
  await drive.close();
}

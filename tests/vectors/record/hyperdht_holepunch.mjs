// Records what hyperdht makes of payloads of hole punching and of samples of a NAT. Run by Node from any folder:
//
//   node tests/vectors/record/hyperdht_holepunch.mjs
//
// Writes tests/vectors/hyperdht/holepunch.json.
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../interop/peers/package.json", import.meta.url));
const SecurePayload = require("hyperdht/lib/secure-payload");
const Nat = require("hyperdht/lib/nat");
const { version } = require("hyperdht/package.json");

const SECRET = Buffer.alloc(32, 7);

const address = (i) => ({ host: `198.51.100.${i}`, port: 40_000 + i });
const token = (byte) => Buffer.alloc(32, byte);
const nothing = {
  error: 0,
  firewall: 0,
  round: 0,
  connected: false,
  punching: false,
  addresses: null,
  remoteAddress: null,
  token: null,
  remoteToken: null,
};
// A round of 253 or more is cut off there: the codec counts one byte for it.
const payloads = [
  nothing,
  { ...nothing, error: 1, firewall: 3, round: 252 },
  { ...nothing, firewall: 2, round: 1, punching: true, addresses: [address(1), address(2)] },
  { ...nothing, firewall: 1, round: 7, connected: true, remoteAddress: address(3) },
  { ...nothing, firewall: 2, addresses: [], token: token(1), remoteToken: token(2) },
  {
    error: 3,
    firewall: 2,
    round: 4,
    connected: true,
    punching: true,
    addresses: [address(4)],
    remoteAddress: address(5),
    token: token(3),
    remoteToken: token(4),
  },
].map((payload) => ({
  hex: new SecurePayload(SECRET).encrypt(payload).toString("hex"),
  payload: {
    ...payload,
    token: payload.token?.toString("hex") ?? null,
    remoteToken: payload.remoteToken?.toString("hex") ?? null,
  },
}));

/** The same numbers at each run. */
let state = 1;
function random(below) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor(state / 2 ** 32 * below);
}

const nats = [];
for (let i = 0; i < 400; i++) {
  const dht = { firewalled: random(10) > 0, nodes: { length: 0, latest: null } };
  const isFirewalled = dht.firewalled;
  const nat = new Nat(dht, null, null);
  let isAnalyzed = false;
  nat.analyzing.then(() => (isAnalyzed = true));
  const [hostCount, portCount, nodeCount] = [1 + random(3), 1 + random(4), 3 + random(8)];
  const steps = [];
  for (let k = 0; k < 2 + random(8); k++) {
    const seen = { host: `198.51.100.${1 + random(hostCount)}`, port: 1 + random(portCount) };
    const node = random(nodeCount);
    if (random(12) === 0) dht.firewalled = !dht.firewalled;
    nat.add(seen, { host: `203.0.113.${node}`, port: 49737 });
    await null;
    steps.push({
      isFirewalled: dht.firewalled,
      seen: `${seen.host}:${seen.port}`,
      node,
      firewall: nat.firewall,
      addresses: nat.addresses && nat.addresses.map(({ host, port }) => `${host}:${port}`),
      isAnalyzed,
    });
  }
  nats.push({ isFirewalled, steps });
}

const folder = new URL("../hyperdht/", import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(
  new URL("holepunch.json", folder),
  JSON.stringify({
    origin: { package: "hyperdht", version, recorder: "hyperdht_holepunch.mjs" },
    secret: SECRET.toString("hex"),
    payloads,
    nats,
  }) + "\n",
);

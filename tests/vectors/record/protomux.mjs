// Records what two muxers of protomux say to each other, and what their handlers are told. Run by Node from any folder:
//
//   node tests/vectors/record/protomux.mjs
//
// Writes tests/vectors/protomux/scenarios.json.
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { runScenario, SCENARIOS } from "./protomux_scenarios.mjs";

const require = createRequire(new URL("../../interop/peers/package.json", import.meta.url));
const Protomux = require("protomux");
const c = require("compact-encoding");
const { version } = require("protomux/package.json");

const scenarios = [];
for (const scenario of SCENARIOS) scenarios.push(await runScenario(Protomux, c, scenario));

const folder = new URL("../protomux/", import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(
  new URL("scenarios.json", folder),
  JSON.stringify({ origin: { package: "protomux", version, recorder: "protomux.mjs" }, scenarios }, null, 2) + "\n",
);

/**
 * The dialogues recorded from the npm package, spoken by ours: the same frames and the same calls in the same order.
 *
 * @module
 */
import assert from "node:assert/strict";
import c from "../../../src/compact_encoding/mod.ts";
import Protomux from "../../../src/protomux/mod.ts";
import { runScenario, SCENARIOS } from "../../vectors/record/protomux_scenarios.mjs";
import recorded from "../../vectors/protomux/scenarios.json" with { type: "json" };

Deno.test("the recorded scenarios are those of the recorder", () => {
  assert.deepEqual(recorded.scenarios.map(({ name }) => name), SCENARIOS.map(({ name }) => name));
  assert.equal(recorded.origin.package, "protomux");
});

for (const [index, scenario] of SCENARIOS.entries()) {
  Deno.test(`Protomux speaks as the npm package does: ${scenario.name}`, async () => {
    const expected = recorded.scenarios[index]!;
    const actual = await runScenario(Protomux, c, scenario);
    assert.deepEqual(actual.log, expected.log);
    assert.deepEqual(actual.frames, expected.frames);
  });
}

import assert from "node:assert/strict";
import { SpeedMeter } from "../../../src/base/mod.ts";

Deno.test("SpeedMeter.rate() is 0 before anything is counted", () => {
  assert.equal(new SpeedMeter().rate(1000), 0);
});

Deno.test("SpeedMeter.rate() averages a steady flow", () => {
  const meter = new SpeedMeter();
  for (let ms = 0; ms < 5000; ms += 250) meter.add(25, ms);
  assert.equal(meter.rate(4999), 100);
});

Deno.test("SpeedMeter.rate() counts less than a second as one", () => {
  const meter = new SpeedMeter();
  meter.add(400, 10_000);
  assert.equal(meter.rate(10_000), 400);
});

Deno.test("SpeedMeter.rate() forgets what is five seconds past", () => {
  const meter = new SpeedMeter();
  meter.add(1000, 0);
  assert.equal(meter.rate(4999), 200);
  assert.equal(meter.rate(5250), 0);
  assert.equal(meter.rate(1e9), 0);
});

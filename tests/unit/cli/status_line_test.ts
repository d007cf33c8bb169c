import assert from "node:assert/strict";
import { durationText, StatusLine } from "../../../src/cli/status_line.ts";
import { Output, type Terminal } from "../../../src/cli/terminal.ts";
import { VirtualClock } from "../../helpers/virtual_clock.ts";

const CLEAR = "\r\x1b[2K";

/** A terminal that somebody watches, and what it was told, in order. */
function watched(isInteractive = true): { terminal: Terminal; printed: string[] } {
  const printed: string[] = [];
  const terminal: Terminal = {
    out: (text) => void printed.push(text),
    outBytes: () => {},
    err: (text) => void printed.push(text),
    isInteractive,
    columns: 10,
    signal: new AbortController().signal,
  };
  return { terminal, printed };
}

Deno.test("a status line is written when it changes, as long as the terminal is wide", () => {
  const { terminal, printed } = watched();
  const clock = new VirtualClock();
  let text = "one";
  using status = new StatusLine(terminal, true, clock);
  clock.advance(1000);
  assert.deepEqual(printed, []);
  status.show(() => text);
  clock.advance(1000);
  text = "a longer text";
  clock.advance(250);
  assert.deepEqual(printed, [`${CLEAR}one`, `${CLEAR}a longer `]);
  status.show(() => "other");
  clock.advance(250);
  status.end();
  clock.advance(1000);
  assert.deepEqual(printed.slice(2), [`${CLEAR}other`, CLEAR]);
  assert.equal(clock.pendingCount, 0);
});

Deno.test("what is printed comes above the status line", () => {
  const { terminal, printed } = watched();
  const clock = new VirtualClock();
  using status = new StatusLine(terminal, true, clock);
  const output = new Output(terminal, false, () => status.clear());
  status.show(() => "busy");
  output.tell("before", {});
  clock.advance(250);
  output.tell("after", {});
  clock.advance(250);
  assert.deepEqual(printed, ["before\n", `${CLEAR}busy`, CLEAR, "after\n", `${CLEAR}busy`]);
});

Deno.test("a status line is shown to nobody where nobody watches", () => {
  for (const [isInteractive, isEnabled] of [[false, true], [true, false]] as const) {
    const { terminal, printed } = watched(isInteractive);
    const clock = new VirtualClock();
    using status = new StatusLine(terminal, isEnabled, clock);
    status.show(() => "text");
    clock.advance(1000);
    status.end();
    assert.deepEqual([printed, clock.pendingCount], [[], 0]);
  }
});

Deno.test("durationText() tells two units at most", () => {
  assert.deepEqual([3900, 200, 7.2, NaN].map(durationText), [
    "1 h 05 min",
    "3 min 20 s",
    "8 s",
    "unknown time",
  ]);
});

/**
 * A peer that does what it is told: one JSON command per line on standard input, each answered by one line. The test's
 * side is tests/helpers/npm_peer.ts.
 */
import { onCommand, report } from "./report.mjs";

/** Answers commands until the input ends; each is a function of the command's fields. */
export function serveCommands(commands) {
  onCommand(async ({ request, command, ...args }) => {
    try {
      report(`answer ${request}`, { result: await commands[command](args) ?? null });
    } catch (error) {
      report(`answer ${request}`, { error: error.message, code: error.code ?? null });
    }
  });
}

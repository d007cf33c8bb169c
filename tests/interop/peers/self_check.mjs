// Shows that the helper of the tests works: echoes commands, ends with the code it is told.
import { onCommand, report } from "./report.mjs";

report("ready", { args: process.argv.slice(2) });
onCommand(({ echo, exitCode }) => {
  if (echo !== undefined) report("echo", { echo });
  if (exitCode !== undefined) {
    console.error("ending as told");
    process.exitCode = exitCode;
    process.stdin.destroy();
  }
});

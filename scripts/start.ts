/** `npm start`: builds the console where its sources changed, then runs `lockstep demo` until Ctrl-C. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { buildConsole, ROOT, run } from "./run.ts";

const isFirst = !existsSync(join(ROOT, "apps/web/out"));
console.log(
  isFirst
    ? "building the console, which takes a minute the first time …"
    : "checking the console's build …",
);
if (!(await buildConsole())) {
  console.error("the console could not be built (see above); the servers run without it");
}

const launcher = join(ROOT, "apps/cli/bin/lockstep.js");
const args = [launcher, "demo", ...process.argv.slice(2)];
const { status } = await run(process.execPath, args, {
  cwd: process.cwd(),
  ipc: true,
  // Should this script be killed, the demo stops with it.
  env: { LOCKSTEP_ON_ORPHANED: "stop" },
});
process.exitCode = status;

#!/usr/bin/env node
/**
 * The `lockstep` launcher. Plain JavaScript that old Nodes parse: where the running Node is too old for Lockstep's
 * TypeScript sources it runs itself again under the Node that npm installed beside Lockstep, so that the command works
 * from systemd, sudo and node_modules/.bin alike.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const OLDEST_NODE = 24;
const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"];
const here = dirname(fileURLToPath(import.meta.url));

/** The packaged Node's path, looked for in node_modules of this folder and all above; null when there is none. */
function packagedNode() {
  const wanted = join("node_modules", `node-linux-${process.arch}`, "bin", "node");
  for (let folder = here; ; folder = dirname(folder)) {
    const candidate = join(folder, wanted);
    if (existsSync(candidate)) return candidate;
    if (dirname(folder) === folder) return null;
  }
}

/**
 * Runs this file under `node` and ends as that run ends. The IPC channel carries no message: its closing tells the
 * child that its launcher is gone, however that happened.
 */
function runUnder(node) {
  const args = [fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const env = { ...process.env, LOCKSTEP_ON_ORPHANED: "leave" };
  const child = spawn(node, args, { stdio: ["inherit", "inherit", "inherit", "ipc"], env });
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`lockstep: cannot run ${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = signal === null ? code : 128 + (constants.signals[signal] || 0);
  });
}

if (Number.parseInt(process.versions.node, 10) >= OLDEST_NODE) {
  await import("../src/main.ts");
} else {
  const node = packagedNode();
  if (node === null) {
    process.stderr.write(
      `lockstep: needs Node.js ${OLDEST_NODE} or newer, but this is ${process.versions.node} and no packaged one ` +
        "is installed; run `npm ci` in Lockstep's folder.\n",
    );
    process.exitCode = 1;
  } else {
    runUnder(node);
  }
}

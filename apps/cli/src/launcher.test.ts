import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, vi } from "vitest";

vi.setConfig({ testTimeout: 20_000 });

const launcher = fileURLToPath(new URL("../bin/lockstep.js", import.meta.url));

/** Makes a Node that runs the launcher take itself for an old one; what it launches is not told so. */
const OLD_NODE = `--import=data:text/javascript,${encodeURIComponent(
  'Object.defineProperty(process.versions, "node", { value: "18.20.4" })',
)}`;

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  return { status, stdout, stderr };
}

it("an old Node runs the packaged one, with its output and exit status", () => {
  const asked = run(OLD_NODE, launcher, "--version");
  expect(asked).toEqual({ status: 0, stdout: "0.1.0\n", stderr: "" });
  const wrong = run(OLD_NODE, launcher, "no-such-command");
  expect(wrong.status).toBe(2);
  expect(wrong.stderr).toMatch(/^lockstep: unknown command 'no-such-command'\n/);
});

it("an old Node without a packaged one is one clear sentence", () => {
  const folder = mkdtempSync(join(tmpdir(), "lockstep-launcher-"));
  copyFileSync(launcher, join(folder, "lockstep.js"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  const { status, stdout, stderr } = run(OLD_NODE, join(folder, "lockstep.js"), "status");
  rmSync(folder, { recursive: true });
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toMatch(/^lockstep: needs Node.js 24 or newer, but this is 18.20.4 .*\n$/);
});

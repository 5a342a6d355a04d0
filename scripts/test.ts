/**
 * `npm test`: installs what the tests need, builds the console, runs every check and every test, and sums up. The last
 * line is `N passed, N failed, N skipped`; the exit status is 0 only when something passed and nothing failed.
 */
import { runChecks } from "./check.ts";
import { buildConsole } from "./run.ts";
import {
  failedSuite,
  hasBrowserTests,
  runBrowserTests,
  runServerTests,
  runUnitTests,
  type SuiteResult,
  unitWorkspaces,
} from "./suites.ts";
import { ensureSystemPackages } from "./system-packages.ts";

const results: SuiteResult[] = [];

async function suite(name: string, work: () => Promise<SuiteResult>): Promise<void> {
  console.log(`\n── ${name} ${"─".repeat(Math.max(0, 70 - name.length))}`);
  results.push(await work());
}

async function build(): Promise<SuiteResult> {
  const since = performance.now();
  const passed = await buildConsole();
  const count = { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: [] };
  return { ...count, name: "console build", elapsedMs: performance.now() - since };
}

async function check(): Promise<SuiteResult> {
  const since = performance.now();
  const checks = await runChecks();
  const passed = checks.filter((result) => result.passed).length;
  const elapsedMs = performance.now() - since;
  return { name: "check", elapsedMs, passed, failed: checks.length - passed, skipped: [] };
}

function print(): void {
  const width = Math.max(...results.map(({ name }) => name.length));
  const right = (value: number | string) => String(value).padStart(8);
  console.log(
    `\n${"suite".padEnd(width)}${["passed", "failed", "skipped", "time"].map(right).join("")}`,
  );
  for (const { name, passed, failed, skipped, elapsedMs } of results) {
    const time = `${(elapsedMs / 1000).toFixed(1)} s`;
    console.log(name.padEnd(width) + [passed, failed, skipped.length, time].map(right).join(""));
  }
  const skipped = results.flatMap((result) => result.skipped);
  console.log(skipped.length === 0 ? "\nnothing was skipped" : "\nskipped:");
  for (const { name, reason } of skipped) console.log(`  ${name}: ${reason}`);
}

const missing = await ensureSystemPackages();
await suite("console build", build);
await suite("check", check);
for (const workspace of unitWorkspaces()) await suite(workspace, () => runUnitTests(workspace));
if (missing !== null) {
  await suite("e2e", () => {
    console.error(`e2e ${missing}`);
    return Promise.resolve(failedSuite("e2e: not run, programs are missing"));
  });
} else {
  await suite("e2e: real servers", runServerTests);
  if (hasBrowserTests()) await suite("e2e: browser", runBrowserTests);
}

print();
if (missing !== null) console.log(`\nthe end-to-end tests did not run: this machine ${missing}`);
const sum = (of: (result: SuiteResult) => number) =>
  results.reduce((total, result) => total + of(result), 0);
const passed = sum((result) => result.passed);
const failed = sum((result) => result.failed);
console.log(
  `\n${passed} passed, ${failed} failed, ${sum(({ skipped }) => skipped.length)} skipped`,
);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

/** The suites of `npm test` and how each is run and counted: vitest in a workspace, and Playwright in e2e. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COUNT_FILE, type Count } from "./counting-reporter.ts";
import { ROOT, run } from "./run.ts";

export interface SuiteResult extends Count {
  name: string;
  elapsedMs: number;
}

const MINUTE_MS = 60_000;
const UNIT_LIMIT_MS = 4 * MINUTE_MS;
const E2E_LIMIT_MS = 15 * MINUTE_MS;
const BROWSER_LIMIT_MS = 5 * MINUTE_MS;
/** All suites together; what is left of it bounds the next one. */
const TOTAL_LIMIT_MS = 19 * MINUTE_MS;

function bounded(limitMs: number): number {
  return Math.max(1, Math.min(limitMs, TOTAL_LIMIT_MS - performance.now()));
}

/** A suite that could not be run at all is one failure, and says why. */
export function failedSuite(name: string, elapsedMs = 0): SuiteResult {
  return { name, elapsedMs, passed: 0, failed: 1, skipped: [] };
}

/** The workspaces with unit tests, packages first: what others stand on is tested before them. */
export function unitWorkspaces(): string[] {
  const inside = (folder: string) =>
    readdirSync(join(ROOT, folder))
      .sort()
      .map((name) => `${folder}/${name}`);
  const workspaces = [...inside("packages"), ...inside("apps"), "bench", "scripts"];
  return workspaces.filter((workspace) => hasTests(join(ROOT, workspace)));
}

function hasTests(folder: string): boolean {
  return readdirSync(folder, { withFileTypes: true }).some((entry) => {
    if (entry.isDirectory()) {
      return (
        entry.name !== "node_modules" &&
        !entry.name.startsWith(".") &&
        hasTests(join(folder, entry.name))
      );
    }
    return /\.test\.tsx?$/.test(entry.name);
  });
}

export function runUnitTests(workspace: string): Promise<SuiteResult> {
  return runVitest(workspace, workspace, UNIT_LIMIT_MS);
}

export function runServerTests(): Promise<SuiteResult> {
  return runVitest("e2e: real servers", "e2e", E2E_LIMIT_MS);
}

async function runVitest(name: string, workspace: string, limitMs: number): Promise<SuiteResult> {
  const reporter = join(ROOT, "scripts", "counting-reporter.ts");
  const args = ["run", "--reporter=default", `--reporter=${reporter}`];
  return counted(name, async (countFile) => {
    const options = { cwd: join(ROOT, workspace), env: { [COUNT_FILE]: countFile } };
    const outcome = await run("vitest", args, { ...options, limitMs: bounded(limitMs) });
    return { ...outcome, count: readJson<Count>(countFile) };
  });
}

export function hasBrowserTests(): boolean {
  return existsSync(join(ROOT, "e2e", "playwright.config.ts"));
}

export async function runBrowserTests(): Promise<SuiteResult> {
  return counted("e2e: browser", async (countFile) => {
    const env = { PLAYWRIGHT_JSON_OUTPUT_FILE: countFile };
    const outcome = await run("playwright", ["test", "--reporter=list,json"], {
      cwd: join(ROOT, "e2e"),
      env,
      limitMs: bounded(BROWSER_LIMIT_MS),
    });
    const report = readJson<PlaywrightReport>(countFile);
    return { ...outcome, count: report === null ? null : countOf(report) };
  });
}

interface Attempt {
  status: number;
  timedOut: boolean;
  count: Count | null;
}

/** Runs a suite; one that ends badly without a failed test, or without a count, has failed all the same. */
async function counted(
  name: string,
  work: (countFile: string) => Promise<Attempt>,
): Promise<SuiteResult> {
  const folder = mkdtempSync(join(tmpdir(), "lockstep-count-"));
  const since = performance.now();
  try {
    const { status, timedOut, count } = await work(join(folder, "count.json"));
    const elapsedMs = performance.now() - since;
    if (timedOut) console.error(`${name}: not done after ${Math.round(elapsedMs / 1000)} s, ended`);
    if (count === null) return failedSuite(name, elapsedMs);
    const failed = status !== 0 && count.failed === 0 ? 1 : count.failed;
    return { ...count, name, elapsedMs, failed };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readJson<T>(path: string): T | null {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : null;
}

/** The parts of Playwright's JSON report that are counted. */
interface PlaywrightReport {
  suites: PlaywrightSuite[];
  errors: unknown[];
}
interface PlaywrightSuite {
  suites?: PlaywrightSuite[];
  specs: {
    title: string;
    tests: {
      status: "skipped" | "expected" | "unexpected" | "flaky";
      annotations: { type: string; description?: string }[];
    }[];
  }[];
}

function countOf(report: PlaywrightReport): Count {
  const count: Count = { passed: 0, failed: report.errors.length, skipped: [] };
  const add = (suite: PlaywrightSuite) => {
    suite.suites?.forEach(add);
    for (const { title, tests } of suite.specs) {
      for (const { status, annotations } of tests) {
        if (status === "expected") count.passed++;
        else if (status !== "skipped") count.failed++;
        else {
          const note = annotations.find(({ type }) => type === "skip")?.description;
          count.skipped.push({ name: title, reason: note ?? "no reason given" });
        }
      }
    }
  };
  report.suites.forEach(add);
  return count;
}

/**
 * A vitest reporter that writes what `npm test` sums up: how many tests passed and failed, and which were skipped, with
 * the reason they gave. What failed outside any test (a file that does not load, a stray rejection) counts as a failure.
 */
import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

export interface Count {
  passed: number;
  failed: number;
  skipped: { name: string; reason: string }[];
}

/** The environment variable that says where the count goes. */
export const COUNT_FILE = "LOCKSTEP_COUNT_FILE";

export default class CountingReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count: Count = { passed: 0, failed: unhandledErrors.length, skipped: [] };
    for (const module of modules) {
      const isBroken = module.errors().length > 0;
      if (isBroken) count.failed++;
      for (const suite of module.children.allSuites()) {
        if (suite.errors().length > 0) count.failed++;
      }
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === "passed") count.passed++;
        else if (result.state === "failed") count.failed++;
        else count.skipped.push({ name: test.fullName, reason: reasonOf(result, isBroken) });
      }
    }
    const path = process.env[COUNT_FILE];
    if (path !== undefined) writeFileSync(path, JSON.stringify(count));
  }
}

function reasonOf(result: { state: string; note?: string | undefined }, isBroken: boolean): string {
  if (isBroken || result.state === "pending") return "did not run, because its file failed";
  return result.note ?? "no reason given";
}

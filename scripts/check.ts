/** `npm run check`: everything that can be told without running the program. All checks run, also after one failed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT, run } from "./run.ts";

interface Check {
  name: string;
  command: string;
  args: string[];
}

const script = (name: string): Check => ({
  name,
  command: process.execPath,
  args: [join(ROOT, "scripts", `${name}.ts`)],
});

const CHECKS: readonly Check[] = [
  { name: "format and lint (biome)", command: "biome", args: ["check", "."] },
  { name: "lint (oxlint)", command: "oxlint", args: ["."] },
  { name: "types", command: "tsc", args: ["--noEmit", "-p", "tsconfig.json"] },
  { name: "types of the console", command: "tsc", args: ["--noEmit", "-p", "apps/web"] },
  { name: "unused code and dependencies (knip)", command: "knip", args: ["--no-progress"] },
  script("layers"),
  script("tidy"),
];

export interface CheckResult {
  name: string;
  passed: boolean;
}

export async function runChecks(): Promise<CheckResult[]> {
  await describeConsoleTypes();
  const results: CheckResult[] = [];
  for (const { name, command, args } of CHECKS) {
    const { status, output } = await run(command, args, { output: "keep" });
    const passed = status === 0;
    console.log(`${passed ? "ok  " : "FAIL"}  ${name}`);
    if (!passed) console.log(output.trimEnd());
    results.push({ name, passed });
  }
  return results;
}

/** Next.js writes the types of its own files (images, styles, routes); a build does so too. */
async function describeConsoleTypes(): Promise<void> {
  if (existsSync(join(ROOT, "apps/web/next-env.d.ts"))) return;
  await run("next", ["typegen", "apps/web"], { output: "keep" });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const results = await runChecks();
  process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
}

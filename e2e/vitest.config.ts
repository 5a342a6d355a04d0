/** Real processes on few cores: one test file after another, each test with bounds of its own. */
import { readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

/** Files that are written and do not hold yet, each with why; the summary of `npm test` names them. */
const pending = JSON.parse(
  readFileSync(new URL("./pending.json", import.meta.url), "utf8"),
) as readonly { file: string }[];
const all = process.env.LOCKSTEP_E2E_ALL === "1";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    exclude: all ? [] : pending.map(({ file }) => file),
    globalSetup: ["src/global-setup.ts"],
    fileParallelism: false,
    maxWorkers: 1,
    sequence: { concurrent: false },
    testTimeout: 120_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
  },
});

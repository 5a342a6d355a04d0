/** The console in the system's Chromium against real servers: one test after another, each bounded, none tried again. */
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "browser",
  testMatch: "*.test.ts",
  globalSetup: "./browser/global-setup.ts",
  forbidOnly: true,
  workers: 1,
  retries: 0,
  timeout: 90_000,
  globalTimeout: 280_000,
  expect: { timeout: 15_000 },
  reporter: "list",
  use: {
    viewport: { width: 1440, height: 900 },
    actionTimeout: 15_000,
    navigationTimeout: 15_000,
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      chromiumSandbox: false,
    },
  },
});

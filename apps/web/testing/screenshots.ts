/**
 * Takes pictures of every page in both themes at two widths, to be looked at by people.
 *
 *     node apps/web/testing/screenshots.ts URL FOLDER [PAGE…]
 */
import { mkdirSync } from "node:fs";
import { chromium } from "@playwright/test";

const [url = "http://127.0.0.1:23200", folder = "screenshots", ...only] = process.argv.slice(2);
const pages: Record<string, string> = {
  overview: "/",
  luns: "/luns",
  lun: "/lun?name=db",
  outages: "/outages",
  events: "/events",
  link: "/link",
  system: "/system",
};
const SETTLE_MS = Number(process.env.SETTLE_MS ?? 2500);

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
for (const theme of ["light", "dark"] as const) {
  for (const [width, height] of [
    [1440, 900],
    [390, 844],
  ] as const) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme });
    const page = await context.newPage();
    const problems: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(String(error)));
    await page.goto(`${url}/sign-in`);
    if (only.length === 0 || only.includes("sign-in")) {
      await page.screenshot({ path: `${folder}/sign-in-${theme}-${width}.png` });
    }
    await page.getByLabel("User name").fill("admin");
    await page.getByLabel("Password").fill(process.env.PASSWORD ?? "anything");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(`${url}/`);
    for (const [name, path] of Object.entries(pages)) {
      if (only.length > 0 && !only.includes(name)) continue;
      await page.goto(`${url}${path}`);
      await page.waitForSelector("h1");
      await page.waitForTimeout(SETTLE_MS);
      await page.screenshot({ path: `${folder}/${name}-${theme}-${width}.png`, fullPage: true });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) problems.push(`${name}: ${wide} px wide at ${width}`);
    }
    for (const problem of problems) process.stdout.write(`${theme} ${width}: ${problem}\n`);
    await context.close();
  }
}
await browser.close();

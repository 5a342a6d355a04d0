/**
 * Makes the README's pictures from two real servers under load: the overview, and an outage that healed while hosts
 * wrote. The console must be built.
 *
 *     node e2e/browser/pictures.ts [FOLDER]
 */
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Browser, chromium, type Page } from "@playwright/test";
import { startHost } from "../src/host.ts";
import { DEFAULT_TIMES, Pair } from "../src/pair.ts";
import { claimRun } from "../src/processes.ts";
import { Stage } from "../src/stage.ts";
import type { Writer } from "../src/writer.ts";
import { consoleUrl, open, signIn } from "./signed-in.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
const folder = process.argv[2] ?? join(REPOSITORY, "docs", "pictures");
const MOST_BYTES = 300_000;
/** So long a strip of heartbeats is shown. */
const STRIP_MS = 21_000;
const OUTAGE_MS = 20_000;
const HEAL_TIMEOUT_S = 60;

/** LUNs in both directions, in both modes, with hosts on them, and one that is not mirrored. */
async function setScene(stage: Stage, pair: Pair): Promise<Writer[]> {
  const { alpha, beta } = pair;
  const ledger = await pair.createMirroredLun("ledger", "1GiB", "sync");
  const media = await pair.createMirroredLun("media", "512MiB", "async");
  const mail = await pair.createMirroredLun("mail", "512MiB", "async", beta);
  await alpha.cli("lun", "create", "scratch", "--size", "64GiB");
  return [
    await startHost(stage, alpha, ledger, { depth: 8, writesPerSecond: 400 }),
    await startHost(stage, alpha, media, { depth: 4, writesPerSecond: 40, blockBytes: 65_536 }),
    await startHost(stage, beta, mail, { depth: 4, writesPerSecond: 100 }),
  ];
}

async function openConsole(browser: Browser, pair: Pair, colorScheme: "light" | "dark") {
  const viewport = { width: 1440, height: 940 };
  const context = await browser.newContext({ viewport, colorScheme, timezoneId: "UTC" });
  const page = await context.newPage();
  await signIn(page, pair.alpha);
  return page;
}

async function picture(page: Page, name: string): Promise<void> {
  const path = join(folder, name);
  await page.screenshot({ path, animations: "disabled" });
  const { size } = statSync(path);
  if (size > MOST_BYTES) throw new Error(`${path} has ${size} bytes, more than ${MOST_BYTES}`);
  console.log(`${path}: ${size} bytes`);
}

async function rehearseOutage({ alpha, beta }: Pair): Promise<void> {
  await beta.signalAll("SIGSTOP");
  await alpha.waitLun("ledger", "queueing", 10);
  await delay(OUTAGE_MS);
  await beta.signalAll("SIGCONT");
  for (const lun of ["ledger", "media"]) await alpha.waitLun(lun, "mirrored", HEAL_TIMEOUT_S);
}

async function makePictures(stage: Stage, browser: Browser): Promise<void> {
  const pair = await Pair.start(stage, { times: DEFAULT_TIMES });
  await pair.alpha.waitForBackend();
  const hosts = await setScene(stage, pair);
  const light = await openConsole(browser, pair, "light");
  await delay(STRIP_MS);
  await picture(light, "console.png");
  await light.context().close();

  await rehearseOutage(pair);
  const dark = await openConsole(browser, pair, "dark");
  await open(dark, "Outages");
  await dark.goto(consoleUrl(pair.alpha, `/outages?id=${(await outageOf(pair, "ledger")).id}`));
  await dark.getByRole("button", { name: "Fit the open one" }).click();
  await dark.getByText("Sent to heal").waitFor();
  await picture(dark, "outage.png");
  await Promise.all(hosts.map((host) => host.stop()));
}

async function outageOf(pair: Pair, lun: string) {
  const outage = (await pair.alpha.outages()).find((each) => each.lun === lun);
  if (outage === undefined) throw new Error(`${lun} had no outage`);
  return outage;
}

claimRun();
mkdirSync(folder, { recursive: true });
const stage = await Stage.open();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  chromiumSandbox: false,
});
try {
  await makePictures(stage, browser);
} finally {
  await browser.close();
  await stage.close();
}

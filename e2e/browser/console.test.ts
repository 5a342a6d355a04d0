/**
 * Issue test 9: an operator at the console of one of two real servers, with its real backend and database, while a
 * real initiator writes. Pages stay open through what happens: nothing is loaded anew.
 */
import { expect, type Page, test } from "@playwright/test";
import { within } from "../src/eventually.ts";
import { moreAnswers, startHost } from "../src/host.ts";
import { qemuIo } from "../src/initiators.ts";
import { onlyOutage } from "../src/outage-checks.ts";
import { DEFAULT_TIMES, Pair } from "../src/pair.ts";
import { ADMIN_PASSWORD } from "../src/server.ts";
import { Stage } from "../src/stage.ts";
import type { Writer } from "../src/writer.ts";
import { consoleUrl, countLoads, enterPassword, open, recordStates, signIn } from "./signed-in.ts";

const START_TIMEOUT_MS = 120_000;
const RESTART_TIMEOUT_MS = 45_000;
const HEAL_TIMEOUT_MS = 45_000;
const LIVE_WITHIN_MS = 1_000;
/** What a full copy has to move, so that it lasts long enough to be seen. */
const FILLED = "128M";
/** Two servers, two databases, a host and a browser share the machine. */
const LOAD = { depth: 8, writesPerSecond: 200 };

let stage: Stage;
let pair: Pair;

test.beforeAll(async () => {
  test.setTimeout(START_TIMEOUT_MS);
  stage = await Stage.open();
  pair = await Pair.start(stage, { times: DEFAULT_TIMES });
  await Promise.all([pair.alpha.waitForBackend(), pair.beta.waitForBackend()]);
});

test.afterEach(() => {
  const { status, expectedStatus, title } = test.info();
  if (status !== expectedStatus) console.error(`${title} failed\n${stage.report()}`);
});

test.afterAll(() => stage.close());

const lunState = (page: Page, name: string) => page.getByTestId(`lun-state-${name}`);
const onTimeline = (page: Page, lun: string) =>
  page
    .getByRole("group", { name: /^Outages over time/ })
    .getByRole("button", { name: new RegExp(`^${lun}: `) });
const staleBanner = (page: Page) => page.getByTestId("stale-banner");

/** A mirrored LUN at alpha with a host that writes. */
async function loadedLun(name: string): Promise<Writer> {
  const lun = await pair.createMirroredLun(name, "64MiB", "sync");
  const host = await startHost(stage, pair.alpha, lun, LOAD);
  await moreAnswers(host, 200);
  return host;
}

async function hostNoticedNothing(name: string, host: Writer): Promise<void> {
  await within("the host's last answers", 10_000, host.stop());
  await pair.alpha.waitLun(name, "mirrored", 30);
  host.assertNoErrors();
  expect(await pair.firstDifference(name)).toBeNull();
  const { alpha, beta } = await pair.images(name);
  for (const image of [alpha, beta]) expect(await host.wrongBlocks(image)).toEqual([]);
}

test("[C3] nobody gets in without the password, and with it one gets where one wanted", async ({
  page,
}) => {
  await page.goto(consoleUrl(pair.alpha, "/luns"));
  await enterPassword(page, "wrong horse battery staple");
  await expect(page.getByRole("alert").filter({ hasText: /password/i })).toBeVisible();
  await expect(page.getByTestId("live-mark")).toHaveCount(0);
  await enterPassword(page, ADMIN_PASSWORD);
  await expect(page.getByRole("heading", { level: 1, name: "LUNs" })).toBeVisible();
  await expect(page.getByTestId("live-mark")).toHaveText("Live");
});

test("[C1] a LUN is created, mirrored, switched between modes and unmirrored while a host writes", async ({
  page,
}) => {
  await signIn(page, pair.alpha);
  const loads = countLoads(page);
  await open(page, "LUNs");
  await page.getByRole("button", { name: "Create a LUN" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("vault");
  await dialog.getByLabel("Size", { exact: true }).fill("256");
  await dialog.getByLabel("Unit of size").selectOption("MiB");
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await expect(lunState(page, "vault")).toHaveAttribute("data-state", "unmirrored");
  await expect(page.getByTestId("lun-row-vault")).toContainText("256 MiB");

  const lun = await pair.alpha.lun("vault");
  await qemuIo(pair.alpha, lun, [`write -P 0x5a 0 ${FILLED}`]);
  const host = await startHost(stage, pair.alpha, lun, LOAD);
  const states = await recordStates(page, "lun-state-vault");
  const mirror = page.getByTestId("lun-mirror-vault");
  await mirror.click();
  await expect(lunState(page, "vault")).toHaveAttribute("data-state", "mirrored");
  await expect(mirror).toBeChecked();
  expect(await states()).toEqual(["unmirrored", "initializing", "mirrored"]);

  const mode = page.getByTestId("lun-mode-vault");
  for (const chosen of ["async", "sync"] as const) {
    await mode.getByText(chosen, { exact: true }).click();
    await expect(mode).toHaveAttribute("data-value", chosen);
    expect((await pair.alpha.lun("vault")).mode).toBe(chosen);
    await moreAnswers(host, 50);
  }
  await pair.alpha.cli("lun", "mode", "vault", "async");
  await expect(mode).toHaveAttribute("data-value", "async", { timeout: LIVE_WITHIN_MS });

  await mirror.click();
  await page.getByRole("dialog").getByRole("button", { name: "Stop mirroring" }).click();
  await expect(lunState(page, "vault")).toHaveAttribute("data-state", "unmirrored");
  expect((await pair.alpha.lun("vault")).designated).toBe(false);
  await mirror.click();
  await expect(lunState(page, "vault")).toHaveAttribute("data-state", "mirrored");
  await hostNoticedNothing("vault", host);

  await open(page, "Events");
  const created = page.locator('[data-kind="lun-created"]').filter({ hasText: "vault" });
  await expect(created).toContainText("admin");
  expect(loads()).toBe(0);
});

test("[R7] both consoles agree on a mirrored LUN, and only the primary's has its controls", async ({
  page,
}) => {
  await pair.createMirroredLun("shared", "16MiB", "sync");
  for (const server of [pair.alpha, pair.beta]) {
    await page.context().clearCookies();
    await signIn(page, server);
    await open(page, "LUNs");
    await expect(lunState(page, "shared")).toHaveAttribute("data-state", "mirrored");
    const mirror = page.getByTestId("lun-mirror-shared");
    await expect(mirror).toBeChecked();
    if (server === pair.alpha) await expect(mirror).toBeEnabled();
    else await expect(mirror).toBeDisabled();
  }
});

test("[H1] both heartbeat signals are drawn live, and are true within a second", async ({
  page,
}) => {
  await signIn(page, pair.alpha);
  const loads = countLoads(page);
  for (const direction of ["out", "in"] as const) {
    const strip = page.getByTestId(`heartbeat-${direction}`);
    const count = async () => Number(await strip.getAttribute("data-count"));
    const drawing = () => strip.locator("canvas").screenshot();
    const [before, drawnBefore] = [await count(), await drawing()];
    await expect.poll(count).toBeGreaterThan(before + 3);
    expect(drawnBefore.equals(await drawing())).toBe(false);
    const { heartbeat } = await pair.alpha.link();
    const counted = direction === "out" ? heartbeat.sent : heartbeat.received;
    await expect
      .poll(count, { timeout: LIVE_WITHIN_MS, intervals: [50] })
      .toBeGreaterThanOrEqual(counted);
  }
  await expect(page.getByTestId("link-state")).toHaveAttribute("data-state", "up");
  expect(loads()).toBe(0);
});

test("[O7] an outage appears on the timeline and heals there while a host writes", async ({
  page,
}) => {
  const host = await loadedLun("ledger");
  await signIn(page, pair.alpha);
  const loads = countLoads(page);
  const linkStates = await recordStates(page, "link-state");
  const heard = async () =>
    Number(await page.getByTestId("heartbeat-in").getAttribute("data-count"));

  await pair.beta.signalAll("SIGSTOP");
  await expect(page.getByTestId("link-state")).toHaveAttribute("data-state", "interrupted");
  const heardLast = await heard();
  await open(page, "Outages");
  const { id } = onlyOutage(await pair.alpha.outages(), "ledger");
  const outage = page.getByTestId(`outage-${id}`);
  await expect(outage).toHaveAttribute("data-healed", "false");
  await onTimeline(page, "ledger").click();
  await expect(outage.getByRole("row", { name: /Queueing/ })).toContainText("goes on");
  await expect(outage.getByRole("row", { name: /Silence/ })).toBeVisible();
  await moreAnswers(host, 200);
  await page.getByRole("link", { name: "Overview" }).click();
  expect(await heard()).toBe(heardLast);

  await pair.beta.signalAll("SIGCONT");
  await expect(page.getByTestId("probation")).toBeVisible();
  await open(page, "Outages");
  await expect(outage).toHaveAttribute("data-healed", "true", { timeout: HEAL_TIMEOUT_MS });
  await expect(outage).toContainText("Healed");
  await onTimeline(page, "ledger").click();
  for (const phase of [/Silence/, /Queueing/, /Probation/, /Replay/]) {
    await expect(outage.getByRole("row", { name: phase }).last()).not.toContainText("goes on");
  }
  await page.getByRole("link", { name: "Overview" }).click();
  await expect(page.getByTestId("link-state")).toHaveAttribute("data-state", "up");
  const lasting = (await linkStates()).filter((state) => state !== "connecting");
  expect(lasting).toEqual(["up", "interrupted", "probation", "up"]);
  expect(loads()).toBe(0);
  await hostNoticedNothing("ledger", host);
});

test("[C4] a killed backend: the page says that its figures are old until there is another", async ({
  page,
}) => {
  const host = await loadedLun("archive");
  await signIn(page, pair.alpha);
  const loads = countLoads(page);
  await open(page, "LUNs");
  await pair.alpha.kill("backend", "SIGKILL");
  await expect(staleBanner(page)).toBeVisible();
  await expect(page.getByTestId("live-mark")).toHaveText("Not live");
  await expect(page.getByRole("button", { name: "Create a LUN" })).toBeDisabled();
  await moreAnswers(host, 100);
  await expect(staleBanner(page)).toBeHidden({ timeout: RESTART_TIMEOUT_MS });
  await expect(page.getByTestId("live-mark")).toHaveText("Live");
  await expect(lunState(page, "archive")).toHaveAttribute("data-state", "mirrored");
  expect(loads()).toBe(0);
  await hostNoticedNothing("archive", host);
});

test("[C4] a backend that hangs is noticed though no connection breaks", async ({ page }) => {
  await signIn(page, pair.alpha);
  await pair.alpha.kill("backend", "SIGSTOP");
  try {
    await expect(staleBanner(page)).toBeVisible();
  } finally {
    await pair.alpha.kill("backend", "SIGCONT");
  }
  await expect(staleBanner(page)).toBeHidden();
  await expect(page.getByTestId("live-mark")).toHaveText("Live");
});

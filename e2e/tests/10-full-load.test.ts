/**
 * Issue test 10: a minute of full CPU load on all cores, with the default times, makes no false
 * interruption.
 */
import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { stageForEachTest } from "../src/each-test.ts";
import { within } from "../src/eventually.ts";
import { expectNothingLost, moreAnswers, startHost } from "../src/host.ts";
import { DEFAULT_TIMES, Pair } from "../src/pair.ts";
import { NODE } from "../src/processes.ts";

/** The minute is the claim; it is not waiting for anything. */
const LOAD_MS = 60_000;
const stage = stageForEachTest();

it("[H5] a minute of full CPU load is no interruption", { timeout: LOAD_MS + 90_000 }, async () => {
  const pair = await Pair.start(stage(), { times: DEFAULT_TIMES });
  const lun = await pair.createMirroredLun("disk", "64MiB", "sync");
  const images = await pair.images("disk");
  const host = await startHost(stage(), pair.alpha, lun, { writesPerSecond: 200 });
  await moreAnswers(host, 200);
  const before = await Promise.all([pair.alpha.link(), pair.beta.link()]);
  for (let core = 0; core < availableParallelism(); core++) {
    stage().background(`load ${core}`, [NODE, "-e", "for (;;) {}"]);
  }
  await delay(LOAD_MS);
  const after = await Promise.all([pair.alpha.link(), pair.beta.link()]);
  for (const [i, link] of after.entries()) {
    expect(link.state).toBe("up");
    expect(link.outageNumber).toBe(before[i]?.outageNumber);
    expect(link.heartbeat.received).toBeGreaterThan(before[i]?.heartbeat.received ?? 0);
  }
  expect([...(await pair.alpha.outages()), ...(await pair.beta.outages())]).toEqual([]);
  await moreAnswers(host, 100);
  await within("the host's last answers", 30_000, host.stop());
  expect(await pair.firstDifference("disk")).toBeNull();
  await expectNothingLost(host, [images.alpha, images.beta]);
});

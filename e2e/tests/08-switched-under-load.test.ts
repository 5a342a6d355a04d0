/**
 * Issue test 8 and L1: mode, designation and the number of connections change while hosts write.
 */
import { expect, it } from "vitest";
import { stageForEachTest } from "../src/each-test.ts";
import { eventually, within } from "../src/eventually.ts";
import {
  expectNothingLost,
  LOCAL_WRITE_ALLOWANCE_MS,
  moreAnswers,
  startHost,
} from "../src/host.ts";
import { Pair } from "../src/pair.ts";
import type { StorageServer } from "../src/server.ts";

const BETWEEN = 300;
const stage = stageForEachTest();

it("[C1] mode and designation are switched back and forth under load", async () => {
  const pair = await Pair.start(stage());
  const { alpha } = pair;
  const lun = await pair.createMirroredLun("disk", "32MiB", "sync");
  const images = await pair.images("disk");
  const host = await startHost(stage(), alpha, lun);
  for (const mode of ["async", "sync", "async", "sync"] as const) {
    await alpha.cli("lun", "mode", "disk", mode);
    await eventually(`mode ${mode}`, 10_000, async () => (await alpha.lun("disk")).mode === mode);
    await moreAnswers(host, BETWEEN);
    await alpha.waitLun("disk", "mirrored", 30);
  }
  for (let round = 0; round < 3; round++) {
    await alpha.cli("lun", "mirror", "disk", "off");
    await alpha.waitLun("disk", "unmirrored", 30);
    await moreAnswers(host, BETWEEN);
    await alpha.cli("lun", "mode", "disk", round % 2 === 0 ? "async" : "sync");
    await alpha.cli("lun", "mirror", "disk", "on");
    await moreAnswers(host, BETWEEN);
    await alpha.waitLun("disk", "mirrored", 60);
  }
  await alpha.cli("lun", "mode", "disk", "sync");
  await alpha.cli("lun", "mirror", "disk", "off");
  await alpha.cli("lun", "mirror", "disk", "on");
  await alpha.waitLun("disk", "mirrored", 60);
  await moreAnswers(host, BETWEEN);
  await within("the host's last answers", 10_000, host.stop());
  expect(await pair.firstDifference("disk")).toBeNull();
  await expectNothingLost(host, [images.alpha, images.beta]);
  expect((await alpha.outages()).filter(({ cause }) => cause !== "operator")).toEqual([]);
});

it("[L1] the number of connections is raised and lowered under load", async () => {
  const pair = await Pair.start(stage());
  const { alpha, beta } = pair;
  const lun = await pair.createMirroredLun("disk", "32MiB", "sync");
  const images = await pair.images("disk");
  const host = await startHost(stage(), alpha, lun);
  for (const count of [4, 1, 3, 2]) {
    await alpha.cli("link", "set", "--connections", String(count));
    await eventually(`${count} connections in each direction on both servers`, 20_000, async () => {
      const links = await Promise.all([alpha.link(), beta.link()]);
      return links.every(({ state, connections, incoming }) => {
        const elements = [...connections, ...incoming];
        return (
          state === "up" &&
          elements.length === 2 * count &&
          elements.every(({ connected }) => connected)
        );
      });
    });
    await alpha.waitLun("disk", "mirrored", 30);
    await moreAnswers(host, BETWEEN);
  }
  await within("the host's last answers", 10_000, host.stop());
  expect(await pair.firstDifference("disk")).toBeNull();
  await expectNothingLost(host, [images.alpha, images.beta]);
  expect(host.longestWaitMs).toBeLessThanOrEqual(pair.detectionMs + LOCAL_WRITE_ALLOWANCE_MS);
});

it("[O8] a pause by the operator queues, and resuming replays", async () => {
  const pair = await Pair.start(stage());
  const { alpha } = pair;
  const lun = await pair.createMirroredLun("disk", "32MiB", "sync");
  const images = await pair.images("disk");
  const host = await startHost(stage(), alpha, lun);
  await moreAnswers(host, BETWEEN);
  await alpha.cli("lun", "pause", "disk");
  await alpha.waitLun("disk", "paused", 10);
  await moreAnswers(host, BETWEEN);
  expect((await alpha.lun("disk")).journal.requests).toBeGreaterThan(0);
  await alpha.cli("lun", "resume", "disk");
  await alpha.waitLun("disk", "mirrored", 30);
  await within("the host's last answers", 10_000, host.stop());
  expect(await pair.firstDifference("disk")).toBeNull();
  await expectNothingLost(host, [images.alpha, images.beta]);
  expect((await alpha.outages()).map(({ cause }) => cause)).toEqual(["operator"]);
});

it("[O8] a drill follows the path of an outage and says it was one", async () => {
  const pair = await Pair.start(stage());
  const { alpha, beta } = pair;
  const lun = await pair.createMirroredLun("disk", "32MiB", "sync");
  const host = await startHost(stage(), alpha, lun);
  await moreAnswers(host, BETWEEN);
  await beta.cli("drill", "start", "--seconds", "2");
  await alpha.waitLun("disk", "queueing", 10);
  await alpha.waitLun("disk", "mirrored", 30);
  await within("the host's last answers", 10_000, host.stop());
  host.assertNoErrors();
  expect(await pair.firstDifference("disk")).toBeNull();
  expect((await alpha.outages()).map(({ cause }) => cause)).toEqual(["drill"]);
});

/** Bytes that a server has sent on all its connections. */
async function mirroredBytes(server: StorageServer): Promise<number> {
  const { connections } = await server.link();
  return connections.reduce((sum, { bytes }) => sum + bytes, 0);
}

it("[R5] a copy that was deleted at the mirror begins anew, as another file", async () => {
  const pair = await Pair.start(stage());
  const { alpha, beta } = pair;
  const lun = await pair.createMirroredLun("disk", "32MiB", "sync");
  const host = await startHost(stage(), alpha, lun);
  await moreAnswers(host, BETWEEN);
  await alpha.cli("lun", "mirror", "disk", "off");
  await alpha.waitLun("disk", "unmirrored", 10);
  await beta.cli("lun", "delete", "disk", "--yes");
  const sent = await mirroredBytes(alpha);
  await moreAnswers(host, BETWEEN);
  expect(await mirroredBytes(alpha), "a LUN that is not designated sends nothing").toBe(sent);
  await alpha.cli("lun", "mirror", "disk", "on");
  await alpha.waitLun("disk", "mirrored", 30);
  const images = await pair.images("disk");
  await moreAnswers(host, BETWEEN);
  await within("the host's last answers", 10_000, host.stop());
  expect(await pair.firstDifference("disk")).toBeNull();
  await expectNothingLost(host, [images.alpha, images.beta]);
});

it("[R5] what its primary gave up during an outage is told when the link is back", async () => {
  const pair = await Pair.start(stage());
  const { alpha, beta } = pair;
  await pair.createMirroredLun("kept", "16MiB", "sync");
  await pair.createMirroredLun("given-up", "16MiB", "sync");
  await pair.createMirroredLun("deleted", "16MiB", "sync");
  await beta.signalAll("SIGSTOP");
  await alpha.waitLink("interrupted", 10);
  await alpha.cli("lun", "mirror", "given-up", "off");
  await alpha.cli("lun", "mirror", "deleted", "off");
  await alpha.cli("lun", "delete", "deleted", "--yes");
  await beta.signalAll("SIGCONT");
  await pair.waitUp();
  await alpha.waitLun("kept", "mirrored", 30);
  await beta.waitLun("kept", "mirrored", 30);
  await beta.waitLun("given-up", "unmirrored", 10);
  await beta.waitLun("deleted", "unmirrored", 10);
  await beta.cli("lun", "delete", "given-up", "--yes");
  await beta.cli("lun", "delete", "deleted", "--yes");
});

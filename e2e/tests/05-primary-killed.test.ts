/**
 * Issue test 5: the primary is killed with SIGKILL during an outage with 200 MB in its journal.
 * Started again, it heals the mirror by replay, not by a copy; the host's initiator reconnects and
 * goes on.
 */
import { expect, it } from "vitest";
import { stageForEachTest } from "../src/each-test.ts";
import { eventually, within } from "../src/eventually.ts";
import { expectNothingLost, startHost } from "../src/host.ts";
import { Pair } from "../src/pair.ts";

const JOURNAL_BYTES = 200e6;
const BLOCK_BYTES = 65_536;
const FILL_TIMEOUT_MS = 60_000;
const HEAL_TIMEOUT_S = 90;
/** Frame headers, and what was in flight when the outage began. */
const SENT_ABOUT = { least: 0.9, most: 1.15 };
const stage = stageForEachTest();

it("[O3] 200 MB in the journal survive SIGKILL of the primary and heal by replay", async () => {
  const pair = await Pair.start(stage());
  const { alpha, beta } = pair;
  const lun = await pair.createMirroredLun("disk", "256MiB", "sync");
  await alpha.cli("lun", "set", "disk", "--journal-limit", "1GiB");
  const images = await pair.images("disk");
  const host = await startHost(stage(), alpha, lun, {
    blockBytes: BLOCK_BYTES,
    writesPerSecond: 3_000,
  });
  await beta.signalAll("SIGSTOP");
  await alpha.waitLun("disk", "queueing", 10);
  await eventually("200 MB in the journal", FILL_TIMEOUT_MS, async () => {
    host.assertNoErrors();
    return (await alpha.lun("disk")).journal.bytes >= JOURNAL_BYTES;
  });

  await alpha.killAll();
  await alpha.launch();
  await within("the host's unanswered writes", 60_000, host.stop());
  const recovered = await alpha.lun("disk");
  expect(recovered.state).toBe("queueing");
  expect(recovered.journal.bytes).toBeGreaterThanOrEqual(JOURNAL_BYTES);
  await expectNothingLost(host, [images.alpha]);

  await beta.signalAll("SIGCONT");
  await alpha.waitLun("disk", "mirrored", HEAL_TIMEOUT_S);
  expect(await pair.firstDifference("disk")).toBeNull();
  await expectNothingLost(host, [images.alpha, images.beta]);
  const outages = (await alpha.outages()).filter((outage) => outage.lun === "disk");
  const sent = outages.reduce((sum, outage) => sum + outage.healBytes, 0);
  expect(sent / recovered.journal.bytes).toBeGreaterThanOrEqual(SENT_ABOUT.least);
  expect(sent / recovered.journal.bytes).toBeLessThanOrEqual(SENT_ABOUT.most);
  const phases = outages.flatMap((outage) => outage.phases.map(({ kind }) => kind));
  expect(phases).toContain("replay");
  expect(phases).not.toContain("resync");
});

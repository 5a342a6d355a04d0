/**
 * Issue test 4: an interruption of the heartbeats during probation, in either direction, starts the
 * probation anew.
 */
import type { LinkSettings } from "@lockstep/model";
import { expect, it } from "vitest";
import { stageForEachTest } from "../src/each-test.ts";
import { expectNothingLost, moreAnswers, startHost } from "../src/host.ts";
import { type Namespace, Network } from "../src/network.ts";
import { expectHealedByReplay, ms, onlyOutage } from "../src/outage-checks.ts";
import { DEFAULT_TIMES, Pair, SHORT_TIMES } from "../src/pair.ts";
import type { Stage } from "../src/stage.ts";

/** Long enough to be interrupted in the middle. */
const PROBATION_MS = 2_000;
const HEAL_TIMEOUT_S = 60;
const stage = stageForEachTest();

async function play(
  on: Stage,
  times: LinkSettings,
  deaf: (network: Network) => Namespace,
): Promise<void> {
  const network = await Network.make(on);
  const pair = await Pair.start(on, { network, times });
  const lun = await pair.createMirroredLun("disk", "16MiB", "sync");
  const images = await pair.images("disk");
  const host = await startHost(on, pair.alpha, lun, { writesPerSecond: 500 });
  await moreAnswers(host, 200);

  await network.cutSilently();
  await pair.alpha.waitLink("interrupted", 10);
  await network.restore();
  await pair.alpha.waitLink("probation", 10);
  await network.cutTowards(deaf(network));
  const during = await pair.alpha.waitLink("interrupted", 10);
  expect(during.connections.every(({ connected }) => !connected)).toBe(true);
  const restoredAt = Date.now();
  await network.restore();
  const probation = await pair.alpha.waitLink("probation", 10);
  expect(probation.connections.every(({ connected }) => !connected)).toBe(true);
  await pair.alpha.waitLun("disk", "mirrored", HEAL_TIMEOUT_S);
  await host.stop();

  expect(await pair.firstDifference("disk")).toBeNull();
  await expectNothingLost(host, [images.alpha, images.beta]);
  const outage = onlyOutage(await pair.alpha.outages(), "disk");
  expectHealedByReplay(outage);
  const probations = outage.phases.filter(({ kind }) => kind === "probation");
  expect(probations.length).toBeGreaterThanOrEqual(2);
  const replay = outage.phases.find(({ kind }) => kind === "replay");
  expect(ms(replay?.at ?? "") - restoredAt, "clean time before the replay").toBeGreaterThanOrEqual(
    times.probation,
  );
  for (const { at, endedAt } of probations.slice(0, -1)) {
    expect(ms(endedAt ?? "") - ms(at), "an interrupted probation").toBeLessThan(
      times.probation + times.t1,
    );
  }
}

const SHORT = { ...SHORT_TIMES, probation: PROBATION_MS };

it("[O5] the mirror does not hear the primary during probation", async () => {
  await play(stage(), SHORT, ({ beta }) => beta);
});

it("[O5] the primary does not hear the mirror during probation (default times)", async () => {
  await play(stage(), DEFAULT_TIMES, ({ alpha }) => alpha);
});

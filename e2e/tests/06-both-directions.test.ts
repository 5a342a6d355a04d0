/**
 * Issue test 6: each server is primary for one LUN and mirror for the other's, both under load,
 * through an outage.
 */
import { expect, it } from "vitest";
import { stageForEachTest } from "../src/each-test.ts";
import { within } from "../src/eventually.ts";
import {
  expectNothingLost,
  LOCAL_WRITE_ALLOWANCE_MS,
  moreAnswers,
  startHost,
} from "../src/host.ts";
import { Network } from "../src/network.ts";
import { expectDetectedInTime, expectHealedByReplay, onlyOutage } from "../src/outage-checks.ts";
import { Pair } from "../src/pair.ts";
import type { StorageServer } from "../src/server.ts";
import type { Stage } from "../src/stage.ts";
import type { Writer } from "../src/writer.ts";

const HEAL_TIMEOUT_S = 60;
const stage = stageForEachTest();

interface Side {
  primary: StorageServer;
  name: string;
  host: Writer;
  images: { alpha: string; beta: string };
}

async function makeSide(on: Stage, pair: Pair, primary: StorageServer): Promise<Side> {
  const name = `disk-of-${primary.name}`;
  const lun = await pair.createMirroredLun(name, "64MiB", "sync", primary);
  const host = await startHost(on, primary, lun, { writesPerSecond: 1_000 });
  return { primary, name, host, images: await pair.images(name) };
}

async function endAndCompare(pair: Pair, side: Side): Promise<void> {
  await within(`the last answers of ${side.name}`, 30_000, side.host.stop());
  expect(await pair.firstDifference(side.name)).toBeNull();
  await expectNothingLost(side.host, [side.images.alpha, side.images.beta]);
}

it("[L1] both LUNs queue through a silent cut and replay at once, one each way", async () => {
  const network = await Network.make(stage());
  const pair = await Pair.start(stage(), { network });
  const sides = [
    await makeSide(stage(), pair, pair.alpha),
    await makeSide(stage(), pair, pair.beta),
  ];
  await Promise.all(sides.map(({ host }) => moreAnswers(host, 500)));

  await network.cutSilently();
  const cutAt = Date.now();
  await Promise.all(sides.map(({ primary, name }) => primary.waitLun(name, "queueing", 10)));
  await Promise.all(sides.map(({ host }) => moreAnswers(host, 2_000)));
  await network.restore();
  await Promise.all(
    sides.map(({ primary, name }) => primary.waitLun(name, "mirrored", HEAL_TIMEOUT_S)),
  );
  await Promise.all(sides.map(({ host }) => moreAnswers(host, 500)));

  for (const side of sides) {
    await endAndCompare(pair, side);
    expect(side.host.longestWaitMs).toBeLessThanOrEqual(
      pair.detectionMs + LOCAL_WRITE_ALLOWANCE_MS,
    );
    const outage = onlyOutage(await side.primary.outages(), side.name);
    expectDetectedInTime(outage, { cutAt, detectionMs: pair.detectionMs, causes: ["silence"] });
    expectHealedByReplay(outage);
  }
});

it("[O3] a server killed during the outage comes back as primary of one LUN and mirror of the other", async () => {
  const network = await Network.make(stage());
  const pair = await Pair.start(stage(), { network });
  const sides = [
    await makeSide(stage(), pair, pair.alpha),
    await makeSide(stage(), pair, pair.beta),
  ];
  await Promise.all(sides.map(({ host }) => moreAnswers(host, 500)));

  await network.cutSilently();
  await Promise.all(sides.map(({ primary, name }) => primary.waitLun(name, "queueing", 10)));
  await Promise.all(sides.map(({ host }) => moreAnswers(host, 1_000)));
  await pair.beta.killAll();
  await pair.beta.launch();
  await Promise.all(sides.map(({ host }) => moreAnswers(host, 500)));
  await network.restore();
  await Promise.all(
    sides.map(({ primary, name }) => primary.waitLun(name, "mirrored", HEAL_TIMEOUT_S)),
  );

  for (const side of sides) {
    await endAndCompare(pair, side);
    const phases = (await side.primary.outages()).flatMap((outage) =>
      outage.phases.map(({ kind }) => kind),
    );
    expect(phases).toContain("replay");
    expect(phases).not.toContain("resync");
  }
});

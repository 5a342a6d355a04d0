/**
 * Issue test 3: while a real initiator writes at queue depth 32, the peer is cut off in five ways.
 * Hosts notice nothing, the outage is found in time, and after the peer's return the images are
 * identical.
 */
import type { LinkSettings, OutageCause } from "@lockstep/model";
import { expect, it } from "vitest";
import { stageForEachTest } from "../src/each-test.ts";
import { eventually, within } from "../src/eventually.ts";
import {
  expectNothingLost,
  LOCAL_WRITE_ALLOWANCE_MS,
  moreAnswers,
  startHost,
} from "../src/host.ts";
import { Network } from "../src/network.ts";
import { expectDetectedInTime, expectHealedByReplay, onlyOutage } from "../src/outage-checks.ts";
import { DEFAULT_TIMES, Pair, SHORT_TIMES } from "../src/pair.ts";
import type { Stage } from "../src/stage.ts";

const ANSWERS_BEFORE = 1_000;
const ANSWERS_DURING = 3_000;
const HEAL_TIMEOUT_S = 60;
const stage = stageForEachTest();

interface Scene {
  times: LinkSettings;
  network: boolean;
  causes: readonly OutageCause[];
  seenBy?: string;
  cut(pair: Pair, network: Network | null): Promise<void>;
  /** Looks at both servers while they are apart. */
  during?(pair: Pair): Promise<void>;
  restore(pair: Pair, network: Network | null): Promise<void>;
}

function need(network: Network | null): Network {
  if (network === null) throw new Error("this scene needs its network");
  return network;
}

const restoreNetwork = (_: Pair, network: Network | null) => need(network).restore();

async function play(on: Stage, scene: Scene): Promise<void> {
  const network = scene.network ? await Network.make(on) : null;
  const pair = await Pair.start(on, {
    times: scene.times,
    ...(network === null ? {} : { network }),
  });
  const lun = await pair.createMirroredLun("disk", "64MiB", "sync");
  const images = await pair.images("disk");
  const host = await startHost(on, pair.alpha, lun);
  await moreAnswers(host, ANSWERS_BEFORE);

  await scene.cut(pair, network);
  const cutAt = Date.now();
  await pair.alpha.waitLun("disk", "queueing", 10);
  const { journal } = await pair.alpha.lun("disk");
  await eventually("the journal to grow", 10_000, async () => {
    return (await pair.alpha.lun("disk")).journal.bytes > journal.bytes;
  });
  await moreAnswers(host, ANSWERS_DURING);
  await scene.during?.(pair);

  await scene.restore(pair, network);
  await pair.alpha.waitLun("disk", "mirrored", HEAL_TIMEOUT_S);
  await moreAnswers(host, ANSWERS_BEFORE);
  await within("the host's last answers", 10_000, host.stop());

  expect(await pair.firstDifference("disk")).toBeNull();
  await expectNothingLost(host, [images.alpha, images.beta]);
  expect(host.longestWaitMs).toBeLessThanOrEqual(pair.detectionMs + LOCAL_WRITE_ALLOWANCE_MS);
  const outage = onlyOutage(await pair.alpha.outages(), "disk");
  const { causes, seenBy } = scene;
  expectDetectedInTime(outage, {
    ...{ cutAt, detectionMs: pair.detectionMs, causes },
    ...(seenBy === undefined ? {} : { seenBy }),
  });
  expectHealedByReplay(outage);
}

it("[O1] the peer is stopped with SIGSTOP", async () => {
  await play(stage(), {
    times: SHORT_TIMES,
    network: false,
    causes: ["silence"],
    seenBy: "alpha",
    cut: ({ beta }) => beta.signalAll("SIGSTOP"),
    restore: ({ beta }) => beta.signalAll("SIGCONT"),
  });
});

it("[O1] the peer is killed with SIGKILL", async () => {
  await play(stage(), {
    times: SHORT_TIMES,
    network: false,
    causes: ["silence", "connection"],
    seenBy: "alpha",
    cut: ({ beta }) => beta.killAll(),
    restore: ({ beta }) => beta.launch(),
  });
});

/** SPEC O1: a server that hears nothing has closed all its connections, in both directions. */
async function expectAllClosed({ alpha, beta }: Pair): Promise<void> {
  for (const server of [alpha, beta]) {
    const { connections, incoming } = await server.waitLink("interrupted", 10);
    const open = [...connections, ...incoming].filter((each) => !each.closed || each.connected);
    expect(open, `connections of ${server.name}`).toEqual([]);
  }
}

it("[O1] the peer is cut off silently (default times)", async () => {
  await play(stage(), {
    times: DEFAULT_TIMES,
    network: true,
    causes: ["silence"],
    during: expectAllClosed,
    cut: (_, network) => need(network).cutSilently(),
    restore: restoreNetwork,
  });
});

it("[H3] the peer is cut off in one direction only: it no longer hears, but is heard", async () => {
  await play(stage(), {
    times: SHORT_TIMES,
    network: true,
    causes: ["one-way"],
    seenBy: "beta",
    cut: (_, network) => need(network).cutTowards(need(network).beta),
    restore: restoreNetwork,
  });
});

it("[O1] the peer is cut off by link down on the primary's side", async () => {
  await play(stage(), {
    times: SHORT_TIMES,
    network: true,
    causes: ["silence", "connection"],
    cut: (_, network) => need(network).linkDown(need(network).alpha),
    restore: restoreNetwork,
  });
});

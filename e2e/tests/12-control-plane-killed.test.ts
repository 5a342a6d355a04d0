/**
 * Issue test 12: the backend, its database and the supervisor are killed under host load; hosts
 * notice nothing.
 */
import type { EventKind } from "@lockstep/model";
import { expect, it } from "vitest";
import { signIn } from "../src/console-api.ts";
import { stageForEachTest } from "../src/each-test.ts";
import { eventually, within } from "../src/eventually.ts";
import {
  expectNothingLost,
  LOCAL_WRITE_ALLOWANCE_MS,
  moreAnswers,
  startHost,
} from "../src/host.ts";
import { Pair } from "../src/pair.ts";
import { isAlive } from "../src/processes.ts";
import type { ProcessRole, StorageServer } from "../src/server.ts";
import type { Stage } from "../src/stage.ts";

const RESTART_TIMEOUT_MS = 60_000;
const stage = stageForEachTest();

/**
 * Kills one process of the primary under load; hosts and mirror must not notice. Yields when it
 * runs again.
 */
async function killUnderLoad(
  on: Stage,
  role: ProcessRole,
  during?: (alpha: StorageServer) => Promise<void>,
) {
  const pair = await Pair.start(on);
  const { alpha } = pair;
  const lun = await pair.createMirroredLun("disk", "64MiB", "sync");
  const images = await pair.images("disk");
  const { processes } = await alpha.waitForBackend();
  const host = await startHost(on, alpha, lun);
  await moreAnswers(host, 500);
  const killed = await alpha.kill(role, "SIGKILL");
  await eventually(`the ${role} to be gone`, 5_000, () => !isAlive(killed));
  await during?.(alpha);
  await moreAnswers(host, 500);
  return { pair, alpha, lun, host, images, processes, killed };
}

type Scene = Awaited<ReturnType<typeof killUnderLoad>>;

async function hostsNoticedNothing({ pair, alpha, host, images, processes }: Scene): Promise<void> {
  await within("the host's last answers", 10_000, host.stop());
  expect((await alpha.processIds()).datapath).toBe(processes.datapath);
  expect((await alpha.lun("disk")).state).toBe("mirrored");
  expect(await alpha.outages()).toEqual([]);
  expect(await pair.firstDifference("disk")).toBeNull();
  await expectNothingLost(host, [images.alpha, images.beta]);
  expect(host.longestWaitMs).toBeLessThanOrEqual(pair.detectionMs + LOCAL_WRITE_ALLOWANCE_MS);
}

/** The event is in the database: told by the API, from there. */
async function eventInDatabase(server: StorageServer, kind: EventKind): Promise<void> {
  const api = await signIn(server);
  await eventually(`the event ${kind} in the database`, 30_000, async () => {
    const page = await api.events(kind);
    return page.source === "database" && page.events.length > 0;
  });
}

it("[C4] the backend is killed with SIGKILL", async () => {
  const scene = await killUnderLoad(stage(), "backend", async (alpha) => {
    await alpha.cli("lun", "create", "made-meanwhile", "--size", "16MiB");
  });
  const { alpha, killed } = scene;
  await eventually("a new backend", RESTART_TIMEOUT_MS, async () => {
    const { backend } = (await alpha.status()).processes;
    return backend !== null && backend !== killed;
  });
  await alpha.waitForBackend();
  await eventInDatabase(alpha, "process-lost");
  await eventInDatabase(alpha, "lun-created");
  await hostsNoticedNothing(scene);
});

it("[C2] the database is killed with SIGKILL", async () => {
  const scene = await killUnderLoad(stage(), "database");
  const { alpha, killed } = scene;
  await eventually("the database to be back", RESTART_TIMEOUT_MS, async () => {
    const status = await alpha.status();
    return status.database === "connected" && status.processes.database !== killed;
  });
  const kinds = (await alpha.events()).map(({ kind }) => kind);
  expect(kinds).toContain("database-away");
  expect(kinds).toContain("database-back");
  await eventInDatabase(alpha, "database-away");
  await hostsNoticedNothing(scene);
});

it("[C4] the supervisor is killed with SIGKILL, and a new one adopts what runs", async () => {
  const scene = await killUnderLoad(stage(), "supervisor");
  const { alpha, killed, processes } = scene;
  await alpha.launch();
  const adopted = await eventually("the new supervisor", RESTART_TIMEOUT_MS, async () => {
    const status = await alpha.status();
    return status.processes.supervisor !== null && status.processes.supervisor !== killed && status;
  });
  expect(adopted.processes.datapath).toBe(processes.datapath);
  expect(adopted.server.restartNeeded).toBe(false);
  await hostsNoticedNothing(scene);
});

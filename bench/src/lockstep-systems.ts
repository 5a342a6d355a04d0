/**
 * Lockstep under measurement: one pair of servers with three LUNs, unmirrored, synchronous and
 * asynchronous. All processes of both servers count, the database and the supervisors too.
 */
import type { Lun } from "@lockstep/model";
import { eventually } from "../../e2e/src/eventually.ts";
import { lunUrl } from "../../e2e/src/initiators.ts";
import { DEFAULT_TIMES, Pair } from "../../e2e/src/pair.ts";
import { processesOf } from "../../e2e/src/processes.ts";
import type { Stage } from "../../e2e/src/stage.ts";
import type { System } from "./system.ts";

const SETTLE_TIMEOUT_MS = 60_000;

export async function startLockstep(stage: Stage, size: string): Promise<System[]> {
  const pair = await Pair.start(stage, { times: DEFAULT_TIMES });
  const { alpha } = pair;
  await Promise.all([alpha.waitForBackend(), pair.beta.waitForBackend()]);
  await alpha.cli("lun", "create", "plain", "--size", size);
  const systemOf = (name: string, lun: Lun): System => ({
    name,
    url: lunUrl(alpha, lun),
    sizeBytes: lun.sizeBytes,
    pids: () => [...processesOf(alpha.data), ...processesOf(pair.beta.data)],
    settle: () => settle(pair, lun),
  });
  return [
    systemOf("lockstep unmirrored", await alpha.lun("plain")),
    systemOf("lockstep sync", await pair.createMirroredLun("sync", size, "sync")),
    systemOf("lockstep async", await pair.createMirroredLun("async", size, "async")),
  ];
}

async function settle({ alpha }: Pair, { name }: Lun): Promise<void> {
  await eventually(`${name} to be at rest`, SETTLE_TIMEOUT_MS, async () => {
    const { designated, state, lag } = await alpha.lun(name);
    return !designated || (state === "mirrored" && lag.bytes === 0);
  });
}

/** tgt, the usual iSCSI target in user space, under measurement where it is installed. */
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../../e2e/src/eventually.ts";
import { freePort } from "../../e2e/src/ports.ts";
import { must, run } from "../../e2e/src/processes.ts";
import type { Stage } from "../../e2e/src/stage.ts";
import type { System } from "./system.ts";

const TARGET = "iqn.2026-11.dev.lockstep:bench.tgt";
const START_TIMEOUT_MS = 10_000;

/** Null where tgt is not installed or may not be started by this user. */
export async function startTgt(stage: Stage, sizeBytes: number): Promise<System | null> {
  if ((await run(["sh", "-c", "command -v tgtd tgtadm"])).status !== 0) return null;
  const port = await freePort();
  const control = String(port);
  const backing = join(stage.folder, "tgt.img");
  await writeFile(backing, "");
  await truncate(backing, sizeBytes);
  const portal = `127.0.0.1:${port}`;
  const daemon = stage.background("tgtd", [
    "tgtd",
    "-f",
    "-C",
    control,
    "--iscsi",
    `portal=${portal}`,
  ]);
  const admin = (...args: string[]) => ["tgtadm", "-C", control, "--lld", "iscsi", ...args];
  const started = await eventually("tgtd", START_TIMEOUT_MS, async () => {
    if (daemon.ended) return "ended";
    const shown = await run(admin("--op", "show", "--mode", "target"));
    return shown.status === 0 && "ready";
  });
  if (started === "ended") return null;
  await must(admin("--op", "new", "--mode", "target", "--tid", "1", "-T", TARGET));
  const lun = ["--mode", "logicalunit", "--tid", "1", "--lun", "1"];
  await must(admin("--op", "new", ...lun, "-b", backing));
  await must(admin("--op", "bind", "--mode", "target", "--tid", "1", "-I", "ALL"));
  return {
    name: "tgt",
    url: `iscsi://${portal}/${TARGET}/1`,
    sizeBytes,
    pids: () => [daemon.pid],
    settle: async () => {},
  };
}

/**
 * A host under load: one real initiator's session with a writer on top, and what every host may
 * expect.
 */
import type { Lun } from "@lockstep/model";
import { expect } from "vitest";
import { eventually } from "./eventually.ts";
import { NbdSession } from "./initiators.ts";
import type { StorageServer } from "./server.ts";
import type { Stage } from "./stage.ts";
import { Writer, type WriterOptions } from "./writer.ts";

/**
 * "One local write" on a machine whose few cores are shared by two servers, their databases and the
 * host.
 */
export const LOCAL_WRITE_ALLOWANCE_MS = 1_000;
const PROGRESS_TIMEOUT_MS = 30_000;

export async function startHost(
  stage: Stage,
  server: StorageServer,
  lun: Lun,
  options: Partial<WriterOptions> = {},
): Promise<Writer> {
  const session = await NbdSession.open(stage, server, lun);
  return Writer.start(session, { regionBytes: lun.sizeBytes, ...options });
}

/** Waits until the host got so many more answers. */
export async function moreAnswers(host: Writer, count: number): Promise<void> {
  const goal = host.answered + count;
  await eventually(`${count} more answered writes`, PROGRESS_TIMEOUT_MS, () => {
    host.assertNoErrors();
    return host.answered >= goal;
  });
}

/** Every answered write is in each of the images, and the host saw no error. */
export async function expectNothingLost(host: Writer, images: readonly string[]): Promise<void> {
  host.assertNoErrors();
  for (const image of images) expect(await host.wrongBlocks(image)).toEqual([]);
}

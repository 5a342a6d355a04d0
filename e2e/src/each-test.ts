/**
 * Ties stages to vitest: a new one before each test, taken down after it, the last lines of its
 * processes printed where the test failed.
 */
import { afterEach, beforeEach } from "vitest";
import { Stage } from "./stage.ts";

/** One stage for each test of the file: call what this returns inside a test. */
export function stageForEachTest(): () => Stage {
  let stage: Stage | null = null;
  beforeEach(async () => {
    stage = await Stage.open();
  });
  afterEach(async ({ task }) => {
    const ended = stage;
    stage = null;
    if (ended === null) return;
    if (task.result?.state === "fail") console.error(`${task.name} failed\n${ended.report()}`);
    await ended.close();
  });
  return () => {
    if (stage === null) throw new Error("the stage is there only while a test runs");
    return stage;
  };
}

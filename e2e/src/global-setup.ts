/**
 * Runs before and after all test files: nothing of an earlier run is left to disturb, nothing of
 * this one stays.
 */
import { claimRun, endOrphansOfEarlierRuns, leftovers, signalProcess } from "./processes.ts";

export function setup(): void {
  endOrphansOfEarlierRuns();
  claimRun();
}

export function teardown(): void {
  for (const pid of leftovers()) signalProcess(pid, "SIGKILL");
}

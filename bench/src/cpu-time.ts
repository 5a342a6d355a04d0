/**
 * CPU time of processes from `/proc/PID/stat` (proc(5)): user and system time of all threads, those
 * that ended included, in clock ticks of 10 ms.
 */
import { readFileSync } from "node:fs";

const TICK_US = 10_000;
/** utime and stime, counted from the field behind the command's closing parenthesis. */
const UTIME = 11;
const STIME = 12;

/** Microseconds that all these processes used so far; one that is gone counts as 0. */
export function cpuTimeUs(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = statFields(pid);
    ticks += Number(fields[UTIME] ?? 0) + Number(fields[STIME] ?? 0);
  }
  return ticks * TICK_US;
}

function statFields(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}

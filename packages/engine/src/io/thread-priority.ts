/**
 * Lets a heartbeat thread run ahead of the threads that serve I/O (SPEC H1, H5): under full CPU load it has next to nothing
 * to do, but must do it in time. On Linux setpriority(2) of 0 is about the calling thread alone.
 */
import os from "node:os";

const NICE = -10;

/** Works for root, CAP_SYS_NICE or a permitting RLIMIT_NICE; without, the thread runs as any other. */
export function raiseThreadPriority(): void {
  try {
    os.setPriority(0, NICE);
  } catch {
    // Not permitted: H5 holds by the drained socket all the same, only with less to spare at a very short T1.
  }
}

/**
 * When the heartbeat threads wake, send and count silence. Sending keeps to a grid of T2, so that it neither drifts nor
 * makes up in a burst for what a stall left out. While settings change, each side heeds the interval the other still has:
 * no side counts silence by a T1 the other's T2 does not fit.
 */

/** Longest pause between two drains of the receiver's socket while nothing else wakes it. */
const MAX_DRAIN_PAUSE_MS = 500;
/** Past the deadline, the sender looks again for a drained socket this many times in an interval. */
const CHECKS_PER_INTERVAL = 8;

/** Interval in force: the shorter of ours and the peer's, which may still count by it. 0: not heard yet. */
export function sendIntervalMs(t2: number, peerIntervalMs: number): number {
  return peerIntervalMs > 0 ? Math.min(t2, peerIntervalMs) : t2;
}

/** T1, or as many of the peer's longer intervals as T1 has of ours, as long as the peer sends by those. */
export function silenceThresholdMs(t1: number, t2: number, peerIntervalMs: number): number {
  return peerIntervalMs > t2 ? Math.max(t1, (peerIntervalMs * t1) / t2) : t1;
}

/** The latest moment on the grid, up to `nowMs`: past `previousMs` when it is time to send. */
export function sendDueMs(previousMs: number, nowMs: number, intervalMs: number): number {
  return previousMs + Math.max(0, Math.floor((nowMs - previousMs) / intervalMs)) * intervalMs;
}

/** When the sender looks again: to send, at the deadline, and past the deadline until the receiver has drained. */
export function nextCheckMs(
  nowMs: number,
  sendAtMs: number,
  deadlineMs: number | null,
  intervalMs: number,
): number {
  if (deadlineMs === null) return sendAtMs;
  const checkAtMs = deadlineMs > nowMs ? deadlineMs : nowMs + intervalMs / CHECKS_PER_INTERVAL;
  return Math.min(sendAtMs, checkAtMs);
}

/** When the receiver drains next: at least every half interval, and right at the deadline. */
export function nextDrainMs(nowMs: number, intervalMs: number, deadlineMs: number): number {
  const next = nowMs + Math.min(intervalMs / 2, MAX_DRAIN_PAUSE_MS);
  return deadlineMs > nowMs ? Math.min(next, deadlineMs) : next;
}

/** Heartbeats that should have come since the last one did. */
export function missedSince(lastHeardAtMs: number, nowMs: number, intervalMs: number): number {
  return Math.max(0, Math.floor((nowMs - lastHeardAtMs) / intervalMs - 0.5));
}

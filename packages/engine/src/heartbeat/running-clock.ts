/**
 * The receiver thread's time less the time in which it did not run (SPEC H5). Silence is counted by this clock: what a
 * stall of the machine, of the process or of the thread left out is no silence of the peer, which on a shared machine was
 * stalled as well.
 */

/** A thread that drains every half interval, or every 500 ms, ran all the time if no pause was longer than twice that. */
const MAX_PAUSE_MS = 1_000;

export class RunningClock {
  #stalledMs: number;
  #ranAtMs: number | null = null;

  /** `stalledMs`: as the receiver before this one left it. */
  constructor(stalledMs: number) {
    this.#stalledMs = stalledMs;
  }

  /** The thread runs now. */
  ran(nowMs: number, intervalMs: number): void {
    const pauseMs = this.#ranAtMs === null ? 0 : nowMs - this.#ranAtMs;
    this.#stalledMs += Math.max(0, pauseMs - Math.min(intervalMs, MAX_PAUSE_MS));
    this.#ranAtMs = nowMs;
  }

  /** How long the thread did not run, all in all. */
  get stalledMs(): number {
    return this.#stalledMs;
  }
}

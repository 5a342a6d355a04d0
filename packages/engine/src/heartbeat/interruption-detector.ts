/**
 * Tells when the peer's heartbeats are interrupted (SPEC H3, H5) from times that the receiver thread leaves in shared
 * memory. Silence counts only once the receiver has emptied its socket at or after the deadline, so that a stall of our
 * own is never taken for the peer's death; a receiver that does not get there is started anew after T3 of our own time.
 */

/** idle: nothing to hear yet. hearing: heartbeats come. silent: interrupted, until the next valid message. */
export type SignalState = "idle" | "hearing" | "silent";
export type SignalEvent = "heard" | "expired" | "reset";

export const SIGNAL_EDGES = {
  idle: { heard: "hearing", expired: "silent", reset: "idle" },
  hearing: { heard: "hearing", expired: "silent", reset: "idle" },
  silent: { heard: "hearing", expired: "silent", reset: "idle" },
} as const satisfies Record<SignalState, Record<SignalEvent, SignalState>>;

/** Times in milliseconds on the monotonic clock, or on the receiver's running clock where they end so; 0: never. */
export interface SignalView {
  nowMs: number;
  /** Read before those below: what was received before this moment is in them. */
  drainedRunMs: number;
  lastHeardAtMs: number;
  lastHeardRunMs: number;
  /** When connections were armed: what was never heard is silent since then. */
  armedRunMs: number;
  thresholdMs: number;
  intervalMs: number;
  /** T3. */
  stuckMs: number;
}

export interface Verdict {
  /** interrupted: begins now. heard: the first valid message after silence, or ever. */
  change: "none" | "interrupted" | "heard";
  reason: "silence" | "receiver-stuck";
  /** The receiver must be started anew. */
  receiverStuck: boolean;
}

export class InterruptionDetector {
  #state: SignalState = "idle";
  #heardAtMs = 0;
  #seenDrainedMs = 0;
  #checkedAtMs = 0;
  #undrainedMs = 0;

  check(view: SignalView): Verdict {
    if (view.lastHeardAtMs < this.#heardAtMs) this.reset();
    const receiverStuck = this.#countUndrained(view);
    const verdict: Verdict = { change: "none", reason: "silence", receiverStuck };
    if (view.lastHeardAtMs > this.#heardAtMs) {
      this.#heardAtMs = view.lastHeardAtMs;
      if (this.#state !== "hearing") verdict.change = "heard";
      this.#step("heard");
    }
    if (this.#state === "silent") return verdict;
    const sinceMs = this.#state === "hearing" ? view.lastHeardRunMs : view.armedRunMs;
    if (sinceMs === 0) return verdict;
    const silent = view.drainedRunMs >= sinceMs + view.thresholdMs;
    if (!silent && !receiverStuck) return verdict;
    this.#step("expired");
    // Heard and lost between two checks: the interruption is news, that it was heard before is not any more.
    return { change: "interrupted", reason: silent ? "silence" : "receiver-stuck", receiverStuck };
  }

  /** Another peer, or none. */
  reset(): void {
    this.#step("reset");
    this.#heardAtMs = 0;
    this.#undrainedMs = 0;
  }

  get state(): SignalState {
    return this.#state;
  }

  /** The earliest moment at which silence may be told; null when there is nothing to wait for. */
  deadlineMs(armedAtMs: number, thresholdMs: number): number | null {
    const sinceMs =
      this.#state === "hearing" ? this.#heardAtMs : this.#state === "idle" ? armedAtMs : 0;
    return sinceMs === 0 ? null : sinceMs + thresholdMs;
  }

  /** Counts only time in which we were running ourselves: a longer gap between checks is a stall of our own. */
  #countUndrained(view: SignalView): boolean {
    const elapsedMs = this.#checkedAtMs === 0 ? 0 : view.nowMs - this.#checkedAtMs;
    this.#checkedAtMs = view.nowMs;
    if (view.drainedRunMs !== this.#seenDrainedMs || view.lastHeardAtMs > this.#heardAtMs) {
      this.#seenDrainedMs = view.drainedRunMs;
      this.#undrainedMs = 0;
      return false;
    }
    this.#undrainedMs += Math.min(elapsedMs, view.intervalMs);
    if (this.#undrainedMs < view.stuckMs) return false;
    this.#undrainedMs = 0;
    return true;
  }

  #step(event: SignalEvent): void {
    this.#state = SIGNAL_EDGES[this.#state][event];
  }
}

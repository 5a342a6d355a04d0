/**
 * How long a primary copy waits for its mirror (SPEC L7), and how long it leaves a mirror alone that could not be gone on
 * with (W8: back-off, a probation of its own).
 */
import { FrameKind } from "../wire/frame.ts";
import type { CatchUp } from "./catch-up.ts";
import type { WritePath } from "./write-path.ts";

/** The times of the link that a LUN needs, ms. */
export interface LunTimes {
  t1: number;
  t2: number;
  t4: number;
  probation: number;
}

/** So many T4 may pass without progress where nobody waits for one request. */
const PROGRESS_T4 = 4;
/** The longest back-off, in probations. */
const LONGEST_RETRY = 12;

export class Patience {
  times: LunTimes = { t1: 2000, t2: 500, t4: 2000, probation: 5000 };
  private readonly path: WritePath;
  private readonly catchUp: CatchUp;
  private lastAnswerAt = 0;
  private askedAt = 0;
  private retryAt = 0;
  private retryDelayMs = 0;

  constructor(path: WritePath, catchUp: CatchUp) {
    this.path = path;
    this.catchUp = catchUp;
  }

  asked(now: number): void {
    this.askedAt = now;
  }

  answered(now: number): void {
    this.lastAnswerAt = now;
  }

  holdOff(now: number): void {
    const { probation } = this.times;
    const delayMs = Math.max(probation, this.retryDelayMs * 2);
    this.retryDelayMs = Math.min(delayMs, LONGEST_RETRY * probation);
    this.retryAt = now + this.retryDelayMs;
  }

  isHoldingOff(now: number): boolean {
    return this.retryAt > now;
  }

  /** It may be tried at once; a further failure doubles the delay all the same. */
  retryNow(): void {
    this.retryAt = 0;
  }

  healed(): void {
    this.retryDelayMs = 0;
  }

  /** Whether the mirror has had its time to say what it holds. */
  isUnheard(now: number): boolean {
    return now - this.askedAt > PROGRESS_T4 * this.times.t4;
  }

  /** Since when a mirror that is live or being copied is too slow; null where it is not. */
  slowSince(now: number): number | null {
    return this.windowSlowSince(now) ?? this.replaySlowSince(now);
  }

  /** Replay is timed by progress; where it stands still, hosts must not be slowed for its sake. */
  replaySlowSince(now: number): number | null {
    const since = this.catchUp.waitsSince;
    if (since === null) return null;
    const limitMs = this.isHostHeld(now) ? this.times.t4 : PROGRESS_T4 * this.times.t4;
    return now - Math.max(since, this.lastAnswerAt) >= limitMs ? since : null;
  }

  /**
   * A mirror request unanswered for T4 is an outage of this LUN. In asynchronous mode, and where the oldest is a flush,
   * nobody waits on one request, and what counts is progress. A copy may take its time while no host is held.
   */
  private windowSlowSince(now: number): number | null {
    const { window, mode, copier } = this.path;
    const oldest = window.oldest;
    if (oldest === undefined || oldest.sentAt === 0) return null;
    if (copier !== null && !this.isHostHeld(now)) return null;
    const isFlush = oldest.kind === FrameKind.flush;
    const byProgress = mode === "async" || copier !== null || isFlush;
    const since = byProgress ? Math.max(oldest.sentAt, this.lastAnswerAt) : oldest.sentAt;
    const limitMs = isFlush && copier === null ? PROGRESS_T4 * this.times.t4 : this.times.t4;
    return now - since >= limitMs ? oldest.sentAt : null;
  }

  private isHostHeld(now: number): boolean {
    const since = this.path.gate.oldestSince;
    return since !== null && now - since >= this.times.t4;
  }
}

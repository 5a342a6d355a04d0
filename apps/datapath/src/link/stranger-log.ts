/** Strangers leave one audit event each burst, not one each knock (SPEC L3): the first at once, then a sum a minute. */
const QUIET_MS = 60_000;

export class StrangerLog {
  private readonly tell: (message: string) => void;
  private toldAt = Number.NEGATIVE_INFINITY;
  private untold = 0;
  private lastFrom = "";
  private lastReason = "";
  private timer: NodeJS.Timeout | null = null;

  constructor(tell: (message: string) => void) {
    this.tell = tell;
  }

  /** `count` knocks; `now` on the monotonic clock, ms. */
  knocked(now: number, from: string, reason: string, count = 1): void {
    this.untold += count;
    this.lastFrom = from;
    this.lastReason = reason;
    if (now - this.toldAt >= QUIET_MS) {
      this.flush(now);
    } else {
      this.timer ??= setTimeout(
        () => this.flush(this.toldAt + QUIET_MS),
        this.toldAt + QUIET_MS - now,
      ).unref();
    }
  }

  private flush(now: number): void {
    // A knock may come when the timer is due and has not run yet.
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const many = this.untold === 1 ? "a stranger was" : `${this.untold} strangers were`;
    this.tell(`${many} turned away, the last from ${this.lastFrom}: ${this.lastReason}`);
    this.untold = 0;
    this.toldAt = now;
  }
}

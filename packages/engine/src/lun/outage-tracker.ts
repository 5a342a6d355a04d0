/** One LUN's present outage: what began it, what it cost so far (SPEC O7). */
import type { OutageCause, OutagePhaseKind } from "@lockstep/model";
import type { OutageFacts } from "./ports.ts";

export class OutageTracker {
  private facts: OutageFacts | null = null;
  private last: OutageFacts | null = null;

  get present(): Readonly<OutageFacts> | null {
    return this.facts;
  }

  /** Begins an outage, or lets the present one go on in `phase`. */
  begin(cause: OutageCause, begunAt: number, detectedAt: number, phase: OutagePhaseKind): void {
    if (this.facts !== null) {
      this.facts.phase = phase;
      return;
    }
    this.facts = {
      cause,
      begunAt,
      detectedAt,
      phase,
      peakBytes: 0,
      peakRequests: 0,
      healBytes: 0,
      longestHostWaitMs: 0,
      healed: false,
    };
  }

  enter(phase: OutagePhaseKind): void {
    if (this.facts !== null) this.facts.phase = phase;
  }

  queued(bytes: number, requests: number): void {
    if (this.facts === null || bytes <= this.facts.peakBytes) return;
    this.facts.peakBytes = bytes;
    this.facts.peakRequests = requests;
  }

  sent(bytes: number): void {
    if (this.facts !== null) this.facts.healBytes += bytes;
  }

  waited(ms: number): void {
    if (this.facts !== null && ms > this.facts.longestHostWaitMs) this.facts.longestHostWaitMs = ms;
  }

  /** Ends it, where there is one. */
  heal(): void {
    if (this.facts === null) return;
    this.facts.healed = true;
    this.last = this.facts;
    this.facts = null;
  }

  /** The last healed one, once. */
  takeHealed(): OutageFacts | null {
    const { last } = this;
    this.last = null;
    return last;
  }
}

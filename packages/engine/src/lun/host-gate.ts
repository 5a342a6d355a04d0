/**
 * Holds hosts' requests back, in order, while they may not begin: the window is full, a mark is being made stable, a
 * write they overlap is under way. What it holds is bounded by the command windows of the hosts' sessions.
 */
import type { BlockRequest } from "@lockstep/block";

export type GateReason = "mark" | "journal-pressure" | "closing";

export class HostGate {
  private held: BlockRequest[] = [];
  private heldSince: number[] = [];
  private releasing = false;
  private readonly reasons = new Set<GateReason>();

  get closed(): boolean {
    return this.reasons.size > 0;
  }

  get holdsAny(): boolean {
    return this.held.length > 0;
  }

  /** Since when the longest-held request waits; null when none does. */
  get oldestSince(): number | null {
    return this.heldSince[0] ?? null;
  }

  close(reason: GateReason): void {
    this.reasons.add(reason);
  }

  open(reason: GateReason): void {
    this.reasons.delete(reason);
  }

  hold(request: BlockRequest, now: number): void {
    this.held.push(request);
    this.heldSince.push(now);
  }

  /**
   * Begins held requests in order for as long as the gate is open and `admits` says yes. Called from within `begin` it
   * does nothing: a request has begun, and can be overlapped, only when `begin` returns.
   */
  release(
    admits: (request: BlockRequest) => boolean,
    begin: (request: BlockRequest) => void,
  ): void {
    if (this.releasing) return;
    this.releasing = true;
    while (!this.closed) {
      const next = this.held[0];
      if (next === undefined || !admits(next)) break;
      this.held.shift();
      this.heldSince.shift();
      begin(next);
    }
    this.releasing = false;
  }
}

/**
 * A filter that holds requests back: before they reach the device (slow or hung storage) or after it has carried them
 * out (a late answer). Time comes from an injected timer; a request held for ever goes on when `release` is called, and
 * closing releases all.
 */
import type { BlockDevice, BlockError, BlockRequest } from "../device.ts";
import { type FaultRule, FaultRules } from "./fault-rule.ts";
import { FilterDevice } from "./filter-device.ts";

export interface DelayRule extends FaultRule {
  /** Infinity: until released. */
  readonly delayMs: number;
  readonly when: "before" | "after";
}

/** Calls `callback` after `delayMs`; returns what gives that up. */
export type Schedule = (delayMs: number, callback: () => void) => () => void;

interface Held {
  readonly proceed: () => void;
  cancelTimer: () => void;
}

export class DelayFilter extends FilterDevice {
  readonly rules = new FaultRules<DelayRule>();
  readonly #schedule: Schedule;
  readonly #held = new Set<Held>();

  constructor(inner: BlockDevice, schedule: Schedule) {
    super(inner);
    this.#schedule = schedule;
  }

  /** How many requests are being held back. */
  get heldCount(): number {
    return this.#held.size;
  }

  /** Lets all that is held back go on at once, in the order in which it came. */
  release(): void {
    for (const held of [...this.#held]) this.#proceed(held);
  }

  override submit(request: BlockRequest): void {
    const rule = this.rules.match(request);
    if (rule === null) {
      this.inner.submit(request);
      return;
    }
    if (rule.when === "before") {
      this.#hold(rule.delayMs, () => this.inner.submit(request));
      return;
    }
    const { op, offset, length, buffer, fua } = request;
    const complete = (error: BlockError | null) =>
      this.#hold(rule.delayMs, () => request.complete(error));
    this.inner.submit({ op, offset, length, buffer, fua, complete });
  }

  override close(done: (error: BlockError | null) => void): void {
    this.rules.clear();
    this.release();
    this.inner.close((error) => {
      this.release();
      done(error);
    });
  }

  #hold(delayMs: number, proceed: () => void): void {
    const held: Held = { proceed, cancelTimer: () => {} };
    this.#held.add(held);
    if (delayMs === Number.POSITIVE_INFINITY) return;
    held.cancelTimer = this.#schedule(delayMs, () => this.#proceed(held));
  }

  #proceed(held: Held): void {
    if (!this.#held.delete(held)) return;
    held.cancelTimer();
    held.proceed();
  }
}

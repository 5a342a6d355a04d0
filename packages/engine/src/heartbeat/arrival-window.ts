/**
 * Which of the peer's last messages arrived (SPEC H6): told from their counters, so that a stall of our own loses nothing
 * in the count. Also tells a duplicate from a message that merely came late, and keeps the jitter of RFC 3550 section 6.4.1.
 */

/** Counters remembered: a message further back than this is taken for a duplicate. */
const WINDOW = 128;
/** Messages over which the lost share is told. */
export const LOSS_SPAN = 100;

export type Arrival = "new" | "late" | "duplicate";

export class ArrivalWindow {
  readonly #seen = new Uint8Array(WINDOW);
  #first = 0;
  #newest = -1;
  #missed = 0;
  #jitterMs = 0;
  #previous: { atMs: number; sentAtMs: number } | null = null;

  /** Forgets all and begins with `counter` as the newest, as with a new boot id. `missed` goes on. */
  begin(counter: number): void {
    this.#seen.fill(0);
    this.#seen[counter % WINDOW] = 1;
    this.#first = counter;
    this.#newest = counter;
    this.#jitterMs = 0;
    this.#previous = null;
  }

  admit(counter: number): Arrival {
    if (counter > this.#newest) {
      const gap = counter - this.#newest - 1;
      this.#missed += gap;
      for (let i = 1; i <= Math.min(gap, WINDOW); i++) this.#seen[(counter - i) % WINDOW] = 0;
      this.#seen[counter % WINDOW] = 1;
      this.#newest = counter;
      return "new";
    }
    const known = counter >= this.#first && counter > this.#newest - WINDOW;
    if (!known || this.#seen[counter % WINDOW] === 1) return "duplicate";
    this.#seen[counter % WINDOW] = 1;
    this.#missed--;
    return "late";
  }

  /** Takes the arrival of a new message into the jitter; `sentAtMs` is on the peer's clock. */
  time(atMs: number, sentAtMs: number): void {
    if (this.#previous) {
      const difference = atMs - this.#previous.atMs - (sentAtMs - this.#previous.sentAtMs);
      this.#jitterMs += (Math.abs(difference) - this.#jitterMs) / 16;
    }
    this.#previous = { atMs, sentAtMs };
  }

  /** Adds heartbeats that no counter can tell of, as those of a boot id that ended unheard. */
  addMissed(count: number): void {
    this.#missed += count;
  }

  get newest(): number {
    return this.#newest;
  }

  get missed(): number {
    return this.#missed;
  }

  /** Null before the first message. */
  get jitterMs(): number | null {
    return this.#previous === null ? null : this.#jitterMs;
  }

  /** Lost share of the last LOSS_SPAN messages, 0 to 1; null before the first. */
  get loss(): number | null {
    if (this.#newest < 0) return null;
    const span = Math.min(LOSS_SPAN, this.#newest - this.#first + 1);
    let lost = 0;
    for (let i = 0; i < span; i++) {
      if (this.#seen[(this.#newest - i) % WINDOW] === 0) lost++;
    }
    return lost / span;
  }
}

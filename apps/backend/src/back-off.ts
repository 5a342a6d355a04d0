/** Waits between attempts at something that is away: doubling from the first to the longest, until one succeeds. */
import { setTimeout as sleep } from "node:timers/promises";

export class BackOff {
  readonly #firstMs: number;
  readonly #longestMs: number;
  #nextMs: number;

  constructor(firstMs: number, longestMs: number) {
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
    this.#nextMs = firstMs;
  }

  succeeded(): void {
    this.#nextMs = this.#firstMs;
  }

  /** Ends early, without an error, when `signal` aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(this.#longestMs, ms * 2);
    await sleep(ms, undefined, { signal }).catch(() => {});
  }
}

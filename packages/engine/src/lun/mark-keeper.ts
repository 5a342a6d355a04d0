/** Writes a primary copy's mark, and knows which one is stable (SPEC R1, stand-in). */
import type { Lineage } from "./lineage.ts";
import type { LunMark, MarkState } from "./mark.ts";
import type { MarkStore } from "./ports.ts";

export class MarkKeeper {
  private readonly store: MarkStore;
  private readonly kernelBootId: string;
  private stable: MarkState | null = null;
  /** What was asked for last; it becomes `stable` when it is. */
  private wanted: MarkState | null = null;

  constructor(store: MarkStore, kernelBootId: string) {
    this.store = store;
    this.kernelBootId = kernelBootId;
  }

  /** Whether the mark is stable as this, and nothing else is on its way. */
  is(state: MarkState): boolean {
    return this.stable === state && this.wanted === state;
  }

  /** Whether this is what was asked for last, stable or not yet. */
  willBe(state: MarkState): boolean {
    return this.wanted === state;
  }

  write(
    state: MarkState,
    lineage: Lineage,
    done: (error: string | null) => void,
    closed = false,
  ): void {
    const { kernelBootId } = this;
    const mark: LunMark = {
      ...{ state, kernelBootId, closed },
      lineage: [...lineage.steps],
      last: lineage.last,
    };
    this.wanted = state;
    this.store.write(mark, (error) => {
      if (error === null) this.stable = state;
      else if (this.wanted === state) this.wanted = null;
      done(error);
    });
  }
}

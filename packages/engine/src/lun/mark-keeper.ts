/** Writes a primary copy's mark, and knows which one is stable (SPEC R1, stand-in). */
import type { LunMark, MarkState } from "./mark.ts";
import type { MarkStore } from "./ports.ts";
import type { WritePath } from "./write-path.ts";

/** What a mark says beside its state. */
type Marked = Pick<WritePath, "lineage" | "suspects" | "flushFailed" | "doubtful">;

export class MarkKeeper {
  private readonly store: MarkStore;
  private readonly kernelBootId: string;
  /** Null where a write has failed: either of the two may be what a start would find. */
  private stable: MarkState | null = null;
  private pending = 0;
  /** What was asked for last; it becomes `stable` when it is. */
  private wanted: MarkState | null = null;

  constructor(store: MarkStore, kernelBootId: string) {
    this.store = store;
    this.kernelBootId = kernelBootId;
  }

  /** Whether the mark is stable as this, and nothing else is on its way. */
  is(state: MarkState): boolean {
    return this.stable === state && this.pending === 0;
  }

  /** Whether this is what was asked for last, stable or not yet. */
  willBe(state: MarkState): boolean {
    return this.wanted === state;
  }

  /** Writes what was asked for last again, for what else it says has changed. */
  renew(path: Marked): void {
    if (this.wanted !== null) this.write(this.wanted, path, () => undefined);
  }

  write(
    state: MarkState,
    { lineage, suspects, flushFailed, doubtful }: Marked,
    done: (error: string | null) => void,
    closed = false,
  ): void {
    const { kernelBootId } = this;
    const mark: LunMark = {
      ...{ state, kernelBootId, closed },
      lineage: [...lineage.steps],
      last: lineage.last,
      suspect: [...suspects.list],
      ...{ flushFailed, doubtful },
    };
    this.wanted = state;
    this.pending++;
    this.store.write(mark, (error) => {
      this.pending--;
      this.stable = error === null ? state : null;
      if (error !== null && this.wanted === state) this.wanted = null;
      done(error);
    });
  }
}

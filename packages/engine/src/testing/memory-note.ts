/** The mirror's note in memory, of its kernel's: it outlives a killed process, and not a loss of power. */
import type { AppliedNote } from "../lun/mirror-copy.ts";
import type { StreamId } from "../wire/stream-id.ts";
import type { Random } from "./random.ts";

export class MemoryNote implements AppliedNote {
  stream: StreamId | null = null;
  applied = 0;

  set(number: number): void {
    this.applied = number;
  }

  turn(stream: StreamId, number: number): void {
    this.stream = stream;
    this.applied = number;
  }

  /** It is gone, or as it was at an earlier moment. */
  losePower(random: Random): void {
    if (random.chance(0.5)) this.stream = null;
    this.applied = this.stream === null ? 0 : random.below(this.applied + 1);
  }
}

/**
 * Ranges whose local write failed (SPEC W3, W8): what lies there is not known, and the mirror holds them as they were
 * before. A range is suspect until it is written whole. Bounded: beyond MAX_RANGES neighbours become one.
 */

export interface SuspectRange {
  offset: number;
  length: number;
}

export const MAX_RANGES = 64;

export class SuspectRanges {
  private ranges: SuspectRange[];

  constructor(ranges: readonly SuspectRange[] = []) {
    this.ranges = [...ranges];
  }

  get list(): readonly SuspectRange[] {
    return this.ranges;
  }

  get any(): boolean {
    return this.ranges.length > 0;
  }

  get bytes(): number {
    return this.ranges.reduce((sum, { length }) => sum + length, 0);
  }

  add(offset: number, length: number): void {
    this.remove(offset, length);
    this.ranges.push({ offset, length });
    this.ranges.sort((a, b) => a.offset - b.offset);
    if (this.ranges.length > MAX_RANGES) this.joinNearest();
  }

  /** The range was written whole. True where any of it was suspect. */
  remove(offset: number, length: number): boolean {
    const end = offset + length;
    const touched = this.ranges.some((each) => overlaps(each, offset, end));
    if (!touched) return false;
    this.ranges = this.ranges.flatMap((each) => {
      if (!overlaps(each, offset, end)) return [each];
      const before = { offset: each.offset, length: offset - each.offset };
      const behind = { offset: end, length: each.offset + each.length - end };
      return [before, behind].filter((rest) => rest.length > 0);
    });
    return true;
  }

  clear(): void {
    this.ranges = [];
  }

  private joinNearest(): void {
    let nearest = 1;
    let least = Infinity;
    for (let at = 1; at < this.ranges.length; at++) {
      const gap = this.gapBefore(at);
      if (gap < least) [least, nearest] = [gap, at];
    }
    const [first, second] = this.ranges.slice(nearest - 1, nearest + 1) as [
      SuspectRange,
      SuspectRange,
    ];
    const length = second.offset + second.length - first.offset;
    this.ranges.splice(nearest - 1, 2, { offset: first.offset, length });
  }

  private gapBefore(at: number): number {
    const [first, second] = this.ranges.slice(at - 1, at + 1) as [SuspectRange, SuspectRange];
    return second.offset - first.offset - first.length;
  }
}

function overlaps(range: SuspectRange, offset: number, end: number): boolean {
  return range.offset < end && offset < range.offset + range.length;
}

/** Suspect ranges against a plain array of bytes, and their bound. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_RANGES, SuspectRanges } from "./suspect-ranges.ts";

const SIZE = 64;
const step = fc.record({
  add: fc.boolean(),
  offset: fc.nat(SIZE - 1),
  length: fc.integer({ min: 1, max: 16 }),
});

function bytesOf(ranges: SuspectRanges): boolean[] {
  const bytes = Array.from({ length: SIZE + 16 }, () => false);
  for (const { offset, length } of ranges.list) bytes.fill(true, offset, offset + length);
  return bytes;
}

describe("suspect ranges", () => {
  it("[W3] are those whose last write failed, byte by byte, apart and in order", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const ranges = new SuspectRanges();
        const bytes = bytesOf(ranges);
        for (const { add, offset, length } of steps) {
          const was = bytes.slice(offset, offset + length).includes(true);
          bytes.fill(add, offset, offset + length);
          if (add) ranges.add(offset, length);
          else expect(ranges.remove(offset, length)).toBe(was);
          expect(bytesOf(ranges)).toEqual(bytes);
        }
        const ends = ranges.list.flatMap(({ offset, length }) => [offset, offset + length]);
        expect(ends).toEqual([...ends].sort((a, b) => a - b));
        expect(ranges.bytes).toBe(bytes.filter(Boolean).length);
      }),
    );
  });

  it("[W10] are bounded: the nearest two become one, and none is forgotten", () => {
    const ranges = new SuspectRanges();
    for (let at = 0; at <= MAX_RANGES; at++) ranges.add(at * 1000 + (at === 7 ? 500 : 0), 10);
    expect(ranges.list).toHaveLength(MAX_RANGES);
    expect(ranges.list).toContainEqual({ offset: 7500, length: 510 });
    expect(ranges.remove(3000, 10)).toBe(true);
  });
});

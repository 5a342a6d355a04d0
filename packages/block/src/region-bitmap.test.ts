import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RegionBitmap } from "./region-bitmap.ts";

const REGION = 4096;

/** Random changes applied to a bitmap and to a plain set. */
const changes = fc.array(
  fc.record({
    set: fc.boolean(),
    first: fc.nat(200),
    count: fc.nat(120),
  }),
  { maxLength: 20 },
);

function apply(regions: number, list: { set: boolean; first: number; count: number }[]) {
  const bitmap = new RegionBitmap(regions * REGION, REGION);
  const model = new Set<number>();
  for (const { set, first, count } of list) {
    const begin = Math.min(first, regions);
    const length = Math.min(count, regions - begin);
    let expected = 0;
    for (let region = begin; region < begin + length; region++) {
      if (model.has(region) !== set) expected++;
      if (set) model.add(region);
      else model.delete(region);
    }
    const changed = set ? bitmap.setRegions(begin, length) : bitmap.clearRegions(begin, length);
    expect(changed).toBe(expected);
  }
  return { bitmap, model };
}

const regionsOf = (bitmap: RegionBitmap) =>
  [...bitmap.runs()].flatMap(({ first, count }) =>
    Array.from({ length: count }, (_, index) => first + index),
  );

describe("region bitmap", () => {
  it("holds what a set of regions would: count, runs, stored form, merge, resize", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), changes, changes, (regions, one, two) => {
        const { bitmap, model } = apply(regions, one);
        const sorted = [...model].sort((a, b) => a - b);
        expect(bitmap.count).toBe(model.size);
        expect(regionsOf(bitmap)).toEqual(sorted);
        expect(sorted.every((region) => bitmap.has(region))).toBe(true);
        const stored = RegionBitmap.parse(bitmap.serialise());
        if (typeof stored === "string") throw new Error(stored);
        expect([stored.sizeBytes, stored.regionBytes, stored.count]).toEqual([
          regions * REGION,
          REGION,
          model.size,
        ]);
        expect(regionsOf(stored)).toEqual(sorted);
        const other = apply(regions, two);
        stored.merge(other.bitmap);
        const both = new Set([...model, ...other.model]);
        expect(stored.count).toBe(both.size);
        expect(regionsOf(stored)).toEqual([...both].sort((a, b) => a - b));
        const half = Math.ceil(regions / 2);
        const smaller = bitmap.resized(half * REGION);
        expect(regionsOf(smaller)).toEqual(sorted.filter((region) => region < half));
        expect(regionsOf(smaller.resized(regions * REGION))).toEqual(regionsOf(smaller));
      }),
    );
  });

  it("sets every region that a range of bytes touches, cut at the end", () => {
    const bitmap = new RegionBitmap(10 * REGION + 512, REGION);
    expect(bitmap.regions).toBe(11);
    expect(bitmap.setRange(REGION - 512, 1024)).toBe(2);
    expect(bitmap.setRange(0, 512)).toBe(0);
    expect(bitmap.setRange(3 * REGION, 0)).toBe(0);
    expect(bitmap.setRange(10 * REGION, 1e9)).toBe(1);
    expect([...bitmap.runs()]).toEqual([
      { first: 0, count: 2 },
      { first: 10, count: 1 },
    ]);
    expect(bitmap.touches(2 * REGION, 8 * REGION)).toBe(false);
    expect(bitmap.touches(2 * REGION, 8 * REGION + 512)).toBe(true);
    expect(bitmap.touches(0, 0)).toBe(false);
  });

  it("cuts runs at a limit", () => {
    const bitmap = new RegionBitmap(100 * REGION, REGION);
    bitmap.setAll();
    expect(bitmap.nextRun(40, 7)).toEqual({ first: 40, count: 7 });
    bitmap.clearAll();
    expect([bitmap.count, bitmap.nextRun(0)]).toEqual([0, null]);
  });

  it("notices any damaged bit of its stored form", () => {
    const bitmap = new RegionBitmap(70 * REGION, REGION);
    bitmap.setRegions(3, 40);
    const stored = bitmap.serialise();
    for (let bit = 0; bit < stored.length * 8; bit++) {
      const damaged = Buffer.from(stored);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(RegionBitmap.parse(damaged)).toBe("damaged");
    }
    for (let length = 0; length < stored.length; length++) {
      expect(RegionBitmap.parse(stored.subarray(0, length))).toBe("damaged");
    }
    expect(RegionBitmap.parse(Buffer.concat([stored, Buffer.alloc(4)]))).toBe("damaged");
  });

  it("throws on regions that don't exist and shapes that differ", () => {
    const bitmap = new RegionBitmap(10 * REGION, REGION);
    expect(() => bitmap.setRegions(8, 3)).toThrow("regions 8 + 3 of 10");
    expect(() => bitmap.merge(new RegionBitmap(9 * REGION, REGION))).toThrow("different shapes");
  });
});

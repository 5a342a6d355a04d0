import { LOGICAL_BLOCK_BYTES, MAX_LUN_BYTES, MIN_LUN_BYTES } from "@lockstep/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkSize, entryOf, LARGEST_BYTES, SECTOR_BYTES, SMALLEST_BYTES } from "./size-input.ts";

describe("size entry", () => {
  it("keeps the model's limits", () => {
    expect([SECTOR_BYTES, SMALLEST_BYTES, LARGEST_BYTES]).toEqual([
      LOGICAL_BLOCK_BYTES,
      MIN_LUN_BYTES,
      MAX_LUN_BYTES,
    ]);
  });

  it("takes amounts with a unit and says what is wrong with others", () => {
    expect(checkSize({ amount: "1.5", unit: "GiB" }).bytes).toBe(1.5 * 2 ** 30);
    expect(checkSize({ amount: "1,5", unit: "GiB" }).bytes).toBe(1.5 * 2 ** 30);
    expect(checkSize({ amount: "", unit: "GiB" }).error).toBe("Enter a size");
    expect(checkSize({ amount: "1e3", unit: "GiB" }).error).toContain("number");
    expect(checkSize({ amount: "0.5", unit: "MiB" }).error).toContain("smallest");
    expect(checkSize({ amount: "257", unit: "TiB" }).error).toContain("largest");
    expect(checkSize({ amount: "1.0001", unit: "MiB" }).error).toContain("512");
  });

  it("shows every size exactly", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2 ** 11, max: 2 ** 39 }), (sectors) => {
        const bytes = sectors * 512;
        expect(checkSize(entryOf(bytes)).bytes).toBe(bytes);
      }),
    );
    expect(entryOf(2 ** 30)).toEqual({ amount: "1", unit: "GiB" });
    expect(entryOf(1.5 * 2 ** 40)).toEqual({ amount: "1.5", unit: "TiB" });
  });
});

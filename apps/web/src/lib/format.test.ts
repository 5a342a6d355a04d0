import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as format from "./format.ts";

describe("figures", () => {
  it("writes what is unknown as unknown, never as 0", () => {
    for (const write of [
      format.bytes,
      format.rate,
      format.duration,
      format.percent,
      format.count,
    ]) {
      expect(write(null)).toBe("unknown");
      expect(write(0)).toMatch(/^0/);
    }
    expect(format.remaining(null)).toBe("unknown");
  });

  it("writes sizes in binary units with three digits", () => {
    expect(format.bytes(512)).toBe("512 B");
    expect(format.bytes(1024)).toBe("1 KiB");
    expect(format.bytes(1536)).toBe("1.50 KiB");
    expect(format.bytes(1023.9 * 1024)).toBe("1.00 MiB");
    expect(format.bytes(64 * 2 ** 20)).toBe("64 MiB");
    expect(format.bytes(256 * 2 ** 40)).toBe("256 TiB");
    expect(format.rate(12.34 * 2 ** 20)).toBe("12.3 MiB/s");
    expect(format.exactBytes(1073741824)).toBe("1\u202f073\u202f741\u202f824 bytes");
  });

  it("never shows a size with more than four digits before the unit", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 }), (value) => {
        expect(format.bytes(value).split(" ")[0]?.replace(".", "").length).toBeLessThanOrEqual(4);
      }),
    );
  });

  it("writes spans in the two units that matter", () => {
    expect(format.duration(0.4217)).toBe("0.42 ms");
    expect(format.duration(500)).toBe("500 ms");
    expect(format.duration(999.7)).toBe("1.0 s");
    expect(format.duration(59_990)).toBe("1 min 00 s");
    expect(format.duration(245_000)).toBe("4 min 05 s");
    expect(format.duration(3_599_600)).toBe("1 h 00 min");
    expect(format.duration(7_800_000)).toBe("2 h 10 min");
    expect(format.duration(86_400_000 * 3 + 3_600_000 * 4)).toBe("3 d 4 h");
    expect(format.duration(-5)).toBe("0 ms");
  });

  it("rounds a time left up and never to nothing", () => {
    expect(format.remaining(20)).toBe("1 s");
    expect(format.remaining(4100)).toBe("5 s");
    expect(format.remaining(61_000)).toBe("1 min 01 s");
  });

  it("never rounds a share to a whole that it is not", () => {
    expect(format.percent(0)).toBe("0 %");
    expect(format.percent(0.00001)).toBe("< 0.1 %");
    expect(format.percent(0.9999)).toBe("99.9 %");
    expect(format.percent(1)).toBe("100 %");
    expect(format.percent(0.125)).toBe("12.5 %");
  });

  it("names the day only when it is another", () => {
    const noon = new Date(2026, 10, 23, 12, 0, 0).getTime();
    expect(format.when(noon + 1000, noon)).toBe("12:00:01");
    expect(format.when(noon - 86_400_000, noon)).toBe("2026-11-22 12:00:00");
    expect(format.clock(noon + 42, true)).toBe("12:00:00.042");
  });
});

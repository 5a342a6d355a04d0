import { DEFAULT_LINK_SETTINGS, LinkSettings } from "@lockstep/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkSettings, consequences } from "./link-rules.ts";

const time = fc.oneof(fc.integer({ min: -5, max: 120 }), fc.integer({ min: 0, max: 700_000 }));
const settings = fc.record({
  t1: time,
  t2: time,
  t3: time,
  t4: time,
  probation: time,
  connections: fc.integer({ min: -1, max: 20 }),
});

describe("link settings", () => {
  it("accepts exactly what the model accepts", () => {
    fc.assert(
      fc.property(settings, (candidate) => {
        const accepted = Object.keys(checkSettings(candidate)).length === 0;
        expect(accepted).toBe(LinkSettings.safeParse(candidate).success);
      }),
      { numRuns: 2000 },
    );
  });

  it("names the field that is wrong", () => {
    const wrong = { ...DEFAULT_LINK_SETTINGS, t2: 3000, probation: 1000, connections: 17 };
    expect(Object.keys(checkSettings(wrong)).toSorted()).toEqual([
      "connections",
      "probation",
      "t2",
    ]);
    expect(checkSettings({ ...DEFAULT_LINK_SETTINGS, t4: Number.NaN }).t4).toBe(
      "Enter a whole number",
    );
  });

  it("[O1] tells the worst detection, T1 + 2*T2", () => {
    expect(consequences(DEFAULT_LINK_SETTINGS)).toEqual({
      detectionMs: 3000,
      hostWaitMs: 3000,
      returnMs: 5000,
      toleratedLosses: 3,
      heartbeatsPerSecond: 2,
    });
  });
});

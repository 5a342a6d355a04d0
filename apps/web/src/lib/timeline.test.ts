import type { Outage, OutagePhase } from "@lockstep/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  around,
  outageLine,
  outageSpan,
  pan,
  phaseRows,
  placeBar,
  type Range,
  tickStep,
  ticks,
  zoom,
} from "./timeline.ts";
import { phaseOrder } from "./words.ts";

const T0 = Date.parse("2026-11-23T09:00:00.000Z");
const iso = (offsetMs: number) => new Date(T0 + offsetMs).toISOString();

function outage(phases: OutagePhase[], healedMs: number | null): Outage {
  return {
    id: "1",
    lun: "db",
    begunAt: iso(0),
    detectedAt: iso(2100),
    cause: "silence",
    seenBy: "alpha",
    phases,
    peakQueue: { bytes: 0, requests: 0 },
    healBytes: 0,
    longestHostWaitMs: null,
    healedAt: healedMs === null ? null : iso(healedMs),
  };
}

const phase = (kind: OutagePhase["kind"], from: number, to: number | null): OutagePhase => ({
  kind,
  at: iso(from),
  endedAt: to === null ? null : iso(to),
});

const usual = outage(
  [
    phase("silence", 0, 2100),
    phase("queueing", 2100, 12_000),
    phase("probation", 12_000, 17_000),
    phase("replay", 17_000, 20_000),
  ],
  20_000,
);

const anyPhase = fc
  .tuple(
    fc.constantFrom(...phaseOrder),
    fc.integer({ min: -500, max: 60_000 }),
    fc.option(fc.integer({ min: 0, max: 30_000 })),
  )
  .map(([kind, from, length]) => phase(kind, from, length === null ? null : from + length));
const anyOutage = fc
  .tuple(fc.array(anyPhase, { maxLength: 12 }), fc.option(fc.integer({ min: 2100, max: 70_000 })))
  .map(([phases, healed]) => outage(phases, healed));
const anyRange = fc
  .tuple(fc.integer({ min: -20_000, max: 60_000 }), fc.integer({ min: 1, max: 90_000 }))
  .map(([from, length]): Range => ({ from: T0 + from, to: T0 + from + length }));
const now = T0 + 65_000;
const slackPct = 1e-6;

describe("timeline", () => {
  it("[O7] draws the usual outage to scale, phase after phase", () => {
    const range = outageSpan(usual, now);
    const line = outageLine(usual, range, now);
    expect(line.map(({ kind }) => kind)).toEqual(["silence", "queueing", "probation", "replay"]);
    expect(line.map(({ widthPct }) => Number(widthPct.toFixed(3)))).toEqual([10.5, 49.5, 25, 15]);
    expect(line.every(({ open }) => !open)).toBe(true);
  });

  it("[O5] shows each probation that was started anew, in one row", () => {
    const flapping = outage(
      [
        phase("probation", 10_000, 12_000),
        phase("probation", 14_000, null),
        phase("probation", 15_000, 20_000),
      ],
      20_000,
    );
    const [row] = phaseRows(flapping, outageSpan(flapping, now), now);
    expect(row?.bars.map(({ from, to }) => [from - T0, to - T0])).toEqual([
      [10_000, 12_000],
      [14_000, 15_000],
      [15_000, 20_000],
    ]);
    expect(row?.totalMs).toBe(8000);
  });

  it("lets a running outage and its open phase grow to now", () => {
    const running = outage([phase("silence", 0, 2100), phase("queueing", 2100, null)], null);
    for (const later of [T0 + 5000, T0 + 9000]) {
      const range = outageSpan(running, later);
      const last = outageLine(running, range, later).at(-1);
      expect(range.to).toBe(later);
      expect(last).toMatchObject({ kind: "queueing", open: true, to: later });
      expect((last?.leftPct ?? 0) + (last?.widthPct ?? 0)).toBeCloseTo(100);
    }
  });

  it("never overlaps bars, leaves the range or loses scale", () => {
    fc.assert(
      fc.property(anyOutage, anyRange, (any, range) => {
        const rows = [
          outageLine(any, range, now),
          ...phaseRows(any, range, now).map((r) => r.bars),
        ];
        for (const bars of rows) {
          let edge = 0;
          for (const bar of bars) {
            expect(bar.leftPct).toBeGreaterThanOrEqual(edge - slackPct);
            edge = bar.leftPct + bar.widthPct;
            expect(edge).toBeLessThanOrEqual(100 + slackPct);
            const shown = Math.min(bar.to, range.to) - Math.max(bar.from, range.from);
            expect((bar.widthPct / 100) * (range.to - range.from)).toBeCloseTo(shown, 3);
          }
        }
      }),
    );
  });

  it("draws in one line every moment that any phase covers, and no other", () => {
    fc.assert(
      fc.property(anyOutage, fc.integer({ min: 0, max: 65_000 }), (any, offset) => {
        const range = outageSpan(any, now);
        const moment = T0 + offset + 0.5;
        const covers = ({ from, to }: { from: number; to: number }) => from < moment && moment < to;
        const inRows = phaseRows(any, range, now).filter(({ bars }) => bars.some(covers));
        const inLine = outageLine(any, range, now).filter(covers);
        expect(inLine.length).toBe(inRows.length > 0 ? 1 : 0);
        if (inLine[0]) expect(inRows.map(({ kind }) => kind)).toContain(inLine[0].kind);
      }),
    );
  });

  it("clips a bar to the range and drops one outside it", () => {
    const range = { from: 100, to: 200 };
    expect(placeBar(50, 150, false, range)).toMatchObject({ leftPct: 0, widthPct: 50, from: 50 });
    expect(placeBar(0, 99, false, range)).toBeNull();
    expect(placeBar(201, 300, true, range)).toBeNull();
  });

  it("sets ticks on round times, not too many", () => {
    fc.assert(
      fc.property(anyRange, fc.integer({ min: 1, max: 20 }), (range, most) => {
        const found = ticks(range, most);
        expect(found.length).toBeLessThanOrEqual(most + 1);
        for (const tick of found) {
          expect(tick.at % tickStep(range, most)).toBe(0);
          expect(tick.leftPct).toBeGreaterThanOrEqual(0);
          expect(tick.leftPct).toBeLessThanOrEqual(100);
        }
      }),
    );
  });

  it("keeps the anchor still while zooming and the length while panning", () => {
    const range = { from: T0, to: T0 + 100_000 };
    expect(zoom(range, 0.5, 25)).toEqual({ from: T0 + 12_500, to: T0 + 62_500 });
    expect(zoom(range, 1e-9, 0).to - zoom(range, 1e-9, 0).from).toBe(2000);
    expect(pan(range, -10)).toEqual({ from: T0 - 10_000, to: T0 + 90_000 });
    expect(around(usual, now).from).toBeLessThan(T0);
  });
});

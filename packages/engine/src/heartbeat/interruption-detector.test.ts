import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SignalView } from "./interruption-detector.ts";
import { InterruptionDetector } from "./interruption-detector.ts";
import {
  missedSince,
  nextCheckMs,
  nextDrainMs,
  sendDueMs,
  sendIntervalMs,
  silenceThresholdMs,
} from "./pace.ts";
import { RunningClock } from "./running-clock.ts";

const T1 = 100;
const T2 = 20;
const T3 = 250;

interface Memory {
  drainedRunMs: number;
  lastHeardAtMs: number;
}

/** As a receiver leaves it that was never stalled: both clocks are one. */
function view(nowMs: number, memory: Memory, armedRunMs = 0): SignalView {
  const lastHeardRunMs = memory.lastHeardAtMs;
  const settings = { thresholdMs: T1, intervalMs: T2, stuckMs: T3 };
  return { nowMs, ...memory, lastHeardRunMs, armedRunMs, ...settings };
}

/** Sums pauses to moments. */
function moments(pauses: readonly number[], firstMs: number): number[] {
  let at = firstMs;
  return pauses.map((pause) => {
    at += pause;
    return at;
  });
}

/**
 * The receiver's steps over real time: at each wake it takes all that arrived by then off the socket, stamping each
 * message as late as `processing` says, then notes the wake's time as drained.
 */
function receiverSteps(
  wakes: readonly number[],
  processing: readonly number[],
  arrivals: readonly number[],
) {
  const steps: { atMs: number; change: Partial<Memory> }[] = [];
  let taken = 0;
  let busyUntilMs = 0;
  wakes.forEach((wake, index) => {
    const begin = Math.max(wake, busyUntilMs);
    let at = begin;
    for (; taken < arrivals.length && (arrivals[taken] ?? 0) <= begin; taken++) {
      at += processing[index % processing.length] ?? 0;
      steps.push({ atMs: at, change: { lastHeardAtMs: at } });
    }
    steps.push({ atMs: at, change: { drainedRunMs: begin } });
    busyUntilMs = at;
  });
  return steps;
}

describe("interruption detector", () => {
  it("[H5] declares no interruption while messages keep arriving, whatever stalls either thread", () => {
    const pause = fc.oneof(
      { arbitrary: fc.nat({ max: 8 }), weight: 9 },
      { arbitrary: fc.nat({ max: 3_000 }), weight: 1 },
    );
    const gap = fc.oneof(fc.integer({ min: 1, max: T1 - 1 }), fc.constant(T1 - 1));
    fc.assert(
      fc.property(
        fc.array(gap, { minLength: 5, maxLength: 100 }),
        fc.array(pause, { minLength: 5, maxLength: 200 }),
        fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 10 }),
        fc.array(fc.tuple(pause, pause), { minLength: 5, maxLength: 100 }),
        (gaps, drains, processing, checks) => {
          const arrivals = moments(gaps, 1_000);
          const end = arrivals.at(-1) ?? 0;
          const steps = receiverSteps(moments(drains, 1_000), processing, arrivals);
          const detector = new InterruptionDetector();
          // The sender reads drained, may be stalled, then reads the timestamp: both as of their own moments.
          let at = 1_000;
          for (const [wait, stall] of checks) {
            const readDrainedMs = at + wait;
            at = readDrainedMs + stall;
            if (at >= end) break;
            const verdict = detector.check(
              view(at, {
                drainedRunMs: newest(steps, "drainedRunMs", readDrainedMs),
                lastHeardAtMs: newest(steps, "lastHeardAtMs", at),
              }),
            );
            expect(verdict.change === "interrupted" && verdict.reason === "silence").toBe(false);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("[O1] finds a dead peer within T1 + 2*T2 of the last heartbeat, whenever its threads run as planned", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: T2, noNaN: true }),
        fc.double({ min: 0, max: T2 / 2, noNaN: true }),
        fc.double({ min: 0, max: 3, noNaN: true }),
        (phaseMs, drainPhaseMs, latencyMs) => {
          const lastMs = 1_000;
          const detector = new InterruptionDetector();
          const memory: Memory = { drainedRunMs: lastMs, lastHeardAtMs: lastMs };
          detector.check(view(lastMs, memory));
          let drainMs = lastMs + drainPhaseMs;
          let checkMs = lastMs + phaseMs;
          let sendMs = checkMs;
          for (;;) {
            if (drainMs <= checkMs) {
              memory.drainedRunMs = drainMs;
              drainMs = latencyMs + nextDrainMs(drainMs, T2, memory.lastHeardAtMs + T1);
              continue;
            }
            if (detector.check(view(checkMs, memory)).change === "interrupted") break;
            if (checkMs >= sendMs) sendMs += T2;
            checkMs = latencyMs + nextCheckMs(checkMs, sendMs, detector.deadlineMs(0, T1), T2);
          }
          expect(checkMs).toBeGreaterThanOrEqual(lastMs + T1);
          expect(checkMs).toBeLessThanOrEqual(lastMs + T1 + 2 * T2);
        },
      ),
    );
  });

  it("[H5] a receiver that does not drain for T3 of our own running time is stuck, and its side silent", () => {
    const detector = new InterruptionDetector();
    const memory = { drainedRunMs: 1_000, lastHeardAtMs: 1_000 };
    detector.check(view(1_000, memory));
    let nowMs = 1_000;
    let verdict = detector.check(view(nowMs, memory));
    while (!verdict.receiverStuck) {
      nowMs += T2;
      verdict = detector.check(view(nowMs, memory));
    }
    expect(nowMs - 1_000).toBeGreaterThanOrEqual(T3);
    expect(nowMs - 1_000).toBeLessThan(T3 + 2 * T2);
    expect(verdict).toEqual({
      change: "interrupted",
      reason: "receiver-stuck",
      receiverStuck: true,
    });
  });

  it("[H5] a process that was suspended as a whole takes its receiver for stuck only after T3 of running again", () => {
    const detector = new InterruptionDetector();
    const memory = { drainedRunMs: 1_000, lastHeardAtMs: 1_000 };
    detector.check(view(1_000, memory));
    expect(detector.check(view(61_000, memory))).toEqual({
      change: "none",
      reason: "silence",
      receiverStuck: false,
    });
    expect(
      detector.check(view(61_010, { drainedRunMs: 61_005, lastHeardAtMs: 61_002 })).change,
    ).toBe("none");
  });

  it("[H3] says heard with the first message after silence, and interrupted anew after it", () => {
    const detector = new InterruptionDetector();
    const changes = [
      { drainedRunMs: 1_000, lastHeardAtMs: 1_000 },
      { drainedRunMs: 1_100, lastHeardAtMs: 1_000 },
      { drainedRunMs: 1_120, lastHeardAtMs: 1_000 },
      { drainedRunMs: 1_140, lastHeardAtMs: 1_130 },
      { drainedRunMs: 1_240, lastHeardAtMs: 1_130 },
    ].map((memory) => detector.check(view(memory.drainedRunMs, memory)).change);
    expect(changes).toEqual(["heard", "interrupted", "none", "heard", "interrupted"]);
  });

  it("[H3] what was armed and never heard is silent from the arming on", () => {
    const detector = new InterruptionDetector();
    const memory = { drainedRunMs: 1_099, lastHeardAtMs: 0 };
    expect(detector.check(view(1_099, memory, 1_000)).change).toBe("none");
    expect(detector.check(view(1_101, { ...memory, drainedRunMs: 1_100 }, 1_000)).change).toBe(
      "interrupted",
    );
  });

  it("[H5] a machine that stalls both servers at once makes no interruption between them", () => {
    const segment = fc.tuple(fc.integer({ min: 60, max: 400 }), fc.integer({ min: 1, max: 2_000 }));
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 1, maxLength: 20 }),
        fc.nat({ max: 40 }),
        (segments, late) => {
          const clock = new RunningClock(0);
          const detector = new InterruptionDetector();
          const memory = { lastHeardAtMs: 1_000, lastHeardRunMs: 1_000 };
          let at = 1_000;
          let sendAtMs = at;
          for (const [runMs, pauseMs] of segments) {
            // The receiver is the first to run after a pause, the peer's sender comes late.
            const sendFromMs = at + late;
            for (const end = at + runMs; at < end; at += T2 / 2) {
              clock.ran(at, T2);
              if (at >= sendFromMs && at >= sendAtMs) {
                memory.lastHeardAtMs = at;
                memory.lastHeardRunMs = at - clock.stalledMs;
                sendAtMs = at + T2;
              }
              const drainedRunMs = at - clock.stalledMs;
              const verdict = detector.check({
                ...view(at, { drainedRunMs, ...memory }),
                ...memory,
              });
              expect(verdict.change).not.toBe("interrupted");
            }
            at += pauseMs;
          }
        },
      ),
    );
  });

  it("[H5] a stall of one's own lengthens the search for a dead peer by no more than the stall", () => {
    const clock = new RunningClock(0);
    clock.ran(1_000, T2);
    clock.ran(1_010, T2);
    clock.ran(1_090, T2);
    expect(clock.stalledMs).toBe(60);
    clock.ran(1_110, T2);
    expect(clock.stalledMs).toBe(60);
  });

  it("begins again when the peer is forgotten", () => {
    const detector = new InterruptionDetector();
    detector.check(view(1_000, { drainedRunMs: 1_000, lastHeardAtMs: 1_000 }));
    expect(detector.check(view(1_200, { drainedRunMs: 1_200, lastHeardAtMs: 0 })).change).toBe(
      "none",
    );
    expect(detector.state).toBe("idle");
  });
});

describe("pace", () => {
  it("[H1] keeps to the grid of T2 without drift, and sends once after a stall", () => {
    expect(sendDueMs(1_000, 1_019, 20)).toBe(1_000);
    expect(sendDueMs(1_000, 1_021.5, 20)).toBe(1_020);
    expect(sendDueMs(1_000, 3_333, 20)).toBe(3_320);
  });

  it("neither side counts by settings that the other does not keep to yet", () => {
    expect(sendIntervalMs(500, 20)).toBe(20);
    expect(sendIntervalMs(20, 500)).toBe(20);
    expect(sendIntervalMs(500, 0)).toBe(500);
    expect(silenceThresholdMs(100, 20, 500)).toBe(2_500);
    expect(silenceThresholdMs(2_000, 500, 20)).toBe(2_000);
    expect(silenceThresholdMs(2_000, 500, 0)).toBe(2_000);
  });

  it("[H6] counts as missed what should have come", () => {
    expect(missedSince(0, 20, 20)).toBe(0);
    expect(missedSince(0, 31, 20)).toBe(1);
    expect(missedSince(0, 100, 20)).toBe(4);
  });
});

function newest(
  steps: readonly { atMs: number; change: Partial<Memory> }[],
  field: keyof Memory,
  nowMs: number,
): number {
  let value = 0;
  for (const { atMs, change } of steps)
    if (atMs <= nowMs) value = Math.max(value, change[field] ?? 0);
  return value;
}

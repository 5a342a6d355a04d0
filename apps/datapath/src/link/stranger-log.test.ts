import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StrangerLog } from "./stranger-log.ts";

let told: string[];
let log: StrangerLog;
beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  log = new StrangerLog((message) => told.push(message));
});
afterEach(() => {
  vi.useRealTimers();
});

const MINUTE = 60_000;
/** Milliseconds of the monotonic clock, which began long before. */
const T0 = 5_000_000;

describe("a stranger log", () => {
  it("[L3] tells of the first knock at once, and of the next ones as a sum a minute", () => {
    log.knocked(T0, "192.0.2.1:1", "no proof in time");
    const first = "a stranger was turned away, the last from 192.0.2.1:1: no proof in time";
    expect(told).toEqual([first]);
    for (let i = 1; i <= 500; i++) log.knocked(T0 + i, `192.0.2.2:${i}`, "the proof is wrong");
    log.knocked(T0 + 501, "192.0.2.3:1", "x", 20);
    expect(told).toEqual([first]);
    vi.advanceTimersByTime(MINUTE - 2);
    expect(told).toEqual([first]);
    vi.advanceTimersByTime(2);
    const sum = "520 strangers were turned away, the last from 192.0.2.3:1: x";
    expect(told).toEqual([first, sum]);
    vi.advanceTimersByTime(10 * MINUTE);
    expect(told).toHaveLength(2);
    log.knocked(T0 + 11 * MINUTE, "192.0.2.4:1", "y");
    expect(told).toHaveLength(3);
  });

  it("[L3] counts a minute from the sum before", () => {
    log.knocked(T0, "a:1", "x");
    log.knocked(T0 + 1, "a:1", "x");
    vi.advanceTimersByTime(MINUTE);
    expect(told).toHaveLength(2);
    log.knocked(T0 + MINUTE + 10, "a:1", "x");
    expect(told).toHaveLength(2);
    vi.advanceTimersByTime(MINUTE);
    expect(told).toHaveLength(3);
  });

  it("[L3] tells nothing of nobody where a knock comes before the timer that is due", () => {
    log.knocked(T0, "a:1", "x");
    log.knocked(T0 + 1, "a:2", "x");
    log.knocked(T0 + MINUTE + 5, "a:3", "x");
    expect(told.at(-1)).toBe("2 strangers were turned away, the last from a:3: x");
    vi.advanceTimersByTime(3 * MINUTE);
    expect(told).toHaveLength(2);
    log.knocked(T0 + 2 * MINUTE + 6, "a:4", "x");
    expect(told).toHaveLength(3);
  });
});

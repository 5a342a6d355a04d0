import { expect, it } from "vitest";
import { figureOf, rowsOf, table } from "./figures.ts";

const sample = (system: string, operationsPerSecond: number, cpuUsPerOperation: number) => {
  return { workload: "4 KiB read", system, operationsPerSecond, cpuUsPerOperation };
};

it("takes the middle of an odd number of measurements and the mean of the two middle of an even", () => {
  expect(figureOf([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3 });
  expect(figureOf([4, 1, 2, 3])).toEqual({ median: 2.5, least: 1, most: 4 });
  expect(() => figureOf([])).toThrow("no measurements");
});

it("compares medians with the reference of the same workload", () => {
  const samples = [sample("tgt", 100, 20), sample("lockstep", 150, 5), sample("lockstep", 250, 15)];
  const [tgt, lockstep] = rowsOf(samples, "tgt");
  expect(tgt).toMatchObject({ speedRatio: null, cpuRatio: null });
  expect(lockstep).toMatchObject({ speedRatio: 2, cpuRatio: 0.5 });
});

it("shows one line for each system, ratios where there is a reference", () => {
  const lines = table(
    rowsOf([sample("tgt", 100, 20), sample("lockstep", 150, 5)], "tgt"),
    "tgt",
  ).split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[2]).toMatch(/lockstep\s+150 \(150-150\)\s+1\.50x\s+5\.0 \(5\.0-5\.0\)\s+0\.25x$/);
});

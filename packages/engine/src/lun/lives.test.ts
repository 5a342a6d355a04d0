/**
 * The engine of both sides through random lives, from fresh seeds at each run: whatever happened, hosts' promises hold,
 * and when faults stop the LUN is mirrored and equal. LOCKSTEP_SEED lives one again.
 */
import { describe, expect, it } from "vitest";
import { type Fault, RandomLife } from "../testing/random-life.ts";

const LIVES = 60;

const FAULT_SETS: readonly (readonly Fault[])[] = [
  [],
  ["moves"],
  ["moves", "primary-power", "mirror-power"],
  ["designations"],
  ["primary-marks"],
  ["mirror-marks"],
  ["journal"],
  ["mirror-writes"],
  ["mirror-flushes", "mirror-marks"],
  ["primary-flushes"],
  ["primary-flushes", "primary-power", "moves"],
  ["primary-writes"],
  ["primary-writes", "slow-writes"],
  ["hangs"],
  ["small-journal"],
];

describe("a random life of a mirrored LUN", () => {
  const given = process.env.LOCKSTEP_SEED;
  const first = Number(given ?? Math.floor(Math.random() * 1e9));
  const count = given === undefined ? LIVES : 1;
  for (const faults of FAULT_SETS) {
    const beside = faults.length === 0 ? "kills and lost connections" : faults.join(", ");
    it(`[W3-W8, O6, R1, R7] ends well, in spite of ${beside} (seeds from ${first})`, () => {
      for (let seed = first; seed < first + count; seed++) {
        expect(new RandomLife(seed, faults).live()).toBeNull();
      }
    });
  }
});

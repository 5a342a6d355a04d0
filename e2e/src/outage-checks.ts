/**
 * What an outage's record must say, held against what the test itself did and when (SPEC O1, O7,
 * H3).
 */
import type { Outage, OutageCause, OutagePhaseKind } from "@lockstep/model";
import { expect } from "vitest";

export const ms = (iso: string): number => Date.parse(iso);

/** The wall clock is read in whole milliseconds on both sides. */
const ROUNDING_MS = 2;

/** A heartbeat that was sent before the cut may be read so much after it, for two busy cores. */
const READ_MS = 20;

export interface Expected {
  /** When the cut was complete, on the wall clock: no heartbeat came after it. */
  cutAt: number;
  /** T1 + 2*T2. */
  detectionMs: number;
  causes: readonly OutageCause[];
  seenBy?: string;
}

export function expectDetectedInTime(
  outage: Outage,
  { cutAt, detectionMs, causes, seenBy }: Expected,
): void {
  const begun = ms(outage.begunAt);
  const detected = ms(outage.detectedAt);
  expect(begun).toBeLessThanOrEqual(cutAt + READ_MS);
  expect(detected - begun, "from the last heartbeat to detection").toBeLessThanOrEqual(
    detectionMs + ROUNDING_MS,
  );
  expect(detected - cutAt, "from the cut to detection").toBeLessThanOrEqual(detectionMs + READ_MS);
  expect(causes).toContain(outage.cause);
  if (seenBy !== undefined) expect(outage.seenBy).toBe(seenBy);
}

/** Begin of the first phase of a kind. */
function phaseBegin(outage: Outage, kind: OutagePhaseKind): number {
  const phase = outage.phases.find((each) => each.kind === kind);
  if (phase === undefined)
    throw new Error(`the outage has no phase "${kind}": ${JSON.stringify(outage.phases)}`);
  return ms(phase.at);
}

/**
 * The record of an outage that was healed by replay: its phases in order, all ended, with figures.
 */
export function expectHealedByReplay(outage: Outage): void {
  const order = (["silence", "queueing", "probation", "replay"] as const).map((kind) =>
    phaseBegin(outage, kind),
  );
  expect(order).toEqual([...order].sort((a, b) => a - b));
  for (const { at, endedAt } of outage.phases) {
    expect(endedAt).not.toBeNull();
    expect(ms(endedAt ?? at)).toBeGreaterThanOrEqual(ms(at));
  }
  expect(outage.phases.map(({ kind }) => kind)).not.toContain("resync");
  expect(outage.healedAt).not.toBeNull();
  expect(outage.peakQueue.requests).toBeGreaterThan(0);
  expect(outage.peakQueue.bytes).toBeGreaterThan(0);
  expect(outage.healBytes).toBeGreaterThanOrEqual(outage.peakQueue.bytes / 2);
}

/** The one outage of a LUN in the list. */
export function onlyOutage(outages: readonly Outage[], lun: string): Outage {
  const those = outages.filter((outage) => outage.lun === lun);
  expect(those, `outages of ${lun}`).toHaveLength(1);
  return those[0] as Outage;
}

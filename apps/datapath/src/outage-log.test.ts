import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Outage } from "@lockstep/model";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OutageLog } from "./outage-log.ts";

let folder: string;
let file: string;
const logs: OutageLog[] = [];

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "outage-log-"));
  file = path.join(folder, "outages.jsonl");
});
afterEach(() => {
  for (const log of logs.splice(0)) log.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

function openLog(maxOutages?: number): OutageLog {
  const log = new OutageLog(file, maxOutages);
  logs.push(log);
  return log;
}

function time(second: number): string {
  return new Date(Date.UTC(2026, 10, 23, 12, 0, second)).toISOString();
}

const silence = {
  lun: "demo",
  begunAt: time(0),
  detectedAt: time(2),
  cause: "silence",
  seenBy: "alpha",
} as const;
const noCounts = { peakQueue: { bytes: 0, requests: 0 }, healBytes: 0, longestHostWaitMs: null };

describe("outage log", () => {
  it("[O7] records an outage from silence to healing, and tells each change", () => {
    const log = openLog();
    const told: Outage[] = [];
    log.subscribe((outage) => told.push(outage));
    const id = log.begin(silence);
    log.enter(id, "queueing", time(2));
    log.enter(id, "queueing", time(3));
    log.enter(id, "probation", time(10));
    log.enter(id, "replay", time(15));
    log.heal(id, time(16));
    expect(log.get(id)).toEqual({
      id,
      ...silence,
      ...noCounts,
      phases: [
        { kind: "silence", at: time(0), endedAt: time(2) },
        { kind: "queueing", at: time(2), endedAt: time(10) },
        { kind: "probation", at: time(10), endedAt: time(15) },
        { kind: "replay", at: time(15), endedAt: time(16) },
      ],
      healedAt: time(16),
    });
    expect(told.map((outage) => outage.phases.at(-1)?.kind)).toEqual([
      "silence",
      "queueing",
      "probation",
      "replay",
      "replay",
    ]);
  });

  it("[O7] keeps peaks, and says nothing more of an outage that is over", () => {
    const log = openLog();
    const id = log.begin(silence);
    log.count(id, { peakQueue: { bytes: 500, requests: 5 }, healBytes: 0, longestHostWaitMs: 12 });
    log.count(id, {
      peakQueue: { bytes: 100, requests: 9 },
      healBytes: 70,
      longestHostWaitMs: null,
    });
    log.heal(id, time(9));
    log.enter(id, "queueing", time(10));
    log.count(id, {
      peakQueue: { bytes: 9_999, requests: 9 },
      healBytes: 0,
      longestHostWaitMs: 99,
    });
    expect(log.get(id)).toMatchObject({
      peakQueue: { bytes: 500, requests: 9 },
      healBytes: 70,
      longestHostWaitMs: 12,
      healedAt: time(9),
    });
    expect(log.get(id)?.phases).toHaveLength(1);
  });

  it("[O7] a running outage goes on after a restart, its counts with it", () => {
    const log = openLog();
    const id = log.begin(silence);
    log.enter(id, "queueing", time(2));
    log.count(id, { ...noCounts, peakQueue: { bytes: 4_096, requests: 1 } });
    log.close();
    const next = openLog();
    expect(next.list()).toHaveLength(1);
    expect(next.get(id)).toMatchObject({
      healedAt: null,
      peakQueue: { bytes: 4_096, requests: 1 },
    });
    next.heal(id, time(20));
    expect(next.get(id)?.phases.at(-1)).toEqual({
      kind: "queueing",
      at: time(2),
      endedAt: time(20),
    });
  });

  it("[O7] tolerates a torn last line", () => {
    const log = openLog();
    const id = log.begin(silence);
    log.close();
    fs.appendFileSync(file, '{"id":"torn');
    expect(
      openLog()
        .list()
        .map((outage) => outage.id),
    ).toEqual([id]);
  });

  it("[O7] keeps the last ones and those that run, in a bounded file", () => {
    const log = openLog(20);
    const running = log.begin(silence);
    for (let i = 0; i < 60; i++) {
      const id = log.begin({ ...silence, lun: `lun-${i}` });
      log.heal(id, time(5));
    }
    expect(log.list()).toHaveLength(20);
    expect(log.get(running)).not.toBeNull();
    log.close();
    expect(openLog(20).list()).toHaveLength(20);
  });

  it("writes the file anew when most of its lines are overtaken", () => {
    const log = openLog();
    let bytes = 0;
    for (let i = 0; i < 4_500; i++) {
      log.heal(log.begin({ ...silence, detectedAt: time(2 + i) }), time(3 + i));
      bytes = Math.max(bytes, fs.statSync(file).size);
    }
    expect(log.list()).toHaveLength(1_000);
    expect(bytes).toBeLessThan(4_100 * 400);
    const ids = log.list().map((outage) => outage.id);
    expect(new Set(ids).size).toBe(1_000);
    log.close();
    expect(
      openLog()
        .list()
        .map((outage) => outage.id),
    ).toEqual(ids);
  });
});

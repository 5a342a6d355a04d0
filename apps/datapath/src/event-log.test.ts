import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EventLimits, EventLog, type NewEvent } from "./event-log.ts";

let folder: string;
const logs: EventLog[] = [];

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "event-log-"));
});
afterEach(() => {
  for (const log of logs.splice(0)) log.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

const SMALL: EventLimits = { keptEvents: 10, segmentBytes: 2_000, maxBytes: 10_000 };

function openLog(limits: Partial<EventLimits> = {}): EventLog {
  const log = new EventLog(folder, limits);
  logs.push(log);
  return log;
}

function fresh(message: string): NewEvent {
  return {
    kind: "link-state",
    severity: "info",
    actor: { who: "system", from: "test" },
    subject: "link",
    message,
    before: null,
    after: null,
  };
}

/** Everything after `seq` as a reader gets it that comes again whenever there is more. */
async function readTo(log: EventLog, seq: number, last: number): Promise<number[]> {
  const numbers: number[] = [];
  let at = seq;
  await expect
    .poll(
      () => {
        for (let chunk = log.after(at); chunk.events.length > 0; chunk = log.after(at)) {
          numbers.push(...chunk.events.map((event) => event.seq));
          at = numbers.at(-1) ?? at;
        }
        return at;
      },
      { interval: 5 },
    )
    .toBe(last);
  return numbers;
}

function upTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

describe("event log", () => {
  it("[C3] numbers events without a gap, over restarts", async () => {
    const log = openLog();
    for (let i = 1; i <= 600; i++) expect(log.append(fresh(`event ${i}`)).seq).toBe(i);
    expect(await readTo(log, 0, 600)).toEqual(upTo(600));
    log.close();
    const next = openLog();
    expect(next.append(fresh("after")).seq).toBe(601);
    expect(await readTo(next, 598, 601)).toEqual([599, 600, 601]);
  });

  it("[C2] tells readers when there is more, and only of what is stable", async () => {
    const log = openLog();
    const told = new Promise<number[]>((resolve) => {
      log.subscribe(() => resolve(log.after(0).events.map((event) => event.seq)));
    });
    log.append(fresh("one"));
    expect(log.after(0).events).toEqual([]);
    expect(await told).toEqual([1]);
  });

  it("[C2] keeps what kill -9 finds appended", async () => {
    const writer = spawn(process.execPath, [
      path.join(import.meta.dirname, "testing", "event-writer.ts"),
      folder,
    ]);
    let said = "";
    writer.stdout.on("data", (chunk) => {
      said += chunk;
      if (said.length > 20_000) writer.kill("SIGKILL");
    });
    await once(writer, "close");
    const acknowledged = Number(said.trimEnd().split("\n").at(-1));
    const log = openLog();
    expect(log.lastSeq).toBeGreaterThanOrEqual(acknowledged);
    expect(await readTo(log, 0, log.lastSeq)).toEqual(upTo(log.lastSeq));
  });

  it("[C2] cuts off a torn last line and goes on behind it", async () => {
    const log = openLog();
    for (let i = 0; i < 3; i++) log.append(fresh("whole"));
    log.close();
    const [file] = fs.readdirSync(folder);
    fs.appendFileSync(path.join(folder, file ?? ""), '{"seq":4,"at":"2026');
    const next = openLog();
    expect(next.append(fresh("next")).seq).toBe(4);
    next.close();
    const last = openLog();
    expect(await readTo(last, 0, 4)).toEqual(upTo(4));
  });

  it("[C2] forgets what was taken, but for the last that are listed", async () => {
    const log = openLog(SMALL);
    for (let i = 0; i < 40; i++) log.append(fresh("some"));
    await readTo(log, 0, 40);
    log.taken(40);
    expect(log.since(null).map((event) => event.seq)).toEqual(upTo(40, 31));
    const { lost, events } = log.after(0);
    expect(events[0]?.seq).toBeGreaterThan(20);
    expect(lost).toEqual({ from: 1, to: (events[0]?.seq ?? 0) - 1 });
    log.close();
    expect(
      openLog(SMALL)
        .since(null)
        .map((event) => event.seq),
    ).toEqual(upTo(40, 31));
  });

  it("[C2] is bounded: the oldest go, which is told to readers and by an event", async () => {
    const log = openLog(SMALL);
    for (let i = 0; i < 200; i++) {
      log.append(fresh("many"));
      await new Promise(setImmediate);
    }
    const bytes = fs.readdirSync(folder).map((name) => fs.statSync(path.join(folder, name)).size);
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(
      SMALL.maxBytes + 2 * SMALL.segmentBytes,
    );
    await expect.poll(() => log.after(0).lost).not.toBeNull();
    const { lost, events } = log.after(0);
    expect(lost).toEqual({ from: 1, to: (events[0]?.seq ?? 0) - 1 });
    const numbers = await readTo(log, lost?.to ?? 0, log.lastSeq);
    expect(numbers).toEqual(upTo(log.lastSeq, (lost?.to ?? 0) + 1));
    expect(log.since(null).some((event) => event.kind === "events-lost")).toBe(true);
  });

  it("[C2] says nothing of a loss where what went had been taken", async () => {
    const log = openLog({ ...SMALL, keptEvents: 200 });
    for (let i = 0; i < 100; i++) {
      log.taken(log.append(fresh("taken")).seq);
      await new Promise(setImmediate);
    }
    await readTo(log, 99, 100);
    expect(log.since(null).some((event) => event.kind === "events-lost")).toBe(false);
  });

  it("lists from a time on, and never more than an answer holds", () => {
    const log = openLog();
    log.append(fresh("early"));
    const cut = new Date(Date.now() + 1_000).toISOString();
    expect(log.since(cut)).toEqual([]);
    expect(log.since("2026-01-01T00:00:00.000Z").map((event) => event.message)).toEqual(["early"]);
    for (let i = 0; i < 100; i++) log.append({ ...fresh("long"), after: "y".repeat(60_000) });
    expect(JSON.stringify(log.since(null)).length).toBeLessThan(4 * 2 ** 20);
    const huge = log.append({ ...fresh("huge"), after: "y".repeat(70_000) });
    expect(huge.after).toBeNull();
  });

  it("[C2] goes on numbering behind what the database has, where the folder is an older one", () => {
    const log = openLog();
    log.append(fresh("one"));
    log.seen(500);
    expect(log.append(fresh("two")).seq).toBe(501);
  });
});

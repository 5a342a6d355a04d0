import { DEFAULT_LINK_SETTINGS, type Link, ServerId, type Status } from "@lockstep/model";
import { describe, expect, it } from "vitest";
import { Live, staleBecause } from "./live.ts";
import { gaps, PulseTrace } from "./pulses.ts";
import { addSample, KEPT_MS, rateNow, sampleOf, writeBytesOf } from "./samples.ts";

function link(sent: number, received: number, ageMs: number | null = 0): Link {
  return {
    state: "up",
    peer: { name: "beta", uuid: "u", address: "10.0.0.2:7410", version: null },
    settings: DEFAULT_LINK_SETTINGS,
    settingsVersion: 1,
    outageNumber: 0,
    strangers: 0,
    probationMs: null,
    drillMs: null,
    connections: [
      {
        index: 0,
        socket: null,
        timestampAgeMs: ageMs,
        closed: false,
        connected: true,
        bytes: sent * 100,
        inFlight: 0,
      },
    ],
    incoming: [],
    heartbeat: {
      sent,
      received,
      missed: 0,
      rejected: 0,
      rttMs: null,
      jitterMs: null,
      lossOut: null,
      lossIn: null,
    },
  };
}

function status(of: Link): Status {
  return {
    server: {
      name: "alpha",
      uuid: ServerId.parse("00000000-0000-4000-8000-000000000001"),
      version: "0.1.0",
      startedAt: "2026-11-23T09:00:00.000Z",
      restartNeeded: false,
    },
    link: of,
    luns: [],
    processes: { supervisor: 1, datapath: 2, backend: 3, database: 4 },
    database: "connected",
  };
}

const view = (of: Link) => ({ dataPath: "connected" as const, status: status(of), at: null });

describe("what is live", () => {
  it("never takes figures for live once they stop coming", () => {
    const live = new Live();
    expect(live.get().trust.kind).toBe("waiting");
    live.takeView(view(link(1, 1)), 1000);
    expect(live.get().trust.kind).toBe("live");
    live.check(1000 + 1500);
    expect(live.get().trust.kind).toBe("live");
    live.check(1000 + 1501);
    expect(live.get().trust.kind).toBe("silent");
    live.takeView(view(link(2, 2)), 4000);
    expect(live.get().trust.kind).toBe("live");
  });

  it("trusts a server without a peer for as long as the socket stands", () => {
    const live = new Live();
    live.takeView(view({ ...link(0, 0, null), state: "unpaired" }), 1000);
    live.check(100_000);
    expect(live.get().trust.kind).toBe("live");
    live.socketLost();
    live.check(100_001);
    expect(live.get().trust.kind).toBe("lost");
    expect(live.get().atMs).toBe(1000);
  });

  it("[C4] keeps the last figures and their time while the data path is away", () => {
    const live = new Live();
    live.takeView(view(link(5, 5)), 1000);
    live.takeView({ ...view(link(5, 5)), dataPath: "away" }, 9000);
    expect(live.get()).toMatchObject({ atMs: 1000, trust: { kind: "away" } });
    expect(staleBecause(live.get().trust)).toContain("data path");
    const late = new Live();
    const at = "2026-11-23T09:00:00.000Z";
    late.takeView({ ...view(link(5, 5)), dataPath: "away", at }, Date.parse(at) + 60_000);
    expect(late.get().atMs).toBe(Date.parse(at));
  });
});

describe("heartbeat signals", () => {
  it("[H6] places each counted beat once, the newest at its timestamp", () => {
    const trace = new PulseTrace();
    trace.add(link(10, 10, 0), 1000, 3000);
    expect(trace.pulses?.in).toEqual([]);
    trace.add(link(11, 11, 100), 1400, 3000);
    trace.add(link(13, 13, 50), 2350, 3000);
    expect(trace.pulses?.in).toEqual([1300, 1800, 2300]);
    expect(trace.pulses?.out).toHaveLength(3);
    expect(trace.pulses?.untilMs).toBe(2350);
  });

  it("[H1] keeps the rhythm of what is sent, though the statuses that count it come unevenly", () => {
    const trace = new PulseTrace();
    const intervalMs = 503;
    const delays = [0, 10, 200, 0, 30];
    for (let i = 0; i < 400; i++) {
      const toldMs = 10_000 + 250 * i;
      const sent = Math.floor(toldMs / intervalMs);
      trace.add(link(sent, sent, 0), toldMs + (delays[i % delays.length] ?? 0), 3000);
    }
    const out = trace.pulses?.out.slice(5) ?? [];
    const gapsMs = out.slice(1).map((beat, i) => beat - (out[i] ?? beat));
    expect(gapsMs.length).toBeGreaterThan(150);
    expect(Math.min(...gapsMs)).toBeGreaterThan(400);
    expect(Math.max(...gapsMs)).toBeLessThan(700);
  });

  it("[H3] shows silence as a gap, and only what was watched", () => {
    const trace = new PulseTrace();
    trace.add(link(1, 1, 0), 1000, 3000);
    trace.add(link(2, 2, 0), 1500, 3000);
    for (let i = 1; i <= 10; i++) trace.add(link(2 + i, 2, 500 * i), 1500 + 500 * i, 3000);
    const pulses = trace.pulses;
    expect(pulses && gaps(pulses.in, pulses, 2000)).toEqual([{ from: 1500, to: 6500 }]);
    expect(pulses && gaps(pulses.out, pulses, 2000)).toEqual([]);
    trace.add(link(40, 2, 20_000), 20_000, 3000);
    expect(trace.pulses).toEqual({ out: [], in: [], sinceMs: 20_000, untilMs: 20_000 });
  });
});

describe("rates", () => {
  const lun = (writeBytes: number) => ({ db: { readBytes: 0, writeBytes, reads: 0, writes: 0 } });
  const sample = (atMs: number, writeBytes: number) => ({
    ...sampleOf(status(link(1, 1)), atMs),
    luns: lun(writeBytes),
  });

  it("are differences over the window, unknown over a gap or a restart", () => {
    expect(rateNow([], writeBytesOf("db"))).toBeNull();
    expect(rateNow([sample(0, 10)], writeBytesOf("db"))).toBeNull();
    expect(rateNow([sample(0, 0), sample(1000, 500)], writeBytesOf("db"))).toBe(500);
    expect(rateNow([sample(0, 0), sample(9000, 500)], writeBytesOf("db"))).toBeNull();
    expect(rateNow([sample(0, 900), sample(1000, 5)], writeBytesOf("db"))).toBeNull();
    expect(rateNow([sample(0, 0), sample(1000, 5)], writeBytesOf("other"))).toBeNull();
  });

  it("keeps samples for a bounded time", () => {
    const samples = [sample(0, 0)];
    addSample(samples, sample(KEPT_MS + 1, 0));
    expect(samples).toHaveLength(1);
  });
});

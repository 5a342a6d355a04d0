/** The heartbeat threads over loopback, two sides in one process unless a test needs to stop one. */
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ConnectionArray } from "./connection-array.ts";
import { monotonicMs } from "./monotonic-clock.ts";
import {
  armBoth,
  HeartbeatSide,
  KEY,
  SETTINGS,
  startPair,
  UUIDS,
} from "./testing/heartbeat-side.ts";
import { UdpProxy } from "./testing/udp-proxy.ts";

/** The machine's own delays in waking threads, on top of what the rules promise. */
const SLACK_MS = 60;
const DETECTION_MS = SETTINGS.t1 + 2 * SETTINGS.t2 + SLACK_MS;

// Threads take their time to start on a busy machine; what the rules bound is measured where it happens.
vi.setConfig({ testTimeout: 40_000, hookTimeout: 40_000 });

const PATIENT = { timeout: 20_000, interval: 10 };

const open: { close(): unknown }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

function keep<T extends { close(): unknown }>(...all: T[]): void {
  open.push(...all);
}

async function pair(settings = SETTINGS) {
  const { alpha, beta } = await startPair(settings);
  keep(alpha, beta);
  return { alpha, beta };
}

describe("heartbeats", () => {
  it("[H1] [H2] [H6] renew the timestamps of both arrays and know round trip, jitter and loss", async () => {
    const { alpha, beta } = await pair();
    const received = alpha.array.figures().received;
    const rejected = [alpha, beta].map(({ array }) => array.figures().rejected);
    await expect.poll(() => alpha.array.figures().received, PATIENT).toBeGreaterThan(received + 10);
    for (const { array } of [alpha, beta]) {
      for (const direction of ["out", "in"] as const) {
        for (const element of array.elements(direction, monotonicMs())) {
          expect(element.closed).toBe(false);
          expect(element.timestampAgeMs).toBeLessThan(SETTINGS.t1);
        }
      }
      const figures = array.figures();
      expect(figures.rttMs).toBeLessThan(50);
      expect(figures.jitterMs).not.toBeNull();
      expect(figures.lossIn).toBe(0);
      expect(figures.lossOut).toBe(0);
    }
    expect([alpha, beta].map(({ array }) => array.figures().rejected)).toEqual(rejected);
  });

  it("[H1] are sent every T2, without drift", async () => {
    const { alpha } = await pair();
    const before = { atMs: monotonicMs(), sent: alpha.array.figures().sent };
    await expect.poll(() => monotonicMs() - before.atMs, PATIENT).toBeGreaterThan(1_000);
    const elapsedMs = monotonicMs() - before.atMs;
    const sent = alpha.array.figures().sent - before.sent;
    expect(sent).toBeLessThanOrEqual(elapsedMs / SETTINGS.t2 + 1);
    expect(sent).toBeGreaterThan((0.7 * elapsedMs) / SETTINGS.t2);
  });

  it("[H3] [O1] a peer that falls silent is found within T1 + 2*T2 of its last heartbeat", async () => {
    const { alpha, beta } = await pair();
    await beta.close();
    const event = await alpha.until("interrupted");
    expect(event).toMatchObject({ reason: "silence", direction: "in", epoch: 1 });
    expect(event.at - (event.lastHeardAt ?? 0)).toBeGreaterThanOrEqual(SETTINGS.t1);
    expect(event.at - (event.lastHeardAt ?? 0)).toBeLessThanOrEqual(DETECTION_MS);
    expect(alpha.array.elements("out", event.at).map((element) => element.closed)).toEqual([
      true,
      true,
    ]);
    expect(alpha.array.elements("in", event.at).map((element) => element.closed)).toEqual([
      true,
      true,
    ]);
  });

  it("[H3] a cut in one direction is an interruption for both, and healed for both", async () => {
    const alpha = await HeartbeatSide.start("alpha");
    const beta = await HeartbeatSide.start("beta");
    const proxy = await UdpProxy.start(beta.heartbeats.port);
    keep(alpha, beta);
    keep(proxy);
    alpha.meet(proxy.port);
    beta.meet(alpha.heartbeats.port);
    await Promise.all([alpha.well(), beta.well()]);
    armBoth(alpha, beta, 1);
    const counts = { alpha: alpha.events.length, beta: beta.events.length };
    proxy.cut = true;
    const cutAtMs = monotonicMs();
    const seen = await beta.until("interrupted");
    const told = await alpha.until("interrupted");
    expect(seen).toMatchObject({ reason: "silence", direction: "in" });
    expect(told).toMatchObject({ reason: "told", direction: "out" });
    expect(told.at - cutAtMs).toBeLessThan(DETECTION_MS + SETTINGS.t2 + SLACK_MS);
    expect(alpha.array.marks("out", 1, "told")).toBe(0b11);
    expect(alpha.array.marks("in", 1, "told")).toBe(0b11);
    expect(alpha.array.marks("out", 1, "silence")).toBe(0);
    expect(beta.array.marks("in", 1, "told")).toBe(0);
    proxy.cut = false;
    await beta.until("heard", (event) => event.direction === "in", counts.beta);
    await alpha.until("heard", (event) => event.direction === "out", counts.alpha);
    expect(alpha.array.elements("out", monotonicMs())[0]?.closed).toBe(true);
    armBoth(alpha, beta, 2);
    expect(alpha.array.elements("out", monotonicMs())[0]?.closed).toBe(false);
  });

  it("[O8] a drill's silence is an interruption for both, and ends by itself", async () => {
    const { alpha, beta } = await pair();
    const from = beta.events.length;
    alpha.heartbeats.silence(0.5);
    await beta.until("interrupted", (event) => event.reason === "silence");
    await alpha.until("interrupted", (event) => event.reason === "told");
    await beta.until("heard", () => true, from);
  });

  it("[H6] what a silent peer did not send counts as missed, also when it is back", async () => {
    const { alpha, beta } = await pair();
    const before = beta.array.figures().missed;
    const from = beta.events.length;
    alpha.heartbeats.silence(0.5);
    await beta.until("heard", (event) => event.direction === "in", from);
    const due = 500 / SETTINGS.t2;
    expect(beta.array.figures().missed - before).toBeGreaterThan(due / 2);
    expect(beta.array.figures().missed - before).toBeLessThan(due * 2);
  });

  it("[H5] a side that was suspended for a second declares no interruption of its own", async () => {
    const alpha = await HeartbeatSide.start("alpha");
    keep(alpha);
    const child = fork(new URL("./testing/stopped-side.ts", import.meta.url), ["beta"], {
      execArgv: [],
    });
    keep({ close: () => child.kill("SIGKILL") });
    const [{ port }] = await once(child, "message");
    alpha.meet(port);
    child.send({ meet: alpha.heartbeats.port });
    await alpha.well();
    alpha.heartbeats.arm({ count: 2, epoch: 1 });
    child.send({ arm: 1 });
    await alpha.until("peer", (event) => event.peer.epoch === 1);
    const from = alpha.events.length;
    child.kill("SIGSTOP");
    const event = await alpha.until("interrupted");
    expect(event.at - (event.lastHeardAt ?? 0)).toBeLessThanOrEqual(DETECTION_MS);
    await expect.poll(() => monotonicMs() - event.at, PATIENT).toBeGreaterThan(1_000);
    child.kill("SIGCONT");
    await alpha.until("heard", (heard) => heard.direction === "in", from);
    child.send({ tell: true });
    const [{ interruptions }] = await once(child, "message");
    expect(interruptions.length).toBeGreaterThan(0);
    for (const one of interruptions)
      expect(one).toMatchObject({ reason: "told", direction: "out" });
  });

  it("[H5] full CPU load makes no false interruption", async () => {
    // T1 is far above what a machine that others use as well leaves a thread waiting.
    const { alpha, beta } = await pair({ ...SETTINGS, t1: 500, t2: 25, t3: 500 });
    const busy = [0, 1].map(() => new Worker(new URL("./testing/busy-thread.ts", import.meta.url)));
    keep(...busy.map((worker) => ({ close: () => worker.terminate() })));
    await expect
      .poll(() => alpha.array.figures().sent, { timeout: 25_000, interval: 100 })
      .toBeGreaterThan(400);
    expect(alpha.interruptions()).toEqual([]);
    expect(beta.interruptions()).toEqual([]);
  });

  it("[H5] a stuck receiver is started anew, its side being silent meanwhile", async () => {
    const stuck = new URL("./testing/stuck-receiver.ts", import.meta.url);
    const alpha = await HeartbeatSide.start("alpha", { modules: { receiver: stuck } });
    const beta = await HeartbeatSide.start("beta");
    keep(alpha, beta);
    alpha.meet(beta.heartbeats.port);
    beta.meet(alpha.heartbeats.port);
    await alpha.until("interrupted", (event) => event.reason === "receiver-stuck");
    await beta.until("interrupted", (event) => event.reason === "told");
    const from = alpha.events.length;
    await alpha.until("heard", (event) => event.direction === "in", from);
    expect(
      alpha.interruptions().filter((event) => "reason" in event && event.reason === "peer-restart"),
    ).toEqual([]);
  });

  it("[L3] a flood of strangers is counted, told once, and changes nothing", async () => {
    const { alpha, beta } = await pair();
    const stranger = await UdpProxy.start(1);
    keep(stranger);
    const before = alpha.array.figures().rejected;
    // In bursts of more than one poll phase takes, and less than a socket's buffer holds.
    for (let sent = 100; sent <= 500; sent += 100) {
      for (let i = 0; i < 100; i++) {
        stranger.send(randomBytes(1 + (((sent + i) * 37) % 1_800)), alpha.heartbeats.port);
      }
      await expect.poll(() => alpha.array.figures().rejected, PATIENT).toBe(before + sent);
    }
    const event = await alpha.until("rejected");
    expect(event.lastFrom).toBe("127.0.0.1");
    expect(alpha.events.filter((one) => one.type === "rejected").length).toBe(1);
    expect([...alpha.interruptions(), ...beta.interruptions()]).toEqual([]);
  });

  it("[L3] recorded datagrams are worth nothing, to the same start and to the next", async () => {
    const alpha = await HeartbeatSide.start("alpha");
    const beta = await HeartbeatSide.start("beta");
    const proxy = await UdpProxy.start(alpha.heartbeats.port);
    keep(beta);
    keep(proxy);
    alpha.meet(beta.heartbeats.port);
    beta.meet(proxy.port);
    await alpha.well();
    await expect.poll(() => proxy.recorded.length, PATIENT).toBeGreaterThan(20);
    const recording = proxy.recorded.slice(0, 20);
    for (const bytes of recording) proxy.send(bytes, alpha.heartbeats.port);
    await expect.poll(() => alpha.array.figures().rejected, PATIENT).toBeGreaterThanOrEqual(18);
    await beta.close();
    await alpha.close();
    const next = await HeartbeatSide.start("alpha");
    keep(next);
    next.meet(proxy.port);
    for (let round = 0; round < 5; round++) {
      for (const bytes of recording) proxy.send(bytes, next.heartbeats.port);
      await new Promise((resolve) => setTimeout(resolve, SETTINGS.t2));
    }
    expect(next.array.figures().received).toBe(0);
    expect(next.events.filter((event) => event.type === "heard")).toEqual([]);
  });

  it("[L3] [L5] a restarted peer is accepted by a challenge, and closes what was armed with the last", async () => {
    const { alpha, beta } = await pair();
    const port = beta.heartbeats.port;
    await beta.close();
    const next = await HeartbeatSide.start("beta", { bind: { host: "127.0.0.1", port } });
    keep(next);
    next.meet(alpha.heartbeats.port);
    const from = alpha.events.findIndex((event) => event.type === "interrupted");
    await alpha.until("interrupted", (event) => event.reason === "peer-restart");
    await alpha.well(Math.max(0, from));
    await next.well();
    expect(alpha.array.marks("out", 1, "silence")).toBe(0b11);
    const report = await alpha.until("peer", (event) => event.peer.bootId === next.array.bootId);
    expect(report.peer).toMatchObject({ epoch: 0, versionMin: 1, versionMax: 1 });
  });

  it("[H3] tells the peer what is published, once for each change", async () => {
    const { alpha, beta } = await pair();
    const from = alpha.events.length;
    const lun = "00000000-0000-4000-8000-000000000001";
    beta.heartbeats.publish({
      state: "probation",
      outageNumber: 2 ** 40,
      settingsVersion: 3,
      probationMs: 77,
    });
    const report = await alpha.until("peer", (event) => event.peer.outageNumber > 0, from);
    expect(report.peer).toMatchObject({ state: "probation", settingsVersion: 3, probationMs: 77 });
    const said = alpha.events.length;
    beta.heartbeats.publish({ unanswered: [{ lun, sinceMs: monotonicMs() - 500 }] });
    const aged = await alpha.until("peer", (event) => event.peer.lunAges.length > 0, said);
    expect(aged.peer.lunAges[0]?.lun).toBe(lun);
    expect(aged.peer.lunAges[0]?.ageMs).toBeGreaterThanOrEqual(500);
  });

  it("live changes of T1 and T2, one side after the other, make no interruption", async () => {
    const { alpha, beta } = await pair();
    const slow = { ...SETTINGS, t1: 400, t2: 150, t3: 400 };
    const steps = [
      () => alpha.array.setSettings(slow, 2),
      () => beta.array.setSettings(slow, 2),
      () => beta.array.setSettings(SETTINGS, 3),
      () => alpha.array.setSettings(SETTINGS, 3),
    ];
    for (const step of steps) {
      step();
      const before = monotonicMs();
      await expect.poll(() => monotonicMs() - before, PATIENT).toBeGreaterThan(450);
    }
    expect([...alpha.interruptions(), ...beta.interruptions()]).toEqual([]);
  });

  it("survives a peer whose name cannot be resolved, and an unreachable network", async () => {
    const { alpha, beta } = await pair();
    for (const host of ["no-such-host.invalid", "255.255.255.255"]) {
      const from = beta.events.length;
      alpha.meet(beta.heartbeats.port, host);
      await beta.until("interrupted", () => true, from);
      alpha.meet(beta.heartbeats.port, "localhost");
      await beta.until("heard", (event) => event.direction === "in", from);
    }
    expect(alpha.events.filter((event) => event.type === "trouble")).toEqual([]);
  });

  it("a taken port is refused in one sentence", async () => {
    const { alpha } = await pair();
    const bind = { host: "127.0.0.1", port: alpha.heartbeats.port };
    await expect(HeartbeatSide.start("beta", { bind })).rejects.toThrow(
      `the heartbeat address 127.0.0.1:${bind.port} (UDP) is in use`,
    );
  });

  it("[L3] believes nobody who holds another key, or none", async () => {
    const alpha = await HeartbeatSide.start("alpha");
    const beta = await HeartbeatSide.start("beta");
    keep(alpha, beta);
    alpha.meet(
      beta.heartbeats.port,
      "127.0.0.1",
      Uint8Array.from(KEY, (byte) => byte ^ 1),
    );
    beta.meet(alpha.heartbeats.port);
    const event = await alpha.until("rejected");
    expect(event.counts).toEqual({ "wrong-mac": expect.any(Number) });
    expect(alpha.array.figures().received).toBe(0);
  });

  it("a threads' array is the same memory", () => {
    const array = ConnectionArray.create(5n, SETTINGS, 1);
    const other = ConnectionArray.attach(array.buffer);
    array.out.setSocket(1, { host: "beta.example", port: 7412 });
    array.out.addBytes(1, 2 ** 31 - 1);
    array.out.addBytes(1, 2 ** 31 - 1);
    array.out.addBytes(1, 4096);
    array.out.setInFlight(1, 3);
    array.out.setConnected(1, true);
    expect(other.elements("out", 0)[1]).toEqual({
      index: 1,
      socket: "beta.example:7412",
      timestampAgeMs: null,
      closed: true,
      connected: true,
      bytes: 2 ** 32 - 2 + 4096,
      inFlight: 3,
    });
    expect(UUIDS.alpha > UUIDS.beta).toBe(true);
  });
});

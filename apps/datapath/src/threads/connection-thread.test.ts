/** A connection thread left alone by its worker: SPEC H4, with the thread itself and a receiver played by the test. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { ConnectionArray, monotonicMs } from "@lockstep/engine/io";
import { afterEach, expect, it } from "vitest";
import type { ConnectionThreadData, ConnectionThreadReport } from "./messages.ts";

const MODULE = new URL("./connection-thread.ts", import.meta.url);
const SETTINGS = { t1: 60, t2: 20, t3: 150, t4: 1000, probation: 1000, connections: 1 };
const EPOCH = 1;

const workers: Worker[] = [];
const beats: NodeJS.Timeout[] = [];
afterEach(async () => {
  for (const beat of beats.splice(0)) clearInterval(beat);
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
});

/** A listening thread whose element is renewed every T2 until `silent` is called. */
async function start() {
  const array = ConnectionArray.create(5n, SETTINGS, 1);
  array.arm(1, EPOCH, monotonicMs());
  let hears = true;
  beats.push(
    setInterval(() => {
      if (hears) array.heard(monotonicMs());
      array.setDrained(monotonicMs());
    }, SETTINGS.t2),
  );
  const data: ConnectionThreadData = {
    index: 0,
    epoch: EPOCH,
    host: "127.0.0.1",
    self: "00000000-0000-4000-8000-000000000001",
    peer: "00000000-0000-4000-8000-000000000002",
    secret: randomBytes(32),
    array: array.buffer,
    kernelBootId: "boot",
  };
  const worker = new Worker(MODULE, { workerData: data });
  workers.push(worker);
  const exited = once(worker, "exit").then(() => monotonicMs());
  const [report] = (await once(worker, "message")) as [ConnectionThreadReport];
  expect(report.report).toBe("listening");
  return { array, worker, exited, listeningAt: monotonicMs(), silent: () => (hears = false) };
}

it("[H4] idle for T3 with its element marked closed, it closes and exits", async () => {
  const { array, exited, listeningAt } = await start();
  array.in.mark(0, EPOCH, "silence");
  expect((await exited) - listeningAt).toBeGreaterThan(SETTINGS.t3 / 2);
});

it("[H4] idle for T3 with a timestamp older than T3, it closes and exits", async () => {
  const { array, exited, silent } = await start();
  silent();
  await exited;
  expect(array.in.closed(0)).toBe(false);
  expect(array.drainedMs - (array.in.timestampMs(0) ?? 0)).toBeGreaterThanOrEqual(SETTINGS.t3);
});

it("[H4] idle while heartbeats come and its element is open, it waits on", async () => {
  const { array, worker, exited } = await start();
  const after = monotonicMs() + 4 * SETTINGS.t3;
  await expect.poll(() => monotonicMs(), { timeout: 5000 }).toBeGreaterThan(after);
  expect(worker.threadId).toBeGreaterThan(0);
  array.in.mark(0, EPOCH, "silence");
  await exited;
});

/** Connection threads, started for real (SPEC L1, L2, L5): one an element, the old one gone before the next begins. */
import net from "node:net";
import { ConnectionArray, keyedHash, MirrorConnection } from "@lockstep/engine/io";
import { DEFAULT_LINK_SETTINGS } from "@lockstep/model";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ALPHA, BETA, SECRET } from "../testing/control-ends.ts";
import { ConnectionThreads } from "./connection-threads.ts";
import type { ConnectionThreadReport } from "./messages.ts";

// Threads take their time to start on a busy machine.
vi.setConfig({ testTimeout: 20_000, hookTimeout: 20_000 });
const PATIENT = { timeout: 15_000, interval: 10 };

let array: ConnectionArray;
let threads: ConnectionThreads;
let reports: ConnectionThreadReport[];
const connections: MirrorConnection[] = [];

beforeEach(() => {
  array = ConnectionArray.create(1n, DEFAULT_LINK_SETTINGS, 1);
  // Open elements, so that no thread ends because it is idle (H4).
  array.arm(2, 5, 1);
  reports = [];
  threads = new ConnectionThreads({
    array,
    kernelBootId: "boot",
    host: "127.0.0.1",
    self: BETA,
    copyOf: () => "there is no such LUN here",
    report: (report) => reports.push(report),
    changed: () => undefined,
  });
});
afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close("the test is over");
  await threads.closeAll("the test is over");
});

/** A worker of alpha's; resolves when its connection is lost, with whether it was ever open. */
function dial(index: number, epoch: number, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let open = false;
    const connection = new MirrorConnection({
      host: "127.0.0.1",
      port,
      identity: { purpose: "stream", from: ALPHA, epoch, index },
      listener: BETA,
      hash: keyedHash(SECRET, "stream"),
      opened: () => {
        open = true;
      },
      lost: () => resolve(open),
      sent: () => undefined,
    });
    connections.push(connection);
  });
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    if (port === 0) return resolve(false);
    const socket = net.connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true));
    socket.on("error", () => resolve(false));
    socket.on("data", () => socket.destroy());
  });
}

describe("connection threads", () => {
  it("[L1] [L2] listen on a port each, and are connected when all their workers are", async () => {
    const ports = await threads.start(2, 5, ALPHA, SECRET);
    expect(new Set(ports).size).toBe(2);
    const sockets = array.elements("in", 1).map(({ socket }) => socket);
    expect(sockets).toEqual(ports.map((port) => `127.0.0.1:${port}`));
    expect(threads.allConnected(5, 2)).toBe(false);
    void dial(0, 5, ports[0] as number);
    const second = dial(1, 5, ports[1] as number);
    await expect.poll(() => threads.allConnected(5, 2), PATIENT).toBe(true);
    expect(threads.allConnected(6, 2)).toBe(false);
    await expect.poll(() => array.in.connected(0) && array.in.connected(1), PATIENT).toBe(true);
    threads.close(1, "enough");
    expect(await second).toBe(true);
    await expect.poll(() => threads.allConnected(5, 2), PATIENT).toBe(false);
    await expect.poll(() => array.in.connected(1), PATIENT).toBe(false);
    expect(threads.allConnected(5, 1)).toBe(true);
  });

  it("[L3] tell who was turned away", async () => {
    const [port] = await threads.start(1, 5, ALPHA, SECRET);
    expect(await dial(0, 4, port as number)).toBe(false);
    await expect
      .poll(() => reports, PATIENT)
      .toContainEqual(expect.objectContaining({ report: "stranger", reason: "nobody known here" }));
    expect(threads.allConnected(5, 1)).toBe(false);
  });

  it("[L5] are made again only when the old one has exited, and close what a smaller set has too many", async () => {
    const ports = await threads.start(2, 5, ALPHA, SECRET);
    const lost = ports.map((port, index) => dial(index, 5, port));
    await expect.poll(() => threads.allConnected(5, 2), PATIENT).toBe(true);
    const [again] = await threads.start(1, 6, ALPHA, SECRET);
    expect(await Promise.all(lost)).toEqual([true, true]);
    void dial(0, 6, again as number);
    await expect.poll(() => threads.allConnected(6, 1), PATIENT).toBe(true);
    expect(threads.allConnected(6, 2)).toBe(false);
  });

  it("[L5] [S1] are one an element, also where two ask for a new one at once", async () => {
    await threads.start(1, 5, ALPHA, SECRET);
    const both = await Promise.allSettled([
      threads.restart(0, 5, ALPHA, SECRET),
      threads.restart(0, 5, ALPHA, SECRET),
    ]);
    const ports = both.map((each) => (each.status === "fulfilled" ? each.value : 0));
    expect(await listens(ports[1] as number)).toBe(true);
    expect(await listens(ports[0] as number)).toBe(false);
    expect(array.in.socket(0)?.port).toBe(ports[1]);
  });

  it("[O1] do not start any more once all were closed", async () => {
    const [port] = await threads.start(1, 5, ALPHA, SECRET);
    const starting = threads.start(1, 6, ALPHA, SECRET).catch((error) => error);
    await threads.closeAll("interrupted");
    expect(await starting).toMatchObject({ code: "unavailable" });
    expect(await listens(port as number)).toBe(false);
    const [next] = await threads.start(1, 7, ALPHA, SECRET);
    expect(await listens(next as number)).toBe(true);
  });

  it("[O1] are closed also while they start", async () => {
    const starting = threads.start(1, 5, ALPHA, SECRET).catch(() => [0]);
    await threads.closeAll("interrupted");
    const [port] = await starting;
    expect(await listens(port as number)).toBe(false);
    expect(array.in.connected(0)).toBe(false);
  });
});

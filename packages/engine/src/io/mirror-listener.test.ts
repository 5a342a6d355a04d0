/** A connection thread's listener (SPEC L1-L3, W10): whom it admits, and what it holds until copies are open. */
import net from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { PARKED_LIMIT_BYTES } from "../lun/mirror-copy.ts";
import { FrameKind, HEADER_BYTES } from "../wire/frame.ts";
import type { KeyedHash } from "../wire/handshake.ts";
import type { Identity } from "./proven-socket.ts";
import { keyedHash } from "./secret-hash.ts";
import { HASH, ListenerSide, LUN, TestDevice, WorkerSide } from "./testing/mirror-ends.ts";
import { BETA, Stranger } from "./testing/proven-ends.ts";

const OTHER_LUN = "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0fa";

const closing: (() => void)[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const close of closing.splice(0)) close();
});

async function listen(): Promise<ListenerSide> {
  const side = await ListenerSide.start();
  closing.push(() => side.listener.close("the test is over"));
  return side;
}

function dial(port: number, identity: Partial<Identity> = {}, hash: KeyedHash = HASH): WorkerSide {
  const worker = new WorkerSide(port, identity, hash);
  closing.push(() => worker.close());
  return worker;
}

async function connected(): Promise<{ side: ListenerSide; worker: WorkerSide }> {
  const side = await listen();
  const worker = dial(side.port);
  await worker.proven;
  await expect.poll(() => side.connections).toBe(1);
  return { side, worker };
}

/** What was read stays as it is while the event loop turns: the socket is not read. */
async function settled(side: ListenerSide): Promise<number> {
  for (let before = -1, quiet = 0; quiet < 20; ) {
    await new Promise((resolve) => setImmediate(resolve));
    quiet = before === side.receivedBytes ? quiet + 1 : 0;
    before = side.receivedBytes;
  }
  return side.receivedBytes;
}

describe("a mirror's listener", () => {
  it("[L1] [L2] admits the worker it waits for, and listens no longer", async () => {
    const { side, worker } = await connected();
    expect(side.strangers).toEqual([]);
    const late = dial(side.port);
    expect(await late.closed).toContain("ECONNREFUSED");
    expect(side.connections).toBe(1);
    worker.close();
    await expect.poll(() => side.endings).toEqual(["the other side closed it"]);
    expect(side.strangers).toEqual([]);
  });

  const others: [string, Partial<Identity>, KeyedHash, string][] = [
    ["secret", {}, keyedHash(Buffer.alloc(32, 8), "stream"), "the proof is wrong"],
    ["epoch before", { epoch: 2 }, HASH, "nobody known here"],
    ["epoch after", { epoch: 4 }, HASH, "nobody known here"],
    ["element", { index: 0 }, HASH, "nobody known here"],
    ["purpose", { purpose: "control" }, HASH, "nobody known here"],
    ["server", { from: BETA }, HASH, "nobody known here"],
  ];
  for (const [what, identity, hash, reason] of others) {
    it(`[L3] closes who comes with another ${what}, says so, and waits on`, async () => {
      const side = await listen();
      await dial(side.port, identity, hash).closed;
      expect(side.strangers).toEqual([reason]);
      await dial(side.port).proven;
      await expect.poll(() => side.connections).toBe(1);
    });
  }

  it("[L1] admits one worker only, also where two knock at once", async () => {
    const side = await listen();
    const both = [dial(side.port), dial(side.port)] as const;
    await Promise.any(both.map(({ proven }) => proven));
    await Promise.any(both.map(({ closed }) => closed));
    expect(side.connections).toBe(1);
    await expect.poll(() => side.strangers).toEqual(["nobody known here"]);
    expect(side.endings).toEqual([]);
  });

  it("[L3] holds no more than eight strangers at a time", async () => {
    const side = await listen();
    const strangers = Array.from({ length: 8 }, () => Stranger.dial(side.port));
    closing.push(() => {
      for (const { socket } of strangers) socket.destroy();
    });
    await Promise.all(strangers.map((stranger) => stranger.hears(FrameKind.challenge)));
    const ninth = Stranger.dial(side.port);
    await ninth.ended;
    expect(side.strangers).toEqual(["too many connections have not proven themselves"]);
    strangers[0]?.socket.destroy();
    await expect.poll(() => side.strangers.length).toBe(2);
    await dial(side.port).proven;
  });

  it("[L3] calls nobody a stranger whom it hangs up on itself", async () => {
    const side = await listen();
    const one = Stranger.dial(side.port);
    await one.hears(FrameKind.challenge);
    side.listener.close("connections are made again");
    await one.ended;
    expect(side.strangers).toEqual([]);
  });

  it("outlives connections that could not be accepted", async () => {
    const created = vi.spyOn(net, "createServer");
    const side = await listen();
    const server = created.mock.results[0]?.value as net.Server;
    for (let i = 0; i < 3; i++) server.emit("error", new Error("accept EMFILE"));
    await dial(side.port).proven;
  });
});

describe("a mirror's listener with its worker", () => {
  it("[W4] keeps what comes before a copy is open, and applies it in order", async () => {
    const { side, worker } = await connected();
    worker.sendRun(50, 512);
    const ready = await side.need();
    expect(await settled(side)).toBe(50 * HEADER_BYTES + 49 * 512);
    expect(side.needs.map(({ uuid }) => uuid)).toEqual([LUN]);
    const device = new TestDevice();
    ready(side.copy(device));
    await expect.poll(() => worker.acked).toBe(50);
    expect(device.offsets).toEqual(Array.from({ length: 49 }, (_, i) => (i + 2) * 512));
    expect([...side.listener.copies()]).toHaveLength(1);
  });

  it("[W10] stops reading while a copy that is being opened has more than 16 MiB to come", async () => {
    const { side, worker } = await connected();
    const bytes = 2 ** 18;
    const last = 1 + (2.5 * PARKED_LIMIT_BYTES) / bytes;
    worker.sendRun(last, bytes);
    const ready = await side.need();
    await expect.poll(() => side.receivedBytes).toBeGreaterThan(PARKED_LIMIT_BYTES);
    // One chunk of the socket and the frame that was begun come on top.
    expect(await settled(side)).toBeLessThan(PARKED_LIMIT_BYTES + 2 * (bytes + 2 ** 16));
    ready(side.copy(new TestDevice()));
    await expect.poll(() => worker.acked, { timeout: 10_000 }).toBe(last);
  });

  it("[W10] counts what all LUNs have waiting, and reads on when the LUN isn't there", async () => {
    const { side, worker } = await connected();
    const bytes = 2 ** 18;
    const half = 1 + (0.7 * PARKED_LIMIT_BYTES) / bytes;
    worker.sendRun(half, bytes);
    worker.sendRun(half, bytes, OTHER_LUN);
    const ready = await side.need(0);
    const otherReady = await side.need(1);
    await expect.poll(() => side.receivedBytes).toBeGreaterThan(PARKED_LIMIT_BYTES);
    const before = await settled(side);
    expect(before).toBeLessThan(PARKED_LIMIT_BYTES + 2 * (bytes + 2 ** 16));
    ready("there is no such LUN here");
    await expect.poll(() => side.receivedBytes).toBeGreaterThan(before);
    otherReady(side.copy(new TestDevice(), OTHER_LUN));
    await expect.poll(() => worker.acked, { timeout: 10_000 }).toBe(Math.floor(half));
    const refused = worker.answers.find(({ kind }) => kind === FrameKind.refused);
    expect(refused?.payload).toContain("there is no such LUN here");
  });

  it("[W10] [W8] stops reading for a slow copy, and reads on though the copy froze with all it had", async () => {
    const { side, worker } = await connected();
    const device = new TestDevice();
    worker.send(FrameKind.copyBegin, 1);
    (await side.need())(side.copy(device));
    await expect.poll(() => worker.acked).toBe(1);
    device.holding = true;
    const bytes = 2 ** 18;
    const last = 2 + (2 * PARKED_LIMIT_BYTES) / bytes;
    for (let number = 2; number <= last; number++) worker.send(FrameKind.copy, number, bytes);
    worker.send(FrameKind.query, 0);
    await expect.poll(() => side.receivedBytes).toBeGreaterThan(PARKED_LIMIT_BYTES);
    expect(await settled(side)).toBeLessThan(PARKED_LIMIT_BYTES + 3 * (bytes + 2 ** 16));
    device.release({ code: "medium-error", detail: "EIO" });
    const answered = (kind: FrameKind) => () => worker.answers.some((each) => each.kind === kind);
    await expect.poll(answered(FrameKind.failed)).toBe(true);
    await expect.poll(answered(FrameKind.opened), { timeout: 10_000 }).toBe(true);
  });

  for (const way of ["opened", "forgotten"] as const) {
    it(`[W10] reads on though a copy that was ${way} wants nothing of what waited`, async () => {
      const { side, worker } = await connected();
      const bytes = 2 ** 18;
      const frames = (2 * PARKED_LIMIT_BYTES) / bytes;
      for (let number = 2; number < 2 + frames; number++)
        worker.send(FrameKind.copy, number, bytes);
      worker.send(FrameKind.query, 0, 0, OTHER_LUN);
      const ready = await side.need(0);
      await expect.poll(() => side.receivedBytes).toBeGreaterThan(PARKED_LIMIT_BYTES);
      await settled(side);
      if (way === "forgotten") side.listener.forget(LUN, () => undefined);
      else ready(side.copy(new TestDevice()));
      await expect.poll(() => side.needs.at(-1)?.uuid, { timeout: 10_000 }).toBe(OTHER_LUN);
    });
  }

  it("asks again for a copy that it could not get", async () => {
    const { side, worker } = await connected();
    worker.send(FrameKind.query, 0);
    (await side.need(0))("not yet");
    await expect.poll(() => worker.answers.map(({ kind }) => kind)).toEqual([FrameKind.refused]);
    worker.send(FrameKind.query, 0);
    (await side.need(1))(side.copy(new TestDevice()));
    await expect.poll(() => worker.answers.at(-1)?.kind).toBe(FrameKind.opened);
  });

  it("[C5] forgets a LUN's copy, open or being opened, and what waited for it", async () => {
    const { side, worker } = await connected();
    worker.sendRun(10, 512);
    const ready = await side.need(0);
    await settled(side);
    const told: string[] = [];
    side.listener.forget(LUN, () => told.push("being opened"));
    expect(told).toEqual([]);
    const device = new TestDevice();
    ready(side.copy(device));
    expect(told).toEqual(["being opened"]);
    expect(device.offsets).toEqual([]);
    worker.send(FrameKind.query, 0);
    (await side.need(1))(side.copy(new TestDevice()));
    side.listener.forget(LUN, () => told.push("open"));
    expect(told).toEqual(["being opened", "open"]);
    expect([...side.listener.copies()]).toEqual([]);
    side.listener.forget(LUN, () => told.push("unknown"));
    expect(told).toHaveLength(3);
  });

  it("[O1] applies nothing more once it is closed, also what waits for a copy", async () => {
    const { side, worker } = await connected();
    worker.sendRun(10, 512);
    const ready = await side.need(0);
    await settled(side);
    side.listener.close("interrupted");
    expect(side.endings).toEqual(["interrupted"]);
    const device = new TestDevice();
    ready(side.copy(device));
    expect(device.offsets).toEqual([]);
    await worker.closed;
  });
});

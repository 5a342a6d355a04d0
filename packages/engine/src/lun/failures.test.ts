/** What goes wrong beside lost connections, each case once by itself: storage, marks, sizes, hung mirrors, bad moments. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { JournalFile } from "../io/journal-file.ts";
import { LunPair, PAIR_BLOCKS, type PairOptions } from "../testing/lun-pair.ts";
import { BLOCK_BYTES } from "../testing/memory-disk.ts";
import { emptyHeader, FrameKind } from "../wire/frame.ts";
import { formatStreamId, type StreamId } from "../wire/stream-id.ts";
import { encodePayload } from "../wire/stream-open.ts";

const TIMES = { t1: 60, t2: 20, t4: 200, probation: 40 };
/** Far longer than any back-off. */
const LONG_MS = 60_000;

/** A pair that was designated and connected a moment ago. */
function joining(options: PairOptions = {}, mode: "sync" | "async" = "sync", seed = 1): LunPair {
  const pair = new LunPair(seed, mode, options);
  pair.setTimes(TIMES);
  pair.lun.designate(() => undefined);
  pair.schedule.run(5);
  pair.connect();
  return pair;
}

function mirrored(options: PairOptions = {}, mode: "sync" | "async" = "sync", seed = 1): LunPair {
  const pair = joining(options, mode, seed);
  pair.schedule.run(200);
  expect(pair.lun.state).toBe("mirrored");
  return pair;
}

/** The first byte of a block, in what a loss of power would leave. */
const stableByte = (disk: LunPair["primaryDisk"], block: number) =>
  disk.stable[block * BLOCK_BYTES];

describe("storage that fails", () => {
  it("[W7] a mirror whose flush failed is copied anew, even where its mark could not say so", () => {
    const pair = mirrored();
    pair.mirrorDisk.failingFlushes = 1;
    pair.mirrorMarks.failing = 1;
    pair.write(0, 1, 9);
    pair.schedule.run(3);
    pair.flush();
    pair.schedule.run(20);
    pair.mirrorDisk.failingFlushes = 0;
    pair.mirrorMarks.failing = 0;
    pair.schedule.run(500);
    const flush = pair.flush();
    pair.schedule.run(500);
    expect(pair.lun.state).toBe("mirrored");
    expect(flush).toMatchObject({ answered: true, error: null });
    expect(stableByte(pair.mirrorDisk, 0)).toBe(9);
    expect(pair.events.filter((kind) => kind === "copy-ended")).toHaveLength(2);
  });

  it("[W7] a flush of the engine's own that failed is told to the next host that flushes, once", () => {
    const pair = mirrored();
    pair.write(0, 1, 9);
    pair.schedule.run(10);
    pair.primaryDisk.failingFlushes = 1;
    pair.interrupt();
    pair.schedule.run(10);
    pair.primaryDisk.failingFlushes = 0;
    const told = pair.flush();
    pair.schedule.run(10);
    expect(told.error?.code).toBe("medium-error");
    pair.write(0, 1, 8);
    const next = pair.flush();
    pair.schedule.run(10);
    expect(next).toMatchObject({ answered: true, error: null });
    expect(stableByte(pair.primaryDisk, 0)).toBe(8);
  });

  it("[W7, R1] a failed flush is not forgotten by a kill, and is told once", () => {
    const pair = mirrored();
    pair.write(0, 1, 9);
    pair.schedule.run(10);
    pair.primaryDisk.failingFlushes = 1;
    pair.interrupt();
    pair.schedule.run(10);
    pair.primaryDisk.failingFlushes = 0;
    const flushAfterStart = (): ReturnType<LunPair["flush"]> => {
      pair.killPrimary();
      pair.startPrimary();
      pair.schedule.run(10);
      const flush = pair.flush();
      pair.schedule.run(10);
      expect(flush.answered).toBe(true);
      return flush;
    };
    expect(pair.marks.value?.flushFailed).toBe(true);
    expect(flushAfterStart().error?.code).toBe("medium-error");
    expect(pair.marks.value?.flushFailed).toBe(false);
    expect(flushAfterStart().error).toBeNull();
  });

  it("[W7, R1] an end in order holds over a power loss only where no flush had failed", () => {
    for (const withoutPower of [false, true]) {
      const pair = mirrored();
      pair.write(0, 1, 9);
      pair.schedule.run(10);
      pair.primaryDisk.failingFlushes = 1;
      pair.flush();
      pair.schedule.run(10);
      pair.primaryDisk.failingFlushes = 0;
      pair.lun.shutDown(100, () => undefined);
      pair.schedule.run(200);
      expect(pair.marks.value).toMatchObject({ state: "clean", closed: true, doubtful: true });
      pair.killPrimary(withoutPower);
      pair.startPrimary();
      pair.schedule.run(20);
      // What the mirror holds is not here any more.
      expect(pair.primaryDisk.image[0]).toBe(withoutPower ? 0 : 9);
      expect(pair.lun.state).toBe(withoutPower ? "initializing" : "queueing");
      pair.connect();
      pair.schedule.run(500);
      expect(pair.lun.state).toBe("mirrored");
      expect(pair.equal).toBe(true);
    }
  });

  it("[W3, R7] a local write that failed half way is not shown as mirrored until it is written anew", () => {
    const pair = mirrored();
    const submit = pair.primaryDisk.submit.bind(pair.primaryDisk);
    pair.primaryDisk.submit = (request) => {
      request.buffer?.copy(pair.primaryDisk.image, request.offset, 0, BLOCK_BYTES);
      request.complete({ code: "no-space", detail: "ENOSPC" });
    };
    pair.write(3, 2, 9);
    pair.primaryDisk.submit = submit;
    pair.schedule.run(500);
    expect(pair.equal).toBe(false);
    expect(pair.lun.state).toBe("queueing");
    pair.write(3, 2, 8);
    pair.schedule.run(500);
    expect(pair.equal).toBe(true);
    expect(pair.lun.state).toBe("mirrored");
  });

  it("[W3] a replay sends nothing in front of a local write that may yet fail", () => {
    const pair = mirrored();
    pair.write(0, 1, 7);
    pair.schedule.run(10);
    pair.interrupt();
    pair.schedule.run(20);
    pair.connect();
    pair.primaryDisk.isHung = true;
    const unmap = pair.submit("unmap", 0, BLOCK_BYTES, null);
    pair.schedule.run(50);
    pair.primaryDisk.failing = 1;
    pair.primaryDisk.isHung = false;
    pair.schedule.run(5);
    pair.primaryDisk.failing = 0;
    pair.schedule.run(500);
    expect(unmap.error?.code).toBe("medium-error");
    expect(pair.mirrorDisk.image[0]).toBe(7);
  });

  it("[C1, O1] a copy whose last mark could not be written is made again", () => {
    const pair = joining();
    while (!pair.events.includes("copy-began")) pair.schedule.run(0.05);
    pair.marks.failing = 1;
    pair.schedule.run(100);
    pair.marks.failing = 0;
    pair.schedule.run(LONG_MS);
    expect(pair.lun.state).toBe("mirrored");
  });
});

describe("a mirror that is slow, hung or not the one it was", () => {
  it("[W10, R7] an asynchronous window that is full and sent is still owed", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "lockstep-failures-"));
    onTestFinished(() => fs.rmSync(folder, { recursive: true }));
    const journal = JournalFile.fresh({ folder, limitBytes: 2 ** 30 });
    const pair = mirrored({ journal }, "async", 3);
    // No time passes: the mirror takes nothing of it.
    const blocks = PAIR_BLOCKS / 2;
    for (let i = 0; i < 4096; i++) pair.write(i % blocks, blocks, i % 251);
    expect(pair.commands.every(({ answered }) => answered)).toBe(true);
    const owed = 4096 * (blocks * BLOCK_BYTES + 64);
    expect(pair.lun.state).not.toBe("mirrored");
    expect(pair.lun.lagBytes).toBeGreaterThanOrEqual(owed - 2 ** 20);
  });

  it("[O1, L7, W10] hosts don't wait for ever for a mirror that hangs in a replay near the journal's limit", () => {
    const pair = mirrored();
    pair.interrupt();
    pair.schedule.run(20);
    // As full as it may be before hosts are slowed for the replay's sake.
    pair.journal.setLimit(20 * 2 ** 20);
    for (let i = 0; i < 1050; i++) pair.write(i % 32, 32, i % 250);
    pair.schedule.run(20);
    pair.connect();
    pair.mirrorDisk.submit = () => undefined;
    pair.schedule.run(10);
    expect(pair.lun.state).toBe("replaying");
    const write = pair.write(40, 1, 9);
    pair.schedule.run(LONG_MS);
    expect(write.answered).toBe(true);
  });

  it("[R3, R5] a copy ends although the mirror's flushes take far longer than T4", () => {
    const pair = new LunPair(1, "sync");
    pair.setTimes(TIMES);
    const submit = pair.mirrorDisk.submit.bind(pair.mirrorDisk);
    pair.mirrorDisk.submit = (request) => {
      if (request.op === "flush") pair.schedule.after(5 * TIMES.t4, () => submit(request));
      else submit(request);
    };
    pair.lun.designate(() => undefined);
    pair.schedule.run(5);
    pair.connect();
    pair.schedule.run(LONG_MS);
    expect(pair.events.filter((kind) => kind === "copy-began")).toHaveLength(1);
    expect(pair.lun.state).toBe("mirrored");
  });

  it("[C5] a copy to a mirror of another size does not go on", () => {
    const pair = joining({ mirrorBytes: 2 * PAIR_BLOCKS * BLOCK_BYTES });
    pair.write(0, 1, 9);
    pair.schedule.run(500);
    expect(pair.lun.state).not.toBe("mirrored");
    expect(pair.mirrorDisk.image[0]).toBe(0);
  });

  it("[W4, W2] a mirror refuses a number that does not follow, and the rest of its stream", () => {
    const pair = mirrored();
    const { copy } = pair;
    const { stream, applied } = pair.note;
    if (copy === null || stream === null) throw new Error("the mirror is at no stream");
    const data = Buffer.alloc(BLOCK_BYTES, 9);
    const take = (kind: FrameKind, id: StreamId, number: number, payload: Buffer): void => {
      const place = { streamHi: id.hi, streamLo: id.lo, number, offset: 0, length: data.length };
      copy.take({ ...emptyHeader(), ...place, kind }, payload);
    };
    take(FrameKind.write, stream, applied + 2, data);
    take(FrameKind.write, stream, applied + 1, data);
    expect(pair.mirrorDisk.image[0]).toBe(0);
    pair.schedule.run(500);
    expect(pair.lun.state).toBe("mirrored");
    const other = { hi: stream.hi, lo: stream.lo + 1 };
    const parent = formatStreamId(stream);
    const step = { stream: formatStreamId(other), parent, parentLast: pair.note.applied + 1 };
    const sizeBytes = pair.mirrorDisk.sizeBytes;
    take(FrameKind.open, other, 0, encodePayload({ step, sizeBytes }));
    take(FrameKind.write, other, 1, data);
    take(FrameKind.write, other, pair.note.applied + 1, data);
    expect(pair.mirrorDisk.image[0]).toBe(0);
  });

  it("[R4, C5] a mirror that was restored to an older moment is healed", () => {
    const pair = mirrored();
    for (let block = 0; block < 5; block++) {
      pair.write(block, 1, block + 1);
      pair.schedule.run(5);
    }
    pair.interrupt();
    pair.schedule.run(50);
    pair.lun.shutDown(100, () => undefined);
    pair.schedule.run(200);
    pair.killPrimary();
    const mark = pair.mirrorMarks.value;
    if (mark?.state !== "stable") throw new Error("the mirror did not end in order");
    pair.mirrorMarks.value = { ...mark, applied: mark.applied - 2 };
    pair.startPrimary();
    pair.schedule.run(20);
    pair.write(20, 1, 77);
    pair.connect();
    pair.schedule.run(LONG_MS);
    expect(pair.lun.state).toBe("mirrored");
    expect(pair.equal).toBe(true);
  });
});

describe("a process that ends at a bad moment", () => {
  it("[R1, O3] no write goes past the journal while the mark promises a replay", () => {
    let told = 0;
    for (let ms = 0; ms < 8; ms += 0.1) {
      const pair = mirrored();
      pair.killMirror(true);
      pair.write(3, 1, 11);
      pair.schedule.run(20);
      expect(pair.marks.value?.state).toBe("queueing");
      pair.connect();
      // On the way into a full copy, a host is answered, and then the process is killed.
      pair.schedule.run(ms);
      const { answered } = pair.write(3, 1, 22);
      if (answered && pair.lun.state === "initializing") told++;
      pair.killPrimary();
      pair.startPrimary();
      pair.schedule.run(20);
      if (answered) expect(pair.primaryDisk.image[3 * BLOCK_BYTES], `${ms} ms`).toBe(22);
    }
    expect(told).toBeGreaterThan(10);
  });

  it("[O4, R1] a journal that is given up promises no replay, whenever the process ends", () => {
    for (let ms = 0; ms < 3; ms += 0.1) {
      const pair = mirrored();
      pair.interrupt();
      pair.write(3, 1, 11);
      pair.schedule.run(20);
      expect(pair.marks.value?.state).toBe("queueing");
      pair.journal.setLimit(1);
      const write = pair.write(3, 1, 22);
      pair.schedule.run(ms);
      const { answered } = write;
      pair.killPrimary();
      pair.startPrimary();
      pair.schedule.run(20);
      if (answered) expect(pair.primaryDisk.image[3 * BLOCK_BYTES], `${ms} ms`).toBe(22);
      pair.connect();
      pair.schedule.run(500);
      expect(pair.lun.state).toBe("mirrored");
      expect(pair.equal, `${ms} ms`).toBe(true);
    }
  });

  it("[R1] a queue that ended in order is replayed after a power loss, without a copy", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const pair = mirrored({}, "sync", seed);
      pair.interrupt();
      pair.schedule.run(20);
      for (let block = 0; block < 30; block++) pair.write(block, 1, 100 + block);
      pair.lun.shutDown(100, () => undefined);
      pair.schedule.run(200);
      pair.killPrimary(true);
      pair.startPrimary();
      pair.schedule.run(20);
      pair.connect();
      pair.schedule.run(500);
      expect(pair.lun.state).toBe("mirrored");
      expect(pair.mirrorDisk.image[29 * BLOCK_BYTES]).toBe(129);
      expect(pair.equal).toBe(true);
      expect(pair.events).toEqual(["copy-began", "copy-ended"]);
    }
  });

  it("[R1] a pair that ended in order in step is in step after a power loss, without a copy", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const pair = mirrored({}, "sync", seed);
      for (let block = 0; block < 30; block++) pair.write(block, 1, 100 + block);
      pair.lun.shutDown(100, () => undefined);
      pair.schedule.run(200);
      pair.killPrimary(true);
      pair.startPrimary();
      pair.schedule.run(20);
      pair.connect();
      pair.schedule.run(500);
      expect(pair.lun.state).toBe("mirrored");
      expect(pair.primaryDisk.image[29 * BLOCK_BYTES]).toBe(129);
      expect(pair.equal).toBe(true);
      expect(pair.events).toEqual(["copy-began", "copy-ended"]);
    }
  });

  it("[R1, C1] a designation that was recorded, and not marked, is no replay of before", () => {
    const pair = mirrored();
    pair.lun.pause();
    pair.schedule.run(20);
    expect(pair.marks.value?.state).toBe("queueing");
    pair.lun.undesignate();
    pair.write(0, 1, 9);
    pair.schedule.run(20);
    pair.killPrimary();
    pair.startPrimary();
    pair.schedule.run(20);
    pair.connect();
    pair.schedule.run(500);
    expect(pair.lun.state).toBe("mirrored");
    expect(pair.mirrorDisk.image[0]).toBe(9);
  });

  it("[S1, R1] an end in order while replaying leaves the mark that it wrote", () => {
    let replaying = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const pair = mirrored({ journalLimitBytes: 2 ** 22 }, "sync", seed);
      pair.interrupt();
      for (let i = 0; i < 1200; i++) pair.write(i % PAIR_BLOCKS, 1, i % 250);
      pair.schedule.run(50);
      pair.connect();
      pair.schedule.run(pair.random.next() * 12);
      if (pair.lun.state !== "replaying") continue;
      replaying++;
      let left: unknown = null;
      pair.lun.shutDown(2000, () => {
        left = pair.marks.value;
      });
      while (left === null) pair.schedule.run(0.1);
      // Sessions and devices are closed meanwhile: answers still come.
      pair.schedule.run(50);
      expect(pair.marks.value, `seed ${seed}`).toEqual(left);
    }
    expect(replaying).toBeGreaterThan(5);
  });
});

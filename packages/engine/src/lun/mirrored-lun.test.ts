/** The engine of both sides under a seeded schedule: each rule once by itself. Faults at random are in lives.test.ts. */
import { describe, expect, it } from "vitest";
import { LunPair, PAIR_BLOCKS } from "../testing/lun-pair.ts";

/** A pair in step. */
function mirrored(mode: "sync" | "async", seed = 1): LunPair {
  const pair = new LunPair(seed, mode);
  pair.write(0, 8, 7);
  pair.lun.designate((error) => expect(error).toBeNull());
  pair.schedule.run(5);
  pair.connect();
  pair.schedule.run(200);
  expect(pair.lun.state).toBe("mirrored");
  expect(pair.equal).toBe(true);
  return pair;
}

describe("a mirrored LUN", () => {
  it("[R5] copies what was there before it was designated, and then mirrors", () => {
    const pair = mirrored("sync");
    // Nobody flushed: it is whole once it is stable on both servers.
    expect(pair.primaryDisk.stable[0]).toBe(7);
    expect(pair.mirrorDisk.stable[0]).toBe(7);
    expect(pair.events).toEqual(["copy-began", "copy-ended"]);
  });

  it("[W5] answers a synchronous write only when the mirror has it", () => {
    const pair = mirrored("sync");
    const write = pair.write(3, 1, 9);
    expect(write.answered).toBe(false);
    while (!write.answered) pair.schedule.run(0.05);
    expect(pair.mirrorDisk.image[3 * 512]).toBe(9);
  });

  it("[W6] answers an asynchronous write after the local one", () => {
    const pair = mirrored("async");
    expect(pair.write(3, 1, 9).answered).toBe(true);
    pair.schedule.run(10);
    expect(pair.equal).toBe(true);
  });

  it("[O1] answers what was in flight, and all later writes, from the journal once heartbeats stop", () => {
    const pair = mirrored("sync");
    const inFlight = pair.write(3, 1, 9);
    pair.interrupt();
    expect(inFlight.answered).toBe(true);
    const later = pair.write(4, 1, 8);
    expect(later.answered).toBe(true);
    pair.schedule.run(5);
    expect(pair.lun.state).toBe("queueing");
    expect(pair.journal.requests).toBe(2);
    expect(pair.marks.value?.state).toBe("queueing");
  });

  it("[O6] replays the journal in order while hosts write on, and goes back to the live path", () => {
    const pair = mirrored("sync");
    pair.interrupt();
    for (let i = 0; i < 50; i++) pair.write(i % PAIR_BLOCKS, 1, i);
    pair.schedule.run(50);
    pair.connect();
    for (let i = 0; i < 50; i++) {
      pair.write((i * 7) % PAIR_BLOCKS, 1, 100 + i);
      pair.schedule.run(0.3);
    }
    pair.schedule.run(100);
    expect(pair.lun.state).toBe("mirrored");
    expect(pair.equal).toBe(true);
    expect(pair.events).toEqual(["copy-began", "copy-ended"]);
    expect(pair.marks.value?.state).toBe("open");
    const facts = pair.lun.takeHealed();
    expect(facts?.cause).toBe("silence");
    expect(facts?.peakRequests).toBeGreaterThanOrEqual(50);
  });

  it("[L5] sends the rest again from the window after a flap, and knows no outage", () => {
    const pair = mirrored("sync");
    const writes = [1, 2, 3, 4].map((block) => pair.write(block, 1, 40 + block));
    pair.schedule.run(0.6);
    pair.breakConnection(() => pair.connect());
    pair.schedule.run(50);
    expect(writes.every((write) => write.answered && write.error === null)).toBe(true);
    expect(pair.lun.state).toBe("mirrored");
    expect(pair.lun.takeHealed()).toBeNull();
    expect(pair.equal).toBe(true);
  });

  it("[L5] makes an outage of a flap that lasts longer than T1", () => {
    const pair = mirrored("sync");
    pair.lun.setTimes({ t1: 100, t2: 20, t4: 1000, probation: 100 });
    pair.breakConnection();
    const write = pair.write(1, 1, 3);
    pair.schedule.run(90);
    expect(write.answered).toBe(false);
    pair.schedule.run(60);
    expect(write.answered).toBe(true);
    expect(pair.lun.outageFacts?.cause).toBe("connection");
  });

  it("[L7] calls it silence where heartbeats are missing as well when T4 is over", () => {
    const pair = mirrored("sync");
    pair.lun.setTimes({ t1: 300, t2: 20, t4: 200, probation: 100 });
    pair.mirrorDisk.submit = () => undefined;
    pair.write(1, 1, 3);
    pair.heardAgoMs = 190;
    pair.schedule.run(300);
    expect(pair.lun.outageFacts?.cause).toBe("silence");
  });

  it("[L7] makes an outage of a mirror that does not answer for T4, and heals when it does", () => {
    const pair = mirrored("sync");
    pair.lun.setTimes({ t1: 100, t2: 20, t4: 200, probation: 100 });
    pair.mirrorDisk.slow = 1;
    const submit = pair.mirrorDisk.submit.bind(pair.mirrorDisk);
    const hung: (() => void)[] = [];
    pair.mirrorDisk.submit = (request) => hung.push(() => submit(request));
    const write = pair.write(1, 1, 3);
    pair.schedule.run(190);
    expect(write.answered).toBe(false);
    pair.schedule.run(50);
    expect(write.answered).toBe(true);
    expect(pair.lun.outageFacts?.cause).toBe("mirror-slow");
    pair.write(2, 1, 4);
    pair.mirrorDisk.submit = submit;
    for (const go of hung) go();
    pair.schedule.run(100);
    expect(pair.lun.state).toBe("mirrored");
    expect(pair.equal).toBe(true);
  });

  it("[W8] freezes at a mirror that fails to store, goes on alone, and retries with back-off", () => {
    const pair = mirrored("sync");
    pair.lun.setTimes({ t1: 100, t2: 20, t4: 200, probation: 100 });
    pair.mirrorDisk.failing = 1;
    const write = pair.write(1, 1, 3);
    pair.schedule.run(20);
    expect(write.answered).toBe(true);
    expect(write.error).toBeNull();
    expect(pair.lun.state).toBe("probation");
    expect(pair.lun.outageFacts?.cause).toBe("storage");
    pair.mirrorDisk.failing = 0;
    pair.write(2, 1, 4);
    pair.schedule.run(400);
    expect(pair.lun.state).toBe("mirrored");
    expect(pair.equal).toBe(true);
  });

  it("[W3] gives the host the error of a failed local write, the mirror a void number, and suspects the range until it is rewritten", () => {
    const pair = mirrored("sync");
    pair.primaryDisk.failing = 1;
    const failed = pair.write(1, 1, 3);
    pair.primaryDisk.failing = 0;
    const next = pair.write(2, 1, 4);
    pair.schedule.run(20);
    expect(failed.error?.code).toBe("medium-error");
    expect(next.error).toBeNull();
    expect(pair.lun.state).toBe("queueing");
    expect(pair.lun.reason).toContain("512 bytes could not be written here");
    pair.write(1, 1, 5);
    pair.schedule.run(20);
    expect(pair.lun.state).toBe("mirrored");
    expect(pair.equal).toBe(true);
  });

  it("[R1] replays after the primary was killed while it queued", () => {
    const pair = mirrored("sync");
    pair.interrupt();
    for (let i = 0; i < 20; i++) pair.write(i, 1, i + 1);
    pair.schedule.run(20);
    pair.killPrimary();
    pair.startPrimary();
    pair.schedule.run(20);
    for (let i = 10; i < 30; i++) pair.write(i, 1, 200);
    pair.connect();
    pair.schedule.run(100);
    expect(pair.lun.state).toBe("mirrored");
    expect(pair.equal).toBe(true);
    expect(pair.events).toEqual(["copy-began", "copy-ended"]);
  });

  it("[R1] copies in full after the primary was killed while mirrored", () => {
    const pair = mirrored("sync");
    pair.write(5, 1, 9);
    pair.killPrimary();
    pair.startPrimary();
    pair.schedule.run(20);
    expect(pair.lun.state).toBe("initializing");
    pair.connect();
    pair.schedule.run(200);
    expect(pair.lun.state).toBe("mirrored");
    expect(pair.equal).toBe(true);
    expect(pair.events.filter((kind) => kind === "copy-ended")).toHaveLength(2);
  });

  it("[R1] goes on after a mirror was killed from the number it noted", () => {
    const pair = mirrored("sync");
    for (let i = 0; i < 5; i++) pair.write(i, 1, i + 50);
    pair.schedule.run(0.7);
    pair.killMirror();
    pair.write(9, 1, 1);
    pair.schedule.run(20);
    pair.connect();
    pair.schedule.run(100);
    expect(pair.lun.state).toBe("mirrored");
    expect(pair.equal).toBe(true);
    expect(pair.events).toEqual(["copy-began", "copy-ended"]);
  });

  it("[O4] gives the journal up at its limit, without a host's error, and copies in full", () => {
    const pair = mirrored("sync");
    pair.interrupt();
    pair.schedule.run(5);
    pair.journal.setLimit(20 * 600);
    for (let i = 0; i < 60; i++) pair.write(i, 1, i);
    pair.schedule.run(20);
    expect(pair.commands.every(({ answered, error }) => answered && error === null)).toBe(true);
    expect(pair.lun.state).toBe("initializing");
    expect(pair.marks.value?.state).toBe("open");
    pair.connect();
    pair.schedule.run(200);
    expect(pair.equal).toBe(true);
    expect(pair.lun.state).toBe("mirrored");
  });

  it("[W6] spills to the journal when the asynchronous window is full, and comes back by itself", () => {
    const pair = new LunPair(3, "async", { journalLimitBytes: 64 * 2 ** 20 });
    pair.lun.designate(() => undefined);
    pair.schedule.run(5);
    pair.connect();
    pair.schedule.run(200);
    const large = 32;
    for (let i = 0; i < 1200; i++) pair.write(i % large, large, i % 251);
    expect(pair.commands.every(({ answered }) => answered)).toBe(true);
    expect(pair.journal.requests).toBeGreaterThan(0);
    pair.schedule.run(5000);
    expect(pair.lun.state).toBe("mirrored");
    expect(pair.equal).toBe(true);
  });

  it("[C1] changes mode and designation under load without an error", () => {
    const pair = mirrored("sync");
    for (let i = 0; i < 200; i++) {
      pair.write(i % PAIR_BLOCKS, 1, i % 250);
      if (i % 10 === 0) pair.lun.setMode(i % 20 === 0 ? "async" : "sync");
      if (i % 50 === 20) pair.lun.undesignate();
      if (i % 50 === 30) pair.lun.designate(() => undefined);
      pair.schedule.run(0.5);
    }
    pair.schedule.run(300);
    expect(pair.commands.every(({ answered, error }) => answered && error === null)).toBe(true);
    expect(pair.lun.state).toBe("mirrored");
    expect(pair.equal).toBe(true);
  });

  it("[O8] queues while paused, and replays on resume", () => {
    const pair = mirrored("sync");
    pair.lun.pause();
    expect(pair.write(1, 1, 5).answered).toBe(true);
    expect(pair.lun.state).toBe("paused");
    pair.schedule.run(20);
    pair.lun.resume();
    pair.schedule.run(50);
    expect(pair.lun.state).toBe("mirrored");
    expect(pair.equal).toBe(true);
    expect(pair.lun.takeHealed()?.cause).toBe("operator");
  });

  it("[R1] ends in order in step: a start goes on without a copy or a replay", () => {
    const pair = mirrored("sync");
    pair.write(1, 1, 5);
    pair.schedule.run(10);
    let ended = false;
    pair.lun.shutDown(2000, () => {
      ended = true;
    });
    pair.schedule.run(50);
    expect(ended).toBe(true);
    expect(pair.marks.value).toMatchObject({ state: "clean", closed: true });
    pair.killPrimary();
    pair.startPrimary();
    pair.schedule.run(10);
    pair.connect();
    pair.schedule.run(50);
    expect(pair.lun.state).toBe("mirrored");
    expect(pair.events).toEqual(["copy-began", "copy-ended"]);
  });
});

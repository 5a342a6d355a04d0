import { describe, expect, it } from "vitest";
import {
  blockDeviceContract,
  CONTRACT_BYTES,
  MemoryDevice,
  pattern,
  Submitter,
} from "../contract.ts";
import type { BlockDevice } from "../device.ts";
import { DelayFilter, type Schedule } from "./delay.ts";
import { ErrorFilter } from "./error.ts";
import { FaultRules } from "./fault-rule.ts";
import { FullDiskFilter } from "./full-disk.ts";
import { TornWriteFilter } from "./torn-write.ts";

const MIB = 2 ** 20;
const MEDIUM = { code: "medium-error", detail: "injected" } as const;

/** A timer that is moved by hand. */
class HandTimer {
  #nowMs = 0;
  #due: { atMs: number; callback: () => void }[] = [];

  readonly schedule: Schedule = (delayMs, callback) => {
    const entry = { atMs: this.#nowMs + delayMs, callback };
    this.#due.push(entry);
    return () => {
      this.#due = this.#due.filter((other) => other !== entry);
    };
  };

  get pending(): number {
    return this.#due.length;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#due.filter((entry) => entry.atMs <= this.#nowMs);
    this.#due = this.#due.filter((entry) => entry.atMs > this.#nowMs);
    for (const entry of due.sort((a, b) => a.atMs - b.atMs)) entry.callback();
  }
}

const filters: Record<string, (inner: BlockDevice) => BlockDevice> = {
  delay: (inner) => new DelayFilter(inner, new HandTimer().schedule),
  error: (inner) => new ErrorFilter(inner),
  "full disk": (inner) => new FullDiskFilter(inner),
  "torn write": (inner) => new TornWriteFilter(inner),
};

const claims = { tellsHoles: true, freesSpace: true, canResize: true };
for (const [name, wrap] of Object.entries(filters)) {
  blockDeviceContract(`${name} filter without rules`, claims, () => {
    const inner = new MemoryDevice(CONTRACT_BYTES, "later");
    return {
      device: wrap(inner),
      allocatedBytes: () => inner.allocatedBytes(),
      dispose: () => {},
    };
  });
}

describe("fault rules", () => {
  const request = (offset: number, length = 512) =>
    ({ op: "write", offset, length, buffer: null, fua: false, complete: () => {} }) as const;

  it("match by operation and by any touch of the range", () => {
    const rules = new FaultRules();
    const rule = { ops: ["write"], range: { offset: 1024, length: 512 } } as const;
    rules.add(rule);
    expect(rules.match(request(512))).toBeNull();
    expect(rules.match(request(1536))).toBeNull();
    expect(rules.match(request(512, 1024))).toBe(rule);
    expect(rules.match({ ...request(1024), op: "read" })).toBeNull();
  });

  it("let some by first, act a number of times, and can be taken away", () => {
    const rules = new FaultRules();
    const remove = rules.add({ after: 2, times: 3 });
    const acts = Array.from({ length: 7 }, () => rules.match(request(0)) !== null);
    expect(acts).toEqual([false, false, true, true, true, false, false]);
    rules.add({});
    expect(rules.match(request(0))).not.toBeNull();
    rules.clear();
    expect(rules.match(request(0))).toBeNull();
    remove();
  });
});

describe("error filter", () => {
  it("fails what its rules name, before it reaches the device", async () => {
    const filter = new ErrorFilter(new MemoryDevice(MIB));
    const io = new Submitter(filter);
    filter.rules.add({ ops: ["write"], after: 1, times: 1, error: MEDIUM });
    await io.must({ op: "write", offset: 0, buffer: pattern(512, 1) });
    expect(await io.carryOut({ op: "write", offset: 0, buffer: pattern(512, 2) })).toBe(MEDIUM);
    await io.must({ op: "flush" });
    expect(await io.read(0, 512)).toEqual(pattern(512, 1));
    await io.expectEachCompletedOnce();
  });
});

describe("delay filter", () => {
  it("holds a request back before the device sees it, for its time", async () => {
    const timer = new HandTimer();
    const inner = new MemoryDevice(MIB);
    const filter = new DelayFilter(inner, timer.schedule);
    const io = new Submitter(filter);
    filter.rules.add({ ops: ["write"], delayMs: 100, when: "before" });
    const write = io.must({ op: "write", buffer: pattern(512, 1) });
    timer.advance(99);
    expect(inner.unstableWrites).toBe(0);
    expect(filter.heldCount).toBe(1);
    timer.advance(1);
    await write;
    expect(inner.unstableWrites).toBe(1);
  });

  it("holds back the answer of what was carried out", async () => {
    const timer = new HandTimer();
    const inner = new MemoryDevice(MIB);
    const filter = new DelayFilter(inner, timer.schedule);
    const io = new Submitter(filter);
    filter.rules.add({ delayMs: 50, when: "after" });
    const write = io.must({ op: "write", buffer: pattern(512, 1) });
    expect(inner.unstableWrites).toBe(1);
    expect(io.outstanding).toBe(1);
    timer.advance(50);
    await write;
  });

  it("holds for ever until released, or closed", async () => {
    const timer = new HandTimer();
    const filter = new DelayFilter(new MemoryDevice(MIB), timer.schedule);
    const io = new Submitter(filter);
    filter.rules.add({ delayMs: Number.POSITIVE_INFINITY, when: "before" });
    const first = io.must({ op: "write", buffer: pattern(512, 1) });
    timer.advance(1e9);
    expect(io.outstanding).toBe(1);
    filter.release();
    await first;
    filter.rules.add({ ops: ["flush"], delayMs: 10, when: "after" });
    const others = [io.must({ op: "read", buffer: Buffer.alloc(512) }), io.must({ op: "flush" })];
    expect(await io.close()).toBeNull();
    await Promise.all(others);
    expect(timer.pending).toBe(0);
    await io.expectEachCompletedOnce();
  });
});

describe("torn write filter", () => {
  for (const answer of ["error", "success", "silence"] as const) {
    it(`keeps only the first blocks, then ${answer}`, async () => {
      const inner = new MemoryDevice(MIB);
      const filter = new TornWriteFilter(inner);
      const io = new Submitter(filter);
      filter.rules.add({ times: 1, keepBytes: 1024, answer });
      const torn = io.carryOut({ op: "write", buffer: pattern(4096, 1) });
      const expected = Buffer.concat([pattern(4096, 1).subarray(0, 1024), Buffer.alloc(3072)]);
      expect(await io.read(0, 4096)).toEqual(expected);
      expect(io.outstanding).toBe(answer === "silence" ? 1 : 0);
      expect(await io.close()).toBeNull();
      expect((await torn)?.code).toBe(answer === "success" ? undefined : "medium-error");
      await io.expectEachCompletedOnce();
    });
  }
});

describe("full disk filter", () => {
  it("refuses what needs new space, whole, and lets what overwrites go on", async () => {
    const filter = new FullDiskFilter(new MemoryDevice(MIB));
    const io = new Submitter(filter);
    await io.must({ op: "write", buffer: pattern(8192, 1) });
    filter.freeBytes = 4096;
    const tooMuch = { op: "write", offset: 4096, buffer: pattern(12288, 2) } as const;
    expect((await io.carryOut(tooMuch))?.code).toBe("no-space");
    expect(await io.read(4096, 4096)).toEqual(pattern(8192, 1).subarray(4096));
    await io.must({ op: "write", offset: 4096, buffer: pattern(8192, 2) });
    await io.must({ op: "write", offset: 0, buffer: pattern(8192, 3) });
    expect((await io.carryOut({ op: "zero", offset: 65536, length: 512 }))?.code).toBe("no-space");
    await io.must({ op: "unmap", offset: 0, length: 4096 });
    await io.must({ op: "write", offset: 65536, buffer: pattern(512, 4) });
    expect(filter.freeBytes).toBe(0);
  });
});

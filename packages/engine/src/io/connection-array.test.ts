/** The connection array in shared memory (SPEC L2, H2, H3, L5): marks by epoch, and readings that are never torn. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConnectionArray } from "./connection-array.ts";
import { MARK, MAX_ELEMENTS, type Mark } from "./element-array.ts";
import { createArray, SETTINGS } from "./testing/heartbeat-side.ts";

const MARKS = Object.keys(MARK) as Mark[];

function armed(epoch = 1, count = 2): ConnectionArray {
  const array = createArray();
  array.arm(count, epoch, 1000);
  return array;
}

describe("a connection array", () => {
  it("[L2] is closed until it is armed, and open for its n elements then", () => {
    const array = createArray();
    expect(array.out.closed(0) && array.in.closed(0)).toBe(true);
    array.arm(3, 7, 1000);
    expect(array).toMatchObject({ epoch: 7, count: 3, armedAtMs: 1000 });
    for (let i = 0; i < MAX_ELEMENTS; i++) {
      expect(array.out.closed(i), `${i}`).toBe(i >= 3);
      expect(array.in.closed(i), `${i}`).toBe(i >= 3);
    }
    expect(array.elements("out", 1500)).toHaveLength(3);
    expect(array.elements("in", 1500)[0]).toEqual({
      ...{ index: 0, socket: null, timestampAgeMs: 500, closed: false },
      ...{ connected: false, bytes: 0, inFlight: 0 },
    });
  });

  it("[H3] is armed for later epochs only, and for 1 to 16 connections", () => {
    const array = armed(5);
    for (const epoch of [5, 4, 0])
      expect(() => array.arm(2, epoch, 1), `${epoch}`).toThrow(RangeError);
    for (const count of [0, -1, MAX_ELEMENTS + 1])
      expect(() => array.arm(count, 6, 1), `${count}`).toThrow(RangeError);
    array.arm(MAX_ELEMENTS, 6, 1);
    expect(array.epoch).toBe(6);
  });

  it("[H2] renews the timestamps of all elements in use with each heartbeat", () => {
    const array = armed();
    array.heard(1234.567);
    for (const direction of ["out", "in"] as const) {
      expect(array[direction].timestampMs(0)).toBe(1234.567);
      expect(array[direction].timestampMs(1)).toBe(1234.567);
      expect(array[direction].timestampMs(2)).toBeNull();
    }
    expect(array.lastHeardMs).toBe(1234.567);
    array.arm(3, 2, 5000);
    expect(array.out.timestampMs(2)).toBe(1234.567);
    expect(array.figures().received).toBe(1);
  });

  it("[H3] tells the marks of each kind, direction and epoch apart", () => {
    const array = armed(4, 3);
    array.out.mark(0, 4, "silence");
    array.out.mark(2, 4, "told");
    array.in.mark(1, 4, "silence");
    expect(array.marks("out", 4, "silence")).toBe(0b001);
    expect(array.marks("out", 4, "told")).toBe(0b100);
    expect(array.marks("in", 4, "silence")).toBe(0b010);
    expect(array.marks("in", 4, "told")).toBe(0);
    expect(array.marks("out", 3, "silence")).toBe(0);
    array.arm(3, 5, 2000);
    expect(array.marks("out", 5, "silence") | array.marks("out", 4, "silence")).toBe(0);
  });

  it("[H3] [L5] opens an element again after a flap only: as a model of marks by epoch does", () => {
    const act = fc.oneof(
      fc.record({
        do: fc.constant("mark" as const),
        epoch: fc.integer({ min: 0, max: 3 }),
        mark: fc.constantFrom(...MARKS),
      }),
      fc.record({ do: fc.constant("reopen" as const), epoch: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ do: fc.constant("arm" as const) }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
        const array = createArray();
        let epoch = 0;
        let marks = new Set<Mark>(["broken"]);
        for (const each of acts) {
          if (each.do === "arm") {
            array.arm(1, ++epoch, 1);
            marks = new Set();
          } else if (each.do === "mark") {
            const first = each.epoch === epoch && marks.size === 0;
            expect(array.out.mark(0, each.epoch, each.mark)).toBe(first);
            if (each.epoch === epoch) marks.add(each.mark);
          } else {
            const only = each.epoch === epoch && marks.size === 1 && marks.has("broken");
            expect(array.out.reopen(0, each.epoch)).toBe(only);
            if (only) marks.clear();
          }
          expect(array.out.closed(0)).toBe(marks.size > 0);
          for (const mark of MARKS)
            expect(array.out.hasMark(0, epoch, mark), mark).toBe(marks.has(mark));
        }
      }),
    );
  });

  it("[L2] tells the socket parameter as HOST:PORT, and takes it back", () => {
    const array = armed();
    array.out.setSocket(0, { host: "192.0.2.7", port: 24_400 });
    array.out.setSocket(1, { host: "2001:db8::1", port: 1 });
    const told = array.elements("out", 1000).map(({ socket }) => socket);
    expect(told).toEqual(["192.0.2.7:24400", "[2001:db8::1]:1"]);
    array.out.setSocket(0, { host: "ü".repeat(127), port: 65_535 });
    expect(array.out.socket(0)).toEqual({ host: "ü".repeat(127), port: 65_535 });
    expect(() => array.out.setSocket(0, { host: "x".repeat(256), port: 1 })).toThrow(RangeError);
    array.out.setSocket(0, null);
    expect(array.out.socket(0)).toBeNull();
    expect(array.in.socket(1)).toBeNull();
  });

  it("counts bytes beyond 4 GiB", () => {
    const array = armed();
    const step = 2 ** 31 - 1;
    for (let i = 0; i < 9; i++) array.out.addBytes(0, step);
    expect(array.out.bytes(0)).toBe(9 * step);
    expect(array.out.bytes(1)).toBe(0);
    array.out.setInFlight(0, 3);
    array.out.setConnected(0, true);
    expect(array.elements("out", 1000)[0]).toMatchObject({ inFlight: 3, connected: true });
  });

  it("[H6] tells unknown figures from those that are zero", () => {
    const array = createArray();
    const unknown = { rttMs: null, jitterMs: null, lossOut: null, lossIn: null };
    expect(array.figures()).toMatchObject(unknown);
    array.setTimes(0, 1.5);
    array.setLoss(0, 0.25);
    const known = { rttMs: 0, jitterMs: 1.5, lossOut: 0, lossIn: 0.25 };
    expect(array.figures()).toMatchObject(known);
    array.setTimes(null, null);
    array.setLoss(null, null);
    expect(array.figures()).toMatchObject(unknown);
  });

  it("[L3] never gives a counter twice, and is the same in every thread that attaches", () => {
    const array = armed(2);
    const other = ConnectionArray.attach(array.buffer);
    expect([array.nextCounter(), other.nextCounter(), array.nextCounter()]).toEqual([1, 2, 3]);
    other.in.mark(0, 2, "told");
    expect(array.in.hasMark(0, 2, "told")).toBe(true);
    expect(other.settings()).toEqual({ settings: SETTINGS, version: 1 });
    expect(other.bootId).toBe(array.bootId);
    const high = ConnectionArray.create(2n ** 64n - 1n, SETTINGS, 1);
    expect(high.bootId).toBe(2n ** 64n - 1n);
  });

  it("[L2] is never read half-written while another thread writes it", async () => {
    const array = armed();
    const flag = new SharedArrayBuffer(4);
    const writer = new Worker(new URL("./testing/record-writer.ts", import.meta.url), {
      workerData: { buffer: array.buffer, flag },
    });
    try {
      await once(writer, "message");
      let changes = 0;
      for (let last = 0, reads = 0; changes < 2_000 && reads < 2_000_000; reads++) {
        const { settings, version } = array.settings();
        const { t1, t2, t3, t4, probation, connections } = settings;
        const numbers = [t1, t2, t3, t4, probation, connections];
        if (version > 1 && numbers.some((number) => number !== version))
          throw new Error(`read ${numbers} of ${version}`);
        const socket = array.out.socket(0);
        if (socket !== null && socket.host !== `${socket.port}`.repeat(socket.port % 20))
          throw new Error(`read ${socket.host} of ${socket.port}`);
        if (version !== last) changes++;
        last = version;
      }
      expect(changes).toBe(2_000);
    } finally {
      Atomics.store(new Int32Array(flag), 0, 1);
      await writer.terminate();
    }
  });
});

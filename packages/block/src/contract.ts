/**
 * What every block device must do, as a suite that each implementation's test runs against its own. A filter without
 * rules passes it as well.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BlockDevice, Extent } from "./device.ts";
import { pattern, Submitter } from "./testing/requests.ts";

export { MemoryDevice } from "./testing/memory-device.ts";
export { pattern, Submitter, type Wish } from "./testing/requests.ts";

/** What an implementation claims beyond what all must do. */
export interface ContractClaims {
  /** It tells holes from data. */
  readonly tellsHoles: boolean;
  /** Unmapping gives space back, as `allocatedBytes` of the subject shows. */
  readonly freesSpace: boolean;
  readonly canResize: boolean;
}

/** A new device, all zeroes and `CONTRACT_BYTES` long. */
export interface ContractSubject {
  readonly device: BlockDevice;
  /** Bytes taken on the medium. */
  allocatedBytes(): number;
  /** Called after the device was closed. */
  dispose(): void | Promise<void>;
}

export const CONTRACT_BYTES = 8 * 2 ** 20;
const MIB = 2 ** 20;

function extentsOf(device: BlockDevice): Extent[] {
  const extents: Extent[] = [];
  for (let at = 0; at < device.sizeBytes; ) {
    const extent = device.extentAt(at);
    expect(extent.offset).toBe(at);
    expect(extent.length).toBeGreaterThan(0);
    extents.push(extent);
    at += extent.length;
  }
  return extents;
}

export function blockDeviceContract(
  name: string,
  claims: ContractClaims,
  make: () => ContractSubject | Promise<ContractSubject>,
): void {
  describe(`block device contract: ${name}`, () => {
    let subject: ContractSubject;
    let io: Submitter;

    beforeEach(async () => {
      subject = await make();
      io = new Submitter(subject.device);
    });

    afterEach(async () => {
      expect(await io.close()).toBeNull();
      await subject.dispose();
      await io.expectEachCompletedOnce();
    });

    dataTests(() => io);
    spaceTests(() => io);
    if (claims.freesSpace)
      freeingTest(
        () => io,
        () => subject.allocatedBytes(),
      );
    extentTests(() => io, claims.tellsHoles);
    boundsTests(() => io);
    if (claims.canResize) sizeTests(() => io);
    closeTests(() => io);
  });
}

function dataTests(io: () => Submitter): void {
  it("is all zeroes at first, in blocks of a power of two", async () => {
    const { device } = io();
    expect(device.sizeBytes).toBe(CONTRACT_BYTES);
    expect(Math.log2(device.blockSize) % 1).toBe(0);
    expect((await io().read(0, CONTRACT_BYTES)).equals(Buffer.alloc(CONTRACT_BYTES))).toBe(true);
  });

  it("reads back what was written, down to one block, and nothing else changes", async () => {
    const block = io().device.blockSize;
    const image = Buffer.alloc(CONTRACT_BYTES);
    const places = [0, block, 3 * block, MIB - block, 5 * MIB + block, CONTRACT_BYTES - 9 * block];
    for (const [index, offset] of places.entries()) {
      const data = pattern(block * (1 + index), index);
      data.copy(image, offset);
      await io().must({ op: "write", offset, buffer: data });
    }
    expect((await io().read(0, CONTRACT_BYTES)).equals(image)).toBe(true);
  });

  it("carries out a request of no length", async () => {
    await io().must({ op: "write", offset: 0, buffer: Buffer.alloc(0) });
    await io().must({ op: "zero" });
    await io().must({ op: "unmap", offset: CONTRACT_BYTES, fua: true });
  });

  it("flushes, many flushes at once, and writes with FUA", async () => {
    await io().must({ op: "write", offset: 0, buffer: pattern(4096, 1) });
    await Promise.all(Array.from({ length: 20 }, () => io().must({ op: "flush" })));
    await io().must({ op: "write", offset: 4096, buffer: pattern(4096, 2), fua: true });
    await io().must({ op: "zero", offset: 8192, length: 4096, fua: true });
    await io().must({ op: "unmap", offset: 8192, length: 4096, fua: true });
    expect(await io().read(4096, 4096)).toEqual(pattern(4096, 2));
  });

  it("carries out many requests at once, interleaved with flushes", async () => {
    const all: Promise<void>[] = [];
    for (let index = 0; index < 128; index++) {
      const buffer = pattern(4096, index);
      all.push(io().must({ op: "write", offset: index * 8192, buffer, fua: index % 16 === 0 }));
      if (index % 10 === 0) all.push(io().must({ op: "flush" }));
    }
    await Promise.all(all);
    for (let index = 0; index < 128; index++) {
      expect(await io().read(index * 8192, 8192)).toEqual(
        Buffer.concat([pattern(4096, index), Buffer.alloc(4096)]),
      );
    }
  });
}

function spaceTests(io: () => Submitter): void {
  for (const op of ["zero", "unmap"] as const) {
    it(`leaves zeroes where told to ${op}, and nowhere else`, async () => {
      const block = io().device.blockSize;
      const image = pattern(CONTRACT_BYTES, 3);
      await io().must({ op: "write", offset: 0, buffer: Buffer.from(image) });
      const ranges: [number, number][] = [
        [0, block],
        [7 * block, 3 * block],
        [MIB - block, 2 * MIB + 2 * block],
        [CONTRACT_BYTES - 4096, 4096],
      ];
      for (const [offset, length] of ranges) {
        image.fill(0, offset, offset + length);
        await io().must({ op, offset, length });
      }
      expect((await io().read(0, CONTRACT_BYTES)).equals(image)).toBe(true);
    });
  }
}

function freeingTest(io: () => Submitter, allocatedBytes: () => number): void {
  it("frees what was unmapped, and keeps what was zeroed", async () => {
    await io().must({ op: "write", offset: 0, buffer: pattern(4 * MIB, 1), fua: true });
    const full = allocatedBytes();
    await io().must({ op: "zero", offset: 0, length: MIB, fua: true });
    expect(allocatedBytes()).toBeGreaterThanOrEqual(full - MIB / 16);
    await io().must({ op: "unmap", offset: MIB, length: 2 * MIB, fua: true });
    expect(allocatedBytes()).toBeLessThanOrEqual(full - 2 * MIB + MIB / 16);
  });
}

function extentTests(io: () => Submitter, tellsHoles: boolean): void {
  it("tells extents that cover the device, and holes only where all is zero", async () => {
    await io().must({ op: "write", offset: MIB, buffer: pattern(MIB, 1) });
    await io().must({ op: "write", offset: CONTRACT_BYTES - 4096, buffer: pattern(4096, 1) });
    await io().must({ op: "unmap", offset: MIB + MIB / 2, length: MIB / 4 });
    const extents = extentsOf(io().device);
    expect(extents.reduce((sum, extent) => sum + extent.length, 0)).toBe(CONTRACT_BYTES);
    for (const { offset, length, data } of extents) {
      if (data) continue;
      expect((await io().read(offset, length)).equals(Buffer.alloc(length))).toBe(true);
    }
    if (!tellsHoles) return;
    const holes = extents.filter((extent) => !extent.data);
    expect(holes).toEqual([
      { offset: 0, length: MIB, data: false },
      { offset: MIB + MIB / 2, length: MIB / 4, data: false },
      { offset: 2 * MIB, length: CONTRACT_BYTES - 4096 - 2 * MIB, data: false },
    ]);
    expect(io().device.extentAt(MIB / 2)).toEqual({
      offset: MIB / 2,
      length: MIB / 2,
      data: false,
    });
    expect(io().device.extentAt(MIB + 512)).toMatchObject({ offset: MIB + 512, data: true });
  });
}

function boundsTests(io: () => Submitter): void {
  const ops = ["read", "write", "zero", "unmap"] as const;

  it("refuses what lies beyond its end, whole, changing nothing", async () => {
    const block = io().device.blockSize;
    for (const op of ops) {
      for (const offset of [CONTRACT_BYTES - block, CONTRACT_BYTES, 2 ** 52]) {
        const buffer = op === "read" || op === "write" ? pattern(2 * block, 1) : null;
        const error = await io().carryOut({ op, offset, length: 2 * block, buffer });
        expect(error?.code).toBe("out-of-range");
      }
    }
    expect(await io().read(CONTRACT_BYTES - block, block)).toEqual(Buffer.alloc(block));
  });

  it("refuses what is not whole blocks, and negative places", async () => {
    const block = io().device.blockSize;
    const places: [number, number][] = [
      [1, block],
      [block / 2, block],
      [0, block - 1],
      [-block, block],
      [0.5, block],
      [Number.NaN, block],
    ];
    for (const op of ops) {
      for (const [offset, length] of places) {
        const buffer = op === "read" || op === "write" ? Buffer.alloc(length) : null;
        const error = await io().carryOut({ op, offset, length, buffer });
        expect(error?.code).toBe("out-of-range");
      }
    }
  });
}

function sizeTests(io: () => Submitter): void {
  it("grows with zeroes, and shrinks for good", async () => {
    const { device } = io();
    await io().must({ op: "write", offset: 0, buffer: pattern(CONTRACT_BYTES, 5) });
    expect(await io().resize(CONTRACT_BYTES + MIB)).toBeNull();
    expect(device.sizeBytes).toBe(CONTRACT_BYTES + MIB);
    expect(await io().read(CONTRACT_BYTES, MIB)).toEqual(Buffer.alloc(MIB));
    expect(await io().resize(2 * MIB + 512)).toBeNull();
    expect(
      (
        await io().carryOut({
          op: "read",
          offset: 2 * MIB,
          length: 4096,
          buffer: Buffer.alloc(4096),
        })
      )?.code,
    ).toBe("out-of-range");
    expect(await io().resize(CONTRACT_BYTES)).toBeNull();
    const image = Buffer.alloc(CONTRACT_BYTES);
    pattern(CONTRACT_BYTES, 5).copy(image, 0, 0, 2 * MIB + 512);
    expect((await io().read(0, CONTRACT_BYTES)).equals(image)).toBe(true);
  });

  it("refuses a size that is not whole blocks, or none", async () => {
    for (const size of [MIB + 1, 0, -512, Number.NaN]) {
      expect((await io().resize(size))?.code).toBe("out-of-range");
    }
    expect(io().device.sizeBytes).toBe(CONTRACT_BYTES);
  });
}

function closeTests(io: () => Submitter): void {
  it("ends what is under way before it closes, and may be closed again", async () => {
    const all = [
      io().must({ op: "write", offset: 0, buffer: pattern(4096, 1), fua: true }),
      io().must({ op: "flush" }),
      io().must({ op: "unmap", offset: 0, length: CONTRACT_BYTES }),
    ];
    const outstanding = await new Promise((resolve) =>
      io().device.close(() => resolve(io().outstanding)),
    );
    expect(outstanding).toBe(0);
    await Promise.all(all);
    expect(await io().close()).toBeNull();
  });

  it("refuses everything once closed", async () => {
    expect(await io().close()).toBeNull();
    for (const op of ["read", "write", "zero", "unmap", "flush"] as const) {
      const buffer = op === "read" || op === "write" ? Buffer.alloc(512) : null;
      const length = op === "flush" ? 0 : 512;
      expect((await io().carryOut({ op, length, buffer }))?.code).toBe("not-ready");
    }
    expect((await io().resize(CONTRACT_BYTES))?.code).toBe("not-ready");
  });
}

import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { blockDeviceContract, CONTRACT_BYTES, pattern, Submitter } from "./contract.ts";
import type { FileDevice } from "./file-device.ts";
import { createFile } from "./opening.ts";
import { attachLoopDevice, makeFolder, removeFolder } from "./testing/scratch.ts";

const MIB = 2 ** 20;
let folder: string;
let made = 0;

beforeAll(() => {
  folder = makeFolder();
});
afterAll(() => removeFolder(folder));
afterEach(() => {
  vi.restoreAllMocks();
});

const nextPath = () => path.join(folder, `${++made}.img`);

const fileClaims = { tellsHoles: true, freesSpace: true, canResize: true };
blockDeviceContract("file", fileClaims, async () => {
  const file = nextPath();
  const device = await createFile(file, CONTRACT_BYTES, "refuse");
  const dispose = () => fs.unlinkSync(file);
  return { device, allocatedBytes: () => device.allocatedBytes(), dispose };
});

const loopFolder = makeFolder();
const probe = attachLoopDevice(loopFolder, CONTRACT_BYTES);
if (typeof probe === "string") {
  console.warn(`NOT TESTED: block device paths. ${probe}`);
  it("block device paths can be tested on this machine", (context) => context.skip(probe));
} else {
  probe.detach();
  const specialClaims = { tellsHoles: false, freesSpace: true, canResize: false };
  blockDeviceContract("block device path", specialClaims, async () => {
    const loop = attachLoopDevice(loopFolder, CONTRACT_BYTES);
    if (typeof loop === "string") throw new Error(loop);
    const device = await createFile(loop.path, CONTRACT_BYTES, "refuse");
    const image = path.join(loopFolder, "loop.img");
    const allocatedBytes = () => fs.statSync(image).blocks * 512;
    return { device, allocatedBytes, dispose: () => loop.detach() };
  });
}
afterAll(() => removeFolder(loopFolder));

/** What `node:fs` throws and calls back with. */
function systemError(code: string, syscall: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: injected`), { code, syscall });
}

async function withDevice(use: (device: FileDevice, io: Submitter) => Promise<void>) {
  const device = await createFile(nextPath(), CONTRACT_BYTES, "refuse");
  const io = new Submitter(device);
  await use(device, io);
  vi.restoreAllMocks();
  expect(await io.close()).toBeNull();
  await io.expectEachCompletedOnce();
}

describe("file device", () => {
  it("completes reads and writes before submit returns", () =>
    withDevice(async (device) => {
      let completed = 0;
      const complete = () => void completed++;
      const buffer = pattern(4096, 1);
      device.submit({ op: "write", offset: 0, length: 4096, buffer, fua: false, complete });
      device.submit({ op: "read", offset: 0, length: 4096, buffer, fua: false, complete });
      expect(completed).toBe(2);
    }));

  it("goes on after short reads and writes and after EINTR", () =>
    withDevice(async (_device, io) => {
      const { writeSync, readSync } = fs;
      let calls = 0;
      vi.spyOn(fs, "writeSync").mockImplementation(((...args: Parameters<typeof writeSync>) => {
        const [fd, buffer, at, length, position] = args as unknown as [
          number,
          Buffer,
          number,
          number,
          number,
        ];
        if (calls++ % 2 === 0) throw systemError("EINTR", "write");
        return writeSync(fd, buffer, at, Math.min(length, 700), position);
      }) as typeof writeSync);
      vi.spyOn(fs, "readSync").mockImplementation(((...args: unknown[]) => {
        const [fd, buffer, at, length, position] = args as [number, Buffer, number, number, number];
        if (calls++ % 2 === 0) throw systemError("EINTR", "read");
        return readSync(fd, buffer, at, Math.min(length, 900), position);
      }) as typeof readSync);
      await io.must({ op: "write", offset: 512, buffer: pattern(8192, 1) });
      expect(await io.read(512, 8192)).toEqual(pattern(8192, 1));
    }));

  it("names the system's errors as the interface does", () =>
    withDevice(async (_device, io) => {
      const cases = { ENOSPC: "no-space", EDQUOT: "no-space", EIO: "medium-error" } as const;
      for (const [code, expected] of Object.entries(cases)) {
        vi.spyOn(fs, "writeSync").mockImplementation(() => {
          throw systemError(code, "write");
        });
        const error = await io.carryOut({ op: "write", buffer: pattern(512, 1), fua: true });
        expect(error).toEqual({ code: expected, detail: `${code} (write)` });
      }
    }));

  it("says that a backing cut short from outside is a failing medium", () =>
    withDevice(async (device, io) => {
      fs.truncateSync(device.path, MIB);
      const error = await io.carryOut({ op: "read", offset: MIB, buffer: Buffer.alloc(512) });
      expect(error?.code).toBe("medium-error");
    }));

  it("[W7] fails a flush once, with all who wait for it, and remembers", () =>
    withDevice(async (device, io) => {
      const { fdatasync } = fs;
      vi.spyOn(fs, "fdatasync").mockImplementationOnce(((_fd: number, done: (e: Error) => void) => {
        setImmediate(done, systemError("EIO", "fdatasync"));
      }) as typeof fdatasync);
      const write = { op: "write", buffer: pattern(512, 1), fua: true } as const;
      const errors = await Promise.all([
        io.carryOut({ op: "flush" }),
        io.carryOut({ op: "flush" }),
        io.carryOut(write),
      ]);
      expect(errors.map((error) => error?.code)).toEqual(Array(3).fill("medium-error"));
      expect(device.flushFailure?.code).toBe("medium-error");
      await io.must({ op: "flush" });
      expect(device.flushFailure?.code).toBe("medium-error");
      device.flushFailureHandled();
      expect(device.flushFailure).toBeNull();
    }));

  it("shares one fdatasync among the flushes that wait, and runs one at a time", () =>
    withDevice(async (_device, io) => {
      const { fdatasync } = fs;
      let calls = 0;
      let underWay = 0;
      vi.spyOn(fs, "fdatasync").mockImplementation(((
        fd: number,
        done: (e: Error | null) => void,
      ) => {
        calls++;
        expect(++underWay).toBe(1);
        fdatasync(fd, (error) => {
          underWay--;
          done(error);
        });
      }) as typeof fdatasync);
      await Promise.all(Array.from({ length: 50 }, () => io.must({ op: "flush" })));
      expect(calls).toBe(2);
    }));

  it("zeroes and unmaps ranges longer than one slice, while others are served", () =>
    withDevice(async (device, io) => {
      expect(await io.resize(3 * 2 ** 30)).toBeNull();
      const last = device.sizeBytes - 4096;
      await io.must({ op: "write", offset: last, buffer: pattern(4096, 1) });
      const unmap = io.must({ op: "unmap", offset: 0, length: device.sizeBytes });
      const shrink = io.resize(CONTRACT_BYTES);
      expect(device.sizeBytes).toBe(3 * 2 ** 30);
      await io.must({ op: "flush" });
      await unmap;
      expect(await shrink).toBeNull();
      expect(device.sizeBytes).toBe(CONTRACT_BYTES);
    }));
});

describe.skipIf(typeof probe === "string")("block device path", () => {
  it("[C4] is opened once, takes only its own size, and needs a word for its data", async () => {
    const loop = attachLoopDevice(loopFolder, CONTRACT_BYTES);
    if (typeof loop === "string") throw new Error(loop);
    try {
      const device = await createFile(loop.path, CONTRACT_BYTES, "refuse");
      const io = new Submitter(device);
      expect(device.kind).toBe("block-special");
      await expect(createFile(loop.path, CONTRACT_BYTES, "adopt")).rejects.toThrow("in use");
      await io.must({ op: "write", offset: 4 * MIB, buffer: pattern(4096, 1), fua: true });
      expect((await io.resize(2 * CONTRACT_BYTES))?.detail).toContain(`${CONTRACT_BYTES} bytes`);
      expect(await io.resize(CONTRACT_BYTES)).toBeNull();
      await io.close();
      await expect(createFile(loop.path, CONTRACT_BYTES, "refuse")).rejects.toThrow("holds data");
      await expect(createFile(loop.path, MIB, "wipe")).rejects.toThrow("holds 8388608 bytes");
      const wiped = new Submitter(await createFile(loop.path, CONTRACT_BYTES, "wipe"));
      expect(await wiped.read(4 * MIB, 4096)).toEqual(Buffer.alloc(4096));
      await wiped.close();
    } finally {
      loop.detach();
    }
  });
});

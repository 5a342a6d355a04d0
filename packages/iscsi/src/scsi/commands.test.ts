/** Commands at the border of the SCSI layer: CDB and data in, status and data out, and what the device is asked. */
import { describe, expect, it } from "vitest";
import { StubDevice } from "../testing/stub-device.ts";
import { runCommand } from "./commands.ts";
import { type Sense, senses } from "./sense.ts";
import { type Nexus, Task } from "./task.ts";
import { type LogicalUnit, Unit } from "./unit.ts";

const UUID = "6f1f3d0c-55c2-4a6b-9a3e-6f5cf2f0a001";
const BLOCKS = 32_768;

function fixture(writeCache = true) {
  const device = new StubDevice(BLOCKS * 512);
  const identity = { uuid: UUID, name: "one" };
  const logical: LogicalUnit = { number: 0, device, identity, writeCache };
  const unit = new Unit(logical);
  return { device, unit };
}

interface Outcome {
  readonly status: number;
  readonly sense: Sense | null;
  readonly data: Buffer;
}

/** Runs one command with its data-out at hand. */
function run(unit: Unit | null, cdb: readonly number[], dataOut = Buffer.alloc(0)): Outcome {
  let outcome: Outcome | null = null;
  const nexus: Nexus = {
    units: unit ? [unit] : [],
    receive(task, length) {
      if (length > dataOut.length) {
        task.fail(senses.invalidFieldInInformationUnit, length);
        return;
      }
      task.buffer = dataOut.subarray(0, length);
      task.onReceived(task);
    },
    reserve(task, length) {
      task.buffer = Buffer.alloc(length);
    },
    finish({ status, sense, buffer, sendBytes }) {
      const data = Buffer.from(buffer?.subarray(0, sendBytes) ?? []);
      outcome = { status, sense, data };
    },
    takeAttention: () => null,
    takeReportedLunsAttention: () => {},
  };
  const task = new Task(nexus);
  task.unit = unit;
  task.expectedIn = dataOut.length > 0 ? 0 : 65_536;
  task.expectedOut = dataOut.length;
  const whole = Buffer.alloc(16);
  Buffer.from(cdb).copy(whole);
  runCommand(task, whole, 0);
  if (outcome === null) throw new Error("the command did not end");
  return outcome;
}

const inquiry = (page: number, evpd = 1) => [0x12, evpd, page, 0xff, 0xff, 0];

describe("INQUIRY", () => {
  it("describes a disk, and says that there is none", () => {
    const { unit } = fixture();
    const { data } = run(unit, inquiry(0, 0));
    expect(data[0]).toBe(0);
    expect(data.toString("latin1", 8, 16)).toBe("LOCKSTEP");
    expect(data[4]).toBe(data.length - 5);
    expect(run(null, inquiry(0, 0)).data[0]).toBe(0x7f);
  });

  it("lists exactly the pages that it has, in ascending order", () => {
    const { unit } = fixture();
    const codes = [...run(unit, inquiry(0)).data.subarray(4)];
    expect(codes).toEqual([0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2]);
    for (let page = 0; page < 256; page++) {
      const { status, sense, data } = run(unit, inquiry(page));
      if (codes.includes(page)) {
        expect([status, data[1], data.readUInt16BE(2)]).toEqual([0, page, data.length - 4]);
      } else expect(sense).toEqual(senses.invalidFieldInCdb);
    }
  });

  it("identifies the unit by its UUID alone", () => {
    const { unit } = fixture();
    const one = run(unit, inquiry(0x83)).data;
    const other = run(fixture(false).unit, inquiry(0x83)).data;
    expect(one.equals(other)).toBe(true);
    // The first designator: binary, NAA, locally assigned.
    expect([one[4], one[5], one[7], (one[8] as number) >> 4]).toEqual([1, 3, 8, 3]);
    expect(run(unit, inquiry(0x80)).data.toString("latin1", 4)).toBe(UUID);
  });

  it("is cut at the allocation length", () => {
    const { unit } = fixture();
    expect(run(unit, [0x12, 0, 0, 0, 7, 0]).data.length).toBe(7);
  });
});

describe("size and modes", () => {
  it("capacity in 10 and 16 bytes, and where it does not fit 10", () => {
    const { unit, device } = fixture();
    expect(run(unit, [0x25]).data.readUInt32BE(0)).toBe(BLOCKS - 1);
    const long = run(unit, [0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32]).data;
    expect(Number(long.readBigUInt64BE(0))).toBe(BLOCKS - 1);
    // 512-byte blocks on 4 KiB; unmapped blocks exist and read as zeroes.
    expect([long.readUInt32BE(8), long[13], long[14]]).toEqual([512, 3, 0xc0]);
    Object.defineProperty(device, "sizeBytes", { value: 2 ** 42 });
    expect(run(unit, [0x25]).data.readUInt32BE(0)).toBe(0xffff_ffff);
  });

  it("the caching page follows the unit's setting", () => {
    const { unit } = fixture();
    const caching = () => run(unit, [0x1a, 0x08, 0x08, 0, 0xff]).data;
    expect(caching()[4 + 2]).toBe(0x04);
    unit.logical.writeCache = false;
    expect(caching()[4 + 2]).toBe(0);
    expect(caching()[2]).toBe(0x10);
    expect(run(unit, [0x1a, 0x08, 0xc8, 0, 0xff]).sense).toEqual(senses.savingNotSupported);
    expect(run(unit, [0x1a, 0x08, 0x05, 0, 0xff]).sense).toEqual(senses.invalidFieldInCdb);
    const all = run(unit, [0x5a, 0x10, 0x3f, 0xff, 0, 0, 0, 1, 0]).data;
    expect(all.readUInt16BE(0)).toBe(all.length - 2);
    expect(all.length).toBe(8 + 16 + 20 + 12);
  });

  it("LUNs and supported commands", () => {
    const { unit } = fixture();
    const luns = run(unit, [0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0]).data;
    expect([luns.readUInt32BE(0), luns.length]).toEqual([8, 16]);
    const one = run(unit, [0xa3, 0x0c, 1, 0x2a, 0, 0, 0, 0, 1, 0]).data;
    expect([one[1], one[3], one[4]]).toEqual([3, 10, 0x2a]);
    const absent = run(unit, [0xa3, 0x0c, 1, 0x5f, 0, 0, 0, 0, 1, 0]).data;
    expect(absent[1]).toBe(1);
    const all = run(unit, [0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 255, 255]).data;
    expect(all.readUInt32BE(0)).toBe(all.length - 4);
  });
});

describe("ranges without data", () => {
  const unmapList = (...ranges: [number, number][]) => {
    const list = Buffer.alloc(8 + 16 * ranges.length);
    list.writeUInt16BE(list.length - 2, 0);
    list.writeUInt16BE(16 * ranges.length, 2);
    ranges.forEach(([lba, blocks], i) => {
      list.writeBigUInt64BE(BigInt(lba), 8 + 16 * i);
      list.writeUInt32BE(blocks, 16 + 16 * i);
    });
    return list;
  };
  const unmap = (list: Buffer) => [0x42, 0, 0, 0, 0, 0, 0, list.length >> 8, list.length & 255];

  it("UNMAP gives back each range, or none of them", () => {
    const { unit, device } = fixture();
    const good = unmapList([0, 8], [100, 0], [200, 16]);
    expect(run(unit, unmap(good), good).status).toBe(0);
    expect(device.log).toEqual(["unmap 0 4096", "unmap 102400 8192"]);
    const bad = unmapList([0, 8], [BLOCKS - 1, 2]);
    expect(run(unit, unmap(bad), bad).sense).toEqual(senses.lbaOutOfRange);
    expect(device.log.length).toBe(2);
    expect(run(unit, [0x42]).status).toBe(0);
    const short = [0x42, 0, 0, 0, 0, 0, 0, 0, 4];
    expect(run(unit, short, Buffer.alloc(4)).sense).toEqual(senses.parameterListLength);
  });

  it("WRITE SAME of zeroes is a range, of anything else a write", () => {
    const { unit, device } = fixture();
    const same = (flags: number, blocks: number) => [
      ...[0x93, flags, 0, 0, 0, 0, 0, 0, 0, 8],
      ...[0, 0, blocks >> 8, blocks & 255],
    ];
    expect(run(unit, same(0x08, 8), Buffer.alloc(512)).status).toBe(0);
    expect(run(unit, same(0x00, 8), Buffer.alloc(512)).status).toBe(0);
    expect(run(unit, same(0x09, 8)).status).toBe(0);
    expect(run(unit, same(0x08, 4000), Buffer.alloc(512, 7)).status).toBe(0);
    expect(device.log).toEqual([
      "unmap 4096 4096",
      "zero 4096 4096",
      "unmap 4096 4096",
      "write 4096 1048576",
      `write ${4096 + 1_048_576} ${4000 * 512 - 1_048_576}`,
    ]);
    expect(device.bytes.subarray(4096, 4096 + 4000 * 512).every((byte) => byte === 7)).toBe(true);
    expect(device.bytes[4096 + 4000 * 512]).toBe(0);
    expect(run(unit, same(0x10, 8), Buffer.alloc(512)).sense).toEqual(senses.invalidFieldInCdb);
    expect(run(unit, same(0x00, 0), Buffer.alloc(512)).sense).toEqual(senses.invalidFieldInCdb);
    expect(run(unit, same(0x00, 8), Buffer.alloc(1024)).sense).toEqual(senses.invalidFieldInCdb);
  });

  it("changes are stable when there is no write cache", () => {
    const { unit, device } = fixture(false);
    const list = unmapList([0, 8]);
    run(unit, unmap(list), list);
    run(unit, [0x41, 0, 0, 0, 0, 0, 0, 0, 8], Buffer.alloc(512));
    expect(device.log).toEqual(["unmap 0 4096 fua", "zero 0 4096 fua"]);
  });

  it("VERIFY compares when asked to", () => {
    const { unit, device } = fixture();
    device.bytes.fill(5, 0, 2 ** 21);
    const verify = (flags: number) => [0x2f, flags, 0, 0, 0, 0, 0, 16, 0];
    const data = Buffer.alloc(4096 * 512, 5);
    expect(run(unit, verify(0)).status).toBe(0);
    expect(run(unit, verify(2), data).status).toBe(0);
    data[data.length - 1] = 6;
    expect(run(unit, verify(2), data).sense).toEqual(senses.miscompare);
    expect(run(unit, verify(6), data).sense).toEqual(senses.invalidFieldInCdb);
  });
});

describe("everything else", () => {
  it("is an invalid opcode", () => {
    const { unit } = fixture();
    for (const opcode of [0x15, 0x55, 0x5e, 0x5f, 0x16, 0x17, 0x83, 0x84, 0x89, 0x48, 0xff]) {
      expect(run(unit, [opcode]).sense).toEqual(senses.invalidOpcode);
    }
    expect(run(unit, [0x9e, 0x1f]).sense).toEqual(senses.invalidFieldInCdb);
    expect(run(null, [0x00]).sense).toEqual(senses.unitNotSupported);
  });

  it("no CDB makes a command throw, or move data out of range", () => {
    const { unit, device } = fixture();
    let seed = 20_261_123;
    const next = () => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return seed >>> 24;
    };
    const zeroes = Buffer.alloc(512 * 256);
    for (let i = 0; i < 5000; i++) {
      const cdb = Array.from({ length: 16 }, (_, at) => (at > 0 && next() < 128 ? 0 : next()));
      run(unit, cdb, next() < 128 ? zeroes.subarray(0, 512 * next()) : undefined);
    }
    for (const line of device.log) {
      const [op, offset, length] = line.split(" ");
      if (op !== "flush") expect(Number(offset) + Number(length)).toBeLessThanOrEqual(BLOCKS * 512);
    }
  });
});

/** A target and initiators in one thread: data both ways, commands, task management. */
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { COMMAND_WINDOW } from "./session/limits.ts";
import { Initiator, ScsiError } from "./testing/initiator.ts";
import { IQN, type LocalTarget, startLocalTarget } from "./testing/local-target.ts";

const PORT = 23_020;
let target: LocalTarget;

beforeEach(async () => {
  target = await startLocalTarget(PORT);
});

afterEach(() => {
  target.close();
});

const connect = (keys: Record<string, string> = {}, isid?: number) =>
  Initiator.connect({ port: PORT, targetName: IQN, keys, ...(isid === undefined ? {} : { isid }) });

const pattern = (length: number, seed: number) =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 7 + seed + (i >> 8)) & 0xff));

const tur = [0, 0, 0, 0, 0, 0];

async function senseOf(command: Promise<unknown>): Promise<string> {
  try {
    await command;
  } catch (error) {
    if (error instanceof ScsiError) return `${error.key.toString(16)}/${error.code.toString(16)}`;
    throw error;
  }
  return "good";
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(1);
}

describe("data in both directions", () => {
  const keySets: Record<string, string>[] = [
    {},
    { HeaderDigest: "CRC32C", DataDigest: "CRC32C" },
    { InitialR2T: "Yes", ImmediateData: "No" },
    { InitialR2T: "Yes", ImmediateData: "No", MaxBurstLength: "4096", DataDigest: "CRC32C" },
    { FirstBurstLength: "512", MaxRecvDataSegmentLength: "1000", HeaderDigest: "CRC32C" },
    { ImmediateData: "No", FirstBurstLength: "65536", MaxRecvDataSegmentLength: "512" },
  ];
  it.each(keySets)("comes back as it was written, with %o", async (keys) => {
    const initiator = await connect(keys);
    const lengths = [512, 4096, 65_536, 70_144, 262_144, 1_048_576];
    await Promise.all(
      lengths.map(async (length, i) => {
        const data = pattern(length, i);
        await initiator.write(i * 1_048_576, data);
        expect((await initiator.read(i * 1_048_576, length)).equals(data)).toBe(true);
      }),
    );
    await initiator.logout();
    expect(target.ends).toEqual(["logout"]);
  });

  it("goes on with more commands than the window holds, and starts none beyond it", async () => {
    const initiator = await connect();
    target.device.holding = true;
    const commands = Array.from({ length: 300 }, (_, i) => initiator.read(i * 512, 512));
    await until(() => target.device.held.length === COMMAND_WINDOW);
    await initiator.ping();
    expect(target.device.held.length).toBe(COMMAND_WINDOW);
    target.device.release();
    await Promise.all(commands);
    await initiator.logout();
  });

  it("waits for room when write data under way is at its bound, and completes all", async () => {
    const initiator = await connect({ InitialR2T: "Yes", ImmediateData: "No" });
    target.device.holding = true;
    const data = pattern(4 * 1_048_576, 3);
    const writes = Array.from({ length: 12 }, () => initiator.write(0, data));
    await until(() => target.device.held.length === 8);
    await initiator.ping();
    expect(target.device.held.length).toBe(8);
    target.device.release();
    await Promise.all(writes);
    expect(target.device.bytes.subarray(0, data.length).equals(data)).toBe(true);
    await initiator.logout();
  });

  it("reads with a slow device are bounded, and writes of others go on", async () => {
    const initiator = await connect();
    target.device.holding = true;
    const reads = Array.from({ length: 40 }, () => initiator.read(0, 1_048_576));
    await until(() => target.device.held.length >= 16);
    await delay(5);
    expect(target.device.held.length).toBeLessThan(20);
    target.device.release();
    const all = await Promise.all(reads);
    expect(all.every((data) => data.length === 1_048_576)).toBe(true);
    await initiator.logout();
  });
});

describe("SCSI commands", () => {
  it("say what is wrong with a command", async () => {
    const initiator = await connect();
    const last = target.device.sizeBytes / 512;
    const read10 = (lba: number, blocks: number, flags = 0) => [
      ...[0x28, flags, lba >>> 24, (lba >> 16) & 255, (lba >> 8) & 255, lba & 255],
      ...[0, blocks >> 8, blocks & 255, 0],
    ];
    const ask = (cdb: number[], lun = 0) => senseOf(initiator.command({ cdb, lun, expectIn: 512 }));
    expect(await ask([0x5f, 0, 0, 0, 0, 0, 0, 0, 0, 0])).toBe("5/2000");
    expect(await ask(read10(last, 1))).toBe("5/2100");
    expect(await ask(read10(last - 1, 2))).toBe("5/2100");
    expect(await ask(read10(0, 1, 0x20))).toBe("5/2400");
    expect(await ask(read10(0, 20_000))).toBe("5/2400");
    expect(await ask(read10(0, 1), 3)).toBe("5/2500");
    expect(await ask(read10(last - 1, 1))).toBe("good");
    await initiator.logout();
  });

  it.each([
    ["medium-error", "read", "3/1100"],
    ["medium-error", "write", "3/c00"],
    ["no-space", "write", "7/2707"],
    ["not-ready", "read", "2/400"],
    ["out-of-range", "read", "5/2100"],
    ["aborted", "write", "b/0"],
  ] as const)("tell a host of %s at a %s", async (code, op, sense) => {
    const initiator = await connect();
    target.device.failWith = { code, detail: "test" };
    const command =
      op === "read" ? initiator.read(0, 4096) : initiator.write(0, Buffer.alloc(4096));
    expect(await senseOf(command)).toBe(sense);
    target.device.failWith = null;
    await initiator.write(0, Buffer.alloc(4096));
    await initiator.logout();
  });

  it("ask the device for stability: FUA, write cache off, flush", async () => {
    const initiator = await connect();
    await initiator.write(0, Buffer.alloc(512));
    await initiator.write(512, Buffer.alloc(512), { fua: true });
    await initiator.flush();
    target.unit.writeCache = false;
    target.server.unitChanged(IQN, 0, "mode");
    expect(await senseOf(initiator.command({ cdb: tur }))).toBe("6/2a01");
    await initiator.write(1024, Buffer.alloc(512));
    expect(target.device.log).toEqual([
      "write 0 512",
      "write 512 512 fua",
      "flush 0 0",
      "write 1024 512 fua",
    ]);
    await initiator.logout();
  });

  it("run ordered commands alone", async () => {
    const initiator = await connect();
    target.device.holding = true;
    const flush = [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const commands = [
      initiator.write(0, Buffer.alloc(512)),
      initiator.command({ cdb: flush, attribute: 2 }),
      initiator.write(512, Buffer.alloc(512)),
    ];
    await initiator.ping();
    expect(target.device.log).toEqual(["write 0 512"]);
    target.device.release();
    await Promise.all(commands);
    expect(target.device.log).toEqual(["write 0 512", "flush 0 0", "write 512 512"]);
    await initiator.logout();
  });

  it("announce a new capacity once", async () => {
    const initiator = await connect();
    target.device.resize(32 * 1_048_576, () => {});
    target.server.unitChanged(IQN, 0, "capacity");
    expect(await senseOf(initiator.command({ cdb: tur }))).toBe("6/2a09");
    expect(await initiator.capacity()).toBe(32 * 1_048_576);
    await initiator.logout();
  });

  it("report residuals", async () => {
    const initiator = await connect();
    const read = [0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0];
    expect((await initiator.command({ cdb: read, expectIn: 4096 })).residual).toBe(-3072);
    const short = await initiator.command({ cdb: read, expectIn: 200 });
    expect([short.data.length, short.residual]).toEqual([200, 824]);
    const write = [0x2a, 0, 0, 0, 0, 0, 0, 0, 2, 0];
    const written = await initiator.command({ cdb: write, dataOut: Buffer.alloc(512, 1) });
    expect(written.residual).toBe(512);
    const partly = initiator.command({ cdb: write, dataOut: Buffer.alloc(200, 2) });
    expect(await senseOf(partly)).toBe("5/e03");
    expect(target.device.log.filter((line) => line.startsWith("write"))).toEqual(["write 0 512"]);
    await initiator.logout();
  });
});

describe("task management", () => {
  it("answers an abort only when the task can't change anything any more", async () => {
    const initiator = await connect();
    target.device.holding = true;
    let answered = false;
    void initiator.write(0, Buffer.alloc(512, 1)).then(
      () => {
        answered = true;
      },
      () => {},
    );
    await until(() => target.device.held.length === 1);
    const aborted = initiator.manage(1, 1, 1);
    await initiator.ping();
    target.device.release();
    expect(await aborted).toBe(0);
    expect(answered).toBe(false);
    expect(await initiator.manage(1, 1, 1)).toBe(1);
    await initiator.close();
  });

  it("resets a unit for all its initiators", async () => {
    const first = await connect();
    const second = await connect();
    target.device.holding = true;
    const lost = second.write(0, Buffer.alloc(512));
    lost.catch(() => {});
    await until(() => target.device.held.length === 1);
    const reset = first.manage(5);
    await first.ping();
    target.device.release();
    expect(await reset).toBe(0);
    expect(await senseOf(second.command({ cdb: tur }))).toBe("6/2903");
    expect(await senseOf(first.command({ cdb: tur }))).toBe("6/2903");
    expect(await senseOf(first.command({ cdb: tur }))).toBe("good");
    await first.close();
    await second.close();
  });

  it("knows its limits", async () => {
    const initiator = await connect();
    expect(await initiator.manage(8)).toBe(4);
    expect(await initiator.manage(7)).toBe(5);
    expect(await initiator.manage(4)).toBe(0);
    await initiator.logout();
  });
});

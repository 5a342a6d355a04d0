import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { Failure } from "@lockstep/model";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { pattern, Submitter } from "./contract.ts";
import type { FileDevice } from "./file-device.ts";
import { createFile, openFile } from "./opening.ts";
import { makeFolder, removeFolder } from "./testing/scratch.ts";

const MIB = 2 ** 20;
let root: string;
let folder: string;
let file: string;
beforeAll(() => {
  root = makeFolder();
});
afterAll(() => removeFolder(root));
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(root, "case-"));
  file = path.join(folder, "lun.img");
});
afterEach(() => {
  vi.restoreAllMocks();
});

const close = (device: FileDevice) => new Submitter(device).close();

async function failure(opening: () => FileDevice | Promise<FileDevice>): Promise<Failure> {
  try {
    await close(await opening());
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
    throw thrown;
  }
  throw new Error("it was not refused");
}

describe("creating", () => {
  it("makes a sparse file of exactly the size, for the owner alone, and makes it stable", async () => {
    const synced = vi.spyOn(fs, "fsyncSync");
    const device = await createFile(file, 10 * MIB, "refuse");
    const stats = fs.statSync(file);
    expect([stats.size, stats.blocks, stats.mode & 0o777]).toEqual([10 * MIB, 0, 0o600]);
    expect(synced).toHaveBeenCalledTimes(2);
    await close(device);
  });

  it("refuses relative paths, odd sizes, missing folders and folders, leaving nothing", async () => {
    expect((await failure(() => createFile("lun.img", MIB, "refuse"))).code).toBe("usage");
    for (const size of [0, -512, MIB + 1, 2 ** 60]) {
      expect((await failure(() => createFile(file, size, "refuse"))).code).toBe("usage");
    }
    const missing = path.join(folder, "none", "lun.img");
    expect((await failure(() => createFile(missing, MIB, "refuse"))).code).toBe("not-found");
    expect((await failure(() => createFile(folder, MIB, "refuse"))).code).toBe("refused");
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it("leaves no file behind when the disk is full or the file too large", async () => {
    for (const [code, sentence] of [
      ["ENOSPC", "no space left"],
      ["EFBIG", "larger than its file system allows"],
      ["EIO", "EIO"],
    ] as const) {
      vi.spyOn(fs, "ftruncateSync").mockImplementationOnce(() => {
        throw Object.assign(new Error(code), { code, syscall: "ftruncate" });
      });
      expect((await failure(() => createFile(file, MIB, "refuse"))).message).toContain(sentence);
      expect(fs.readdirSync(folder)).toEqual([]);
    }
  });

  it("leaves an existing file as it was when it can't be made to fit", async () => {
    fs.writeFileSync(file, pattern(MIB, 1));
    vi.spyOn(fs, "ftruncateSync").mockImplementationOnce(() => {
      throw Object.assign(new Error("EFBIG"), { code: "EFBIG", syscall: "ftruncate" });
    });
    await failure(() => createFile(file, 4 * MIB, "wipe"));
    expect(fs.readFileSync(file).equals(pattern(MIB, 1))).toBe(true);
  });
});

describe("an existing file", () => {
  it("is taken without a word when it holds nothing but holes and zeroes", async () => {
    fs.writeFileSync(file, Buffer.alloc(MIB));
    fs.truncateSync(file, 3 * MIB);
    const device = await createFile(file, 2 * MIB, "refuse");
    expect(fs.statSync(file).size).toBe(2 * MIB);
    await close(device);
  });

  it("is refused when it holds one byte of data, wherever that is", async () => {
    for (const at of [0, 5 * MIB - 1, 9 * MIB]) {
      fs.writeFileSync(file, "");
      fs.truncateSync(file, 10 * MIB);
      const fd = fs.openSync(file, "r+");
      fs.writeSync(fd, Buffer.from([1]), 0, 1, at);
      fs.closeSync(fd);
      const refusal = await failure(() => createFile(file, 10 * MIB, "refuse"));
      expect([refusal.code, refusal.hint]).toEqual([
        "exists",
        "say whether to adopt it or to wipe it",
      ]);
      expect(fs.statSync(file).size).toBe(10 * MIB);
    }
  });

  it("is adopted with its data, if the sizes are the same; else both are said", async () => {
    fs.writeFileSync(file, pattern(2 * MIB, 1));
    const refusal = await failure(() => createFile(file, 3 * MIB, "adopt"));
    expect(refusal.message).toContain("2097152 bytes (2 MiB), not 3145728 bytes (3 MiB)");
    const io = new Submitter(await createFile(file, 2 * MIB, "adopt"));
    expect((await io.read(0, 2 * MIB)).equals(pattern(2 * MIB, 1))).toBe(true);
    await io.close();
  });

  it("is wiped when told so, to the new size", async () => {
    fs.writeFileSync(file, pattern(2 * MIB, 1));
    const io = new Submitter(await createFile(file, 3 * MIB, "wipe"));
    expect(await io.read(0, 3 * MIB)).toEqual(Buffer.alloc(3 * MIB));
    expect(fs.statSync(file).blocks).toBe(0);
    await io.close();
  });
});

describe("opening", () => {
  it("takes the file as it is, and says what is missing or odd", async () => {
    expect((await failure(() => openFile(file))).code).toBe("not-found");
    fs.writeFileSync(file, Buffer.alloc(1000));
    expect((await failure(() => openFile(file))).message).toContain("1000 bytes, not whole blocks");
    expect((await failure(() => openFile("lun.img"))).code).toBe("usage");
    fs.truncateSync(file, 1024);
    const device = openFile(file);
    expect([device.sizeBytes, device.kind]).toEqual([1024, "file"]);
    await close(device);
  });

  it("[C4] refuses a second opener, in this process and in another, until closed", async () => {
    const device = await createFile(file, MIB, "refuse");
    expect((await failure(() => openFile(file))).message).toContain("in use by another LUN");
    expect((await failure(() => createFile(file, MIB, "wipe"))).code).toBe("refused");
    const source = `import { openFile } from ${JSON.stringify(path.resolve(import.meta.dirname, "opening.ts"))};
      try { openFile(process.argv[1]); } catch (thrown) { console.log(thrown.code); }`;
    const other = () =>
      spawnSync(process.execPath, ["--input-type=module", "-e", source, file], {
        encoding: "utf8",
      });
    expect(other()).toMatchObject({ stdout: "refused\n", status: 0 });
    await close(device);
    expect(other()).toMatchObject({ stdout: "", status: 0 });
  });

  it("leaves no descriptor open after a refusal", async () => {
    const descriptors = () => fs.readdirSync("/proc/self/fd").length;
    fs.writeFileSync(file, pattern(1000, 1));
    const before = descriptors();
    for (let turn = 0; turn < 5; turn++) {
      await failure(() => openFile(file));
      await failure(() => createFile(file, MIB, "refuse"));
      await failure(() => createFile(file, MIB, "adopt"));
    }
    expect(descriptors()).toBe(before);
  });
});

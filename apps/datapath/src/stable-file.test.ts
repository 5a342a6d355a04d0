import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { StableFile } from "./stable-file.ts";

const Value = z.object({ name: z.string(), count: z.number() });
let folder: string;
let file: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "stable-file-"));
  file = path.join(folder, "value");
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

type Way = 1 | 2 | "in place";
const SLOT_BYTES = 512;

function stable(way: Way): StableFile<z.infer<typeof Value>> {
  if (way === 1) return new StableFile(file, Value, { copies: 1 });
  const slots = way === "in place" ? { slotBytes: SLOT_BYTES } : {};
  return new StableFile(file, Value, { copies: 2, ...slots });
}

describe.each<Way>([1, 2, "in place"])("stable file, copies: %s", (copies) => {
  it("[G1] is null before the first value, then the last one that was stable", async () => {
    expect(await stable(copies).read()).toBeNull();
    const own = stable(copies);
    for (let count = 0; count < 3; count++) {
      await own.save({ name: "ü", count });
      expect(await stable(copies).read()).toEqual({ name: "ü", count });
    }
  });

  it("[G1] goes on counting versions after a restart", async () => {
    await stable(copies).save({ name: "first", count: 1 });
    const next = stable(copies);
    await next.read();
    await next.save({ name: "second", count: 2 });
    expect(await stable(copies).read()).toEqual({ name: "second", count: 2 });
  });

  it("[G1] coalesces what comes while it writes: the last wins, all are told, in order", async () => {
    const own = stable(copies);
    const told: number[] = [];
    const all = Array.from(
      { length: 50 },
      (_, count) =>
        new Promise<void>((resolve) => {
          own.write({ name: "many", count }, (error) => {
            expect(error).toBeNull();
            told.push(count);
            resolve();
          });
        }),
    );
    await Promise.all(all);
    expect(told).toEqual(Array.from({ length: 50 }, (_, count) => count));
    expect(await stable(copies).read()).toEqual({ name: "many", count: 49 });
  });

  it("[G1] says so when nothing whole is left, and leaves it alone", async () => {
    await stable(copies).save({ name: "lost", count: 1 });
    for (const name of fs.readdirSync(folder)) {
      const text = fs.readFileSync(path.join(folder, name), "utf8");
      fs.writeFileSync(path.join(folder, name), text.replace("lost", "LOST"));
    }
    await expect(stable(copies).read()).rejects.toThrow("is damaged");
  });

  it("tells whoever wrote when it failed, and can be written again", async () => {
    const own = stable(copies);
    fs.rmSync(folder, { recursive: true });
    await expect(own.save({ name: "none", count: 1 })).rejects.toThrow("ENOENT");
    fs.mkdirSync(folder);
    await own.save({ name: "again", count: 2 });
    expect(await stable(copies).read()).toEqual({ name: "again", count: 2 });
  });
});

describe("stable file in place", () => {
  it("[O4] changes without a new block or name, so that a full disk is no obstacle", async () => {
    const own = stable("in place");
    await own.save({ name: "first", count: 1 });
    const look = () =>
      fs.readdirSync(folder).map((name) => {
        const { ino, size, blocks } = fs.statSync(path.join(folder, name));
        return { name, ino, size, blocks };
      });
    const before = look();
    expect(before.map(({ size }) => size)).toEqual([SLOT_BYTES, SLOT_BYTES]);
    await own.save({ name: "a much longer second one", count: 2 });
    expect(look()).toEqual(before);
    expect(await stable("in place").read()).toEqual({ name: "a much longer second one", count: 2 });
  });

  it("refuses what does not fit, and keeps what was", async () => {
    const own = stable("in place");
    await own.save({ name: "kept", count: 1 });
    await expect(own.save({ name: "x".repeat(SLOT_BYTES), count: 2 })).rejects.toThrow("at most");
    expect(await stable("in place").read()).toEqual({ name: "kept", count: 1 });
  });

  it("takes over copies that were replaced by rename before", async () => {
    await stable(2).save({ name: "older", count: 1 });
    const own = stable("in place");
    expect(await own.read()).toEqual({ name: "older", count: 1 });
    await own.save({ name: "newer", count: 2 });
    expect(await stable("in place").read()).toEqual({ name: "newer", count: 2 });
  });
});

describe.each<Way>([2, "in place"])("stable file in two copies: %s", (way) => {
  it("[G1] survives damage to either copy, at any byte", async () => {
    await stable(way).save({ name: "kept", count: 7 });
    const names = fs.readdirSync(folder);
    expect(names).toHaveLength(2);
    for (const name of names) {
      const whole = fs.readFileSync(path.join(folder, name));
      for (let end = 0; end < whole.length - 1; end += 5) {
        fs.writeFileSync(path.join(folder, name), whole.subarray(0, end));
        expect(await stable(way).read()).toEqual({ name: "kept", count: 7 });
      }
      fs.writeFileSync(path.join(folder, name), whole);
    }
  });
});

import fs from "node:fs";
import path from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { pattern } from "../testing/requests.ts";
import { makeFolder, removeFolder } from "../testing/scratch.ts";
import { type RangeAbilities, workOnRange } from "./range-work.ts";
import * as systemCalls from "./system-calls.ts";

vi.mock("./system-calls.ts", async (original) => ({
  ...(await original<typeof import("./system-calls.ts")>()),
}));
afterEach(() => {
  vi.restoreAllMocks();
});

const BYTES = 6 * 2 ** 20;

async function run(kind: "zero" | "unmap", abilities: RangeAbilities) {
  const folder = makeFolder();
  const fd = fs.openSync(path.join(folder, "image"), "w+");
  try {
    const image = pattern(BYTES, 1);
    fs.writeSync(fd, image, 0, BYTES, 0);
    const offset = 512;
    const length = BYTES - 1024;
    const error = await new Promise((done) =>
      workOnRange({ fd, kind, offset, length, abilities, done }),
    );
    const found = Buffer.alloc(BYTES);
    fs.readSync(fd, found, 0, BYTES, 0);
    image.fill(0, offset, offset + length);
    return { error, isZeroed: found.equals(image), blocks: fs.fstatSync(fd).blocks };
  } finally {
    fs.closeSync(fd);
    removeFolder(folder);
  }
}

for (const kind of ["zero", "unmap"] as const) {
  for (const refusal of ["EOPNOTSUPP", "EINVAL"]) {
    it(`writes zeroes to ${kind} where fallocate answers ${refusal}`, async () => {
      vi.spyOn(systemCalls, "punchHole").mockReturnValue(refusal);
      vi.spyOn(systemCalls, "zeroRange").mockReturnValue(refusal);
      const abilities = { punch: true, zero: true };
      expect(await run(kind, abilities)).toMatchObject({ error: null, isZeroed: true });
      const isRemembered = refusal === "EOPNOTSUPP";
      expect(abilities.zero).toBe(!isRemembered);
    });
  }

  it(`reports what went wrong with ${kind}`, async () => {
    vi.spyOn(systemCalls, "punchHole").mockReturnValue("ENOSPC");
    vi.spyOn(systemCalls, "zeroRange").mockReturnValue("ENOSPC");
    const { error } = await run(kind, { punch: true, zero: true });
    expect(error).toEqual({ code: "no-space", detail: "ENOSPC (fallocate)" });
  });
}

it("gives space back by unmapping, in one call", async () => {
  const spy = vi.spyOn(systemCalls, "punchHole");
  expect(await run("unmap", { punch: true, zero: true })).toMatchObject({ isZeroed: true });
  expect(spy).toHaveBeenCalledTimes(1);
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeDataPath, sampleLun, sampleStatus } from "@lockstep/api/testing";
import type { CommandName, Lun, Peer } from "@lockstep/model";
import { afterEach, beforeEach, expect, it } from "vitest";
import { planOf } from "./plan.ts";
import { setUp } from "./setup.ts";

const folder = mkdtempSync(join(tmpdir(), "lockstep-demo-"));
const plan = planOf({ data: folder });
const { link } = sampleStatus();
const mirrored: Lun = { ...sampleLun("demo"), designated: true, state: "mirrored" };

let alpha: FakeDataPath;
let beta: FakeDataPath;
let asked: string[];
let peers: { alpha: Peer | null; beta: Peer | null };
let luns: Lun[];

/** Both servers as far as the demo asks them; what changes something is noted. */
beforeEach(async () => {
  asked = [];
  peers = { alpha: null, beta: null };
  luns = [];
  const note = (name: CommandName) => void asked.push(name);
  const peer = (name: string): Peer => ({ name, uuid: name, address: "x", version: null });
  alpha = new FakeDataPath(plan.alpha.data);
  beta = new FakeDataPath(plan.beta.data);
  alpha.on("peer.show", () => peers.alpha);
  beta.on("peer.show", () => peers.beta);
  alpha.on("peer.invite", () => {
    note("peer.invite");
    return { code: "the code", expiresAt: "2026-11-22T11:00:00.000Z" };
  });
  beta.on("peer.join", ({ code }) => {
    note("peer.join");
    expect(code).toBe("the code");
    peers = { alpha: peer("beta"), beta: peer("alpha") };
    return peer("alpha");
  });
  alpha.on("link.wait", () => link);
  alpha.on("lun.list", () => luns);
  alpha.on("lun.create", ({ name, size }) => {
    note("lun.create");
    luns = [{ ...sampleLun(name), sizeBytes: size }];
    return sampleLun(name);
  });
  alpha.on("lun.mirror", ({ name }) => {
    note("lun.mirror");
    return { ...sampleLun(name), designated: true, state: "initializing" };
  });
  alpha.on("lun.wait", () => {
    note("lun.wait");
    return mirrored;
  });
  await Promise.all([alpha.start(), beta.start()]);
});
afterEach(async () => {
  await Promise.all([alpha.stop(), beta.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

const run = () => setUp(plan, () => undefined);

it("a first start pairs, makes the LUN, and waits until it is mirrored", async () => {
  expect(await run()).toMatchObject({ name: "demo", state: "mirrored" });
  expect(asked).toEqual(["peer.invite", "peer.join", "lun.create", "lun.mirror", "lun.wait"]);
  expect(luns[0]?.sizeBytes).toBe(2 ** 30);
});

it("a second start changes nothing, whatever the operator made of the LUN", async () => {
  await run();
  for (const change of [
    {},
    { state: "paused" },
    { designated: false, state: "unmirrored" },
  ] as const) {
    asked = [];
    luns = [{ ...mirrored, ...change }];
    expect(await run()).toMatchObject(change);
    expect(asked).toEqual([]);
  }
  luns = [sampleLun("other")];
  expect(await run()).toBeNull();
});

it("a start that was cut short before the LUN was made is made up for", async () => {
  await run();
  asked = [];
  luns = [];
  await run();
  expect(asked).toEqual(["lun.create", "lun.mirror", "lun.wait"]);
});

it("a pairing that only one side knows of is not touched", async () => {
  peers.beta = { name: "gamma", uuid: "g", address: "x", version: null };
  await expect(run()).rejects.toThrow("only beta knows of a pairing");
  expect(asked).toEqual([]);
});

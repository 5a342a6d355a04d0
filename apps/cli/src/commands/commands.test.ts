import { stripVTControlCharacters } from "node:util";
import { sampleLun, sampleStatus } from "@lockstep/api/testing";
import { type CommandName, Failure, type Outage } from "@lockstep/model";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CommandLine } from "../testing/command-line.ts";

const line = new CommandLine();
const status = sampleStatus();
const { link } = status;
const lun = sampleLun("demo");
const peer = { name: "beta", uuid: "u", address: "127.0.0.1:7510", version: "0.1.0" };
const outage: Outage = {
  id: "o1",
  lun: "demo",
  begunAt: "2026-11-22T10:00:00.000Z",
  detectedAt: "2026-11-22T10:00:02.100Z",
  cause: "silence",
  seenBy: "alpha",
  phases: [
    { kind: "silence", at: "2026-11-22T10:00:00.000Z", endedAt: "2026-11-22T10:00:02.100Z" },
    { kind: "queueing", at: "2026-11-22T10:00:02.100Z", endedAt: null },
  ],
  peakQueue: { bytes: 2 ** 20, requests: 256 },
  healBytes: 0,
  longestHostWaitMs: null,
  healedAt: null,
};

beforeAll(async () => {
  line.answer("status", status);
  line.answer("peer.invite", { code: "abc", expiresAt: "2026-11-22T11:00:00.000Z" });
  line.answer("peer.join", peer);
  line.answer("peer.show", null);
  line.answer("peer.remove", null);
  for (const name of ["link.show", "link.set", "link.wait", "drill.start", "drill.stop"] as const) {
    line.answer(name, link);
  }
  for (const name of [
    "lun.create",
    "lun.show",
    "lun.resize",
    "lun.mirror",
    "lun.mode",
    "lun.pause",
    "lun.resume",
    "lun.set",
    "lun.wait",
  ] as const) {
    line.answer(name, lun);
  }
  line.answer("lun.list", [lun]);
  line.answer("lun.delete", null);
  line.answer("outage.list", [outage]);
  line.answer("outage.show", outage);
  line.answer("event.list", []);
  line.answer("doctor", [
    { severity: "error", subject: "clock", message: "is off", remedy: "set it" },
  ]);
  await line.dataPath.start();
});
afterAll(() => line.end());
beforeEach(() => {
  line.asked.length = 0;
});

/** Each command line, what the data path is asked for it, and the one JSON value it prints. */
const LINES: [text: string, name: CommandName, params: unknown, result: unknown][] = [
  ["status", "status", {}, status],
  ["peer invite", "peer.invite", {}, { code: "abc", expiresAt: "2026-11-22T11:00:00.000Z" }],
  ["peer join abc", "peer.join", { code: "abc" }, peer],
  ["peer show", "peer.show", {}, null],
  ["peer remove", "peer.remove", {}, null],
  ["link show", "link.show", {}, link],
  [
    "link set --t1 500 --t2 100 --t3 900 --t4 700",
    "link.set",
    { t1: 500, t2: 100, t3: 900, t4: 700 },
    link,
  ],
  [
    "link set --probation 3000 --connections 4",
    "link.set",
    { probation: 3000, connections: 4 },
    link,
  ],
  ["link wait up --timeout 2.5", "link.wait", { state: "up", timeoutS: 2.5 }, link],
  [
    "lun create demo --size 1GiB",
    "lun.create",
    { name: "demo", size: 2 ** 30, existing: "refuse" },
    lun,
  ],
  [
    "lun create demo --size 1MiB --number 3 --backing /dev/x --wipe",
    "lun.create",
    { name: "demo", size: 2 ** 20, number: 3, backing: "/dev/x", existing: "wipe" },
    lun,
  ],
  ["lun list", "lun.list", {}, [lun]],
  ["lun show demo", "lun.show", { name: "demo" }, lun],
  ["lun resize demo --size 2GiB", "lun.resize", { name: "demo", size: 2 ** 31 }, lun],
  ["lun delete demo --yes", "lun.delete", { name: "demo" }, null],
  ["lun mirror demo on", "lun.mirror", { name: "demo", on: true }, lun],
  ["lun mirror demo off", "lun.mirror", { name: "demo", on: false }, lun],
  ["lun mode demo async", "lun.mode", { name: "demo", mode: "async" }, lun],
  ["lun pause demo", "lun.pause", { name: "demo" }, lun],
  ["lun resume demo", "lun.resume", { name: "demo" }, lun],
  [
    "lun set demo --policy continue --journal-limit 4MiB --write-cache off",
    "lun.set",
    { name: "demo", policy: "continue", journalLimit: 2 ** 22, writeCache: false },
    lun,
  ],
  [
    "lun wait demo mirrored --timeout 9",
    "lun.wait",
    { name: "demo", state: "mirrored", timeoutS: 9 },
    lun,
  ],
  ["outage list", "outage.list", {}, [outage]],
  ["outage show o1", "outage.show", { id: "o1" }, outage],
  [
    "event list --since 2026-11-22T10:00:00Z",
    "event.list",
    { since: "2026-11-22T10:00:00.000Z" },
    [],
  ],
  ["drill start --seconds 5", "drill.start", { seconds: 5 }, link],
  ["drill stop", "drill.stop", {}, link],
  [
    "doctor",
    "doctor",
    {},
    [{ severity: "error", subject: "clock", message: "is off", remedy: "set it" }],
  ],
];

describe("a command", () => {
  it.each(LINES)("lockstep %s --json", async (text, name, params, result) => {
    expect(JSON.parse(await line.run(`${text} --json`))).toEqual(result);
    expect(line.asked).toEqual([{ name, params }]);
  });

  it.each(LINES)("lockstep %s, for people", async (text) => {
    const printed = await line.run(text);
    expect(printed.trim()).not.toBe("");
    expect(printed).not.toMatch(/undefined|NaN|\[object/);
    expect(printed).toBe(stripVTControlCharacters(printed));
  });
});

describe("what is refused before any server is asked", () => {
  it.each([
    ["lun delete demo", "deleting demo destroys its data"],
    ["lun mode demo fast", '"fast" is no mode'],
    ["lun set demo", "say what to change"],
    ["link set", "say what to change"],
    ["lun create demo --size 1GiB --adopt", "none was given"],
    ["lun create Demo --size 1GiB", "lower-case"],
  ])("lockstep %s", async (text, message) => {
    await expect(line.run(text)).rejects.toThrow(message);
    expect(line.asked).toEqual([]);
  });
});

it("a wait in vain prints what it found and fails", async () => {
  line.dataPath.on("lun.wait", () => {
    throw new Failure("timeout", "demo is unmirrored");
  });
  const error = await line
    .run("lun wait demo mirrored --timeout 1 --json")
    .catch((e: unknown) => e);
  expect(error).toMatchObject({ code: "timeout", message: "demo is unmirrored" });
  expect(JSON.parse((error as { printed: string }).printed)).toEqual(lun);
});

/** What a primary does about each thing that a mirror may say of itself. */
import { describe, expect, it } from "vitest";
import type { MirrorReport } from "../wire/stream-open.ts";
import { type Meeting, meet, type PrimaryFacts } from "./meeting.ts";

/** Stream "a" ended at 5, and "b" follows, where 7 was given out last. */
const lineage = [
  { stream: "a", parent: null, parentLast: 0 },
  { stream: "b", parent: "a", parentLast: 5 },
];
const inStep: PrimaryFacts = {
  needsCopy: false,
  lineage,
  last: 7,
  windowFirst: 8,
  journalHolds: false,
  journalReaches: true,
  acknowledged: null,
};
const queued = { journalHolds: true };
const sound = (stream: string | null, applied: number): MirrorReport => {
  return { condition: "sound", stream, applied };
};

type Case = [string, Partial<PrimaryFacts>, MirrorReport, Meeting["do"]];

const cases: readonly Case[] = [
  ["has all", {}, sound("b", 7), "resume"],
  ["lacks what the window holds", { windowFirst: 5 }, sound("b", 4), "resume"],
  ["lacks what is nowhere", { windowFirst: 6 }, sound("b", 4), "copy"],
  ["lacks what the journal holds", queued, sound("b", 4), "replay"],
  ["lacks what the journal let go", { ...queued, journalReaches: false }, sound("b", 4), "copy"],
  ["went beyond the last number", queued, sound("b", 8), "copy"],
  ["ended with the stream before", queued, sound("a", 5), "replay"],
  ["lacks of the stream before", queued, sound("a", 3), "replay"],
  ["lacks of streams that are not queued", {}, sound("a", 5), "copy"],
  ["lacks nothing but an unused stream", { last: 0, windowFirst: 1 }, sound("a", 5), "replay"],
  ["went beyond the end of its stream", queued, sound("a", 6), "copy"],
  ["is at no stream known", queued, sound("c", 5), "copy"],
  ["is at no stream", queued, sound(null, 0), "copy"],
  ["is not known to lack what", { ...queued, needsCopy: true }, sound("b", 7), "copy"],
  ["is new", queued, { condition: "none", stream: null, applied: 0 }, "copy"],
  ["got half a copy", queued, { condition: "copying", stream: "b", applied: 7 }, "copy"],
  ["lost power", queued, { condition: "unclean", stream: "b", applied: 7 }, "copy"],
  [
    "holds less than it acknowledged",
    { ...queued, acknowledged: { stream: "b", number: 6 } },
    sound("b", 5),
    "copy",
  ],
  [
    "acknowledged in a later stream",
    { ...queued, acknowledged: { stream: "b", number: 1 } },
    sound("a", 5),
    "copy",
  ],
];

describe("a primary that meets its mirror", () => {
  it.each(cases)("[W2, R1, L5] which %s", (_, facts, report, does) => {
    expect(meet({ ...inStep, ...facts }, report).do).toBe(does);
  });
});

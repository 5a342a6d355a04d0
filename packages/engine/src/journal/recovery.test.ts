import { describe, expect, it } from "vitest";
import type { JournalItem } from "./record.ts";
import { RECOVERY_TABLE, type RecoveryCase, type RecoveryOutcome } from "./recovery.ts";
import {
  BLOCK,
  blockOf,
  damaged,
  foreign,
  type Name,
  nameOf,
  open,
  recover,
  stable,
  torn,
  unreadable,
  voided,
  write,
} from "./testing/items.ts";

interface Expected {
  cases?: RecoveryCase[];
  usable?: [Name, number] | null;
  /** First and last redone, as "A3-B2"; null: nothing. */
  redo?: string | null;
  condition?: RecoveryOutcome["condition"];
  cut?: number | null;
  dirty?: [Name, number][] | "all";
  voids?: [Name, number][];
  begun?: Name[];
}

const examples: Record<string, [JournalItem[], Expected]> = {
  "an empty journal": [[], { usable: null, redo: null, condition: "whole", cut: 0 }],
  "a clean end": [
    [write("A", 4), write("A", 5)],
    { cases: ["next", "next"], usable: ["A", 5], redo: "A:3-A:5", condition: "whole", cut: 2 },
  ],
  "a torn last record": [
    [write("A", 1), torn],
    { usable: ["A", 1], redo: "A:0-A:1", condition: "torn", cut: 1 },
  ],
  "nothing but a torn record": [[torn], { usable: null, redo: null, condition: "torn", cut: 0 }],
  "a bad header checksum": [
    [write("A", 1), unreadable, write("A", 3)],
    {
      cases: ["next", "unreadable", "resume"],
      usable: ["A", 1],
      redo: "A:0-A:1",
      condition: "unusable",
      cut: 1,
      dirty: "all",
    },
  ],
  "a bad payload checksum": [
    [write("A", 1), damaged("A", 2), write("A", 3), write("A", 4)],
    {
      cases: ["next", "damaged", "resume", "next"],
      usable: ["A", 1],
      redo: "A:0-A:1",
      cut: 1,
      dirty: [
        ["A", 2],
        ["A", 3],
        ["A", 4],
      ],
    },
  ],
  "a bad payload checksum in the first record": [
    [damaged("A", 1), write("A", 2)],
    {
      usable: null,
      redo: null,
      cut: 0,
      dirty: [
        ["A", 1],
        ["A", 2],
      ],
    },
  ],
  "a gap in the numbers": [
    [write("A", 1), write("A", 3)],
    { cases: ["next", "gap"], usable: ["A", 1], redo: "A:0-A:1", cut: 1, dirty: [["A", 3]] },
  ],
  "a gap that the stable mark covers": [
    [write("A", 1), write("A", 4), write("A", 5), stable("A", 3)],
    {
      usable: ["A", 1],
      redo: "A:3-A:5",
      cut: 1,
      dirty: [
        ["A", 4],
        ["A", 5],
      ],
    },
  ],
  "a gap within which the stable mark lies": [
    [write("A", 1), write("A", 4), stable("A", 2)],
    { usable: ["A", 1], redo: null, cut: 1, dirty: [["A", 4]] },
  ],
  "a repeated number": [
    [write("A", 1), write("A", 2), write("A", 2), write("A", 3)],
    {
      cases: ["next", "next", "repeat", "behind"],
      usable: ["A", 2],
      redo: "A:0-A:2",
      cut: 2,
      dirty: [
        ["A", 2],
        ["A", 3],
      ],
    },
  ],
  "a wrong stream": [
    [write("A", 1), write("B", 2), write("A", 2)],
    {
      cases: ["next", "wrong-stream", "behind"],
      usable: ["A", 1],
      cut: 1,
      dirty: [
        ["B", 2],
        ["A", 2],
      ],
    },
  ],
  "a record of another LUN": [
    [write("A", 1), foreign, write("A", 2)],
    { cases: ["next", "foreign", "behind"], usable: ["A", 1], cut: 1, dirty: "all" },
  ],
  "VOID behind its record": [
    [write("A", 1), write("A", 2), voided("A", 1), write("A", 3)],
    {
      cases: ["next", "next", "void-known", "next"],
      usable: ["A", 3],
      redo: "A:0-A:3",
      voids: [["A", 1]],
      condition: "whole",
    },
  ],
  "VOID in the place of its record": [
    [write("A", 1), voided("A", 2), write("A", 3)],
    { cases: ["next", "next", "next"], usable: ["A", 3], voids: [] },
  ],
  "VOID without its record": [
    [write("A", 5), voided("A", 3), write("A", 6)],
    { cases: ["next", "void-early", "next"], usable: ["A", 6], voids: [], condition: "whole" },
  ],
  "VOID of an unusable record": [
    [write("A", 1), damaged("A", 2), write("A", 3), voided("A", 3)],
    {
      usable: ["A", 1],
      voids: [],
      dirty: [
        ["A", 2],
        ["A", 3],
      ],
    },
  ],
  "the stable mark behind the run": [
    [write("A", 3), stable("A", 2), write("A", 4)],
    { usable: ["A", 4], redo: "A:2-A:4", condition: "whole" },
  ],
  "the stable mark within the run": [
    [write("A", 1), write("A", 2), stable("A", 1), write("A", 3)],
    { usable: ["A", 3], redo: "A:1-A:3", condition: "whole" },
  ],
  "the stable mark at the end of the run": [
    [write("A", 1), write("A", 2), stable("A", 2)],
    { usable: ["A", 2], redo: null, condition: "whole", cut: 3 },
  ],
  "the stable mark ahead of the run": [
    [write("A", 1), stable("A", 7)],
    { usable: ["A", 1], redo: null, condition: "whole" },
  ],
  "several stable marks": [
    [stable("A", 0), write("A", 1), stable("A", 1), write("A", 2), stable("A", 0), write("A", 3)],
    { usable: ["A", 3], redo: "A:1-A:3", condition: "whole" },
  ],
  "a stable mark that the journal begins apart from": [
    [stable("A", 2), write("A", 4)],
    { usable: null, redo: null, condition: "unusable", cut: null, dirty: "all" },
  ],
  "damage up to the stable mark": [
    [write("A", 1), damaged("A", 2), write("A", 3), stable("A", 2), write("A", 4)],
    {
      usable: ["A", 1],
      redo: "A:2-A:4",
      cut: 1,
      dirty: [
        ["A", 2],
        ["A", 3],
        ["A", 4],
      ],
    },
  ],
  "damage behind the stable mark": [
    [write("A", 1), stable("A", 1), write("A", 2), damaged("A", 3), write("A", 4)],
    {
      usable: ["A", 2],
      redo: "A:1-A:2",
      cut: 3,
      dirty: [
        ["A", 3],
        ["A", 4],
      ],
    },
  ],
  "a missing first part, and the mark behind it": [
    [unreadable, write("A", 5), stable("A", 4)],
    {
      cases: ["unreadable", "resume", "stable"],
      usable: null,
      redo: "A:4-A:5",
      cut: 0,
      dirty: "all",
    },
  ],
  "a turn of the stream": [
    [write("A", 1), open("B", "A", 1), write("B", 1)],
    { cases: ["next", "open-next", "next"], usable: ["B", 1], redo: "A:0-B:1", condition: "whole" },
  ],
  "a journal that begins with a turn": [
    [open("B", "A", 8), write("B", 1)],
    { cases: ["open-next", "next"], usable: ["B", 1], redo: "A:8-B:1" },
  ],
  "a journal that begins with the first stream": [
    [open("A", null, 0), write("A", 1)],
    { cases: ["open-next", "next"], usable: ["A", 1], redo: "A:0-A:1" },
  ],
  "a stream that never gave out a number": [
    [write("A", 1), open("B", "A", 1), open("C", "A", 1), write("C", 1)],
    { cases: ["next", "open-next", "open-next", "next"], usable: ["C", 1], redo: "A:0-C:1" },
  ],
  "streams that gave out no number": [
    [write("A", 1), open("B", "A", 1), open("C", "B", 0), torn],
    { usable: ["A", 1], redo: "A:0-A:1", begun: ["B", "C"], condition: "torn" },
  ],
  "nothing but a stream's begin": [
    [open("B", "A", 7)],
    { usable: ["A", 7], redo: null, begun: ["B"], condition: "whole" },
  ],
  "a stream that begins behind what is usable": [
    [write("A", 1), unreadable, open("B", "A", 1)],
    { usable: ["A", 1], begun: [], dirty: "all" },
  ],
  "a stream that begins from an empty one": [
    [write("A", 1), open("B", "A", 1), open("C", "B", 0), write("C", 1)],
    { cases: ["next", "open-next", "open-next", "next"], usable: ["C", 1] },
  ],
  "a turn whose parent lost its tail": [
    [write("A", 1), open("B", "A", 3), write("B", 1)],
    {
      cases: ["next", "open-ahead", "next"],
      usable: ["A", 1],
      redo: "A:0-A:1",
      cut: 1,
      dirty: [["B", 1]],
    },
  ],
  "a turn whose parent lost its tail, all of it stable": [
    [write("A", 1), open("B", "A", 3), write("B", 1), stable("A", 3)],
    { usable: ["A", 1], redo: "A:3-B:1", cut: 1, dirty: [["B", 1]] },
  ],
  "a turn below numbers that were read": [
    [write("A", 1), write("A", 2), open("B", "A", 1), write("B", 1)],
    {
      cases: ["next", "next", "open-wrong", "behind"],
      usable: ["A", 2],
      cut: 2,
      dirty: [["B", 1]],
    },
  ],
  "a turn from another parent": [
    [write("A", 1), open("C", "B", 4), write("C", 1)],
    { cases: ["next", "open-wrong", "behind"], usable: ["A", 1], cut: 1, dirty: [["C", 1]] },
  ],
  "a turn behind damage": [
    [write("A", 1), unreadable, open("B", "A", 2), write("B", 1), stable("A", 2)],
    {
      cases: ["next", "unreadable", "open-resume", "next", "stable"],
      usable: ["A", 1],
      redo: "A:2-B:1",
      dirty: "all",
    },
  ],
  "a stable mark of the parent": [
    [write("A", 1), open("B", "A", 1), stable("A", 1), write("B", 1), write("B", 2)],
    { usable: ["B", 2], redo: "A:1-B:2" },
  ],
  "a stable mark of a stream that was trimmed": [
    [stable("C", 9), open("B", "A", 1), write("B", 1)],
    { usable: ["B", 1], redo: "A:1-B:1", condition: "whole" },
  ],
  "a torn record behind damage": [
    [write("A", 1), damaged("A", 2), torn],
    { usable: ["A", 1], condition: "unusable", cut: 1, dirty: [["A", 2]] },
  ],
};

function show(items: readonly JournalItem[], outcome: RecoveryOutcome): string | null {
  if (outcome.redo === null) return null;
  const turns: Name[] = [];
  for (const item of items) {
    if (item.is === "open" && turns.length === 0 && item.step.parent !== null) {
      turns.push(item.step.parent[7]?.toUpperCase() as Name);
    }
    if (item.is === "open") turns.push(item.step.stream[7]?.toUpperCase() as Name);
    if (item.is === "record" && turns.length === 0) turns.push(nameOf(item.stream));
  }
  const { after, end } = outcome.redo;
  return `${turns[after.turn]}:${after.number}-${turns[end.turn]}:${end.number}`;
}

describe("[O3] recovery of a journal with", () => {
  for (const [name, [items, expected]] of Object.entries(examples)) {
    it(name, () => {
      const { cases, outcome, dirty } = recover(items);
      if (expected.cases) expect(cases).toEqual(expected.cases);
      if (expected.usable !== undefined) {
        const { usableThrough } = outcome;
        const usable = usableThrough && [nameOf(usableThrough.stream), usableThrough.number];
        expect(usable).toEqual(expected.usable);
      }
      if (expected.redo !== undefined) expect(show(items, outcome)).toBe(expected.redo);
      if (expected.condition) expect(outcome.condition).toBe(expected.condition);
      if (expected.cut !== undefined) expect(outcome.truncateAt?.offset ?? null).toBe(expected.cut);
      if (expected.voids) {
        const voids = outcome.voids.map(({ stream, number }) => [nameOf(stream), number]);
        expect(voids).toEqual(expected.voids);
      }
      if (expected.begun) expect(outcome.begun.map(nameOf)).toEqual(expected.begun);
      const blocks = expected.dirty === "all" ? null : (expected.dirty ?? []);
      expect(dirty.all).toBe(blocks === null);
      if (blocks !== null) {
        const wanted = blocks.map(([stream, number]) => blockOf(stream, number) / BLOCK);
        expect([...dirty.blocks].sort()).toEqual(wanted.sort());
      }
      expect(outcome.isDirty).toBe(dirty.all || dirty.blocks.size > 0);
    });
  }

  it("every case of the table", () => {
    const met = new Set(Object.values(examples).flatMap(([items]) => recover(items).cases));
    expect([...met].sort()).toEqual(Object.keys(RECOVERY_TABLE).sort());
  });
});

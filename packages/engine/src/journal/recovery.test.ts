import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JournalItem, Place } from "./record.ts";
import {
  isWithin,
  JournalRecovery,
  RECOVERY_TABLE,
  type RecoveryCase,
  type RecoveryOutcome,
} from "./recovery.ts";

const A = { hi: 0xa, lo: 1 };
const B = { hi: 0xb, lo: 2 };
const C = { hi: 0xc, lo: 3 };
const text = { A: "0000000a00000001", B: "0000000b00000002", C: "0000000c00000003" };
type Name = keyof typeof text;
const ids = { A, B, C };
/** Each number has a block of its own, so that dirty ranges tell numbers. */
const BLOCK = 4096;
const blockOf = (name: Name, number: number) => ("ABC".indexOf(name) * 100 + number) * BLOCK;

const write = (name: Name, number: number): JournalItem => ({
  is: "record",
  stream: ids[name],
  number,
  offset: blockOf(name, number),
  length: BLOCK,
  isVoid: false,
});
const voided = (name: Name, number: number): JournalItem => ({
  is: "record",
  stream: ids[name],
  number,
  offset: 0,
  length: 0,
  isVoid: true,
});
const damaged = (name: Name, number: number): JournalItem => ({
  is: "damaged",
  stream: ids[name],
  number,
  offset: blockOf(name, number),
  length: BLOCK,
});
const open = (name: Name, parent: Name | null, parentLast: number): JournalItem => ({
  is: "open",
  step: { stream: text[name], parent: parent === null ? null : text[parent], parentLast },
});
const stable = (name: Name, number: number): JournalItem => ({
  is: "stable",
  stream: ids[name],
  number,
});
const unreadable: JournalItem = { is: "unreadable" };
const foreign: JournalItem = { is: "foreign" };
const torn: JournalItem = { is: "torn" };

class Dirty {
  readonly blocks = new Set<number>();
  all = false;
  setRange(offset: number) {
    this.blocks.add(offset / BLOCK);
  }
  setAll() {
    this.all = true;
  }
}

function recover(items: readonly JournalItem[]) {
  const dirty = new Dirty();
  const recovery = new JournalRecovery(dirty);
  const place = (offset: number): Place => ({ segment: 1, offset });
  const cases = items.map((item, index) => recovery.push(item, place(index)));
  return { cases, outcome: recovery.decide(place(items.length)), dirty };
}

interface Expected {
  cases?: RecoveryCase[];
  usable?: [Name, number] | null;
  /** First and last redone, as "A3-B2"; null: nothing. */
  redo?: string | null;
  condition?: RecoveryOutcome["condition"];
  cut?: number | null;
  dirty?: [Name, number][] | "all";
  voids?: [Name, number][];
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

const nameOf = (id: { lo: number }) => "?ABC"[id.lo] as Name;

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

/** One step of building a journal: the items it may hold next, given what it holds. */
interface Written {
  items: JournalItem[];
  stream: Name;
  last: number;
}

const isBegun = ({ items }: Written) =>
  items.some((item) => item.is === "record" || item.is === "open");

const moves: ((journal: Written) => Written | null)[] = [
  (j) => put(j, write(j.stream, j.last + 1), j.last + 1),
  (j) => put(j, write(j.stream, j.last + 2), j.last + 2),
  (j) => (j.last === 0 ? null : put(j, write(j.stream, j.last), j.last)),
  (j) => (isBegun(j) ? put(j, write(j.stream === "A" ? "B" : "A", 1), j.last) : null),
  (j) => put(j, voided(j.stream, j.last), j.last),
  (j) => put(j, damaged(j.stream, j.last + 1), j.last + 1),
  (j) => put(j, unreadable, j.last + 1),
  (j) => put(j, stable(j.stream, j.last), j.last),
  (j) => (j.last === 0 ? null : put(j, stable(j.stream, j.last - 1), j.last)),
  (j) => put(j, stable(j.stream, j.last + 1), j.last),
  (j) => turn(j, j.last),
  (j) => turn(j, j.last + 1),
];

function put(journal: Written, item: JournalItem, last: number): Written {
  return { items: [...journal.items, item], stream: journal.stream, last };
}

function turn(journal: Written, parentLast: number): Written | null {
  const next = ({ A: "B", B: "C", C: null } as const)[journal.stream];
  if (next === null) return null;
  const items = [...journal.items, open(next, journal.stream, parentLast)];
  return { items, stream: next, last: 0 };
}

/**
 * What must hold whatever the journal looks like, in terms of its whole records alone. A record follows another when
 * it has the next number, or is the first behind an opening record that names the other's number as its parent's last.
 */
function checkInvariants(items: readonly JournalItem[]): void {
  const { cases, outcome, dirty } = recover(items);
  const cut = outcome.truncateAt?.offset ?? 0;
  const broken = cases.findIndex((found) =>
    ["restart", "end", "stop"].includes(RECOVERY_TABLE[found].run),
  );
  if (broken >= 0) expect(cut).toBeLessThanOrEqual(broken);
  let previous: { stream: string; number: number } | null = null;
  for (const [index, item] of items.entries()) {
    if (item.is === "open" && index < cut && previous !== null) {
      expect(item.step.parentLast).toBe(previous.number);
    }
    if (item.is === "open") previous = { stream: item.step.stream, number: 0 };
    if (item.is !== "record" || (item.isVoid && item.number <= (previous?.number ?? 0))) continue;
    const stream = text[nameOf(item.stream)];
    // All that is kept for replay is an unbroken run; all readable behind it is dirty.
    if (index < cut && previous !== null) {
      expect([stream, item.number]).toEqual([previous.stream, previous.number + 1]);
    }
    const isDirty = dirty.all || item.length === 0 || dirty.blocks.has(item.offset / BLOCK);
    if (index >= cut) expect(isDirty).toBe(true);
    previous = { stream, number: item.number };
  }
  for (const item of items.slice(cut)) {
    if (item.is === "unreadable") expect(dirty.all).toBe(true);
    if (item.is === "damaged")
      expect(dirty.all || dirty.blocks.has(item.offset / BLOCK)).toBe(true);
  }
  if (outcome.condition === "whole") expect(outcome.isDirty).toBe(false);
  checkRedo(items, cases);
}

/** A record as the oracle sees it: streams begin in the order of their names, so that "A:9" is before "B:1". */
interface Seen {
  at: [Name, number];
  /** What it must follow. */
  after: [Name, number];
  /** Breaks that stand before it. */
  breaks: number;
}

const precedes = (a: [Name, number], b: [Name, number]) =>
  a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);

/** What is to be redone, said another way: from the record that follows the mark, on to the next break. */
function redoByOracle(items: readonly JournalItem[], cases: readonly RecoveryCase[]): string[] {
  const seen: Seen[] = [];
  let opened: [Name, number] | null = null;
  let breaks = 0;
  let mark: [Name, number] | null = null;
  for (const [index, item] of items.entries()) {
    if (item.is === "stable") {
      const at: [Name, number] = [nameOf(item.stream), item.number];
      if (mark === null || precedes(mark, at)) mark = at;
    }
    const found = cases[index] as RecoveryCase;
    if (["restart", "end", "stop"].includes(RECOVERY_TABLE[found].run)) breaks++;
    if (item.is === "open" && (item.step.parentLast > 0 || opened === null)) {
      opened = [item.step.parent?.[7]?.toUpperCase() as Name, item.step.parentLast];
    }
    if (item.is !== "record" || !["next", "gap", "resume"].includes(found)) continue;
    const name = nameOf(item.stream);
    const follows: [Name, number] = item.number === 1 && opened ? opened : [name, item.number - 1];
    seen.push({ at: [name, item.number], after: follows, breaks });
  }
  const from = mark;
  const start = seen.findIndex(({ at, after, breaks: count }) =>
    from === null ? count === 0 : !precedes(from, after) && precedes(from, at),
  );
  const first = seen[start];
  if (first === undefined) return [];
  return seen
    .slice(start)
    .filter(({ breaks: count }) => count === first.breaks)
    .map(({ at }) => at.join(":"));
}

function checkRedo(items: readonly JournalItem[], cases: readonly RecoveryCase[]): void {
  const { outcome } = recover(items);
  const again = new JournalRecovery(new Dirty());
  const redone: string[] = [];
  for (const [index, item] of items.entries()) {
    const found = again.push(item, { segment: 1, offset: index });
    if (item.is !== "record" || !["next", "gap", "resume"].includes(found)) continue;
    if (again.position === null || outcome.redo === null) continue;
    if (!isWithin(outcome.redo, again.position)) continue;
    redone.push(`${nameOf(item.stream)}:${item.number}`);
  }
  expect(redone, JSON.stringify(items)).toEqual(redoByOracle(items, cases));
}

const start = (begin: number): Written => ({ items: [], stream: "A", last: begin - 1 });

describe("[O3] recovery keeps its promises", () => {
  for (const begin of [1, 4]) {
    it(`over all journals of up to four items that begin at number ${begin}`, () => {
      let journals = [start(begin)];
      let count = 0;
      for (let length = 1; length <= 4; length++) {
        journals = journals.flatMap((journal) =>
          moves.map((move) => move(journal)).filter((next) => next !== null),
        );
        for (const { items } of journals) {
          checkInvariants(items);
          checkInvariants([...items, torn]);
        }
        count += journals.length;
      }
      expect(count).toBeGreaterThan(10_000);
    });
  }

  it("over random longer journals", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(moves.length - 1), { minLength: 5, maxLength: 16 }), (chosen) => {
        let journal = start(1);
        for (const index of chosen) journal = moves[index]?.(journal) ?? journal;
        checkInvariants(journal.items);
      }),
      { numRuns: 3000 },
    );
  });
});
